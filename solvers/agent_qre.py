"""Agent quantal response equilibria of game trees: each information set responds for itself to what its actions earn.

Not to be mixed up with the quantal response of normal forms (`logit_qre`), whose players choose among whole plans, and with
equilibria regularised by dilated entropy (`mmd`), whose players also look forward to their own later randomness.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.agent_response import AgentResponse
from arena.solvers.agent_values import AgentGame, agent_game, agent_residual
from arena.solvers.branch_tracing import traced
from arena.solvers.checkpoint import Subject, tree_fingerprint
from arena.solvers.exploitability import tree_of
from arena.solvers.iteration import Run, iterate
from arena.solvers.mmd import Descent, advance, played, scale_of, start
from arena.solvers.solution import Progress, Setting, Solution
from arena.solvers.tree_measures import measures
from arena.solvers.tree_solution import tree_solution

DEFAULT_ITERATIONS = 50_000
LARGEST_TRACED = 1_500
"""Sequences of the largest tree whose branch is followed: each step solves some linear systems of that size."""
RESIDUAL_TOLERANCE = 1e-8  # of probabilities
NASH_TOLERANCE = 1e-5  # of the range of returns: NashConv at which a branch counts as at its end
SOURCE = "McKelvey and Palfrey 1998, doi:10.1023/A:1009905800005"

Algorithm = Literal["auto", "trace", "mirror_descent"]


def agent_qre(
    game: Game | GameTree,
    *,
    rationality: float = math.inf,
    algorithm: Algorithm = "auto",
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The agent quantal response equilibrium at a rationality λ: π(h, ·) ∝ exp(λ q(h, ·)) at every information set h.

    q(h, a) is what the player expects of the action a once h is reached, all playing π; nobody counts the randomness of
    later decisions as a gain. General-sum games and any number of players.

    ``trace`` follows the principal branch from uniform play, λ = 0, by arc length; the answer is its first point with the
    rationality asked for, and at infinity its limit, a Nash equilibrium, that plays a best response even where nobody comes.
    ``mirror_descent`` is behavioural magnetic mirror descent at the temperature 1/λ, for trees that are too large to trace;
    with several equilibria it is one of them, and it is not proven to converge.

    Certificate at finite λ: ``agent_qre_residual`` = max |π − softmax(λ q)|, 0 exactly at the equilibria. At infinity:
    ``nash_conv``. ``branch`` holds (λ, strategies) of every step, strategies only where everybody chooses once, ``history``
    NashConv of the same steps. ``settings["bifurcations"]`` counts crossings of branches, after which the branch is one of several, and
    ``settings["reached"]`` is the rationality at which the branch was left.

    Source: McKelvey and Palfrey, Quantal response equilibria for extensive form games, Experimental Economics 1, 1998,
    doi:10.1023/A:1009905800005; Turocy, Computing sequential equilibria using agent quantal response equilibria, Economic
    Theory 42, 2010, doi:10.1007/s00199-009-0443-3 (tracing); Sokota et al. 2023, arXiv:2206.05825 (mirror descent).

    Args:
        game: a game that `compile_tree` takes, or its tree where its specification loads the game.
        rationality: λ ≥ 0, in 1 / units of payoff; 1 / temperature.
        algorithm: ``auto`` traces up to 1,500 sequences.
        iterations: the most steps along the branch, by default 2,000, or of mirror descent, by default 50,000.
        until: the gap to reach, by default 1e-8 at finite λ, 1e-5 of the range of returns at infinity.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap); along a branch the gap is NashConv.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same answer as one that was not.

    Raises:
        NotProvided: a game that has no tree, of imperfect recall, or too large to trace where only tracing leads to the
            answer; a tree that does not tell its chances.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game or method, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if algorithm not in ("auto", "trace", "mirror_descent"):
        raise ValueError(f"algorithm is auto, trace or mirror_descent; got {algorithm!r}")
    if not rationality >= 0 or (iterations is not None and iterations < 1) or (until is not None and not until > 0):
        raise ValueError(
            f"rationality must be at least 0, iterations and until positive; got {rationality}, {iterations} and {until}"
        )
    tree = tree_of(game)
    tree.require_names()
    follows = algorithm == "trace" or (algorithm == "auto" and tree.num_sequences <= LARGEST_TRACED)
    if math.isinf(rationality) and not follows:
        raise NotProvided(
            f"{tree.specification} has {tree.num_sequences} sequences, and branches of more than {LARGEST_TRACED} are not "
            "followed to their end; give a rationality, or solve it for a Nash equilibrium by cfr_plus or mmd(annealed=True)"
        )
    agents = agent_game(game, tree)
    settings: dict[str, Setting] = {"rationality": rationality, "until": until}
    if follows or rationality == 0:
        return _traced(game, tree, agents, rationality, iterations, until, progress, checkpoint, settings)
    return _descended(game, tree, agents, rationality, iterations, until, progress, checkpoint, settings)


def _traced(
    game: Game | GameTree,
    tree: GameTree,
    agents: AgentGame,
    rationality: float,
    iterations: int | None,
    until: float | None,
    progress: Progress | None,
    checkpoint: str | Path | None,
    settings: dict[str, Setting],
) -> Solution:
    response = AgentResponse(tree, agents)
    at_infinity = math.isinf(rationality)
    allowed = until if until is not None else NASH_TOLERANCE * response.scale if at_infinity else RESIDUAL_TOLERANCE
    trace = traced(
        response,
        subject=_subject(tree, rationality, "trace"),
        rationality=rationality * response.scale,
        gap=lambda logs: measures(tree, played(tree, response.logs(logs))).nash_conv,
        iterations=iterations,
        until=allowed if at_infinity else None,
        progress=progress,
        checkpoint=checkpoint,
    )
    branch, logs = trace.branch, response.logs(trace.branch.logs)
    settings |= {"algorithm": "trace", "bifurcations": branch.bifurcations, "turns": branch.turns}
    settings["reached"] = branch.rationality / response.scale
    found = _solution(game, tree, logs, trace.steps, list(trace.history), settings)
    points = [(float(point[-1]) / response.scale, point[:-1]) for point in trace.points]
    told = [(at, played(tree, response.logs(logs)) if found.strategies else logs[:0]) for at, logs in points]
    players = range(tree.num_players if found.strategies else 0)
    found = dataclasses.replace(
        found, branch=tuple((at, tuple(strategy[tree.sequences(p)] for p in players)) for at, strategy in told)
    )
    if at_infinity:
        return dataclasses.replace(
            found,
            converged=found.gap <= allowed,
            guarantee="the limit of the principal branch is a Nash equilibrium: the gap says how near",
        )
    gap = agent_residual(tree, agents, logs, rationality)
    return dataclasses.replace(
        found, gap=gap, gap_kind="agent_qre_residual", converged=gap <= allowed, guarantee=_CERTIFIED
    )


def _descended(
    game: Game | GameTree,
    tree: GameTree,
    agents: AgentGame,
    rationality: float,
    iterations: int | None,
    until: float | None,
    progress: Progress | None,
    checkpoint: str | Path | None,
    settings: dict[str, Setting],
) -> Solution:
    allowed = RESIDUAL_TOLERANCE if until is None else until
    mirror = start(tree, "behavioural")
    descent = Descent(
        form="behavioural", temperature=1 / rationality, step=1 / (rationality * scale_of(tree, agents) ** 2)
    )
    settings["algorithm"] = "mirror_descent"
    run = Run(
        subject=_subject(tree, rationality, "mirror_descent"),
        state=mirror.state,
        advance=lambda count: advance(tree, agents, descent, mirror, count),
        gap=lambda: agent_residual(tree, agents, mirror.logs, rationality),
    )
    history = iterate(
        run,
        iterations=iterations,
        until=allowed,
        default=DEFAULT_ITERATIONS,
        progress=progress,
        checkpoint=checkpoint,
    )
    gap = agent_residual(tree, agents, mirror.logs, rationality)
    found = _solution(game, tree, mirror.logs, run.iterations, list(history), settings)
    return dataclasses.replace(
        found, gap=gap, gap_kind="agent_qre_residual", converged=gap <= allowed, guarantee=_CERTIFIED
    )


def _subject(tree: GameTree, rationality: float, algorithm: Algorithm) -> Subject:
    return Subject(
        method="agent_qre",
        game=tree.specification,
        fingerprint=tree_fingerprint(tree),
        settings={"rationality": rationality, "algorithm": algorithm},
    )


def _solution(
    game: Game | GameTree,
    tree: GameTree,
    logs: NDArray[np.float64],
    iterations: int,
    history: list[tuple[int, float]],
    settings: dict[str, Setting],
) -> Solution:
    return tree_solution(
        game,
        tree,
        played(tree, logs),
        until=None,
        guarantee=None,
        iterations=iterations,
        history=tuple(history),
        settings=settings,
        source=SOURCE,
    )


_CERTIFIED = "an agent quantal response equilibrium: the gap is a certificate"

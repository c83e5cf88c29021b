"""Policy-space response oracles in tabular form: populations that grow by exact best responses to a weighing of members.

Sources: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017,
arXiv:1711.00832; Muller et al., A generalized training approach for multiagent learning, ICLR 2020, arXiv:1909.12823; Balduzzi
et al., Open-ended learning in symmetric zero-sum games, ICML 2019, arXiv:1901.08106.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers import populations
from arena.solvers.checkpoint import State, Subject, tree_fingerprint
from arena.solvers.deviations import Strategies
from arena.solvers.exploitability import tree_of
from arena.solvers.iteration import Run, iterate
from arena.solvers.meta_strategies import META_SOLVERS, MetaSolver, most_members, rectified, weights_of
from arena.solvers.realisation_plans import behaviour, joined, own_part
from arena.solvers.solution import Progress, Solution
from arena.solvers.tree_measures import measures
from arena.solvers.tree_solution import gap_unit, is_covered, tree_solution
from arena.solvers.zero_sum_trees import zero_sum_tree

Initial = Literal["uniform", "response"]

DEFAULT_ITERATIONS = 100
ROUNDING = 1e-9
"""Of the unit of gaps, `gap_unit`: nobody gains by a best response but what rounding leaves."""
GAP_TOLERANCE = 1e-7
"""Of the same unit: what linear programs reach at least."""
REACHED = 1e-9
"""Realisation weights up to here are what meta-solvers leave of 0."""

GUARANTEES: dict[MetaSolver, str] = {
    "nash": "a Nash equilibrium after finitely many iterations",
    "uniform": "the mixture converges to a Nash equilibrium, as fictitious play",
}
"""For two players and a constant sum. The other meta-solvers promise nothing of the mixture."""


def psro(
    game: Game | GameTree,
    *,
    meta_solver: MetaSolver = "nash",
    initial: Initial = "uniform",
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The mixture of populations that were grown by best responses to it, with its exact NashConv.

    An iteration adds each player's best response to the mixture (rectified: one for each member with weight, to the opponents
    that this member does well against), computes what the new members earn against all others, exactly, and weighs all
    members anew. ``policy`` plays the mixture as behavioural strategies that are equivalent to drawing one member a player
    before the match, uniform where no member comes to. It ends early when no best response is new.

    Two players, constant sum: with "nash" the mixture is a Nash equilibrium after finitely many iterations, with "uniform" it
    converges as fictitious play does, which it is. All else is without a guarantee; the gap is true all the same, and
    ``converged`` is never claimed. "rectified" widens populations rather than closing the gap, and may stop above 0.

    Source: Lanctot et al. 2017; alpha_rank: Muller et al. 2020, here with each player answering the others' marginals;
    rectified: Balduzzi et al. 2019, algorithm 4, for any two-player constant-sum game: "beats" is "earns at least the value".

    Args:
        game: a game that `compile_tree` takes, or its tree: turn-based or simultaneous, any number of players.
        meta_solver: "nash", "uniform", "prd", "alpha_rank" or "rectified": see `arena.solvers.meta_strategies`.
        initial: the first member is uniform play, or the best "response" to it: then "nash" has the populations of
            `double_oracle(restriction="strategies")`.
        iterations: the most that are done; by default 100, or as many as it takes where `meta_solver` is sure to end. For
            alpha_rank at most so many that there are 5,000 joint choices of members.
        until: stop once NashConv is at most this; by default once best responses gain no more than rounding, 1e-9 of the
            largest payoff · chance, but for "uniform", which goes on.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) after every iteration.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C.

    Returns:
        The solution; ``settings`` hold ``population_P``, how many members player P has.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall; "rectified" with other than two players and a constant
            sum (before any work).
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game, method or setting, or no checkpoint.
        ValueError: a setting out of its range.
    """
    if meta_solver not in META_SOLVERS or initial not in ("uniform", "response"):
        raise ValueError(
            f"meta_solver must be one of {', '.join(META_SOLVERS)}, initial uniform or response; got {meta_solver!r} and "
            f"{initial!r}"
        )
    tree = zero_sum_tree(game, "psro with meta_solver='rectified'") if meta_solver == "rectified" else tree_of(game)
    tree.require_names()
    covered = is_covered(tree)
    guarantee = GUARANTEES.get(meta_solver) if covered else None
    last = _last(tree, meta_solver, iterations, until, guarantee is not None)
    unit = gap_unit(game, tree)
    state = _start(tree, meta_solver, initial)
    run = Run(
        subject=Subject(
            method="psro",
            game=tree.specification,
            fingerprint=tree_fingerprint(tree),
            settings={"meta_solver": meta_solver, "initial": initial},
        ),
        state=state,
        advance=lambda count: _advance(tree, meta_solver, covered, state, count),
        gap=lambda: measures(tree, behaviour(tree, state["answer"], reached=REACHED)).nash_conv,
        growing=populations.growing(tree) | frozenset(_weight_names(tree)),
        measure_growth=1.0,
        finished=lambda: bool(state["closed"][0]),
    )
    history = iterate(
        run,
        iterations=iterations,
        until=ROUNDING * unit if until is None and meta_solver != "uniform" else until,
        default=last,
        progress=progress,
        checkpoint=checkpoint,
    )
    return tree_solution(
        game,
        tree,
        behaviour(tree, state["answer"], reached=REACHED),
        until=GAP_TOLERANCE * unit if until is None and meta_solver == "nash" else until,
        guarantee=guarantee,
        iterations=run.iterations,
        history=history,
        settings={
            "meta_solver": meta_solver,
            "initial": initial,
            "iterations": iterations,
            "until": until,
            **{name: len(state[name]) for name in populations.names(tree)},
        },
        source="Lanctot et al. 2017, arXiv:1711.00832",
    )


def _last(
    tree: GameTree, meta_solver: MetaSolver, iterations: int | None, until: float | None, sure: bool
) -> int | None:
    """The most iterations where the user named none, None for no limit."""
    if meta_solver == "alpha_rank":
        most = most_members(tree.num_players) - 1
        if iterations is not None and iterations > most:
            raise ValueError(
                f"alpha_rank ranks at most 5,000 joint choices: iterations must be at most {most} with {tree.num_players} "
                f"players; got {iterations}"
            )
        return min(DEFAULT_ITERATIONS, most)
    if sure and (meta_solver == "nash" or until is not None):
        return None
    return DEFAULT_ITERATIONS


def _weight_names(tree: GameTree) -> list[str]:
    return [f"weights_{player}" for player in range(tree.num_players)]


def _start(tree: GameTree, meta_solver: MetaSolver, initial: Initial) -> State:
    """`populations.start`, with ``weights_P`` [K_P] of player P's members."""
    state = populations.start(tree)
    if initial == "uniform":
        newcomers = [[plan] for plan in populations.parts(tree, state["answer"])]
        state |= populations.grown(tree, state, newcomers, with_payoffs=meta_solver != "uniform")
    weights = {
        name: np.ones(len(plans))
        for name, plans in zip(_weight_names(tree), populations.members(tree, state), strict=True)
    }
    return {**state, **weights}


def _advance(tree: GameTree, meta_solver: MetaSolver, covered: bool, state: State, iterations: int) -> None:
    for _ in range(iterations):
        alike = meta_solver == "uniform"
        changed = populations.grown(
            tree, state, _newcomers(tree, meta_solver, state), copies=alike, with_payoffs=not alike
        )
        changed["clock"] = state["clock"] + 1
        if "closed" not in changed:
            both = {**state, **changed}
            plans = populations.members(tree, both)
            if alike:
                weights: Strategies = tuple(np.full(len(members), 1 / len(members)) for members in plans)
            else:
                weights = weights_of(meta_solver, populations.meta_payoffs(tree, both), constant_sum=covered)
            changed["answer"] = populations.mixture(plans, weights)
            changed |= dict(zip(_weight_names(tree), weights, strict=True))
        state.update(changed)


def _newcomers(tree: GameTree, meta_solver: MetaSolver, state: State) -> list[list[NDArray[np.float64]]]:
    """For each player the pure plans [S_p] that are best responses, members or not."""
    plans = populations.members(tree, state)
    if meta_solver != "rectified" or not len(plans[0]):
        return [[plan] for plan in populations.parts(tree, populations.response(tree, state["answer"]))]
    weights = tuple(state[name] for name in _weight_names(tree))
    payoffs = populations.meta_payoffs(tree, state)
    found: list[list[NDArray[np.float64]]] = []
    for player in (0, 1):
        own = []
        for opponents in rectified(payoffs, weights, player):
            both = [own_part(tree, state["answer"], player), opponents @ plans[1 - player]]
            response = populations.response(tree, joined(both if player == 0 else both[::-1]))
            own.append(own_part(tree, response, player))
        found.append(own)
    return found

"""Magnetic mirror descent on compiled trees: steps towards better replies that a magnet holds back.

    π_{t+1} ∝ [π_t · exp(η q_t) · ρ^{ηα}]^{1 / (1 + ηα)}          η: step, α: temperature, ρ: magnet, q_t: what actions earn

In sequence form, with dilated entropy, this is one proximal step on the whole strategy of a player; in behavioural form each
information set makes it for itself. At a fixed temperature and a magnet that stays the fixed point is an equilibrium of
boundedly rational players, and not the same one in both forms; with a temperature that falls, or a magnet that follows the
play, it is a Nash equilibrium.

Source: Sokota, D'Orazio, Kolter, Loizou, Lanctot, Mitliagkas, Brown and Kroer, A unified approach to reinforcement learning,
quantal response equilibria, and two-player zero-sum games, ICLR 2023, arXiv:2206.05825.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.agent_values import AgentGame, agent_game, agent_residual
from arena.solvers.checkpoint import State, Subject, tree_fingerprint
from arena.solvers.exploitability import tree_of
from arena.solvers.iteration import Run, iterate
from arena.solvers.mmd_kernels import (
    behavioural_iterations,
    dilated_gains,
    dilated_iterations,
    normalise_upwards,
)
from arena.solvers.solution import Progress, Setting, Solution
from arena.solvers.tree_measures import measures, normalised, payoff_scale, uniform_strategy
from arena.solvers.tree_solution import is_covered, tree_solution

DEFAULT_ITERATIONS = 10_000
DEFAULT_TEMPERATURE = 0.1
CALL_WORK = 5_000_000
"""Payoff entries and sequences that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""
ANNEALING = 0.5
"""The exponent by which temperature and step fall: α/√t and η/√t, the schedule of the source's experiments."""
SOURCE = "Sokota et al. 2023, arXiv:2206.05825"

Form = Literal["dilated", "behavioural"]
Magnet = Literal["uniform", "moving"]

TO_NASH: dict[tuple[Form, Magnet], tuple[float, float]] = {
    ("dilated", "uniform"): (1 / 3, 3.0),
    ("dilated", "moving"): (1 / 10, 1.0),
    ("behavioural", "uniform"): (1.0, 1.0),
    ("behavioural", "moving"): (1 / 2, 1 / 2),
}
"""Temperature and step towards Nash in units of `scale_of`, where the user names none: of those tried, none was far behind on
kuhn, leduc, liar's dice and goofspiel. The source's own for kuhn poker are 1 and 1, annealed, in behavioural form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descent:
    """How iterations go: temperature α and step η, both divided by t^``decay`` in iteration t; ``rate``: how fast the
    magnet follows the play, 0 = it stays at uniform play."""

    form: Form
    temperature: float
    step: float
    decay: float = 0.0
    rate: float = 0.0

    @property
    def to_nash(self) -> bool:
        return self.decay > 0 or self.rate > 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mirror:
    """The state of a run on a tree, arrays that are updated in place; ``clock`` [1]: iterations done.

    ``logs`` and ``magnet`` [S]: logarithms of the probability of each sequence's last action; 0 for empty sequences.
    """

    clock: NDArray[np.int64]
    logs: NDArray[np.float64] = field(repr=False)
    magnet: NDArray[np.float64] = field(repr=False)

    @property
    def iterations(self) -> int:
        return int(self.clock[0])

    @property
    def state(self) -> State:
        """The same arrays by name."""
        return {"clock": self.clock, "logs": self.logs, "magnet": self.magnet}


def start(tree: GameTree, form: Form) -> Mirror:
    """The state before the first iteration: everybody plays uniformly, and so does the magnet; in sequence form it plays
    all reduced plans of play alike, where dilated entropy is greatest."""
    logs = np.log(uniform_strategy(tree))
    magnet = logs.copy()
    if form == "dilated":
        magnet[:] = 0.0
        normalise_upwards(tree.first, tree.parent, magnet)
        magnet[: tree.num_players] = 0.0
    return Mirror(clock=np.zeros(1, np.int64), logs=logs, magnet=magnet)


def advance(tree: GameTree, agents: AgentGame | None, descent: Descent, mirror: Mirror, iterations: int) -> None:
    """Does so many more iterations, in place. ``agents``: what the behavioural form reads beside the tree."""
    a_call = max(1, CALL_WORK // (len(tree.weights) + tree.num_sequences))
    last = mirror.iterations + iterations
    schedule = (descent.temperature, descent.step, descent.decay)
    while mirror.iterations < last:
        count = min(a_call, last - mirror.iterations)
        head = (count, schedule, descent.rate, mirror.clock, tree.set_begin, tree.first, tree.parent)
        if agents is None:
            dilated_iterations(*head, tree.row_begin, tree.others, tree.weights, mirror.logs, mirror.magnet)
        else:
            rows = (agents.row_begin, agents.others, agents.chance, agents.weights)
            behavioural_iterations(*head, *rows, mirror.logs, mirror.magnet)


def regularised_nash_conv(tree: GameTree, logs: NDArray[np.float64], temperature: float) -> float:
    """Σ over players of the gain of a best response in the game where each player's return is increased by ``temperature``
    times the dilated entropy of his own strategy: Σ over his sets of (own reach · entropy)."""
    gains = dilated_gains(
        temperature, tree.set_begin, tree.first, tree.parent, tree.row_begin, tree.others, tree.weights, logs
    )
    return float(gains.sum())


def played(tree: GameTree, logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strategy [S] of logarithms; probabilities add up to 1 to the last digit."""
    return normalised(tree, np.exp(logs))


def mmd(
    game: Game | GameTree,
    *,
    form: Form = "dilated",
    temperature: float | None = None,
    step: float | None = None,
    annealed: bool = False,
    magnet: Magnet = "uniform",
    magnet_rate: float = 0.05,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of magnetic mirror descent, with the gap of what it goes to.

    ==========================================  ===========================================  ===========================
    settings                                    goes to                                      ``gap_kind``
    ==========================================  ===========================================  ===========================
    ``form="dilated"``                          the equilibrium of the game regularised by   ``regularised_nash_conv``
                                                temperature · dilated entropy
    ``form="behavioural"``                      agent quantal response, rationality          ``agent_qre_residual``
                                                1 / temperature
    ``annealed=True`` or ``magnet="moving"``    a Nash equilibrium                           ``nash_conv``
    ==========================================  ===========================================  ===========================

    In two-player constant-sum games the dilated form converges linearly at a fixed temperature if the step is at most
    temperature / L² (Theorem 3.4 of the source), L the Lipschitz constant of the payoffs. That these schedules lead to a Nash
    equilibrium is seen, not proven: ``guarantee`` is none, the gap says how near the policy is, and ``converged`` is never
    claimed. In other games nothing is promised, except that a behavioural policy with an ``agent_qre_residual`` of 0 is
    an equilibrium in any game.

    Source: see the module; dilated entropy with weight 1 at each information set and the step as in OpenSpiel.

    Args:
        game: a game that `compile_tree` takes, or its tree: turn-based or simultaneous, any number of players.
        form: ``dilated`` is one step on the whole strategy, ``behavioural`` one at each information set, against what an
            action earns once the set is reached.
        temperature: α > 0, in units of payoff; by default 0.1. Towards Nash by default L/3 where it is annealed, L/10 where
            the magnet moves, L the largest |chance · payoff| of a pair of sequences; R and R/2 in behavioural form, R half
            the range of a player's returns.
        step: η > 0, in 1 / units of payoff; by default temperature / L², temperature / R² in behavioural form. Towards Nash
            by default 3/L and 1/L; 1/R and 1/(2R) in behavioural form.
        annealed: iteration t has the temperature α/√t and the step η/√t.
        magnet: ``uniform`` stays; ``moving`` follows the play, ρ ∝ ρ^(1 - r) π^r after each iteration.
        magnet_rate: r, in (0, 1].
        iterations: the most that are done; by default 10,000.
        until: stop once the gap is at most this.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on Ctrl-C.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall; in behavioural form a tree that does not tell its
            chances.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game or method, or no checkpoint.
        ValueError: a setting outside its range, or a temperature that falls beside a magnet that moves.
    """
    if form not in ("dilated", "behavioural") or magnet not in ("uniform", "moving"):
        raise ValueError(f"form is dilated or behavioural, magnet is uniform or moving; got {form!r} and {magnet!r}")
    if annealed and magnet == "moving":
        raise ValueError(
            "either the temperature is annealed or the magnet moves: each alone leads to a Nash equilibrium"
        )
    if not 0 < magnet_rate <= 1:
        raise ValueError(f"magnet_rate must be above 0 and at most 1; got {magnet_rate}")
    tree = tree_of(game)
    tree.require_names()
    agents = agent_game(game, tree) if form == "behavioural" else None
    to_nash = annealed or magnet == "moving"
    scale = scale_of(tree, agents)
    alpha, eta = temperature, step
    if alpha is None:
        alpha = scale * TO_NASH[form, magnet][0] if to_nash else DEFAULT_TEMPERATURE
    if eta is None:
        eta = TO_NASH[form, magnet][1] / scale if to_nash else alpha / scale**2
    if not (0 < alpha < np.inf and 0 < eta < np.inf):
        raise ValueError(f"temperature and step must be positive and finite; got {temperature} and {step}")
    descent = Descent(
        form=form,
        temperature=float(alpha),
        step=float(eta),
        decay=ANNEALING if annealed else 0.0,
        rate=float(magnet_rate) if magnet == "moving" else 0.0,
    )
    mirror = start(tree, form)
    told: dict[str, Setting] = {"form": form, "temperature": descent.temperature, "step": descent.step}
    told |= {"annealed": annealed, "magnet": magnet, "magnet_rate": descent.rate}
    run = Run(
        subject=Subject(method="mmd", game=tree.specification, fingerprint=tree_fingerprint(tree), settings=told),
        state=mirror.state,
        advance=lambda count: advance(tree, agents, descent, mirror, count),
        gap=lambda: gap_of(tree, agents, descent, mirror.logs),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    found = tree_solution(
        game,
        tree,
        played(tree, mirror.logs),
        until=until,
        guarantee=None,
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "until": until, **told},
        source=SOURCE,
    )
    gap = gap_of(tree, agents, descent, mirror.logs)
    kind = "nash_conv" if to_nash else "regularised_nash_conv" if agents is None else "agent_qre_residual"
    guarantee = _guarantee(tree, descent)
    reached = not guarantee.startswith("none") and until is not None and gap <= until
    return dataclasses.replace(found, gap=gap, gap_kind=kind, guarantee=guarantee, converged=reached)


def gap_of(tree: GameTree, agents: AgentGame | None, descent: Descent, logs: NDArray[np.float64]) -> float:
    """How far the policy is from what the iterations go to."""
    if descent.to_nash:
        return measures(tree, played(tree, logs)).nash_conv
    if agents is None:
        return regularised_nash_conv(tree, logs, descent.temperature)
    return agent_residual(tree, agents, logs, 1 / descent.temperature)


def scale_of(tree: GameTree, agents: AgentGame | None) -> float:
    """The unit that default steps are made of: the largest |chance · payoff| of a pair of sequences, or for agents half the
    range of a player's returns; 1 where nothing is paid."""
    return payoff_scale(tree) if agents is None else (agents.payoff_range / 2 or 1.0)


def _guarantee(tree: GameTree, descent: Descent) -> str:
    if descent.form == "behavioural" and not descent.to_nash:
        return "an agent quantal response equilibrium where the gap is 0; convergence is not proven"
    if not is_covered(tree):
        return "none"
    if descent.to_nash:
        return "none: it is not proven that this schedule leads to a Nash equilibrium; the gap says how near it came"
    return "the policy converges linearly to the equilibrium of the regularised game if the step is small enough"

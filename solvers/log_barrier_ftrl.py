"""Follow the regularised leader with the log barrier: play against an adversary whose losses may be of any sign and size.

    p_t = argmin over p of  η Σ_{j<t} ⟨p, c_j⟩ + Ψ(p),   Ψ(p) = Σ_a ln(1 / p_a)

so that p_a = 1 / (η (C_a − ν)) for the summed losses C and the ν < min C that makes the chances sum to one. For every sequence
of real losses and every strategy y

    Σ_t ⟨p_t − y, c_t⟩  ≤  (Ψ(y) − Ψ(p_1)) / η + η Σ_t Σ_a p_t(a) c_t(a)²,

without the condition η c_t ≥ −1 of exponential weights (Hedge), whose bound large negative losses violate. Estimates of losses
by importance weights are of this kind: see `arena.solvers.adversarial_mdp`.

Source: Dai, Luo, Wei and Zimmert, Refined regret for adversarial MDPs with linear function approximation, ICML 2023,
arXiv:2301.12942 (the lemma, and its use); Foster, Li, Lykouris, Sridharan and Tardos, Learning in games: robustness of fast
convergence, NeurIPS 2016, arXiv:1606.06244 (the log barrier in games).
"""

from __future__ import annotations

import math
from pathlib import Path

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import Profile, markov_measures
from arena.solvers.markov_solution import markov_solution, markov_subject, zero_sum_markov_game
from arena.solvers.markov_stage_games import fill_stage
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 1_000
NEWTON_STEPS = 100
SOURCE = "Dai et al. 2023, arXiv:2301.12942"


def log_barrier_ftrl(
    game: Game,
    *,
    eta: float | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average policies of two players who both play log-barrier FTRL, with NashConv measured exactly.

    In a matrix game each player's loss is the payoff of each action against what the other plays, all seen. NashConv of the
    averages is the sum of both regrets over the iterations; by the lemma it is of order √(A log T / T).

    In a Markov game with a horizon every state has a learner for each step and player, whose losses are the action values
    of the present policies. Each learner's regret is small on its own sequence; that does not carry over to averages of
    policies of several steps, and ``guarantee`` is none there.

    Source: see the module.

    Args:
        game: a zero- or constant-sum game in normal form, or a two-player zero-sum `MarkovGame` with a horizon.
        eta: η of every iteration; by default √(A log(t + 1) / t) over the range of losses in iteration t.
        iterations: the most that are done, by default 1,000.
        until: stop once NashConv is at most this.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game, or one without a horizon.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if eta is not None and not 0 < eta < math.inf:
        raise ValueError(f"eta must be positive and finite; got {eta}")
    markov = zero_sum_markov_game(game, "log_barrier_ftrl")
    if markov.horizon is None:
        raise NotProvided(
            f"log_barrier_ftrl plays episodes of a fixed number of steps; {markov.info.specification} has no horizon. "
            "nash_value_iteration and minimax_q need none"
        )
    stages, states = markov.stages, markov.num_states
    rows, columns = markov.sizes
    state = {
        "clock": np.zeros(1, np.int64),
        "row_loss": np.zeros((stages, states, rows)),
        "column_loss": np.zeros((stages, states, columns)),
        "row": np.zeros((stages, states, rows)),
        "column": np.zeros((stages, states, columns)),
    }
    rewards = np.ascontiguousarray(markov.rewards[0].reshape(states, -1))
    spread = (float(np.ptp(rewards)) or 1.0) * stages

    def advance(count: int) -> None:
        play(
            count,
            0.0 if eta is None else eta,
            spread,
            markov.begin,
            markov.successors,
            markov.chances,
            rewards,
            markov.discount,
            state["clock"],
            state["row_loss"],
            state["column_loss"],
            state["row"],
            state["column"],
        )

    def profile() -> Profile:
        return tuple(state[name] / state[name].sum(axis=-1, keepdims=True) for name in ("row", "column"))

    run = Run(
        subject=markov_subject(markov, "log_barrier_ftrl", {"eta": eta}),
        state=state,
        advance=advance,
        gap=lambda: markov_measures(markov, profile()).nash_conv,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    covered = "NashConv of the averages is the sum of the regrets over the iterations, of order √(A log T / T)"
    return markov_solution(
        game,
        markov,
        profile(),
        until=until,
        guarantee=covered if stages == 1 else None,
        iterations=run.iterations,
        history=history,
        settings={"eta": eta, "iterations": iterations, "until": until},
        source=SOURCE,
    )


def log_barrier_strategies(losses: ArrayLike, *, eta: float) -> NDArray[np.float64]:
    """The strategies [T, A] that log-barrier FTRL plays on a sequence of losses: row t has seen the losses before t.

    Args:
        losses: [T, A], of any sign and size, finite.
        eta: η above 0.

    Raises:
        ValueError: losses of another shape or that are not finite, or an η outside its range.
    """
    table = np.ascontiguousarray(losses, np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        raise ValueError(f"losses must be finite and of the shape [rounds, actions]; got shape {table.shape}")
    if not 0 < eta < math.inf:
        raise ValueError(f"eta must be positive and finite; got {eta}")
    strategies = np.empty_like(table)
    _sequence(table, eta, strategies)
    return strategies


def log_barrier_bound(losses: ArrayLike, strategies: ArrayLike, *, eta: float, against: ArrayLike) -> float:
    """The lemma's bound on Σ_t ⟨p_t − y, c_t⟩ of `log_barrier_strategies`, y = `against`, all of whose chances are above 0.

    Args:
        losses, strategies: [T, A]. eta: as they were made with. against: [A].
    """
    table, played, other = (np.asarray(values, np.float64) for values in (losses, strategies, against))
    barrier = -np.log(other).sum() + np.log(played[0]).sum()
    return float(barrier / eta + eta * (played * table**2).sum())


@nb.njit(cache=True, error_model="numpy")
def barrier_strategy(losses, eta, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills ``strategy`` [A] with the argmin over p of η ⟨p, losses⟩ + Σ ln(1 / p).

    With x = min losses − ν the chances 1 / (η (losses − min + x)) sum to one at one x in [1 / η, A / η]; the sum is convex
    and falls in x, so that Newton's method from the left end climbs to it without overshooting.
    """
    actions = len(losses)
    least = losses.min()
    x = 1 / eta
    for _ in range(NEWTON_STEPS):
        total, slope = 0.0, 0.0
        for a in range(actions):
            chance = 1 / (eta * (losses[a] - least + x))
            total += chance
            slope += eta * chance * chance
        step = (total - 1) / slope
        if not step > 1e-16 * x:
            break
        x += step
    total = 0.0
    for a in range(actions):
        strategy[a] = 1 / (eta * (losses[a] - least + x))
        total += strategy[a]
    for a in range(actions):
        strategy[a] /= total


@nb.njit(cache=True, error_model="numpy")
def _sequence(losses, eta, strategies):  # type: ignore[no-untyped-def]  # numba kernel
    summed = np.zeros(losses.shape[1])
    for t in range(len(losses)):
        barrier_strategy(summed, eta, strategies[t])
        for a in range(len(summed)):
            summed[a] += losses[t, a]


@nb.njit(cache=True, error_model="numpy")
def play(  # type: ignore[no-untyped-def]  # numba kernel
    count,
    eta,
    spread,
    begin,
    successors,
    chances,
    rewards,
    discount,
    clock,
    row_loss,
    column_loss,
    row_sum,
    column_sum,
):
    """``count`` iterations in place: both players' summed losses and sums of strategies, each [T, S, actions].

    ``eta`` 0: √(A log(t + 1) / t) / ``spread`` in iteration t. ``rewards`` [S, J], to the rows.
    """
    stages, states, rows = row_loss.shape
    columns = column_loss.shape[2]
    payoffs = np.empty((rows, columns))
    row, column = np.empty(rows), np.empty(columns)
    for _ in range(count):
        t = clock[0] + 1.0
        row_eta = eta if eta > 0 else np.sqrt(rows * np.log(t + 1) / t) / spread
        column_eta = eta if eta > 0 else np.sqrt(columns * np.log(t + 1) / t) / spread
        onward = np.zeros(states)
        for step in range(stages - 1, -1, -1):
            fresh = np.zeros(states)
            for s in range(states):
                fill_stage(s, begin, successors, chances, rewards, discount, onward, payoffs)
                barrier_strategy(row_loss[step, s], row_eta, row)
                barrier_strategy(column_loss[step, s], column_eta, column)
                for i in range(rows):
                    for j in range(columns):
                        row_loss[step, s, i] -= column[j] * payoffs[i, j]
                        column_loss[step, s, j] += row[i] * payoffs[i, j]
                        fresh[s] += row[i] * column[j] * payoffs[i, j]
                    row_sum[step, s, i] += row[i]
                for j in range(columns):
                    column_sum[step, s, j] += column[j]
            onward = fresh
        clock[0] += 1

"""Minimax-Q: zero-sum Markov games learned from what is seen of them, one step at a time.

    Q(s, a, b) ← (1 − α) Q(s, a, b) + α (r + γ V(s')),   V(s) ← value of the matrix game Q(s, ·, ·)

Both players play the maximin strategies of Q(s, ·, ·), except that each explores with a chance of its own. The transitions of
the game are drawn and never looked at; episodes end as matches do, and the next begins.

Source: M. L. Littman, Markov games as a framework for multi-agent reinforcement learning, ICML 1994; convergence: Littman and
Szepesvári, A generalized reinforcement-learning model, ICML 1996.
"""

from __future__ import annotations

from pathlib import Path

import numba as nb
import numpy as np

from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.seeds import counter_hash, seed_of, unit
from arena.solvers.checkpoint import State
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import markov_measures, uniform_profile
from arena.solvers.markov_solution import markov_solution, markov_subject, zero_sum_markov_game
from arena.solvers.markov_stage_games import solve_stage
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 100_000
MEASURE_GROWTH = 1.25  # a step takes a microsecond, the exact gap of a large game a tenth of a second
LEARNING_STREAM = 80
FIRST, ROW, COLUMN, OUTCOME, STOP = range(5)  # random words of one step
SOURCE = "Littman 1994"


def minimax_q(
    game: Game,
    *,
    explore: float = 0.2,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The policies that minimax-Q learned of a two-player zero-sum Markov game, with NashConv measured exactly.

    The step size of the n-th visit to (s, a, b), n from 0, is 1 / (1 + c n), c = 1 − γ or one over the horizon: then Q
    converges to that of the game with probability 1 wherever all joint actions go on being tried. Measuring the gap reads
    the game; learning does not.

    Source: see the module.

    Args:
        game: a two-player zero-sum `MarkovGame`, or a zero- or constant-sum game in normal form.
        explore: the chance of a uniform action, in (0, 1]; Littman's is 0.2.
        iterations: steps of play, by default 100,000.
        until: stop once NashConv is at most this.
        seed: of all that is drawn.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    if not 0 < explore <= 1:
        raise ValueError(f"explore must be in (0, 1]; got {explore}")
    markov = zero_sum_markov_game(game, "minimax_q")
    state = _start(markov)
    word = np.uint64(seed_of(("minimax_q", seed)))
    slope = max(1 - markov.discount, 1 / markov.horizon if markov.horizon else 0.0)

    def advance(count: int) -> None:
        learn(
            count,
            word,
            markov.horizon is not None,
            markov.begin,
            markov.successors,
            markov.chances,
            np.ascontiguousarray(markov.paid[:, 0]),
            markov.terminal,
            np.cumsum(markov.initial),
            markov.discount,
            explore,
            slope,
            state["clock"],
            state["place"],
            state["quality"],
            state["visits"],
            state["value"],
            state["row"],
            state["column"],
        )

    run = Run(
        subject=markov_subject(markov, "minimax_q", {"explore": explore, "seed": seed}),
        state=state,
        advance=advance,
        gap=lambda: markov_measures(markov, (state["row"], state["column"])).nash_conv,
        measure_growth=MEASURE_GROWTH,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    return markov_solution(
        game,
        markov,
        (state["row"], state["column"]),
        until=until,
        guarantee="converges to a Nash equilibrium with probability 1 in the long run",
        iterations=run.iterations,
        history=history,
        settings={"explore": explore, "iterations": iterations, "until": until, "seed": seed},
        source=SOURCE,
    )


def _start(game: MarkovGame) -> State:
    """``place``: the state and the step of play, a state of -1 where an episode is to begin."""
    row, column = uniform_profile(game)
    cells = (game.stages, game.num_states, row.shape[2], column.shape[2])
    return {
        "clock": np.zeros(1, np.int64),
        "place": np.array([-1, 0]),
        "quality": np.zeros(cells),
        "visits": np.zeros(cells, np.int64),
        "value": np.zeros(cells[:2]),
        "row": row,
        "column": column,
    }


@nb.njit(cache=True, error_model="numpy")
def learn(  # type: ignore[no-untyped-def]  # numba kernel
    count,
    seed,
    has_horizon,
    begin,
    successors,
    chances,
    paid,
    terminal,
    initial,
    discount,
    explore,
    slope,
    clock,
    place,
    quality,
    visits,
    value,
    row,
    column,
):
    """Plays and learns ``count`` steps in place; ``initial``: sums of the chances of first states."""
    stages, states, rows, columns = quality.shape
    tableau = np.empty((rows + 1, columns + rows + 1))
    basis = np.empty(rows, np.int64)
    for _ in range(count):
        if place[0] < 0:
            place[1] = 0
            draw = unit(counter_hash(seed, LEARNING_STREAM + FIRST, clock[0])) * initial[states - 1]
            place[0] = np.searchsorted(initial, draw, side="right")
        s, t = place[0], place[1]
        a = _choice(row[t, s], explore, unit(counter_hash(seed, LEARNING_STREAM + ROW, clock[0])))
        b = _choice(column[t, s], explore, unit(counter_hash(seed, LEARNING_STREAM + COLUMN, clock[0])))
        cell = np.uint64((s * rows + a) * columns + b)
        at, last = np.uint64(begin[cell]), np.uint64(begin[cell + np.uint64(1)]) - np.uint64(1)
        left = unit(counter_hash(seed, LEARNING_STREAM + OUTCOME, clock[0])) - chances[at]
        while left >= 0 and at < last:
            at += np.uint64(1)
            left -= chances[at]
        after = np.int64(successors[at])
        ends = terminal[after] or (has_horizon and t + 1 == stages)
        onward = 0.0 if ends else value[t + 1 if has_horizon else 0, after]
        step = 1.0 / (1.0 + slope * visits[t, s, a, b])
        visits[t, s, a, b] += 1
        quality[t, s, a, b] += step * (paid[at] + discount * onward - quality[t, s, a, b])
        value[t, s] = solve_stage(quality[t, s], tableau, basis, row[t, s], column[t, s])
        stopped = unit(counter_hash(seed, LEARNING_STREAM + STOP, clock[0])) >= discount
        if ends or stopped:
            place[0] = -1
        else:
            place[0] = after
            place[1] = t + 1 if has_horizon else 0
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def _choice(strategy, explore, draw):  # type: ignore[no-untyped-def]  # numba kernel
    """An action, uniform with chance ``explore``, else by ``strategy``, from one draw in [0, 1)."""
    actions = len(strategy)
    if draw < explore:
        return np.int64(draw / explore * actions)
    left = (draw - explore) / (1 - explore)
    for action in range(actions):
        left -= strategy[action]
        if left < 0:
            return action
    for action in range(actions - 1, 0, -1):  # rounding: the last that is played at all
        if strategy[action] > 0:
            return action
    return 0

"""Shapley's value iteration: zero-sum Markov games by solving the matrix game of every state, over and over.

    V(s) ← value of the matrix game  [ r(s, a, b) + γ Σ_s' P(s' | s, a, b) V(s') ]_{a, b}

Without a horizon this contracts distances of values by γ, so V converges to the one value of the game from anywhere; with a
horizon of T steps, T iterations from the end backwards are exact. The maximin strategies of the matrix games are the policies.

Source: L. S. Shapley, Stochastic games, PNAS 39, 1953, doi:10.1073/pnas.39.10.1095.
"""

from __future__ import annotations

from pathlib import Path

import numba as nb
import numpy as np

from arena.games.game import Game
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import markov_measures, uniform_profile
from arena.solvers.markov_solution import markov_solution, markov_subject, zero_sum_markov_game
from arena.solvers.markov_stage_games import fill_stage, solve_stage
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000
ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of the greatest value: smaller changes are none
SOLVED = 1e-9  # of the greatest value or reward: a larger NashConv is none of rounding
SOURCE = "Shapley 1953, doi:10.1073/pnas.39.10.1095"


def nash_value_iteration(
    game: Game,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """Nash equilibrium policies of a two-player zero-sum Markov game, with NashConv measured exactly.

    Without a horizon iterations go on until `until` or until values change by rounding alone; after k of them values are
    within γᵏ / (1 - γ) times the largest change of the first. With a horizon there is one iteration a step, and the last is
    exact up to rounding.

    Source: see the module.

    Args:
        game: a two-player zero-sum `MarkovGame`, or a zero- or constant-sum game in normal form.
        iterations: the most that are done, by default 10,000.
        until: stop once NashConv is at most this; by default once values change by rounding alone, which counts as
            ``converged`` where NashConv is at most 1e-9 of the greatest value or reward.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: `iterations` or `until` is not positive.
    """
    markov = zero_sum_markov_game(game, "nash_value_iteration")
    profile = uniform_profile(markov)
    state = {
        "clock": np.zeros(1, np.int64),
        "value": np.zeros((markov.stages, markov.num_states)),
        "row": profile[0],
        "column": profile[1],
        "change": np.full(1, np.inf),
    }
    rewards = np.ascontiguousarray(markov.rewards[0].reshape(markov.num_states, -1))

    def advance(count: int) -> None:
        shapley_iterations(
            count,
            markov.horizon is not None,
            markov.begin,
            markov.successors,
            markov.chances,
            rewards,
            markov.discount,
            state["clock"],
            state["value"],
            state["row"],
            state["column"],
            state["change"],
        )

    def scale() -> float:
        return max(float(np.abs(state["value"]).max()), float(np.abs(rewards).max()))

    def finished() -> bool:
        if markov.horizon is not None:
            return int(state["clock"][0]) >= markov.horizon
        return float(state["change"][0]) <= ROUNDING * scale()

    run = Run(
        subject=markov_subject(markov, "nash_value_iteration", {}),
        state=state,
        advance=advance,
        gap=lambda: markov_measures(markov, (state["row"], state["column"])).nash_conv,
        finished=finished,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    return markov_solution(
        game,
        markov,
        (state["row"], state["column"]),
        until=SOLVED * scale() if until is None else until,
        guarantee="values converge to the game's value like discountᵏ; with a horizon one iteration a step is exact",
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "until": until},
        source=SOURCE,
    )


@nb.njit(cache=True, error_model="numpy")
def shapley_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    count, backwards, begin, successors, chances, rewards, discount, clock, value, row, column, change
):
    """Does ``count`` iterations in place; ``backwards``: each solves one step of the horizon, from the last one on.

    ``rewards`` [S, J]; ``value`` [T, S]; ``row`` [T, S, m], ``column`` [T, S, n]; ``change`` [1]: of values, the largest.
    """
    stages, states, rows = row.shape
    columns = column.shape[2]
    tableau = np.empty((rows + 1, columns + rows + 1))
    basis = np.empty(rows, np.int64)
    payoffs = np.empty((rows, columns))
    onward, fresh = np.empty(states), np.empty(states)
    for _ in range(count):
        step = stages - 1 - clock[0] if backwards else 0
        if step < 0:
            break
        for s in range(states):
            onward[s] = value[0, s] if not backwards else value[step + 1, s] if step + 1 < stages else 0.0
        for s in range(states):
            fill_stage(s, begin, successors, chances, rewards, discount, onward, payoffs)
            fresh[s] = solve_stage(payoffs, tableau, basis, row[step, s], column[step, s])
        change[0] = 0.0
        for s in range(states):
            change[0] = max(change[0], abs(fresh[s] - value[step, s]))
            value[step, s] = fresh[s]
        clock[0] += 1

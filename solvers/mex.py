"""Maximise to explore: one objective that trades the value of a hypothesis against how badly it fits what was seen.

The players know neither rewards nor transitions of a zero-sum game of finite horizon. In each episode the first player
(the learner) plays the maximin policy μ of the hypothesis f that is best for it after a penalty,

    sup_f  V_f − η Σ n (Q_f − Q̂_f)²,    V_f = max_μ min_ν value under f,

with n visits of a joint action and Q̂_f = mean reward + γ mean of V_f of the states that were seen to follow, and the second
plays the best response to μ under the hypothesis that is best for it, sup_g −V_g^μ − η Σ n (Q_g − Q̂_g)². There is no bonus to
choose and no confidence set to keep.

**The exact form.** For one step, and μ fixed, sup over f and min over ν change places: Q_f = r̄ + μ_a ν_b / (2 η n), cut off at
the greatest possible return, and the learner's objective is max over μ of min over ν of Σ μ_a ν_b r̄ + (μ_a ν_b)² / (4 η n). The
minimum over ν is convex and found exactly; the maximum over μ is not, and is searched on a grid of strategies and by ever
shorter steps from the best of it. The second player's answer is the pure column of least Σ_a μ_a r̄ − μ_a² / (4 η n).

With more steps the same problem is solved in each state, from the last step on, with Q̂_f in place of r̄. That weighs the
optimism of a step as if its state were sure to be reached: at least as optimistic as the joint supremum, and equal to it for
one step.

Source: Liu, Lu, Xiong, Zhong, Hu, Zhang, Zheng, Yang and Wang, Maximize to explore: one objective function fusing estimation,
planning, and exploration, NeurIPS 2023, arXiv:2305.18258 (MEX-MG for two-player zero-sum Markov games).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State
from arena.solvers.iteration import Run, iterate
from arena.solvers.markov_measures import Profile, markov_measures
from arena.solvers.markov_solution import markov_solution, markov_subject, zero_sum_markov_game
from arena.solvers.mex_kernels import episodes
from arena.solvers.nash_value_iteration import nash_value_iteration
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 1_000
ETA = 2.0
"""Of η = 2 / (range of rewards × √episodes)."""
GRID_POINTS = 300  # of a simplex; 41 of two actions
GRID_OF_TWO = 40
FINER = 16  # times the grid's spacing: the shortest step of the search
MOST_CELLS = 2_000_000  # of steps x states x joint actions x states, which are counted
MEASURE_GROWTH = 1.25
SOURCE = "Liu et al. 2023, arXiv:2305.18258"


def mex(
    game: Game,
    *,
    eta: float | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average policies of two learners who maximise to explore, one on each seat, with NashConv measured exactly.

    Each seat has a learner of its own with episodes of its own, against an opponent who explores what hurts the learner
    most. Rewards are seen as they are paid: with chance, where the game's rewards depend on the next state. In games of one step NashConv of the averages is at most the two regrets over the number of episodes, as both are
    measured; ``settings["regret_0"]`` and ``settings["regret_1"]`` are these regrets, Σ value − worst-case return of the
    episode's policy. Averages over episodes of policies of several steps have no such bound.

    Source: see the module.

    Args:
        game: a two-player zero-sum `MarkovGame` with a horizon, or a zero- or constant-sum game in normal form. Small: in
            every episode a problem is solved for each step and state.
        eta: η, how much a misfit weighs; by default 2 / (range of rewards x √iterations).
        iterations: episodes of each learner, by default 1,000. η depends on it by default.
        until: stop once NashConv is at most this.
        seed: of all that is drawn.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then and at the end.

    Raises:
        NotProvided: another game, one without a horizon, or one too large to count in.
        SpecificationError: the checkpoint is of something else, or no checkpoint.
        ValueError: a setting outside its range.
    """
    markov = _short_game(game)
    planned = DEFAULT_ITERATIONS if iterations is None else iterations
    weight = _eta(markov, eta, planned)
    seats = [_seat(markov, player) for player in (0, 1)]
    states = [_start(markov, player, 0) for player in (0, 1)]
    state: State = {"clock": np.zeros(1, np.int64)}
    state |= {f"{name}_{player}": array for player in (0, 1) for name, array in states[player].items()}

    def advance(count: int) -> None:
        for player in (0, 1):
            _play(seats[player], states[player], count, weight, seed_of(("mex", seed, player)))
        state["clock"][0] += count

    def profile() -> Profile:
        rows, columns = (own["average"] / own["average"].sum(axis=-1, keepdims=True) for own in states)
        return rows, columns

    run = Run(
        subject=markov_subject(markov, "mex", {"eta": weight, "seed": seed}),
        state=state,
        advance=advance,
        gap=lambda: markov_measures(markov, profile()).nash_conv,
        measure_growth=MEASURE_GROWTH,
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_ITERATIONS, progress=progress, checkpoint=checkpoint
    )
    one_step = "NashConv of the averages is at most the two regrets over the episodes, of order 1/√episodes"
    return markov_solution(
        game,
        markov,
        profile(),
        until=until,
        guarantee=one_step if markov.stages == 1 else None,
        iterations=run.iterations,
        history=history,
        settings={
            "eta": weight,
            "iterations": iterations,
            "until": until,
            "seed": seed,
            "regret_0": float(states[0]["regret"][0]),
            "regret_1": float(states[1]["regret"][0]),
        },
        source=SOURCE,
    )


def exploration_regret(game: Game, *, episodes: int, eta: float | None = None, seed: int = 0) -> NDArray[np.float64]:
    """The regret [episodes] of player 0's learner after each episode: Σ value − worst-case return of what it played.

    Arguments, errors and default η (of so many episodes) as of `mex`.
    """
    markov = _short_game(game)
    if episodes < 1:
        raise ValueError(f"episodes must be positive; got {episodes}")
    state = _start(markov, 0, episodes)
    _play(_seat(markov, 0), state, episodes, _eta(markov, eta, episodes), seed_of(("mex", seed, 0)))
    return state["done"][:, 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seat:
    """The true game as the learner of one seat plays it: it chooses rows, and ``paid`` [M] is to it."""

    begin: NDArray[np.uint32] = field(repr=False)
    successors: NDArray[np.uint32] = field(repr=False)
    chances: NDArray[np.float64] = field(repr=False)
    paid: NDArray[np.float64] = field(repr=False)
    initial: NDArray[np.float64] = field(repr=False)
    discount: float
    value: float
    grid: NDArray[np.float64] = field(repr=False)
    finest: float
    bounds: NDArray[np.float64] = field(repr=False)


def _short_game(game: Game) -> MarkovGame:
    markov = zero_sum_markov_game(game, "mex")
    if markov.horizon is None:
        raise NotProvided(
            f"mex plays episodes of a fixed number of steps; {markov.info.specification} has no horizon. "
            "nash_value_iteration and minimax_q need none"
        )
    cells = markov.stages * (len(markov.begin) - 1) * markov.num_states
    if cells > MOST_CELLS:
        raise NotProvided(
            f"mex counts steps x states x joint actions x states, at most {MOST_CELLS:,}; {markov.info.specification} has "
            f"{cells:,}"
        )
    return markov


def _eta(game: MarkovGame, eta: float | None, episodes_planned: int) -> float:
    if eta is None:
        spread = float(np.ptp(game.paid[:, 0])) or 1.0
        return ETA / (spread * math.sqrt(max(episodes_planned, 1)))
    if not 0 < eta < math.inf:
        raise ValueError(f"eta must be positive and finite; got {eta}")
    return eta


def _seat(game: MarkovGame, player: int) -> _Seat:
    rows, columns = game.sizes
    cells = np.arange(game.num_states * rows * columns).reshape(game.num_states, rows, columns)
    order = (cells if player == 0 else cells.transpose(0, 2, 1)).ravel()
    lengths = np.diff(game.begin).astype(np.int64)[order]
    begin = np.append(0, np.cumsum(lengths))
    outcomes = np.repeat(game.begin[:-1].astype(np.int64)[order] - begin[:-1], lengths) + np.arange(begin[-1])
    paid = game.paid[outcomes, player]
    value = nash_value_iteration(game).values[player]
    spaces = _grid(game.sizes[player])
    left = np.arange(game.stages, 0, -1)
    length = left if game.discount == 1 else (1 - game.discount**left) / (1 - game.discount)
    least, most = float(paid.min()), float(paid.max())
    bounds = np.column_stack((least * length, most * length))
    return _Seat(
        begin=begin.astype(np.uint32),
        successors=game.successors[outcomes],
        chances=game.chances[outcomes],
        paid=np.ascontiguousarray(paid),
        initial=game.initial,
        discount=game.discount,
        value=value,
        grid=spaces,
        finest=float(spaces[spaces > 0].min()) / FINER,
        bounds=bounds,
    )


def _start(game: MarkovGame, player: int, kept: int) -> State:
    sizes = (game.sizes[player], game.sizes[1 - player])
    cells = (game.stages, game.num_states, *sizes)
    return {
        "clock": np.zeros(1, np.int64),
        "visits": np.zeros(cells, np.int64),
        "earned": np.zeros(cells),
        "came": np.zeros((*cells, game.num_states), np.int64),
        "average": np.zeros(cells[:3]),
        "regret": np.zeros(1),
        "done": np.zeros((kept, 1)),
    }


def _play(seat: _Seat, state: State, count: int, eta: float, word: int) -> None:
    episodes(
        count,
        np.uint64(word),
        eta,
        seat.begin,
        seat.successors,
        seat.chances,
        seat.paid,
        seat.initial,
        seat.discount,
        seat.value,
        seat.grid,
        seat.finest,
        seat.bounds,
        state["clock"],
        state["visits"],
        state["earned"],
        state["came"],
        state["average"],
        state["regret"],
        state["done"],
    )


def _grid(actions: int) -> NDArray[np.float64]:
    """Strategies [P, actions] whose chances are multiples of 1/N, N as large as `GRID_POINTS` allows."""
    if actions == 1:
        return np.ones((1, 1))
    parts = 1
    while parts < GRID_OF_TWO and math.comb(parts + actions, actions - 1) <= GRID_POINTS:
        parts += 1
    bars = np.array(list(combinations(range(parts + actions - 1), actions - 1)), np.int64).reshape(-1, actions - 1)
    edges = np.column_stack((np.full(len(bars), -1), bars, np.full(len(bars), parts + actions - 1)))
    return (np.diff(edges, axis=1) - 1) / parts

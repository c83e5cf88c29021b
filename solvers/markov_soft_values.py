"""Zero-sum Markov games whose players are paid for entropy, each at a temperature of its own: soft value iteration.

    V(s) ← max_μ min_ν  μᵀ Q_s ν + β H(μ) − α H(ν),   Q_s(a, b) = r(s, a, b) + γ Σ_s' P(s' | s, a, b) V(s')

For β, α > 0 each of these stage games has one solution, the quantal response equilibrium μ ∝ exp(Q_s ν / β), ν ∝
exp(−Q_sᵀ μ / α), and the iteration contracts by γ as Shapley's does. With the column player's answer put in, the row player
maximises the smooth, strictly concave F(μ) = β H(μ) − α log Σ_b exp(−(Q_sᵀ μ)_b / α): Newton's method, in logarithms of
probabilities and with steps halved until F grows, ends at a duality gap of rounding. Where payoffs are more than 10⁶
temperatures, μ has too few digits for an answer to be read off it, and `arena.solvers.soft_stage_path` takes over. Each stage
game's duality gap is reported.

Source: Reddi et al. 2024, arXiv:2311.01642, section 4 (the regularised game); Geist, Scherrer and Pietquin, A theory of
regularized Markov decision processes, ICML 2019, arXiv:1901.11275 (contraction).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.games.markov_game import MarkovGame
from arena.solvers.checkpoint import State
from arena.solvers.markov_measures import Profile, uniform_profile
from arena.solvers.markov_stage_games import fill_stage
from arena.solvers.soft_stage_path import LARGEST_LOGARITHM, eliminate, entropy, followed_stage, log_sum, normalise

ITERATIONS = 100_000
TOLERANCE = 1e-12  # of rewards or temperatures: the change of values that ends the iteration
STAGE_TOLERANCE = 1e-14  # of the greatest payoff or temperature: the duality gap that a stage game is solved to
NEWTON_STEPS = 200
HALVINGS = 60
POLISHES = 10
LEAST_LOGARITHM = -600.0  # a probability of 0 would never be seen to grow again
LOST = 1e-10  # a larger duality gap, relative as above, is none of rounding
FINEST = 1e6  # temperatures that a payoff may be large: the logarithms of an answer keep ten digits
SLOPE = 1e-4  # the share of what a step promises that it must keep


def soft_start(game: MarkovGame) -> State:
    """Uniform play: ``value`` [T, S], ``row_log`` [T, S, m], ``column_log`` [T, S, n], and no ``residual`` [1] yet."""
    row, column = uniform_profile(game)
    value = np.zeros((game.stages, game.num_states))
    return {"value": value, "row_log": np.log(row), "column_log": np.log(column), "residual": np.zeros(1)}


def soft_equilibrium(game: MarkovGame, state: State, *, row_temperature: float, column_temperature: float) -> State:
    """The equilibrium at these temperatures, found from a state on; new arrays.

    Its ``residual`` is the change of values in the last iteration or the largest duality gap of a stage game, whichever is
    larger: the one relative to rewards and temperatures, the other to the range of the stage game's payoffs and temperatures.
    """
    found = {name: state[name].copy() for name in ("value", "row_log", "column_log")}
    rewards = np.ascontiguousarray(game.rewards[0].reshape(game.num_states, -1))
    scale = max(float(np.abs(rewards).max()), row_temperature, column_temperature)
    change, gap = soft_iterations(
        ITERATIONS,
        TOLERANCE * scale,
        game.horizon is not None,
        game.begin,
        game.successors,
        game.chances,
        rewards,
        game.discount,
        row_temperature,
        column_temperature,
        found["value"],
        found["row_log"],
        found["column_log"],
    )
    return found | {"residual": np.array([np.maximum(change / scale, gap)])}


def soft_strategies(state: State) -> Profile:
    """What both players do in a state of `soft_equilibrium`."""
    tables = (np.exp(state[name]) for name in ("row_log", "column_log"))
    return tuple(table / table.sum(axis=-1, keepdims=True) for table in tables)


@nb.njit(cache=True, error_model="numpy")
def soft_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    most, enough, backwards, begin, successors, chances, rewards, discount, beta, alpha, value, row_log, column_log
):
    """Iterates until values change by at most ``enough``, at most ``most`` times.

    Returns (the last change of values, the largest relative duality gap of a stage game in the last iteration; with a horizon
    0 and the largest of all steps).

    Args:
        backwards: with a horizon each iteration solves one step of it, from the last one on, and T of them are all.
        rewards: [S, J]. beta, alpha: temperatures of rows and columns, above 0.
        value: [T, S]; row_log: [T, S, m], column_log: [T, S, n], logarithms of probabilities. All are begun from, and filled.
    """
    stages, states, rows = row_log.shape
    columns = column_log.shape[2]
    payoffs = np.empty((rows, columns))
    room = np.empty((rows, rows + 2))
    onward, fresh = np.empty(states), np.empty(states)
    change, worst = np.inf, 0.0
    for iteration in range(stages if backwards else most):
        step = stages - 1 - iteration if backwards else 0
        for s in range(states):
            onward[s] = value[0, s] if not backwards else value[step + 1, s] if step + 1 < stages else 0.0
        if not backwards:
            worst = 0.0
        for s in range(states):
            fill_stage(s, begin, successors, chances, rewards, discount, onward, payoffs)
            fresh[s], gap = soft_stage(payoffs, beta, alpha, row_log[step, s], column_log[step, s], room)
            if not gap <= worst:  # NaN too
                worst = gap
        change = 0.0
        for s in range(states):
            change = max(change, abs(fresh[s] - value[step, s]))
            value[step, s] = fresh[s]
        if not backwards and change <= enough:
            return change, worst
    return 0.0 if backwards else change, worst


@nb.njit(cache=True, error_model="numpy")
def soft_stage(payoffs, beta, alpha, row_log, column_log, room):  # type: ignore[no-untyped-def]  # numba kernel
    """Solves one stage game from both logarithms of strategies on, and fills them.

    Returns (the value of the game, the duality gap over the greatest temperature or half the range of payoffs). ``room``:
    float64 [m, m + 2].
    """
    row_before, column_before = row_log.copy(), column_log.copy()
    least, most = payoffs.min(), payoffs.max()
    middle, largest = (least + most) / 2, (most - least) / 2
    centred = payoffs - middle
    if largest <= FINEST * min(beta, alpha):
        value, gap = _from_start(centred, beta, alpha, row_log, column_log, room)
        if gap <= LOST:
            return middle + value, gap
    value, gap = followed_stage(centred, beta, alpha, row_before, column_before)
    row_log[:], column_log[:] = row_before, column_before
    _lift(row_log)
    return middle + value, gap


@nb.njit(cache=True, error_model="numpy")
def _from_start(payoffs, beta, alpha, row_log, column_log, room):  # type: ignore[no-untyped-def]  # numba kernel
    """(the value, the duality gap over the greatest payoff or temperature) of what Newton's method finds from ``row_log``."""
    rows, columns = payoffs.shape
    scale = max(beta, alpha)
    for i in range(rows):
        for j in range(columns):
            scale = max(scale, abs(payoffs[i, j]))
    worth = np.empty(rows)  # of each row against the column player's answer
    trial, trial_column = np.empty(rows), np.empty(columns)
    now = _answered(payoffs, beta, alpha, row_log, column_log, worth)
    for _ in range(NEWTON_STEPS):
        upper = beta * log_sum(worth, beta) - alpha * entropy(column_log)
        if upper - now <= STAGE_TOLERANCE * scale:
            break
        promised = _newton_step(payoffs, beta, alpha, row_log, column_log, worth, room)
        share, longest, below = 1.0, -1, 2.0
        for i in range(rows):
            if room[i, rows] > 0 and share > (LARGEST_LOGARITHM - row_log[i]) / room[i, rows]:
                share, longest = (LARGEST_LOGARITHM - row_log[i]) / room[i, rows], i
        accepted = False
        for _ in range(HALVINGS):
            for i in range(rows):
                trial[i] = row_log[i] + share * room[i, rows]
            normalise(trial)
            _lift(trial)
            then = _answered(payoffs, beta, alpha, trial, trial_column, worth)
            if then >= now + SLOPE * share * promised:
                accepted = then > now
                break
            if longest >= 0 and LARGEST_LOGARITHM - below > row_log[longest]:  # a half would end where nothing shows
                share = (LARGEST_LOGARITHM - below - row_log[longest]) / room[longest, rows]
                below *= 2
            else:
                share /= 2
        if not accepted:  # rounding
            _answered(payoffs, beta, alpha, row_log, column_log, worth)
            break
        row_log[:] = trial
        column_log[:] = trial_column
        now = then
    left = _residual(row_log, worth, beta)
    for _ in range(POLISHES):  # F is flat at its top: the last digits come by Newton's method on its equations
        _newton_step(payoffs, beta, alpha, row_log, column_log, worth, room)
        for i in range(rows):
            trial[i] = row_log[i] + room[i, rows]
        normalise(trial)
        _lift(trial)
        then = _answered(payoffs, beta, alpha, trial, trial_column, worth)
        remains = _residual(trial, worth, beta)
        if not remains < left:
            break
        row_log[:] = trial
        column_log[:] = trial_column
        now, left = then, remains
    _answered(payoffs, beta, alpha, row_log, column_log, worth)
    return now, (beta * log_sum(worth, beta) - alpha * entropy(column_log) - now) / scale


@nb.njit(cache=True, error_model="numpy")
def _answered(payoffs, beta, alpha, row_log, column_log, worth):  # type: ignore[no-untyped-def]  # numba kernel
    """F(μ); fills the column player's answer and what each row is ``worth`` against it."""
    rows, columns = payoffs.shape
    for j in range(columns):
        mean = 0.0
        for i in range(rows):
            mean += np.exp(row_log[i]) * payoffs[i, j]
        column_log[j] = -mean / alpha
    total = normalise(column_log)
    for i in range(rows):
        worth[i] = 0.0
        for j in range(columns):
            worth[i] += payoffs[i, j] * np.exp(column_log[j])
    return beta * entropy(row_log) - alpha * total


@nb.njit(cache=True, error_model="numpy")
def _newton_step(payoffs, beta, alpha, row_log, column_log, worth, room):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills ``room[:, m]`` with the step of the logarithms; returns by how much F grows along it at first.

    With u the step and g = worth − β log μ: β u + M C Mᵀ (μ u) / α = g − λ, C = diag ν − ν νᵀ, and λ such that Σ μ u = 0.
    """
    rows, columns = payoffs.shape
    for i in range(rows):
        for k in range(i + 1):
            moment = 0.0
            for j in range(columns):
                moment += np.exp(column_log[j]) * (payoffs[i, j] - worth[i]) * (payoffs[k, j] - worth[k])
            room[i, k] = room[k, i] = moment / alpha
    for i in range(rows):
        for k in range(rows):
            room[i, k] *= np.exp(row_log[k])
        room[i, i] += beta
        room[i, rows] = worth[i] - beta * row_log[i]
        room[i, rows + 1] = 1.0
    eliminate(room)
    with_worth, with_one = 0.0, 0.0
    for i in range(rows):
        with_worth += np.exp(row_log[i]) * room[i, rows]
        with_one += np.exp(row_log[i]) * room[i, rows + 1]
    price = with_worth / with_one
    promised = 0.0
    for i in range(rows):
        room[i, rows] -= price * room[i, rows + 1]
        promised += np.exp(row_log[i]) * room[i, rows] * (worth[i] - beta * row_log[i])
    return promised


@nb.njit(cache=True, error_model="numpy")
def _residual(row_log, worth, beta):  # type: ignore[no-untyped-def]  # numba kernel
    """How far the logarithms are from those of the answer to the column player."""
    total, most = log_sum(worth, beta), 0.0
    for i in range(len(worth)):
        most = max(most, abs(row_log[i] - max(worth[i] / beta - total, LEAST_LOGARITHM)))
    return most


@nb.njit(cache=True, error_model="numpy")
def _lift(logs):  # type: ignore[no-untyped-def]  # numba kernel
    for i in range(len(logs)):
        logs[i] = max(logs[i], LEAST_LOGARITHM)

"""Zero-sum Markov games whose players are paid for entropy, each at a temperature of its own: soft value iteration.

    V(s) ← max_μ min_ν  μᵀ Q_s ν + β H(μ) − α H(ν),   Q_s(a, b) = r(s, a, b) + γ Σ_s' P(s' | s, a, b) V(s')

For β, α > 0 each of these stage games has one solution, the quantal response equilibrium μ ∝ exp(Q_s ν / β), ν ∝
exp(−Q_sᵀ μ / α), and the iteration contracts by γ as Shapley's does. With the column player's answer put in, the row player
maximises the smooth, strictly concave F(μ) = β H(μ) − α log Σ_b exp(−(Q_sᵀ μ)_b / α): Newton's method, in logarithms of
probabilities and with steps halved until F grows, ends at a duality gap of rounding at any temperatures.

Source: Reddi et al. 2024, arXiv:2311.01642, section 4 (the regularised game); Geist, Scherrer and Pietquin, A theory of
regularized Markov decision processes, ICML 2019, arXiv:1901.11275 (contraction).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.solvers.nash_value_iteration import fill_stage

STAGE_TOLERANCE = 1e-14  # of the greatest payoff or temperature: the duality gap that a stage game is solved to
NEWTON_STEPS = 200
HALVINGS = 60
POLISHES = 10
LEAST_LOGARITHM = -600.0  # a probability of 0 would never be seen to grow again
LOST = 1e-10  # a larger duality gap, relative as above, is none of rounding
COOLING = 2.0
SLOPE = 1e-4  # the share of what a step promises that it must keep
LARGEST_LOGARITHM = 2.0  # of a probability, before they are made to sum to one again: no step is longer


@nb.njit(cache=True, error_model="numpy")
def soft_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    most, enough, backwards, begin, successors, chances, rewards, discount, beta, alpha, value, row_log, column_log
):
    """Iterates until values change by at most ``enough``, at most ``most`` times; returns (iterations, the last change).

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
    change = np.inf
    for iteration in range(stages if backwards else most):
        step = stages - 1 - iteration if backwards else 0
        for s in range(states):
            onward[s] = value[0, s] if not backwards else value[step + 1, s] if step + 1 < stages else 0.0
        for s in range(states):
            fill_stage(s, begin, successors, chances, rewards, discount, onward, payoffs)
            fresh[s] = soft_stage(payoffs, beta, alpha, row_log[step, s], column_log[step, s], room)
        change = 0.0
        for s in range(states):
            change = max(change, abs(fresh[s] - value[step, s]))
            value[step, s] = fresh[s]
        if not backwards and change <= enough:
            return iteration + 1, change
    return (stages, 0.0) if backwards else (most, change)


@nb.njit(cache=True, error_model="numpy")
def soft_stage(payoffs, beta, alpha, row_log, column_log, room):  # type: ignore[no-untyped-def]  # numba kernel
    """Solves one stage game from ``row_log`` on; fills both logarithms of strategies and returns the value of the game.

    Where the start is too far off, both temperatures come down from where the game is nearly linear, each solution the
    start of the next. ``room``: float64 [m, m + 2].
    """
    value, gap = _from_start(payoffs, beta, alpha, row_log, column_log, room)
    if gap <= LOST:
        return value
    hotter = 1.0
    for i in range(payoffs.shape[0]):
        row_log[i] = -np.log(payoffs.shape[0])
        for j in range(payoffs.shape[1]):
            hotter = max(hotter, abs(payoffs[i, j]) / min(beta, alpha))
    while hotter > 1:
        _from_start(payoffs, beta * hotter, alpha * hotter, row_log, column_log, room)
        hotter /= COOLING
    value, _ = _from_start(payoffs, beta, alpha, row_log, column_log, room)
    return value


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
        upper = beta * _log_sum(worth, beta) - alpha * _entropy(column_log)
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
            _normalise(trial)
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
        _normalise(trial)
        _lift(trial)
        then = _answered(payoffs, beta, alpha, trial, trial_column, worth)
        remains = _residual(trial, worth, beta)
        if not remains < left:
            break
        row_log[:] = trial
        column_log[:] = trial_column
        now, left = then, remains
    _answered(payoffs, beta, alpha, row_log, column_log, worth)
    return now, (beta * _log_sum(worth, beta) - alpha * _entropy(column_log) - now) / scale


@nb.njit(cache=True, error_model="numpy")
def _answered(payoffs, beta, alpha, row_log, column_log, worth):  # type: ignore[no-untyped-def]  # numba kernel
    """F(μ); fills the column player's answer and what each row is ``worth`` against it."""
    rows, columns = payoffs.shape
    for j in range(columns):
        mean = 0.0
        for i in range(rows):
            mean += np.exp(row_log[i]) * payoffs[i, j]
        column_log[j] = -mean / alpha
    total = _normalise(column_log)
    for i in range(rows):
        worth[i] = 0.0
        for j in range(columns):
            worth[i] += payoffs[i, j] * np.exp(column_log[j])
    return beta * _entropy(row_log) - alpha * total


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
    _eliminate(room)
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
    total, most = _log_sum(worth, beta), 0.0
    for i in range(len(worth)):
        most = max(most, abs(row_log[i] - max(worth[i] / beta - total, LEAST_LOGARITHM)))
    return most


@nb.njit(cache=True, error_model="numpy")
def _eliminate(room):  # type: ignore[no-untyped-def]  # numba kernel
    """Solves room[:, :m] x = room[:, m:] in place, by elimination with row pivots: the solutions stand in ``room[:, m:]``."""
    size, width = room.shape
    for k in range(size):
        best = k
        for i in range(k + 1, size):
            if abs(room[i, k]) > abs(room[best, k]):
                best = i
        for j in range(width):
            room[k, j], room[best, j] = room[best, j], room[k, j]
        for i in range(size):
            if i != k and room[i, k] != 0:
                factor = room[i, k] / room[k, k]
                for j in range(k, width):
                    room[i, j] -= factor * room[k, j]
    for k in range(size):
        for j in range(size, width):
            room[k, j] /= room[k, k]


@nb.njit(cache=True, error_model="numpy")
def _normalise(logs):  # type: ignore[no-untyped-def]  # numba kernel
    """Makes exp(logs) sum to one; returns the logarithm of what it summed to."""
    most = logs.max()
    total = 0.0
    for i in range(len(logs)):
        total += np.exp(logs[i] - most)
    total = most + np.log(total)
    for i in range(len(logs)):
        logs[i] -= total
    return total


@nb.njit(cache=True, error_model="numpy")
def _lift(logs):  # type: ignore[no-untyped-def]  # numba kernel
    for i in range(len(logs)):
        logs[i] = max(logs[i], LEAST_LOGARITHM)


@nb.njit(cache=True, error_model="numpy")
def _log_sum(worth, temperature):  # type: ignore[no-untyped-def]  # numba kernel
    """log Σ exp(worth / temperature)."""
    most = worth.max()
    total = 0.0
    for i in range(len(worth)):
        total += np.exp((worth[i] - most) / temperature)
    return most / temperature + np.log(total)


@nb.njit(cache=True, error_model="numpy")
def _entropy(logs):  # type: ignore[no-untyped-def]  # numba kernel
    total = 0.0
    for i in range(len(logs)):
        total -= np.exp(logs[i]) * logs[i]
    return total

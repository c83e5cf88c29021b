"""One zero-sum stage game whose players are paid for entropy, followed from high temperatures down to where rounding ends.

The solution of max_μ min_ν μᵀ A ν + β H(μ) − α H(ν) is where, in logarithms of probabilities,

    β log μ = A ν − λ,   α log ν = κ − Aᵀ μ,   Σ μ = Σ ν = 1.

Newton's method on all of these at once keeps both strategies, so that neither has to be read off the other: the answer to a
μ that is right to 16 digits is arbitrary once payoffs are 10¹⁶ temperatures, that to its own equation is not. Started from
close by it needs a few steps; otherwise both temperatures come down from where the game is nearly linear, by a factor that
grows while steps succeed and shrinks when they fail.

Source: Turocy, A dynamic homotopy interpretation of the logistic quantal response equilibrium correspondence, Games and
Economic Behavior 2005, doi:10.1016/j.geb.2004.04.003 (the same equations, followed in logarithms).
"""

from __future__ import annotations

import numba as nb
import numpy as np

NEWTON_STEPS = 40
HALVINGS = 30
DECREASE = 1e-4  # the share of what a step promises that it must keep
LARGEST_LOGARITHM = 2.0  # of a probability on the way: no step leads beyond
EXACT = 1e-15  # of the largest payoff or temperature in each equation: nothing is left to be done
SOLVED = 1e-12
COOLING, FASTEST, SLOWEST = 2.0, 4.0, 1.001
MOST_TEMPERATURES = 1_000


@nb.njit(cache=True, error_model="numpy")
def followed_stage(payoffs, beta, alpha, row_log, column_log):  # type: ignore[no-untyped-def]  # numba kernel
    """Solves one stage game [m, n] from both ``row_log`` [m] and ``column_log`` [n] on, and fills them.

    Returns (the value, the duality gap over the greatest payoff or temperature).
    """
    rows, columns = payoffs.shape
    size = rows + columns
    room = np.empty((size + 2, size + 3))
    logs, left = np.empty(size), np.empty(size + 2)
    logs[:rows], logs[rows:] = row_log, column_log
    if not _newton(payoffs, beta, alpha, logs, left, room) <= SOLVED:
        logs[:rows], logs[rows:] = -np.log(rows), -np.log(columns)
        largest = 0.0
        for i in range(rows):
            for j in range(columns):
                largest = max(largest, abs(payoffs[i, j]))
        hotter, cooling = max(1.0, largest / min(beta, alpha)), COOLING
        _newton(payoffs, beta * hotter, alpha * hotter, logs, left, room)
        before = logs.copy()
        for _ in range(MOST_TEMPERATURES):
            if hotter == 1:
                break
            then = max(1.0, hotter / cooling)
            if _newton(payoffs, beta * then, alpha * then, logs, left, room) <= SOLVED or cooling < SLOWEST:
                hotter, cooling = then, min(cooling**1.5, FASTEST)
                before[:] = logs
            else:
                logs[:] = before
                cooling = np.sqrt(cooling)
    row_log[:], column_log[:] = logs[:rows], logs[rows:]
    normalise(row_log)
    normalise(column_log)
    return _bounds(payoffs, beta, alpha, row_log, column_log)


@nb.njit(cache=True, error_model="numpy")
def _newton(payoffs, beta, alpha, logs, left, room):  # type: ignore[no-untyped-def]  # numba kernel
    """Improves ``logs`` [m + n] in place; returns the largest of what is ``left`` [m + n + 2] of the equations."""
    rows, columns = payoffs.shape
    size = rows + columns
    trial, prices = np.empty(size), np.zeros(2)  # λ and κ
    row_unit, column_unit = _unit(payoffs, beta), _unit(payoffs, alpha)
    _left(payoffs, beta, alpha, logs, prices, left)
    for i in range(rows):  # the means of what the equations say of λ and κ
        prices[0] -= np.exp(logs[i]) * left[i] * row_unit
    for j in range(rows, size):
        prices[1] += np.exp(logs[j]) * left[j] * column_unit
    now = _left(payoffs, beta, alpha, logs, prices, left)
    tried, tried_left = np.empty(2), np.empty(size + 2)
    for _ in range(NEWTON_STEPS):
        if np.abs(left).max() <= EXACT:
            break
        _fill(payoffs, beta, alpha, logs, left, room)
        eliminate(room)
        share = 1.0
        for i in range(size):
            if room[i, size + 2] > 0:
                share = min(share, (LARGEST_LOGARITHM - logs[i]) / room[i, size + 2])
        accepted = False
        for _ in range(HALVINGS):
            for i in range(size):
                trial[i] = logs[i] + share * room[i, size + 2]
            for k in range(2):
                tried[k] = prices[k] + share * room[size + k, size + 2]
            then = _left(payoffs, beta, alpha, trial, tried, tried_left)
            if then < now * (1 - DECREASE * share):
                accepted = True
                break
            share /= 2
        if not accepted:
            break
        logs[:], prices[:], left[:] = trial, tried, tried_left
        now = then
    return np.abs(left).max()


@nb.njit(cache=True, error_model="numpy")
def _left(payoffs, beta, alpha, logs, prices, left):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills what is left of the equations, each in its own unit; returns its Euclidean norm."""
    rows, columns = payoffs.shape
    size = rows + columns
    row_unit, column_unit = _unit(payoffs, beta), _unit(payoffs, alpha)
    left[size] = left[size + 1] = -1.0
    for i in range(rows):
        left[i] = beta * logs[i] + prices[0]
        left[size] += np.exp(logs[i])
    for j in range(columns):
        left[rows + j] = alpha * logs[rows + j] - prices[1]
        left[size + 1] += np.exp(logs[rows + j])
    for i in range(rows):
        for j in range(columns):
            left[i] -= payoffs[i, j] * np.exp(logs[rows + j])
            left[rows + j] += payoffs[i, j] * np.exp(logs[i])
    total = left[size] ** 2 + left[size + 1] ** 2
    for i in range(size):
        left[i] /= row_unit if i < rows else column_unit
        total += left[i] ** 2
    return np.sqrt(total)


@nb.njit(cache=True, error_model="numpy")
def _fill(payoffs, beta, alpha, logs, left, room):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills the Jacobian by (log μ, log ν, λ, κ), and − ``left`` as the last column."""
    rows, columns = payoffs.shape
    size = rows + columns
    row_unit, column_unit = _unit(payoffs, beta), _unit(payoffs, alpha)
    room[:] = 0.0
    for i in range(rows):
        room[i, i] = beta / row_unit
        room[i, size] = 1 / row_unit
        room[size, i] = np.exp(logs[i])
    for j in range(columns):
        room[rows + j, rows + j] = alpha / column_unit
        room[rows + j, size + 1] = -1 / column_unit
        room[size + 1, rows + j] = np.exp(logs[rows + j])
    for i in range(rows):
        for j in range(columns):
            room[i, rows + j] = -payoffs[i, j] * room[size + 1, rows + j] / row_unit
            room[rows + j, i] = payoffs[i, j] * room[size, i] / column_unit
    for i in range(size + 2):
        room[i, size + 2] = -left[i]


@nb.njit(cache=True, error_model="numpy")
def _unit(payoffs, temperature):  # type: ignore[no-untyped-def]  # numba kernel
    unit = temperature
    for payoff in payoffs.flat:
        unit = max(unit, abs(payoff))
    return unit


@nb.njit(cache=True, error_model="numpy")
def _bounds(payoffs, beta, alpha, row_log, column_log):  # type: ignore[no-untyped-def]  # numba kernel
    """(the middle, the relative distance) of what either player is sure of."""
    rows, columns = payoffs.shape
    worth, cost = np.zeros(rows), np.zeros(columns)
    for i in range(rows):
        for j in range(columns):
            worth[i] += payoffs[i, j] * np.exp(column_log[j])
            cost[j] -= payoffs[i, j] * np.exp(row_log[i])
    upper = beta * log_sum(worth, beta) - alpha * entropy(column_log)
    lower = beta * entropy(row_log) - alpha * log_sum(cost, alpha)
    return (upper + lower) / 2, (upper - lower) / max(_unit(payoffs, beta), alpha)


@nb.njit(cache=True, error_model="numpy")
def eliminate(room):  # type: ignore[no-untyped-def]  # numba kernel
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
def normalise(logs):  # type: ignore[no-untyped-def]  # numba kernel
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
def log_sum(worth, temperature):  # type: ignore[no-untyped-def]  # numba kernel
    """log Σ exp(worth / temperature)."""
    most = worth.max()
    total = 0.0
    for i in range(len(worth)):
        total += np.exp((worth[i] - most) / temperature)
    return most / temperature + np.log(total)


@nb.njit(cache=True, error_model="numpy")
def entropy(logs):  # type: ignore[no-untyped-def]  # numba kernel
    total = 0.0
    for i in range(len(logs)):
        total -= np.exp(logs[i]) * logs[i]
    return total

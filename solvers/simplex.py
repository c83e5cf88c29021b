"""Many small symmetric zero-sum games at once, by the simplex method: for bootstraps, where one program costs too much.

Source: Dantzig, A proof of the equivalence of the programming problem and the game problem, 1951.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

PIVOT_TOLERANCE = 1e-12
PIVOTS_A_CANDIDATE = 50  # degenerate games may run in circles: they end here, with a strategy that is nearly optimal


def symmetric_strategies(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """An optimal strategy [G, n] of each symmetric zero-sum game of ``payoffs`` [G, n, n], payoffs = −payoffsᵀ.

    With B = payoffs + a constant that makes it positive: maximise Σ y subject to B y ≤ 1, y ≥ 0, and divide by Σ y.
    Exact to rounding where the optimum is unique, as it is in random games; see `minimax_winner` for a certificate.
    """
    strategies: NDArray[np.float64] = _solve(payoffs)
    return strategies


@nb.njit(cache=True)
def _solve(payoffs):  # type: ignore[no-untyped-def]  # numba kernel; plain loops compile several times faster than slices
    num_games, size, _ = payoffs.shape
    strategies = np.zeros((num_games, size))
    tableau = np.empty((size + 1, 2 * size + 1))  # columns: y, slacks, right side; the last row is the objective
    basis = np.empty(size, np.int64)
    for game in range(num_games):
        _fill(payoffs[game], tableau, basis)
        for _ in range(PIVOTS_A_CANDIDATE * size):
            entering = 0
            for j in range(2 * size):
                if tableau[size, j] < tableau[size, entering]:
                    entering = j
            if tableau[size, entering] > -PIVOT_TOLERANCE:
                break
            leaving, least = -1, np.inf
            for i in range(size):
                if tableau[i, entering] > PIVOT_TOLERANCE:
                    ratio = tableau[i, 2 * size] / tableau[i, entering]
                    if ratio < least:
                        leaving, least = i, ratio
            pivot(tableau, leaving, entering)
            basis[leaving] = entering
        total = 0.0
        for i in range(size):
            if basis[i] < size:
                strategies[game, basis[i]] = max(tableau[i, 2 * size], 0.0)
                total += strategies[game, basis[i]]
        for i in range(size):
            strategies[game, i] /= total
    return strategies


@nb.njit(cache=True)
def _fill(payoffs, tableau, basis):  # type: ignore[no-untyped-def]  # numba kernel
    size = len(payoffs)
    largest = 0.0
    for i in range(size):
        for j in range(size):
            largest = max(largest, abs(payoffs[i, j]))
    shift = 1.5 * largest if largest > 0 else 1.0
    for i in range(size):
        for j in range(size):
            tableau[i, j] = 1 + payoffs[i, j] / shift
            tableau[i, size + j] = 1.0 if i == j else 0.0
        tableau[i, 2 * size] = 1.0
        tableau[size, i] = -1.0
        tableau[size, size + i] = 0.0
        basis[i] = size + i
    tableau[size, 2 * size] = 0.0


@nb.njit(cache=True)
def pivot(tableau, leaving, entering):  # type: ignore[no-untyped-def]  # numba kernel
    """Brings column `entering` into the basis in place of the variable of row `leaving`; changes the tableau."""
    rows, columns = tableau.shape
    by = tableau[leaving, entering]
    for j in range(columns):
        tableau[leaving, j] /= by
    for i in range(rows):
        factor = tableau[i, entering]
        if i != leaving and factor != 0:
            for j in range(columns):
                tableau[i, j] -= factor * tableau[leaving, j]

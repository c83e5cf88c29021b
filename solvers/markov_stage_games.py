"""Many small zero-sum games at once, rows against columns, by the simplex method: the stage games of Markov games.

With B = payoffs shifted to be positive: maximise Σ y subject to B y ≤ 1, y ≥ 0. The value of B is 1 / Σ y, the column
player's strategy y / Σ y, and the prices of the rows, divided alike, are the row player's. The largest coefficient enters;
after a number of pivots that only circles need, Bland's rule takes over, under which none can circle.

Source: Dantzig, A proof of the equivalence of the programming problem and the game problem, 1951; Bland, New finite pivoting
rules for the simplex method, Mathematics of Operations Research 2, 1977.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.solvers.simplex import pivot

PIVOT_TOLERANCE = 1e-12
PIVOTS_BY_SIZE = 4  # times rows + columns, before Bland's rule
MOST_PIVOTS = 10_000


def stage_solutions(
    payoffs: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(values [G], row strategies [G, m], column strategies [G, n]) of zero-sum games ``payoffs`` [G, m, n] to the rows."""
    games, rows, columns = payoffs.shape
    value, row, column = np.zeros(games), np.zeros((games, rows)), np.zeros((games, columns))
    solve_stages(np.ascontiguousarray(payoffs), value, row, column)
    return value, row, column


@nb.njit(cache=True, error_model="numpy")
def fill_stage(state, begin, successors, chances, rewards, discount, onward, payoffs):  # type: ignore[no-untyped-def]  # numba kernel
    """The matrix game of a state, when what follows is worth ``onward`` [S]: fills ``payoffs`` [m, n]."""
    rows, columns = payoffs.shape
    for i in range(rows):
        for j in range(columns):
            joint = i * columns + j
            cell = np.uint64(state * rows * columns + joint)
            ahead = 0.0
            for k in range(begin[cell], begin[cell + np.uint64(1)]):
                at = np.uint64(k)
                ahead += chances[at] * onward[np.uint64(successors[at])]
            payoffs[i, j] = rewards[state, joint] + discount * ahead


@nb.njit(cache=True, error_model="numpy")
def solve_stages(payoffs, value, row, column):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills ``value`` [G], ``row`` [G, m] and ``column`` [G, n] for each of ``payoffs`` [G, m, n]."""
    games, rows, columns = payoffs.shape
    tableau = np.empty((rows + 1, columns + rows + 1))  # columns: y, slacks, right side; the last row is the objective
    basis = np.empty(rows, np.int64)
    for game in range(games):
        value[game] = solve_stage(payoffs[game], tableau, basis, row[game], column[game])


@nb.njit(cache=True, error_model="numpy")
def solve_stage(payoffs, tableau, basis, row, column):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills both strategies of one game [m, n], returns its value; ``tableau`` [m + 1, n + m + 1] and ``basis`` [m] are room."""
    rows, columns = payoffs.shape
    least, most = np.inf, -np.inf
    for i in range(rows):
        for j in range(columns):
            least, most = min(least, payoffs[i, j]), max(most, payoffs[i, j])
    scale = most - least if most > least else 1.0
    width = columns + rows
    for i in range(rows):
        for j in range(columns):
            tableau[i, j] = 1 + (payoffs[i, j] - least) / scale
        for j in range(rows):
            tableau[i, columns + j] = 1.0 if i == j else 0.0
        tableau[i, width] = 1.0
        basis[i] = columns + i
    for j in range(width + 1):
        tableau[rows, j] = -1.0 if j < columns else 0.0
    for pivots in range(MOST_PIVOTS):
        bland = pivots >= PIVOTS_BY_SIZE * width
        entering, lowest = -1, -PIVOT_TOLERANCE
        for j in range(width):
            if tableau[rows, j] < lowest:
                entering = j
                if bland:
                    break
                lowest = tableau[rows, j]
        if entering < 0:
            break
        leaving, ratio = -1, np.inf
        for i in range(rows):
            if tableau[i, entering] > PIVOT_TOLERANCE:
                this = tableau[i, width] / tableau[i, entering]
                if this < ratio or (this == ratio and basis[i] < basis[leaving]):
                    leaving, ratio = i, this
        pivot(tableau, leaving, entering)
        basis[leaving] = entering
    total, prices = 0.0, 0.0
    column[:] = 0.0
    for i in range(rows):
        if basis[i] < columns:
            column[basis[i]] = max(tableau[i, width], 0.0)
            total += column[basis[i]]
        row[i] = max(tableau[rows, columns + i], 0.0)
        prices += row[i]
    for j in range(columns):
        column[j] /= total
    for i in range(rows):
        row[i] /= prices
    return least + scale * (1 / total - 1)

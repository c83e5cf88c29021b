"""The complementary path of Lemke and Howson through pairs of vertices of the two best-response polytopes."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.solvers.simplex import pivot

PIVOT_TOLERANCE = 1e-11
TIE_TOLERANCE = 1e-11


def complementary_path(
    row: NDArray[np.float64], column: NDArray[np.float64], label: int, pivots: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, bool]:
    """(x, y, pivots done, whether the path ended): the end of the path from the origin that drops a label.

    Payoffs [m, n] are positive; labels 0..m-1 are rows, m..m+n-1 columns. x and y are vertices of {columnᵀ x ≤ 1} and
    {row y ≤ 1}, not yet probabilities. Each step the variable enters whose label has just been dropped; the leaving one is
    the first of least ratio in the lexicographic order, which makes every degenerate game behave as a nondegenerate one
    nearby: no basis comes twice. See von Stengel 2007, section 3.6.
    """
    num_rows, num_columns = row.shape
    size = num_rows + num_columns
    first = np.zeros((num_columns, size + 1))  # columnᵀ x + s = 1: columns are labels, x then s
    first[:, :num_rows] = column.T
    first[:, num_rows:size] = np.eye(num_columns)
    second = np.zeros((num_rows, size + 1))  # row y + r = 1: r then y
    second[:, :num_rows] = np.eye(num_rows)
    second[:, num_rows:size] = row
    first[:, size] = second[:, size] = 1.0
    first_basis, second_basis = np.arange(num_rows, size), np.arange(num_rows)
    done, ended = _follow(first, second, first_basis, second_basis, num_rows, label, pivots)
    x, y = np.zeros(num_rows), np.zeros(num_columns)
    for basis, tableau, matrix, offset, found in (
        (first_basis, first, column.T, 0, x),
        (second_basis, second, row, num_rows, y),
    ):
        own = (basis >= offset) & (basis < offset + len(found))
        support = basis[own] - offset
        slack = basis[~own] - (num_rows if offset == 0 else 0)
        tight = np.setdiff1d(np.arange(len(matrix)), slack)
        found[support] = np.maximum(_refined(matrix, tight, support, tableau[own, -1]), 0.0)
    return x, y, int(done), bool(ended)


def _refined(
    matrix: NDArray[np.float64], tight: NDArray[np.int64], support: NDArray[np.int64], rough: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The basic solution anew from the payoffs, without the rounding of many pivots; what the tableau says where it is singular."""
    try:
        return np.asarray(np.linalg.solve(matrix[np.ix_(tight, support)], np.ones(len(support))), np.float64)
    except np.linalg.LinAlgError:
        return rough


@nb.njit(cache=True)
def _follow(first, second, first_basis, second_basis, num_rows, label, pivots):  # type: ignore[no-untyped-def]  # numba kernel
    size = first.shape[1] - 1
    entering, in_first = label, label < num_rows
    for done in range(pivots):
        leaving = _leaving(first, entering, num_rows, size) if in_first else _leaving(second, entering, 0, num_rows)
        if leaving < 0:
            return done, False  # only rounding can make a bounded polytope look unbounded
        if in_first:
            pivot(first, leaving, entering)
            dropped, first_basis[leaving] = first_basis[leaving], entering
        else:
            pivot(second, leaving, entering)
            dropped, second_basis[leaving] = second_basis[leaving], entering
        if dropped == label:
            return done + 1, True
        entering, in_first = dropped, not in_first
    return pivots, False


@nb.njit(cache=True)
def _leaving(tableau, entering, slack_from, slack_to):  # type: ignore[no-untyped-def]  # numba kernel
    """The row of least ratio; ties by the ratios of the slack columns from left to right."""
    best = -1
    for i in range(len(tableau)):
        if tableau[i, entering] <= PIVOT_TOLERANCE:
            continue
        if best < 0:
            best = i
            continue
        difference = tableau[i, -1] / tableau[i, entering] - tableau[best, -1] / tableau[best, entering]
        column = slack_from
        while abs(difference) <= TIE_TOLERANCE and column < slack_to:
            difference = tableau[i, column] / tableau[i, entering] - tableau[best, column] / tableau[best, entering]
            column += 1
        if difference < 0:
            best = i
    return best

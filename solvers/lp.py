"""Two-player zero-sum games in normal form by linear programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import ArenaError
from arena.solvers.deviations import row_payoffs
from arena.solvers.solution import Solution

GAP_TOLERANCE = 1e-7
"""Of the range of payoffs: HiGHS works to a feasibility of 1e-7."""


def matrix_game_lp(payoffs: ArrayLike) -> Solution:
    """Maximin strategies of both players of a zero-sum matrix game: the row player gets ``payoffs``, the column player −it.

    Row player: maximise v subject to xᵀ payoffs ≥ v in each column, x a probability vector; the column player's strategy
    is the dual. The certificate is NashConv, max_i (payoffs y)_i − min_j (xᵀ payoffs)_j, computed from the strategies.

    Source: von Neumann, Zur Theorie der Gesellschaftsspiele, 1928, doi:10.1007/BF01448847; Dantzig, A proof of the
    equivalence of the programming problem and the game problem, 1951. Solver: HiGHS.

    Args:
        payoffs: [num_rows, num_columns], finite.

    Raises:
        SpecificationError: not a matrix of finite numbers.
        ArenaError: the linear program could not be solved in floating point.
    """
    matrix = row_payoffs(payoffs)
    row, iterations = maximin(matrix)
    column, more = maximin(-matrix.T)
    gap = float((matrix @ column).max() - (row @ matrix).min())
    value = float(row @ matrix @ column)
    tolerance = GAP_TOLERANCE * (float(np.ptp(matrix)) or 1.0)
    return Solution(
        strategies=(row, column),
        gap=max(gap, 0.0),
        gap_kind="nash_conv",
        values=(value, 0.0 - value),
        converged=gap <= tolerance,
        guarantee="exact up to rounding: the gap is a certificate",
        iterations=iterations + more,
        settings={"tolerance": tolerance},
        source="von Neumann 1928; Dantzig 1951; HiGHS",
    )


def maximin(payoffs: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """(a maximin strategy of the row player [num_rows], simplex iterations).

    Raises:
        ArenaError: the linear program could not be solved in floating point.
    """
    from scipy.optimize import linprog

    num_rows, num_columns = payoffs.shape
    scale = max(float(np.ptp(payoffs)), np.finfo(np.float64).tiny)
    scaled = (payoffs - payoffs.min()) / scale  # the program does not see the unit of payoffs
    result = linprog(
        np.append(np.zeros(num_rows), -1.0),
        A_ub=np.hstack((-scaled.T, np.ones((num_columns, 1)))),
        b_ub=np.zeros(num_columns),
        A_eq=np.append(np.ones(num_rows), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * num_rows + [(None, None)],
        method="highs",
    )
    if not result.success:  # in exact numbers there is always a solution: every matrix game has a value
        raise ArenaError(f"the linear program of a matrix game could not be solved: {result.message}")
    return as_probabilities(np.asarray(result.x, np.float64)[:num_rows]), int(result.nit)


def as_probabilities(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vector without the rounding that made it negative or its sum other than one."""
    positive = np.maximum(values, 0.0)
    probabilities: NDArray[np.float64] = positive / positive.sum()
    return probabilities

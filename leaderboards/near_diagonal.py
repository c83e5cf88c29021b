"""H⁻¹ B H⁻¹ where H and B are diagonal but for a few directions and little beside: certified, at the cost of a few products by vectors.

H = I + E. Along the few directions Q in which E is large (in a league: those of smooth functions of the ratings) H is inverted exactly,
H⁻¹ = N − Q Qᵀ + W S Wᵀ, N = (I + E')⁻¹, E' = P E P, P = I − Q Qᵀ, W = Q − N E Q + Q Qᵀ E Q. What is left, E' and F' (B likewise,
without its diagonal M), is small: N B N is M + F' − E' M − M E' and, on the diagonal, the terms of second order, sums over rows.

What is left out is bounded by the norms a ≥ ‖E'‖ and b ≥ ‖F'‖, which Cholesky factors of a I ± E' and b I ± F' prove.

Sources: Saad, Iterative Methods for Sparse Linear Systems, 2003, section 6.12 (deflation); Rump, Verification of positive
definiteness, BIT 2006, doi:10.1007/s10543-006-0056-1 (a factor in floating point as a proof).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf

Matrix = NDArray[np.float64]

MOST_ERROR = 2e-3
"""Of what is found on the diagonal, by the bound: 0.1 % of the width of an interval. What is seen is a hundredth of it."""
WIDER = 2.5
"""Times the longest row: where what is left has no structure the norm is twice that."""
LEAST_NORMS = (0.05, 0.2)
"""Of E' and F': a smaller one would make the bounds no better where rows are short, and what is left may have structure there."""
FORGOTTEN = 1e-8  # of a series, of numbers near 1
MOST_TERMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Congruence:
    """``product`` [n, n]: H⁻¹ B H⁻¹; ``on_diagonal``, ``beside``: bounds of the error there."""

    product: Matrix
    on_diagonal: float
    beside: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of H and B: E' = E − Q Zᵀ − Z Qᵀ and F' = F − Q Aᵀ − A Qᵀ, each [n, n] in single precision, and by rows ``squares`` of
    E', ``weighted`` by M, ``other_squares`` of F', ``crossed``: of E' times F'."""

    first: NDArray[np.float32]
    second: NDArray[np.float32]
    squares: NDArray[np.float64]
    weighted: NDArray[np.float64]
    other_squares: NDArray[np.float64]
    crossed: NDArray[np.float64]


def near_diagonal_congruence(information: Matrix, middle: Matrix, directions: Matrix) -> Congruence | None:
    """H⁻¹ B H⁻¹ with bounds, or None where they are more than `MOST_ERROR` or not proven.

    Args:
        information: H [n, n], symmetric, positive definite, with a diagonal of 1.
        middle: B [n, n], symmetric.
        directions: [n, r], near those in which H is far from 1.
    """
    weight = np.diag(middle).copy()
    basis = np.linalg.qr(directions)[0]
    basis = np.linalg.qr(information @ basis - basis)[0]
    image = information @ basis - basis
    within = basis.T @ image
    coupled = image - basis @ within
    rest = image - basis @ within / 2
    rank = basis.shape[1]

    def inverted(values: Matrix) -> Matrix | None:
        """N X."""
        term, summed = values, values.copy()
        for _ in range(MOST_TERMS):
            term = term - information @ term + basis @ (rest.T @ term) + rest @ (basis.T @ term)
            summed += term
            if np.abs(term).max() < FORGOTTEN:
                return summed
        return None

    solved = inverted(coupled)
    if solved is None:
        return None
    sides = np.hstack((basis, basis - solved))  # H⁻¹ = N + sides inner sidesᵀ
    inner = np.zeros((2 * rank, 2 * rank))
    inner[:rank, :rank] = -np.eye(rank)
    inner[rank:, rank:] = np.linalg.inv(np.eye(rank) + within - coupled.T @ solved)
    met = middle @ sides
    beside = met[:, :rank] - weight[:, None] * basis
    other = beside - basis @ (basis.T @ beside) / 2
    both = inverted(np.hstack((met, other)))
    if both is None:
        return None
    other_sides = both[:, : 2 * rank] @ inner + sides @ (inner @ (sides.T @ met) @ inner) / 2
    other_sides[:, :rank] += both[:, 2 * rank :] - other
    left = _left(information, middle, weight, basis, rest, other)
    bounds = _bounds(left, weight)
    if bounds is None:
        return None
    product = np.hstack((sides, other_sides)) @ np.hstack((other_sides, sides)).T
    second_order = left.weighted + 2 * weight * left.squares - 2 * left.crossed
    _add(product, middle, left.first, weight, second_order)
    return Congruence(product=product, on_diagonal=bounds[0], beside=bounds[1])


def _bounds(left: Left, weight: NDArray[np.float64]) -> tuple[float, float] | None:
    """Of the error on the diagonal and beside it, from the series of N B N; None: too large, or not proven."""
    e, f, m = float(left.squares.max()) ** 0.5, float(left.other_squares.max()) ** 0.5, float(weight.max())
    a, b = max(WIDER * e, LEAST_NORMS[0]), max(WIDER * f, LEAST_NORMS[1])
    if a >= 0.5:
        return None
    # orders from 3 on of N M N, from 2 on of N F' N, by Cauchy and Schwarz
    on_diagonal = e * e * m * (a / (1 - a) ** 2 + 3 * a / (1 - a)) + 2 * e * f * a / (1 - a) + e * e * b / (1 - a) ** 2
    if on_diagonal > MOST_ERROR * float(weight.min()) or not _within(left.first, a) or not _within(left.second, b):
        return None
    return on_diagonal, on_diagonal + 3 * m * e * e + 2 * e * f


def _within(matrix: NDArray[np.float32], norm: float) -> bool:
    """Whether a factor in single precision proves that no eigenvalue [n, n] is farther from 0 than the norm, but for its rounding."""
    for signed in (matrix, -matrix):
        shifted = signed + np.diag(np.full(len(matrix), norm, np.float32))
        if spotrf(shifted.T, lower=1, clean=0, overwrite_a=1)[1]:
            return False
    return True


def _left(
    information: Matrix, middle: Matrix, weight: NDArray[np.float64], basis: Matrix, rest: Matrix, other: Matrix
) -> Left:
    shape = information.shape
    first, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
    rows = [np.ascontiguousarray(part.T) for part in (basis, rest, other)]
    squares, weighted, other_squares, crossed = _sum_rows(information, middle, weight, *rows, first, second)
    return Left(
        first=first,
        second=second,
        squares=squares,
        weighted=weighted,
        other_squares=other_squares,
        crossed=crossed,
    )


@nb.njit(cache=True, error_model="numpy")
def _sum_rows(information, middle, weight, basis, rest, other, first, second):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills E' and F'; (squares, weighted, other squares, crossed) by columns, which are the rows, so that it is vectorised."""
    size = len(weight)
    squares, weighted, other_squares, crossed = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    one, two = np.empty(size), np.empty(size)
    for i in range(size):
        one[:], two[:] = information[i], middle[i]
        one[i] = two[i] = 0.0
        for k in range(len(basis)):
            q, z, a = basis[k, i], rest[k, i], other[k, i]
            for j in range(size):
                one[j] -= q * rest[k, j] + z * basis[k, j]
            for j in range(size):
                two[j] -= q * other[k, j] + a * basis[k, j]
        own = weight[i]
        for j in range(size):
            square = one[j] * one[j]
            squares[j] += square
            weighted[j] += own * square
            other_squares[j] += two[j] * two[j]
            crossed[j] += one[j] * two[j]
        for j in range(size):
            first[i, j], second[i, j] = one[j], two[j]
    return squares, weighted, other_squares, crossed


@nb.njit(cache=True, error_model="numpy")
def _add(product, middle, first, weight, second_order):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds M + F − E' M − M E' and the diagonal of second order."""
    for i in range(len(weight)):
        for j in range(len(weight)):
            product[i, j] += middle[i, j] - first[i, j] * (weight[i] + weight[j])
        product[i, i] += second_order[i]

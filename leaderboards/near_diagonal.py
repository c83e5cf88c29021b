"""H⁻¹ B H⁻¹ where H and B are diagonal but for a few directions and little beside: certified, at the cost of a few products by vectors.

Scaled to a diagonal of 1, H = I + E. Along the few directions Q in which E is large (in a league: those of smooth functions of the
ratings) H is inverted exactly, H⁻¹ = N − Q Qᵀ + W S Wᵀ, N = (I + E')⁻¹, E' = P E P, P = I − Q Qᵀ, W = Q − N E Q + Q Qᵀ E Q. What is
left, E' and F' (B likewise, without its diagonal M), is small: N B N is M + F' − E' M − M E' and, on the diagonal, the terms of second
order, sums over rows.

What is left out is bounded by norms: a ≥ ‖E'‖, which Cholesky factors of a I ± E' prove, and b ≥ ‖F'‖ from the sums of F's rows, of
which the bound needs but the size.

Sources: Saad, Iterative Methods for Sparse Linear Systems, 2003, section 6.12 (deflation); Rump, Verification of positive
definiteness, BIT 2006, doi:10.1007/s10543-006-0056-1 (a factor in floating point as a proof); Horn and Johnson, Matrix Analysis,
2013, section 5.6 (sums of rows in weighted coordinates bound the norm).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import spotrf

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

MOST_ERROR = 5e-3
"""Of what is found on the diagonal, by the bound: 0.25 % of the width of an interval. What is seen is a hundredth of it."""
WIDER = 2.5
"""Times the longest row: where what is left has no structure the norm is twice that."""
LEAST_NORM = 0.05
"""Of E': a smaller one would make the bound no better where rows are short, and what is left may have structure there."""
FORGOTTEN = 1e-7  # of a series, of numbers near 1, in single precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Congruence:
    """``product`` [n, n]: H⁻¹ B H⁻¹; ``on_diagonal``, ``beside``: bounds of the error there, in the scale of a diagonal of H of 1."""

    product: Matrix
    on_diagonal: float
    beside: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of H and B, E' [n, n] and F'; by rows ``squares`` of E', ``weighted`` by M, ``other_squares`` of F', ``crossed``: of E'
    times F'; ``other_norm`` ≥ ‖F'‖."""

    first: NDArray[np.float32]
    squares: Vector
    weighted: Vector
    other_squares: Vector
    crossed: Vector
    other_norm: float


def near_diagonal_congruence(
    cells: Matrix, middle: Matrix, directions: Matrix, *, scale: Vector, together: float
) -> Congruence | None:
    """H⁻¹ B H⁻¹ with bounds, or None where they are more than `MOST_ERROR` or not proven.

    Args:
        cells: [n, n], symmetric, 0 on the diagonal: beside its diagonal H, which is positive definite, is ``together - cells``.
        middle: B [n, n], symmetric.
        directions: [n, r], near those in which H, scaled, is far from 1.
        scale: [n], of each row and column: H has 1 / scale² on its diagonal.
    """

    def beside_of_one(values: Matrix) -> Matrix:
        """E X."""
        scaled = scale[:, None] * values
        product: Matrix = scale[:, None] * (together * (scaled.sum(axis=0) - scaled) - cells @ scaled)
        return product

    def weighed(values: Matrix) -> Matrix:
        """B X, scaled."""
        product: Matrix = scale[:, None] * (middle @ (scale[:, None] * values))
        return product

    weight = np.diag(middle) * scale**2
    basis = np.linalg.qr(directions)[0]
    basis = np.linalg.qr(beside_of_one(basis))[0]
    image = beside_of_one(basis)
    within = basis.T @ image
    rest = image - basis @ within / 2
    rank = basis.shape[1]
    basis_weighed = weighed(basis)
    beside = basis_weighed - weight[:, None] * basis
    other = beside - basis @ (basis.T @ beside) / 2
    left = _left(cells, middle, scale, together, weight, basis, rest, other)
    bounds = _bounds(left, weight)
    if bounds is None:
        return None
    coupled = image - basis @ within
    solved = _inverted(left.first, coupled)
    sides = np.hstack((basis, basis - solved))  # H⁻¹ = N + sides inner sidesᵀ
    inner = np.zeros((2 * rank, 2 * rank))
    inner[:rank, :rank] = -np.eye(rank)
    inner[rank:, rank:] = np.linalg.inv(np.eye(rank) + within - coupled.T @ solved)
    met = np.hstack((basis_weighed, basis_weighed - weighed(solved)))
    both = _inverted(left.first, np.hstack((met, other)))
    other_sides = both[:, : 2 * rank] @ inner + sides @ (inner @ (sides.T @ met) @ inner) / 2
    other_sides[:, :rank] += both[:, 2 * rank :] - other
    sides, other_sides = sides * scale[:, None], other_sides * scale[:, None]
    product = np.hstack((sides, other_sides)) @ np.hstack((other_sides, sides)).T
    second_order = left.weighted + 2 * weight * left.squares - 2 * left.crossed
    _add(product, middle, left.first, scale, weight, second_order)
    return Congruence(product=product, on_diagonal=bounds[0], beside=bounds[1])


def _inverted(first: NDArray[np.float32], values: Matrix) -> Matrix:
    """N X, by its series; the norm of E' is below a half."""
    term, summed = values.astype(np.float32), values.copy()
    while np.abs(term).max() > FORGOTTEN:
        term = -(first @ term)
        summed += term
    return summed


def _bounds(left: Left, weight: Vector) -> tuple[float, float] | None:
    """Of the error on the diagonal and beside it, from the series of N B N; None: too large, or not proven."""
    e, f, m = float(left.squares.max()) ** 0.5, float(left.other_squares.max()) ** 0.5, float(weight.max())
    a, b = max(WIDER * e, LEAST_NORM), left.other_norm
    if a >= 0.5:
        return None
    # orders from 3 on of N M N, from 2 on of N F' N, by Cauchy and Schwarz
    on_diagonal = e * e * m * (a / (1 - a) ** 2 + 3 * a / (1 - a)) + 2 * e * f * a / (1 - a) + e * e * b / (1 - a) ** 2
    if on_diagonal > MOST_ERROR * float(weight.min()) or not _within(left.first, a):
        return None
    return on_diagonal, on_diagonal + 3 * m * e * e + 2 * e * f


def _within(matrix: NDArray[np.float32], norm: float) -> bool:
    """Whether a factor in single precision proves that no eigenvalue [n, n] is farther from 0 than the norm, but for its rounding."""
    for shifted in (matrix.copy(), -matrix):
        np.einsum("ii->i", shifted)[:] += np.float32(norm)
        if spotrf(shifted.T, lower=1, clean=0, overwrite_a=1)[1]:
            return False
    return True


def _left(
    cells: Matrix,
    middle: Matrix,
    scale: Vector,
    together: float,
    weight: Vector,
    basis: Matrix,
    rest: Matrix,
    other: Matrix,
) -> Left:
    first = np.empty(cells.shape, np.float32)
    rows = [np.ascontiguousarray(part.T) for part in (basis, rest, other)]
    squares, weighted, other_squares, crossed, absolute = _sum_rows(
        cells, middle, scale, together, weight, *rows, first
    )
    return Left(
        first=first,
        squares=squares,
        weighted=weighted,
        other_squares=other_squares,
        crossed=crossed,
        other_norm=float((absolute * scale**2 - np.abs(weight)).max()),
    )


@nb.njit(cache=True, error_model="numpy")
def _sum_rows(cells, middle, scale, together, weight, basis, rest, other, first):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills E' = E − Q Zᵀ − Z Qᵀ; with F' = F − Q Aᵀ − A Qᵀ, (squares, weighted, other squares, crossed, absolute values of B) by columns,
    which are the rows, so that it is vectorised."""
    size = len(weight)
    squares, weighted, other_squares, crossed = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
    absolute = np.zeros(size)
    one, two = np.empty(size), np.empty(size)
    for i in range(size):
        own = scale[i]
        for j in range(size):
            both = own * scale[j]
            one[j] = (together - cells[i, j]) * both
            two[j] = middle[i, j] * both
            absolute[j] += abs(middle[i, j])
        one[i] = two[i] = 0.0
        for k in range(len(basis)):
            q, z, a = basis[k, i], rest[k, i], other[k, i]
            for j in range(size):
                one[j] -= q * rest[k, j] + z * basis[k, j]
            for j in range(size):
                two[j] -= q * other[k, j] + a * basis[k, j]
        heavy = weight[i]
        for j in range(size):
            square = one[j] * one[j]
            squares[j] += square
            weighted[j] += heavy * square
            other_squares[j] += two[j] * two[j]
            crossed[j] += one[j] * two[j]
        for j in range(size):
            first[i, j] = one[j]
    return squares, weighted, other_squares, crossed, absolute


@nb.njit(cache=True, error_model="numpy")
def _add(product, middle, first, scale, weight, second_order):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds M + F − E' M − M E' and the diagonal of second order."""
    for i in range(len(weight)):
        for j in range(len(weight)):
            both = scale[i] * scale[j]
            product[i, j] += both * (both * middle[i, j] - first[i, j] * (weight[i] + weight[j]))
        product[i, i] += scale[i] * scale[i] * second_order[i]

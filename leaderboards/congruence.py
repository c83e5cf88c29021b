"""H⁻¹ B H⁻¹ of symmetric matrices by halves: the parts on the diagonal on their own, what stands beside them by products.

H is factored as L Lᵀ; B becomes L⁻¹ B L⁻ᵀ and that becomes L⁻ᵀ (·) L⁻¹, each at the cost of half a product of matrices.
Where H has a diagonal of 1 and little beside it (a league in which everybody met many), all products of a halving are of
small numbers, and their rounding in single precision is seen in no digit that matters of the whole.

Source: Martin and Wilkinson, Reduction of the symmetric eigenproblem Ax = λBx and related problems to standard form,
Numerische Mathematik 1968, doi:10.1007/BF02165475 (L⁻¹ B L⁻ᵀ without the whole of L⁻¹).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtrsm, strsm

LEAF = 128  # rows: below, nothing is gained by halving
SINGLE_BELOW = 1e-2
"""Squares beside a diagonal of 1, summed over a row: single precision rounds such products by some 1e-9 of the diagonal."""

Matrix = NDArray[np.float64]
Part = NDArray[np.floating]
Kind = type[np.float32] | type[np.float64]


def congruent_inverse(matrix: Matrix, information: Matrix, *, beside: float) -> None:
    """Makes ``matrix`` B [n, n], symmetric, into H⁻¹ B H⁻¹, and ``information`` H [n, n], positive definite, into L.

    Args:
        beside: the largest sum of squares beside the diagonal in a row of H, whose diagonal is 1, and of B by the same measure.

    Raises:
        LinAlgError: H is not positive definite in floating point.
    """
    kind: Kind = np.float32 if beside < SINGLE_BELOW else np.float64
    _factor(information, kind)
    _reduce(matrix, information, kind)
    _reduce_transposed(matrix, information, kind)


def _factor(matrix: Matrix, kind: Kind) -> None:
    """H becomes L; what is above the diagonal does not count."""
    size = len(matrix)
    if size <= LEAF:
        matrix[:] = np.linalg.cholesky(matrix)
        return
    half = size // 2
    _factor(matrix[:half, :half], kind)
    beside = _right(matrix[half:, :half].astype(kind), matrix[:half, :half].astype(kind), transposed=True)
    matrix[half:, :half], matrix[:half, half:] = beside, 0.0
    matrix[half:, half:] -= beside @ beside.T
    _factor(matrix[half:, half:], kind)


def _reduce(matrix: Matrix, factor: Matrix, kind: Kind) -> None:
    """B becomes L⁻¹ B L⁻ᵀ."""
    size = len(matrix)
    if size <= LEAF:
        whole = np.ascontiguousarray(factor)
        matrix[:] = _right(_left(matrix.copy(), whole, transposed=False), whole, transposed=True)
        return
    half = size // 2
    first, last = matrix[:half, :half], matrix[half:, half:]
    upper, beside, lower = _parts(factor, kind)
    _reduce(first, factor[:half, :half], kind)
    across = _right(matrix[half:, :half].astype(kind), upper, transposed=True)
    middle: Part = first.astype(kind)
    across -= (correction := (beside @ middle) / 2)
    product = across @ beside.T
    last -= product
    last -= product.T
    across -= correction
    across = _left(across, lower, transposed=False)
    _reduce(last, factor[half:, half:], kind)
    matrix[half:, :half], matrix[:half, half:] = across, across.T


def _reduce_transposed(matrix: Matrix, factor: Matrix, kind: Kind) -> None:
    """B becomes L⁻ᵀ B L⁻¹."""
    size = len(matrix)
    if size <= LEAF:
        whole = np.ascontiguousarray(factor)
        matrix[:] = _right(_left(matrix.copy(), whole, transposed=True), whole, transposed=False)
        return
    half = size // 2
    first, last = matrix[:half, :half], matrix[half:, half:]
    upper, beside, lower = _parts(factor, kind)
    _reduce_transposed(last, factor[half:, half:], kind)
    across = _left(matrix[half:, :half].astype(kind), lower, transposed=True)
    middle: Part = last.astype(kind)
    across -= (correction := (middle @ beside) / 2)
    product = beside.T @ across
    first -= product
    first -= product.T
    across -= correction
    across = _right(across, upper, transposed=False)
    _reduce_transposed(first, factor[:half, :half], kind)
    matrix[half:, :half], matrix[:half, half:] = across, across.T


def _parts(factor: Matrix, kind: Kind) -> tuple[Part, Part, Part]:
    """The parts of L: above on the diagonal, beside it, below on the diagonal."""
    half = len(factor) // 2
    return factor[:half, :half].astype(kind), factor[half:, :half].astype(kind), factor[half:, half:].astype(kind)


def _left(right: Part, factor: Part, *, transposed: bool) -> Part:
    """L⁻¹ X, or L⁻ᵀ X where transposed; X is used up."""
    return _solved(right, factor, side=1, transposed=transposed)


def _right(left: Part, factor: Part, *, transposed: bool) -> Part:
    """X L⁻¹, or X L⁻ᵀ where transposed; X is used up."""
    return _solved(left, factor, side=0, transposed=transposed)


def _solved(part: Part, factor: Part, *, side: int, transposed: bool) -> Part:
    """BLAS counts along columns: it sees the transposes of all, and so the factor on the other side, upper."""
    solve = strsm if part.dtype == np.float32 else dtrsm
    solved: Part = solve(1.0, factor.T, part.T, side=side, lower=0, trans_a=int(transposed), overwrite_b=1).T
    return solved

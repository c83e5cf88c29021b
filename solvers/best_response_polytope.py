"""The vertices of {x ≥ 0, matrix x ≤ 1}, each with the constraints that hold it: the candidates for equilibrium strategies."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

ZERO = 1e-10  # of entries in 1..2: a probability or a slack below it is none
UNSURE = 1e-8  # between ZERO and this, rounding may have decided
SINGULAR = 1e-13  # of pivots
UNSURE_PIVOT = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Vertices:
    """``points`` [V, d], without the origin; ``zeros`` [V] and ``tight`` [V]: which coordinates are zero and which constraints hold
    with equality, as bits. ``degenerate``: some vertex is held by more than d constraints. ``sure``: rounding decided nothing."""

    points: NDArray[np.float64]
    zeros: NDArray[np.uint64]
    tight: NDArray[np.uint64]
    degenerate: bool
    sure: bool


def vertices(matrix: NDArray[np.float64]) -> Vertices:
    """All vertices but the origin of the polytope of a matrix [c, d] with entries in 1..2, c and d at most 63.

    A vertex with k positive coordinates solves matrix[J, I] x_I = 1 for some k constraints J: all pairs (I, J) are tried,
    binomial(c + d, d) − 1 systems.
    """
    points, zeros, tight, unsure = _enumerate(matrix)
    _, first = np.unique(np.stack((zeros, tight)), axis=1, return_index=True)  # degenerate ones come several times
    points, zeros, tight = points[first], zeros[first], tight[first]
    held = np.bitwise_count(zeros).astype(np.int64) + np.bitwise_count(tight)
    return Vertices(
        points=points, zeros=zeros, tight=tight, degenerate=bool((held > matrix.shape[1]).any()), sure=unsure == 0
    )


@nb.njit(cache=True)
def _enumerate(matrix):  # type: ignore[no-untyped-def]  # numba kernel
    num_constraints, size = matrix.shape
    capacity, count, unsure = 256, 0, 0
    points = np.zeros((capacity, size))
    zeros = np.zeros(capacity, np.uint64)
    tight = np.zeros(capacity, np.uint64)
    system = np.empty((size, size + 1))
    support = np.zeros(size, np.int64)
    chosen = np.zeros(size, np.int64)
    point = np.zeros(size)
    for k in range(1, min(size, num_constraints) + 1):
        for i in range(k):
            support[i] = i
        more_supports = True
        while more_supports:
            for i in range(k):
                chosen[i] = i
            more_constraints = True
            while more_constraints:
                pivot = _solve(matrix, support, chosen, k, system)
                if SINGULAR < pivot < UNSURE_PIVOT:
                    unsure += 1
                elif pivot >= UNSURE_PIVOT:
                    state = _place(matrix, support, k, system, point)
                    if state >= 0:
                        unsure += state
                        if count == capacity:
                            capacity *= 2
                            points, zeros, tight = _longer(points), _longer(zeros), _longer(tight)
                        points[count] = point
                        for i in range(size):
                            if point[i] == 0:
                                zeros[count] |= np.uint64(1) << np.uint64(i)
                        for c in range(num_constraints):
                            if _slack(matrix, c, point) <= ZERO:
                                tight[count] |= np.uint64(1) << np.uint64(c)
                        count += 1
                more_constraints = _next(chosen, k, num_constraints)
            more_supports = _next(support, k, size)
    return points[:count], zeros[:count], tight[:count], unsure


@nb.njit(cache=True)
def _next(subset, k, size):  # type: ignore[no-untyped-def]  # numba kernel
    """Makes `subset` the next of k out of size in order; False after the last."""
    for i in range(k - 1, -1, -1):
        if subset[i] < size - k + i:
            subset[i] += 1
            for j in range(i + 1, k):
                subset[j] = subset[j - 1] + 1
            return True
    return False


@nb.njit(cache=True)
def _solve(matrix, support, chosen, k, system):  # type: ignore[no-untyped-def]  # numba kernel
    """Leaves the solution in the last column, `system[:k, k]`, and returns the smallest pivot."""
    for i in range(k):
        for j in range(k):
            system[i, j] = matrix[chosen[i], support[j]]
        system[i, k] = 1.0
    smallest = np.inf
    for j in range(k):
        best = j
        for i in range(j + 1, k):
            if abs(system[i, j]) > abs(system[best, j]):
                best = i
        smallest = min(smallest, abs(system[best, j]))
        if smallest <= SINGULAR:
            return smallest
        if best != j:
            for c in range(j, k + 1):
                system[j, c], system[best, c] = system[best, c], system[j, c]
        for i in range(k):
            if i != j:
                factor = system[i, j] / system[j, j]
                if factor != 0:
                    for c in range(j, k + 1):
                        system[i, c] -= factor * system[j, c]
    for j in range(k):
        system[j, k] /= system[j, j]
    return smallest


@nb.njit(cache=True)
def _place(matrix, support, k, system, point):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes the point; returns how many of its numbers are near enough to zero to be in doubt, −1 where it is outside."""
    point[:] = 0.0
    unsure = 0
    for j in range(k):
        value = system[j, k]
        if value < -UNSURE:
            return -1
        if ZERO < abs(value) < UNSURE:
            unsure += 1
        if value < -ZERO:
            return -1
        point[support[j]] = value if value > ZERO else 0.0
    for c in range(len(matrix)):
        slack = _slack(matrix, c, point)
        if slack < -ZERO:
            return -1
        if ZERO < slack < UNSURE:
            unsure += 1
    return unsure


@nb.njit(cache=True)
def _slack(matrix, constraint, point):  # type: ignore[no-untyped-def]  # numba kernel
    total = 1.0
    for i in range(len(point)):
        total -= matrix[constraint, i] * point[i]
    return total


@nb.njit(cache=True)
def _longer(values):  # type: ignore[no-untyped-def]  # numba kernel
    return np.concatenate((values, np.zeros_like(values)))

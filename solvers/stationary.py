"""The stationary distribution of a finite Markov chain, also where its transitions differ by many orders of magnitude."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

RECIPROCAL_CONDITION = 1e-5  # of systems whose solution by elimination with pivots has ten digits


def stationary_distribution(chain: NDArray[np.float64]) -> NDArray[np.float64]:
    """π [n] with π chain = π, Σ π = 1, of an irreducible chain [n, n] whose rows sum to one.

    By LU where the system is well conditioned; else by elimination without subtractions, slower, which keeps the relative
    accuracy of every entry however small: Grassmann, Taksar, Heyman, Regenerative analysis and steady state distributions
    for Markov chains, Operations Research 1985, doi:10.1287/opre.33.5.1107.
    """
    from scipy.linalg import lapack

    size = len(chain)
    system = np.array(chain.T, order="F")  # a view of `chain` must not be written to
    system.ravel(order="K")[:: size + 1] -= 1.0
    system[-1] = 1.0
    norm = np.abs(system).sum(0).max()
    factors, pivots, failed = lapack.dgetrf(system, overwrite_a=1)
    if failed == 0 and lapack.dgecon(factors, norm)[0] >= RECIPROCAL_CONDITION:
        right = np.zeros(size)
        right[-1] = 1.0
        solved, _ = lapack.dgetrs(factors, pivots, right)
        positive = np.maximum(np.asarray(solved, np.float64), 0.0)
    else:
        positive = _eliminate(chain.copy())
    distribution: NDArray[np.float64] = positive / positive.sum()
    return distribution


def closed_classes(chain: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """The groups of states that reach one another and are never left; one group where the stationary distribution is unique."""
    number, count = _components(chain)
    left = _left(chain, number, count)
    return [np.flatnonzero(number == component) for component in np.flatnonzero(~left)]


@nb.njit(cache=True)
def _components(chain):  # type: ignore[no-untyped-def]  # numba kernel
    """(number of the strongly connected component of each state [n], how many): Tarjan, Depth-first search and linear graph
    algorithms, 1972, doi:10.1137/0201010, with a stack in place of recursion."""
    size = len(chain)
    number, found, lowest = np.full(size, -1), np.full(size, -1), np.zeros(size, np.int64)
    path, after = np.empty(size, np.int64), np.zeros(size, np.int64)  # states on the way, where to look on from each
    open_states = np.empty(size, np.int64)  # found, of a component that is not complete
    count, clock, waiting = 0, 0, 0
    for start in range(size):
        if found[start] >= 0:
            continue
        depth = 0
        path[0] = start
        while depth >= 0:
            state = path[depth]
            if found[state] < 0:
                found[state] = lowest[state] = clock
                clock += 1
                open_states[waiting] = state
                waiting += 1
            deeper = False
            for target in range(after[state], size):
                if chain[state, target] > 0 and number[target] < 0:
                    if found[target] < 0:
                        after[state] = target  # to be seen again, with what it leads to
                        depth += 1
                        path[depth] = target
                        deeper = True
                        break
                    lowest[state] = min(lowest[state], lowest[target])
            if deeper:
                continue
            depth -= 1
            if lowest[state] == found[state]:
                while number[state] < 0:
                    waiting -= 1
                    number[open_states[waiting]] = count
                count += 1
    return number, count


@nb.njit(cache=True)
def _left(chain, number, count):  # type: ignore[no-untyped-def]  # numba kernel
    """[count]: whether a move leads out of each component."""
    left = np.zeros(count, np.bool_)
    for state in range(len(chain)):
        target = 0
        while target < len(chain) and not left[number[state]]:
            left[number[state]] = chain[state, target] > 0 and number[target] != number[state]
            target += 1
    return left


@nb.njit(cache=True)
def _eliminate(chain):  # type: ignore[no-untyped-def]  # numba kernel
    """Removes states from the last to the first; the chain seen at the others alone stays a chain."""
    size = len(chain)
    for last in range(size - 1, 0, -1):
        leaving = chain[last, :last].sum()
        for i in range(last):
            chain[i, last] /= leaving
            factor = chain[i, last]
            if factor != 0:
                for j in range(last):
                    chain[i, j] += factor * chain[last, j]
    masses = np.zeros(size)
    masses[0] = 1.0
    for state in range(1, size):
        for i in range(state):
            masses[state] += masses[i] * chain[i, state]
        largest = masses[: state + 1].max()
        if largest > 1e100:
            masses[: state + 1] /= largest
    return masses

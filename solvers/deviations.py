"""What each player would get by each action against the others' strategies: the payoffs that every certificate measures.

Payoffs of n players are one table [n, A_0, ..., A_{n-1}]; ``payoffs[i, a_0, ..., a_{n-1}]`` is player i's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.constant_sums import constant_sum, sum_tolerance
from arena.games.errors import SpecificationError
from arena.games.normal_form import LARGEST

GAP_TOLERANCE = 1e-7
"""Of the range of payoffs: what a method that is exact up to rounding must reach to call itself converged."""

Strategies = tuple[NDArray[np.float64], ...]


def payoff_table(payoffs: ArrayLike) -> NDArray[np.float64]:
    """The payoffs as an array [num_players, A_0, A_1, ...].

    Raises:
        SpecificationError: another shape, or a payoff that is no finite number.
    """
    table = np.ascontiguousarray(payoffs, np.float64)
    if table.ndim < 2 or table.shape[0] != table.ndim - 1 or not table.size:
        raise SpecificationError(
            "payoffs must have the shape [players, actions of player 0, actions of player 1, ...], at least one action each; "
            f"got {list(table.shape)} (the table of a zero-sum matrix A is numpy.stack((A, -A)))"
        )
    _check_finite(table)
    return table


def row_payoffs(payoffs: ArrayLike) -> NDArray[np.float64]:
    """The payoffs [num_rows, num_columns] of the row player of a zero-sum game as an array.

    Raises:
        SpecificationError: no matrix, or a payoff that is no finite number.
    """
    matrix = np.asarray(payoffs, np.float64)
    if matrix.ndim != 2 or not matrix.size:
        raise SpecificationError(f"payoffs must be a matrix of finite numbers; got shape {matrix.shape}")
    _check_finite(matrix)
    return matrix


def _check_finite(payoffs: NDArray[np.float64]) -> None:
    if not (np.abs(payoffs) <= LARGEST).all():  # NaN too
        raise SpecificationError(
            f"payoffs must be finite numbers of at most {LARGEST:g}; got NaN, infinity or a larger one"
        )


def deviation_payoffs(payoffs: NDArray[np.float64], strategies: Sequence[NDArray[np.float64]]) -> Strategies:
    """For each player, the expected payoff [A_i] of each of its actions against the others' strategies."""
    found = []
    for player, own in enumerate(payoffs):
        for other in reversed(range(len(payoffs))):  # the last axis first: those before it keep their place
            if other != player:
                own = np.tensordot(own, strategies[other], (other, 0))
        found.append(own)
    return tuple(found)


def nash_gap(
    payoffs: NDArray[np.float64], strategies: Sequence[NDArray[np.float64]]
) -> tuple[float, tuple[float, ...]]:
    """(NashConv: what all players would gain by a best response, summed; each player's expected payoff)."""
    deviations = deviation_payoffs(payoffs, strategies)
    values = [float(own @ strategy) for own, strategy in zip(deviations, strategies, strict=True)]
    gains = [max(float(own.max()) - value, 0.0) for own, value in zip(deviations, values, strict=True)]
    return sum(gains), tuple(values)


def payoff_range(payoffs: NDArray[np.float64]) -> float:
    """The largest difference between two payoffs of the same player, 1 where all are the same: the unit of gaps."""
    return max(float(np.ptp(own)) for own in payoffs) or 1.0


def gap_unit(payoffs: NDArray[np.float64]) -> float:
    """The least `payoff_range` of a single player for whom payoffs differ: in this unit a small gap is small for everybody,
    though players count in different units."""
    return min((spread for spread in map(float, (np.ptp(own) for own in payoffs)) if spread > 0), default=1.0)


def is_constant_sum(payoffs: NDArray[np.float64]) -> bool:
    """Whether it is a two-player game in which what one gains the other loses."""
    return len(payoffs) == 2 and constant_sum(payoffs) is not None


def is_symmetric_zero_sum(payoffs: NDArray[np.float64]) -> bool:
    """Whether it is a two-player constant-sum game in which both players are in the same position."""
    if not is_constant_sum(payoffs) or payoffs.shape[1] != payoffs.shape[2]:
        return False
    advantage = zero_sum_matrix(payoffs)
    return float(np.abs(advantage + advantage.T).max()) <= sum_tolerance(payoffs)


def zero_sum_matrix(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The first player's payoffs [A_0, A_1] of a two-player constant-sum game, the constant split evenly."""
    matrix: NDArray[np.float64] = (payoffs[0] - payoffs[1]) / 2
    return matrix


@nb.njit(cache=True)
def write_deviations(table, sizes, strategies, deviations):  # type: ignore[no-untyped-def]  # numba kernel
    """`deviation_payoffs` for kernels: ``table`` [n, profiles], ``strategies`` and ``deviations`` [n, most actions]."""
    last = len(sizes) - 1  # whose actions stand side by side in memory: the inner loops run over them
    width = sizes[last]
    deviations[:] = 0.0
    profile = np.zeros(last + 1, np.int64)
    before = np.ones(last + 1)  # before[i] = probability of what the players before i do
    for start in range(0, table.shape[1], width):
        for i in range(last):
            before[i + 1] = before[i] * strategies[i, profile[i]]
        for action in range(width):
            deviations[last, action] += before[last] * table[last, start + action]
        after = 1.0
        for i in range(last - 1, -1, -1):
            others = before[i] * after
            if others != 0:
                mean = 0.0
                for action in range(width):
                    mean += strategies[last, action] * table[i, start + action]
                deviations[i, profile[i]] += others * mean
            after *= strategies[i, profile[i]]
        for i in range(last - 1, -1, -1):
            profile[i] += 1
            if profile[i] < sizes[i]:
                break
            profile[i] = 0

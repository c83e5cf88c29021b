"""Means of matches by agent, with errors from units of resampling within strata: the schedule is given, only matches vary.

A *cell* is an agent in one stratum (a lineup). Within a cell the unit sums of its values vary around the cell's mean; an
agent's mean is over all its cells, and its variance is the sum of theirs. Cells of one unit tell no variance: those of one
agent are taken together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
import scipy.stats
from numpy.typing import NDArray

ROUNDING = 1e-12  # of the largest value: a mean whose error is no more has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Of each of E groups: ``mean``, standard ``error``, interval ``low`` to ``high`` [E], nan where there is none; ``count``
    of values and ``units`` [E]. The error is nan with one unit, 0 where nothing varies."""

    mean: NDArray[np.float64]
    error: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    count: NDArray[np.int64]
    units: NDArray[np.int64]


def clustered_means(
    values: NDArray[np.float64],
    cell: NDArray[np.int64],
    unit: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    num_groups: int,
    confidence: float,
) -> Means:
    """The mean of each group of cells, with Student's interval and Satterthwaite's degrees of freedom.

    Source: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 1946.

    Args:
        values: [N, P].
        cell: [N, P], the cell of each value, -1 = not counted.
        unit: [N], rows of one unit stand together.
        group: [cells], which group each cell is in.
        num_groups: E.
        confidence: of the intervals.
    """
    size = len(group)
    sums, counts, units = _cell_sums(values, cell, unit, size)

    def per_group(of_cells: NDArray[np.float64], chosen: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        weights = of_cells if chosen is None else np.where(chosen, of_cells, 0.0)
        return np.bincount(group, weights, minlength=num_groups).astype(np.float64)

    total, number = per_group(counts), per_group(units)
    mean = np.divide(per_group(sums), total, out=np.full(num_groups, np.nan), where=total > 0)
    alone = units == 1
    lone = per_group(units, alone)
    lone_mean = np.divide(per_group(sums, alone), per_group(counts, alone), out=np.zeros(num_groups), where=lone > 0)
    lone_mean = np.where(
        lone > 1, lone_mean, np.where(total > 0, mean, 0.0)
    )  # one alone: as far as it is from the mean
    centre = np.divide(sums, counts, out=np.zeros(size), where=counts > 0)
    centre = np.where(alone, lone_mean[group], centre)
    squares = _cell_squares(values, cell, unit, centre)
    freedom = np.maximum(units - 1, 1.0)
    shares = np.where(units > 1, units / freedom * squares, 0.0)
    lone_freedom = np.maximum(lone - 1, 1.0)
    lone_share = lone / lone_freedom * per_group(squares, alone)
    variance = per_group(shares) + lone_share
    spread = per_group(shares**2 / freedom) + lone_share**2 / lone_freedom
    error = np.full(num_groups, np.nan)
    known = number > 1
    error[known] = np.sqrt(variance[known]) / total[known]
    scale = float(np.abs(values[cell >= 0]).max(initial=0.0))
    error[error <= ROUNDING * scale] = 0.0
    quantile = np.zeros(num_groups)
    sampled = error > 0
    quantile[sampled] = scipy.stats.t.ppf(0.5 + confidence / 2, variance[sampled] ** 2 / spread[sampled])
    half = quantile * error
    return Means(
        mean=mean,
        error=error,
        low=mean - half,
        high=mean + half,
        count=total.astype(np.int64),
        units=number.astype(np.int64),
    )


@nb.njit(cache=True)
def _cell_sums(values, cell, unit, size):  # type: ignore[no-untyped-def]  # numba kernel
    """(sum of values, number of values, number of units) of each cell [cells]."""
    sums, counts, units = np.zeros(size), np.zeros(size), np.zeros(size)
    last = np.full(size, -1, np.int64)
    for i in range(len(values)):
        for p in range(values.shape[1]):
            c = cell[i, p]
            if c >= 0:
                sums[c] += values[i, p]
                counts[c] += 1.0
                if last[c] != unit[i]:
                    last[c] = unit[i]
                    units[c] += 1.0
    return sums, counts, units


@nb.njit(cache=True)
def _cell_squares(values, cell, unit, centre):  # type: ignore[no-untyped-def]  # numba kernel
    """Of each cell, the sum over units of (sum of value − centre)² [cells]."""
    squares, within = np.zeros(len(centre)), np.zeros(len(centre))
    last = np.full(len(centre), -1, np.int64)
    for i in range(len(values)):
        for p in range(values.shape[1]):
            c = cell[i, p]
            if c < 0:
                continue
            if last[c] != unit[i]:
                squares[c] += within[c] * within[c]
                within[c] = 0.0
                last[c] = unit[i]
            within[c] += values[i, p] - centre[c]
    return squares + within * within

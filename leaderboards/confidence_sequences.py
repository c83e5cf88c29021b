"""Intervals that may be read after every pair of matches: all of them at once are true with the stated probability.

Three are here. `score_sequence` is valid for any number of pairs and any distribution of scores in 0..1: it bets against each
mean and keeps those against which no bet has won 2/α. `elo_sequence` is the same, seen through the map from
expected score to Elo; it assumes nothing either, but speaks of two agents by their own matches alone. `rating_sequence` is of the
difference of two agents of a league rated together, and is *asymptotic*: it follows the fit's sandwich variance as if the estimate
were a Gaussian walk, which becomes true as units are many. Its error rate holds in the limit of late first looks only.

Sources: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 2024,
doi:10.1093/jrsssb/qkad009 (hedged capital, predictable plug-in bets, running intersection); Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, 2024, arXiv:2103.06476; Robbins,
Statistical methods related to the law of the iterated logarithm, 1970, doi:10.1214/aoms/1177696786 (the mixture's boundary).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

GRID = 1000
"""Means that are bet against; an interval's ends are rounded outwards to 1/1000."""
LARGEST_BET = 0.5
"""Share of the largest bet that cannot lose more than everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """Bounds after each of T looks: ``low``, ``high`` float64 [..., T].

    With a probability of 1 − ``error_rate`` all of them hold at once, in the limit alone where ``asymptotic``.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    error_rate: float
    asymptotic: bool


def score_sequence(
    pair_scores: Sequence[float] | NDArray[np.float64], *, error_rate: float = 0.05
) -> ConfidenceSequence:
    """Bounds of the mean score after each pair, each the intersection of all before it.

    Valid for scores whose mean, given those before, is always the same; at any number of pairs.

    Args:
        pair_scores: [T] in schedule order, or [R, T] of R runs: the first agent's share of the points, in 0..1.
        error_rate: that any bound of the sequence is ever false, in (0, 1).

    Raises:
        ValueError: a score outside 0..1, or the error rate out of its range.
    """
    _check_rate(error_rate)
    scores = np.asarray(pair_scores, np.float64)
    if scores.ndim not in (1, 2) or not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("pair_scores must be [T] or [R, T] numbers in 0..1, one a pair of matches")
    low, high = _bet(np.atleast_2d(scores), error_rate)
    return ConfidenceSequence(
        low=low.reshape(scores.shape), high=high.reshape(scores.shape), error_rate=error_rate, asymptotic=False
    )


def elo_sequence(pair_scores: Sequence[float] | NDArray[np.float64], *, error_rate: float = 0.05) -> ConfidenceSequence:
    """Bounds of the Elo difference that two agents' expected score means, from their own matches: valid as `score_sequence` is.

    Infinite where the score's bound is 0 or 1.
    """
    scores = score_sequence(pair_scores, error_rate=error_rate)
    return ConfidenceSequence(low=_elo(scores.low), high=_elo(scores.high), error_rate=error_rate, asymptotic=False)


def rating_sequence(
    differences: Sequence[float] | NDArray[np.float64],
    standard_errors: Sequence[float] | NDArray[np.float64],
    units: Sequence[int] | NDArray[np.int64],
    *,
    error_rate: float = 0.05,
    narrowest_at: int = 500,
) -> ConfidenceSequence:
    """Asymptotic bounds of a rating difference after each look, from its estimate and sandwich standard error there.

    Assumed: units (pairs of twins) are independent and paired by a rule that does not look at results, and the first look comes late
    enough for the estimate to be near Gaussian. The radius is se · √((n + 1/ρ²) / n · ln((n ρ² + 1) / α²)), n units.

    Args:
        differences: [T] estimates, on any scale.
        standard_errors: [T] of them, on the same scale.
        units: [T] units of resampling that each rests on, at least 1.
        error_rate: in (0, 1).
        narrowest_at: the number of units at which the bounds are to be narrowest.

    Raises:
        ValueError: arguments of different lengths or out of their range.
    """
    _check_rate(error_rate)
    at, error, n = (np.asarray(column, np.float64) for column in (differences, standard_errors, units))
    if at.ndim != 1 or at.shape != error.shape or at.shape != n.shape:
        raise ValueError(f"one estimate, error and count a look; got shapes {at.shape}, {error.shape} and {n.shape}")
    if not (np.all(error >= 0) and np.all(n >= 1) and np.isfinite(at).all()) or narrowest_at < 1:
        raise ValueError("standard errors must be at least 0, units and narrowest_at at least 1, differences finite")
    radius = error * standard_errors_wide(n, error_rate=error_rate, narrowest_at=narrowest_at)
    return ConfidenceSequence(
        low=np.maximum.accumulate(at - radius),
        high=np.minimum.accumulate(at + radius),
        error_rate=error_rate,
        asymptotic=True,
    )


def standard_errors_wide(
    units: NDArray[np.float64], *, error_rate: float, narrowest_at: int = 500
) -> NDArray[np.float64]:
    """How many standard errors the bounds of `rating_sequence` are from the estimate after so many units."""
    width = -2 * math.log(error_rate)
    rho = (width + math.log(width + 1)) / narrowest_at  # ρ²
    wide: NDArray[np.float64] = np.sqrt((units + 1 / rho) / units * np.log((units * rho + 1) / error_rate**2))
    return wide


def _check_rate(error_rate: float) -> None:
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate must be in (0, 1); got {error_rate}")


def _elo(score: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(score, 1e-9, 1 - 1e-9)
    elo: NDArray[np.float64] = 400 * np.log10(inside / (1 - inside))
    elo = np.where(score <= 0, -np.inf, elo)
    return np.where(score >= 1, np.inf, elo)


@nb.njit(cache=True, error_model="numpy")
def _bet(scores, error_rate):  # type: ignore[no-untyped-def]  # numba kernel
    """Half of the capital bets that the mean is larger than m, half that it is smaller; m is refuted where a half has won 2/α.

    Refuted means stay so: only those between the bounds are bet against any longer. The bets depend on earlier scores alone.
    """
    runs, pairs = scores.shape
    low, high = np.empty((runs, pairs)), np.empty((runs, pairs))
    need = 2 / error_rate
    up, down = np.empty(GRID + 1), np.empty(GRID + 1)
    for run in range(runs):
        up[:] = 1.0
        down[:] = 1.0
        first, last = 0, GRID  # the means not refuted
        total, squares = 0.5, 0.25  # of scores; of their distances from the mean so far
        for pair in range(pairs):
            score = scores[run, pair]
            bet = np.sqrt(2 * np.log(2 / error_rate) * (pair + 1) / (squares * (pair + 1) * np.log(pair + 2.0)))
            for m in range(first, last + 1):
                mean = m / GRID
                apart = score - mean
                up[m] *= 1 + min(bet, LARGEST_BET / max(mean, 1e-12)) * apart
                down[m] *= 1 - min(bet, LARGEST_BET / max(1 - mean, 1e-12)) * apart
            while first < last and up[first] >= need:
                first += 1
            while last > first and down[last] >= need:
                last -= 1
            total += score
            squares += (score - total / (pair + 2)) ** 2
            # a mean between two points is kept unless the point on its outer side is refuted with all beyond it
            low[run, pair], high[run, pair] = max(first - 1, 0) / GRID, min(last + 1, GRID) / GRID
    return low, high

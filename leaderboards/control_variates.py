"""Mean returns with less luck in them: estimates of the same expectation beside the raw means, and what they are worth.

A control variate is something of known expectation that goes with the return: return minus control has the same mean and
less variance. Where it is learned from matches, each match takes what was learned from others (cross-fitting), so that the
adjusted return still has the same expectation.

The variance of an agent's mean is that of the schedule as it was: within each lineup, over units of resampling
(seat-swapped twins share their chance, and are one unit). Who met whom is not drawn, so that differences between opponents
are no noise.

Source: White and Bowling, Learning a value analysis tool for agent evaluation, IJCAI 2009 (chance outcomes as controls);
Glasserman, Monte Carlo methods in financial engineering, 2003, section 4.1; cross-fitting: Chernozhukov et al.,
Double/debiased machine learning, The Econometrics Journal 2018, arXiv:1608.00060.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from arena.leaderboards.record import Record

ROUNDING = 1e-12  # of the largest return: an estimate that varies by no more does not vary
RIDGE = 1.0
"""Matches without luck that are added to each feature: few matches then learn little, in place of noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanError:
    """A mean with its standard error and 95 % interval (or what ``confidence`` was); nan where one unit tells no error."""

    mean: float
    error: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedMean:
    """One agent's mean return, in all its matches or against one opponent.

    ``raw``: as paid. ``adjusted``: with controls. ``unpaired_error``: the standard error of the raw mean if as many matches
    had been played without twins, each with its own chance. ``matches`` and ``units``: how many were used.
    """

    agent: str
    against: str | None
    matches: int
    units: int
    raw: MeanError
    adjusted: MeanError
    unpaired_error: float

    @property
    def worth(self) -> float | None:
        """How many times as many matches would make the raw mean as certain as the adjusted one; None where exact or unknown."""
        return _ratio(self.raw.error, self.adjusted.error)

    @property
    def twins_worth(self) -> float | None:
        """How many times as many unpaired matches would make the mean as certain as these twins did; None as `worth`."""
        return _ratio(self.unpaired_error, self.raw.error)

    @property
    def is_exact(self) -> bool:
        """Whether the adjusted mean has no error: it was computed, not sampled."""
        return self.adjusted.error == 0


def adjusted_means(
    record: Record, adjusted: NDArray[np.float64], *, confidence: float = 0.95
) -> tuple[tuple[AdjustedMean, ...], tuple[AdjustedMean, ...]]:
    """(each agent's mean return, each agent's against each opponent in matches of two), raw and adjusted.

    Forfeited matches, self-play and matches of weight 0 are left out. Intervals are Student's, with Satterthwaite's degrees
    of freedom over lineups.

    Args:
        record: matches with the returns that were paid.
        adjusted: [N, P], estimates of the same expected returns.

    Raises:
        ValueError: another shape, or a confidence outside (0, 1).
    """
    if adjusted.shape != record.returns.shape:
        raise ValueError(f"adjusted must have the shape {list(record.returns.shape)}; got {list(adjusted.shape)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence}")
    rows = np.flatnonzero((record.forfeit < 0) & (record.weight > 0) & _met_others(record.seats))
    seats = record.seats[rows]
    lineup = _numbered(np.sort(seats, axis=1))
    seating = _numbered(seats)
    _, unit = np.unique(record.pair[rows], return_inverse=True)
    columns = _Columns(
        seats=seats,
        raw=record.returns[rows],
        adjusted=adjusted[rows],
        unit=unit.reshape(-1),
        lineup=lineup,
        seating=seating,
        scale=float(np.abs(record.returns[rows]).max(initial=0.0)),
    )
    everyone = range(len(record.agents))
    all_rows = _by_agent(seats, len(record.agents))
    overall = tuple(_mean_of(columns, *all_rows[i], record.agents[i], None, confidence) for i in everyone)
    pairs: list[AdjustedMean] = []
    if seats.shape[1] == 2:
        for i in everyone:
            at, seat = all_rows[i]
            other = seats[at, 1 - seat]
            for j in np.unique(other[other >= 0]).tolist():
                chosen = other == j
                pairs.append(
                    _mean_of(columns, at[chosen], seat[chosen], record.agents[i], record.agents[j], confidence)
                )
    return overall, tuple(pairs)


def cross_fitted(
    returns: NDArray[np.float64], luck: NDArray[np.float64], *, fold: NDArray[np.int64], stratum: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns [N, P] less what chance outcomes explain of them, each match by coefficients of the other folds.

    Args:
        returns: [N, P].
        luck: [N, K], features of the chance outcomes, each of expectation 0 whatever the players do.
        fold: [N], matches that share chance share a fold.
        stratum: [N], matches of the same agents on the same seats: differences of their means are not luck.

    Raises:
        ValueError: arrays of different lengths.
    """
    if not len(returns) == len(luck) == len(fold) == len(stratum):
        raise ValueError("returns, luck, fold and stratum must have a row a match each")
    adjusted = np.array(returns, np.float64)
    if not luck.shape[1]:
        return adjusted
    for part in np.unique(fold).tolist():
        others = np.flatnonzero(fold != part)
        if not len(others):
            continue
        centred = returns[others] - _stratum_means(returns[others], stratum[others])
        features = luck[others]
        gram = features.T @ features + RIDGE * np.diag((features**2).mean(axis=0) + ROUNDING)
        adjusted[fold == part] -= luck[fold == part] @ np.linalg.solve(gram, features.T @ centred)
    return adjusted


@dataclass(frozen=True, slots=True)
class _Columns:
    """The matches that count. ``scale``: the largest return."""

    seats: NDArray[np.int64]
    raw: NDArray[np.float64]
    adjusted: NDArray[np.float64]
    unit: NDArray[np.int64]
    lineup: NDArray[np.int64]
    seating: NDArray[np.int64]
    scale: float


def _mean_of(
    columns: _Columns,
    rows: NDArray[np.int64],
    seat: NDArray[np.int64],
    name: str,
    against: str | None,
    confidence: float,
) -> AdjustedMean:
    """Of the matches `rows`, in which the agent sat at `seat`; a match in which it fills two seats stands twice."""
    unit, lineup = columns.unit[rows], columns.lineup[rows]
    raw, adjusted = columns.raw[rows, seat], columns.adjusted[rows, seat]
    least = ROUNDING * columns.scale
    unpaired = _mean_error(raw, rows, columns.seating[rows] * columns.seats.shape[1] + seat, confidence, least)
    return AdjustedMean(
        agent=name,
        against=against,
        matches=len(np.unique(rows)),
        units=len(np.unique(unit)),
        raw=_mean_error(raw, unit, lineup, confidence, least),
        adjusted=_mean_error(adjusted, unit, lineup, confidence, least),
        unpaired_error=unpaired.error,
    )


def _mean_error(
    values: NDArray[np.float64],
    unit: NDArray[np.int64],
    stratum: NDArray[np.int64],
    confidence: float,
    least: float,
) -> MeanError:
    """The mean of `values` [M], its error over units within strata; strata of one unit are taken together."""
    if not len(values):
        return MeanError(mean=np.nan, error=np.nan, low=np.nan, high=np.nan)
    mean = float(values.mean())
    _, first, which = np.unique(unit, return_index=True, return_inverse=True)
    sums = np.bincount(which.reshape(-1), values - mean)
    sizes = np.bincount(which.reshape(-1)).astype(np.float64)
    _, group = np.unique(stratum[first], return_inverse=True)
    group = group.reshape(-1)
    alone = np.bincount(group)[group] == 1
    group = np.where(alone, group.max() + 1, group)
    _, group = np.unique(group, return_inverse=True)
    group = group.reshape(-1)
    units = np.bincount(group).astype(np.float64)
    centre = np.bincount(group, sums) / np.bincount(group, sizes)
    if alone.sum() == 1:  # one unit of a lineup met no more: it may be as far from the whole mean as it is
        centre[group[alone]] = 0.0
    squares = np.bincount(group, (sums - centre[group] * sizes) ** 2)
    freedom = np.maximum(units - 1, 1)
    shares = units / freedom * squares / len(values) ** 2
    variance = float(shares.sum())
    if len(sizes) < 2:
        return MeanError(mean=mean, error=np.nan, low=np.nan, high=np.nan)
    error = float(np.sqrt(variance))
    if error <= least:
        return MeanError(mean=mean, error=0.0, low=mean, high=mean)
    quantile = float(scipy.stats.t.ppf(0.5 + confidence / 2, variance**2 / float((shares**2 / freedom).sum())))
    return MeanError(mean=mean, error=error, low=mean - quantile * error, high=mean + quantile * error)


def _by_agent(seats: NDArray[np.int64], size: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(rows, seats) in which each agent sat."""
    flat = seats.ravel()
    order = np.argsort(flat, kind="stable")
    begins = np.searchsorted(flat[order], np.arange(size + 1))
    spans = [order[begins[i] : begins[i + 1]] for i in range(size)]
    return [(span // seats.shape[1], span % seats.shape[1]) for span in spans]


def _met_others(seats: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[N]: whether two different agents sat in a match, or it is a game of one player."""
    if seats.shape[1] == 1:
        return np.ones(len(seats), np.bool_)
    highest = seats.max(axis=1)
    lowest = np.where(seats < 0, highest[:, None], seats).min(axis=1)
    met: NDArray[np.bool_] = highest > lowest
    return met


def _numbered(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each different row [N, P]."""
    if not len(rows):
        return np.zeros(0, np.int64)
    base = int(rows.max()) + 2
    if base ** rows.shape[1] < 2**62:
        keys = np.zeros(len(rows), np.int64)
        for column in rows.T:
            keys = keys * base + (column + 1)
        found = np.unique(keys, return_inverse=True)[1]
    else:
        found = np.unique(rows, axis=0, return_inverse=True)[1]
    return np.asarray(found, np.int64).reshape(-1)


def _stratum_means(values: NDArray[np.float64], stratum: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of each row's stratum [N, P]."""
    _, which = np.unique(stratum, return_inverse=True)
    which = which.reshape(-1)
    counts = np.bincount(which)
    return np.stack([(np.bincount(which, column) / counts)[which] for column in values.T], axis=1)


def _ratio(before: float, after: float) -> float | None:
    return (before / after) ** 2 if after > 0 and np.isfinite(before) else None

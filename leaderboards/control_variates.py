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
from numpy.typing import NDArray

from arena.leaderboards.clustered_means import Means, clustered_means
from arena.leaderboards.comparisons import units_of
from arena.leaderboards.record import Record

MOST_KEYS = 4_000_000  # lineups numbered by a table of all there could be: beyond, by sorting
TINY = 1e-12  # keeps the equations solvable where a feature never varies
RIDGES = (0.001, 0.1, 1.0, 10.0)
"""How strongly coefficients are drawn to 0, in units of the mean variance of a feature times the number of matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanError:
    """A mean with its standard error and 95 % interval (or what ``confidence`` was); nan where one unit tells no error."""

    mean: float
    error: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Of the interval."""
        return (self.high - self.low) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedMean:
    """One agent's mean return, in all its matches or against one opponent.

    ``raw``: as paid. ``adjusted``: with controls. ``unpaired_error``: the standard error of the raw mean if as many matches
    had been played without twins, each with its own chance. ``matches``: how many returns were
    averaged, ``units``: over how many units.
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
    order, unit, _ = units_of(record.pair[rows])
    rows = rows if order is None else rows[order]
    seats, size, width = record.seats[rows], len(record.agents), record.seats.shape[1]
    lineups, lineup = _numbered(np.sort(seats, axis=1))
    seatings, seating = _numbered(seats)
    place = (np.sort(seats, axis=1)[:, None, :] < seats[:, :, None]).sum(axis=2)  # first of the agent in its lineup
    cell = np.where(seats >= 0, lineup[:, None] * width + place, -1)
    seat_cell = np.where(seats >= 0, seating[:, None] * width + np.arange(width), -1)
    raw, new, alone = record.returns[rows], adjusted[rows], np.arange(len(rows))
    mixed = bool((np.diff(unit) == 0)[np.diff(lineup) != 0].any())

    def measured(group: NDArray[np.int64], seat_group: NDArray[np.int64], groups: int, pooled: bool) -> _Measured:
        of, its_group = (np.where(seats >= 0, seats, -1), np.arange(size)) if pooled else (cell, group)
        means = [
            clustered_means(part, of, unit, its_group, num_groups=groups, confidence=confidence) for part in (raw, new)
        ]
        unpaired = clustered_means(raw, seat_cell, alone, seat_group, num_groups=groups, confidence=confidence)
        return _Measured(raw=means[0], adjusted=means[1], unpaired=unpaired)

    agent, seat_agent = np.maximum(lineups.ravel(), 0), np.maximum(seatings.ravel(), 0)
    # where a unit has several lineups, what they share counts: then units vary as wholes
    overall = measured(agent, seat_agent, size, mixed)
    all_pairs: list[AdjustedMean] = []
    if width == 2:
        first = np.unique(seating, return_index=True)[1]
        seat_pair = cell[first].ravel()
        between = measured(np.arange(lineups.size), np.maximum(seat_pair, 0), lineups.size, False)
        for at in range(lineups.size):
            own, other = int(lineups.ravel()[at]), int(lineups.ravel()[at ^ 1])
            if own >= 0 and other >= 0:
                all_pairs.append(between.of(at, record.agents[own], record.agents[other]))
    return tuple(overall.of(i, name, None) for i, name in enumerate(record.agents)), tuple(all_pairs)


def cross_fitted(
    returns: NDArray[np.float64], luck: NDArray[np.float64], *, fold: NDArray[np.int64], stratum: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns [N, P] less what chance outcomes explain of them, each match by coefficients of the other folds.

    Where those folds explain nothing of each other, or there are fewer than three, returns are left as they are.

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
    parts = np.unique(fold).tolist()
    if not luck.shape[1] or len(parts) < 3:
        return adjusted
    rows = [np.flatnonzero(fold == part) for part in parts]
    grams = np.stack([luck[of].T @ luck[of] for of in rows])
    for at, of in enumerate(rows):
        others = [i for i in range(len(parts)) if i != at]
        learned = np.concatenate([rows[i] for i in others])
        centred = np.zeros_like(adjusted)
        centred[learned] = returns[learned] - _stratum_means(returns[learned], stratum[learned])
        products = np.stack([luck[rows[i]].T @ centred[rows[i]] for i in others])
        adjusted[of] -= luck[of] @ _coefficients(grams[others], products)
    return adjusted


def _coefficients(grams: NDArray[np.float64], products: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, P], of ridge regression on all folds, as strong as does best on each of them by what the others say; or none.

    Args:
        grams: [folds, K, K], of the features. ``products``: [folds, K, P], of features and returns.
    """
    gains = np.zeros((len(RIDGES), products.shape[2]))
    for held in range(len(grams)):
        others = [i for i in range(len(grams)) if i != held]
        for which, strength in enumerate(RIDGES):
            found = _ridge(grams[others].sum(axis=0), products[others].sum(axis=0), strength)
            gains[which] += 2 * (found * products[held]).sum(axis=0) - (found * (grams[held] @ found)).sum(axis=0)
    gram, product = grams.sum(axis=0), products.sum(axis=0)
    fits = np.stack([_ridge(gram, product, strength) for strength in RIDGES])
    best = gains.argmax(axis=0)
    chosen = np.take_along_axis(fits, best[None, None, :], axis=0)[0]
    coefficients: NDArray[np.float64] = np.where(gains.max(axis=0) > 0, chosen, 0.0)
    return coefficients


def _ridge(gram: NDArray[np.float64], product: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    scale = float(np.trace(gram)) / len(gram)
    return np.asarray(np.linalg.solve(gram + (strength * scale + TINY) * np.eye(len(gram)), product), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    raw: Means
    adjusted: Means
    unpaired: Means

    def of(self, group: int, agent: str, against: str | None) -> AdjustedMean:
        return AdjustedMean(
            agent=agent,
            against=against,
            matches=int(self.raw.count[group]),
            units=int(self.raw.units[group]),
            raw=_single(self.raw, group),
            adjusted=_single(self.adjusted, group),
            unpaired_error=float(self.unpaired.error[group]),
        )


def _single(means: Means, group: int) -> MeanError:
    return MeanError(
        mean=float(means.mean[group]),
        error=float(means.error[group]),
        low=float(means.low[group]),
        high=float(means.high[group]),
    )


def _met_others(seats: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[N]: whether two different agents sat in a match, or it is a game of one player."""
    if seats.shape[1] == 1:
        return np.ones(len(seats), np.bool_)
    highest = seats.max(axis=1)
    lowest = np.where(seats < 0, highest[:, None], seats).min(axis=1)
    met: NDArray[np.bool_] = highest > lowest
    return met


def _numbered(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the different rows [K, P], the number of each row [N])."""
    base = int(rows.max(initial=-1)) + 2
    if base ** rows.shape[1] > MOST_KEYS:
        different, which = np.unique(rows, axis=0, return_inverse=True)
        return different, np.asarray(which, np.int64).reshape(-1)
    keys = np.zeros(len(rows), np.int64)
    for column in rows.T:
        keys = keys * base + (column + 1)
    seen = np.zeros(base ** rows.shape[1], np.bool_)
    seen[keys] = True
    present = np.flatnonzero(seen)
    digits = [present // base**power % base - 1 for power in range(rows.shape[1] - 1, -1, -1)]
    return np.stack(digits, axis=1), (np.cumsum(seen) - 1)[keys]


def _stratum_means(values: NDArray[np.float64], stratum: NDArray[np.int64]) -> NDArray[np.float64]:
    """The mean of each row's stratum [N, P]."""
    _, which = np.unique(stratum, return_inverse=True)
    which = which.reshape(-1)
    counts = np.bincount(which)
    return np.stack([(np.bincount(which, column) / counts)[which] for column in values.T], axis=1)


def _ratio(before: float, after: float) -> float | None:
    return (before / after) ** 2 if after > 0 and np.isfinite(before) else None

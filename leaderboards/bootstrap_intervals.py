"""Bootstrap intervals for any rating method: the method again and again on resampled pairs of twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.bootstrap import RESAMPLES, SEED, percentile_bounds, unit_weights
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL, bradley_terry, elo
from arena.leaderboards.bradley_terry_bootstrap import refitted_strengths
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record


def bootstrap_intervals(
    record: Record,
    rate: Callable[[Record], Ratings],
    *,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Ratings:
    """The ratings of `rate` with intervals and ranks from the quantiles of its scores on resampled matches.

    A check of a sandwich that trusts no approximation of the fit, at the price of `resamples` fits: ``bootstrap_intervals(record,
    elo)``. Where an agent won or lost everything no resample shows it another result, and the interval is too narrow. The method
    must take weights that are no whole numbers: `openskill` does not. `elo` and `bradley_terry` themselves, with no settings of your
    own, are refitted from one reading of the matches: the same numbers, many times faster.

    Args:
        record: the matches.
        rate: from a record to ratings with the same names, such as `elo` or a method with settings of your own.
        resamples: how many fits, at least 2.
        confidence: of the intervals, in (0, 1).

    Raises:
        ValueError: a setting out of its range.
    """
    if resamples < 2 or not 0 < confidence < 1:
        raise ValueError(f"resamples must be at least 2, confidence in (0, 1); got {resamples} and {confidence}")
    ratings = rate(record)
    if rate is elo or rate is bradley_terry:
        scale = ELO_PER_NATURAL if rate is elo else 1.0
        draws = scale * refitted_strengths(record, resamples=resamples)
    else:
        draws = one_by_one(record, rate, resamples=resamples)
    intervals, above = percentile_bounds(ratings.scores, draws, confidence)
    return replace(
        ratings,
        intervals=intervals,
        above=above & (ratings.groups[:, None] == ratings.groups),
        confidence=confidence,
        settings={**ratings.settings, "intervals": "bootstrap", "resamples": resamples, "seed": SEED},
    )


def one_by_one(record: Record, rate: Callable[[Record], Ratings], *, resamples: int) -> NDArray[np.float64]:
    """The scores [resamples, A] of `rate` on each resample."""
    pairs, unit = np.unique(record.pair, return_inverse=True)
    draws = np.empty((resamples, len(record.agents)))
    for resample in range(resamples):
        times = unit_weights(len(pairs), resample=resample)[unit]
        draws[resample] = rate(replace(record, weight=record.weight * times)).scores
    return draws

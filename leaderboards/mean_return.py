"""Agents by their mean return: for cooperative games, in which nobody gets more than anybody else."""

from __future__ import annotations

import numpy as np
import scipy.stats

from arena.games.errors import ArenaError
from arena.leaderboards.comparisons import MAX_AGENTS, outer_by_unit, units_of
from arena.leaderboards.forfeited import earned_returns
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed


def mean_return(record: Record, *, confidence: float = 0.95) -> Ratings:
    """Each agent's mean return over the seats that it took, with Student's interval over units of resampling.

    It measures an agent together with those it happened to play with: only a schedule in which all meet the same
    company compares them fairly. Forfeited matches count as `earned_returns` says. An agent seen in one unit alone gets the whole range of returns as its interval.
    """
    if len(record.agents) > MAX_AGENTS:
        raise ArenaError(f"{len(record.agents):,} agents are too many; at most {MAX_AGENTS:,} are rated at once")
    order, unit, num_units = units_of(record.pair)
    rows = slice(None) if order is None else order
    seats, returns, weight = record.seats[rows].T, earned_returns(record)[rows].T, record.weight[rows]
    seats = np.where(np.isnan(returns), -1, seats)
    size, seated = len(record.agents), seats >= 0
    weights = np.where(seated, weight, 0.0)
    agents = np.where(seated, seats, 0)
    returns = np.where(seated, returns, 0.0)
    total = np.bincount(agents.ravel(), weights.ravel(), minlength=size)
    total = np.where(total > 0, total, np.nan)
    mean = np.bincount(agents.ravel(), (weights * returns).ravel(), minlength=size) / total
    influence = np.where(weights > 0, weights * (returns - mean[agents]) / total[agents], 0.0)
    covariance = outer_by_unit(np.ascontiguousarray(seats), influence, unit, size)
    seen = np.unique(seats * max(num_units, 1) + unit, axis=None)
    units = np.bincount(seen[seen >= 0] // max(num_units, 1), minlength=size)
    several = units > 1
    freedom = np.maximum(units - 1, 1)
    quantile = np.asarray(scipy.stats.t.ppf(0.5 + confidence / 2, freedom))
    correction = units / freedom
    spread = float(np.ptp(returns[seated])) if seated.any() else 0.0
    half = np.where(several, quantile * np.sqrt(correction * np.diag(covariance)), spread)
    difference = np.maximum(np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance, 0)
    margin = np.maximum(quantile[:, None], quantile) * np.sqrt(np.maximum(correction[:, None], correction) * difference)
    above = (mean[:, None] - mean > margin) & several[:, None] & several
    alone = [record.agents[i] for i in np.flatnonzero(np.isnan(mean))]
    return Ratings(
        method="mean_return",
        names=record.agents,
        scores=mean,
        intervals=np.stack((mean - half, mean + half), axis=1),
        groups=np.zeros(size, np.int64),
        above=above,
        matches=len(record),
        confidence=confidence,
        settings={"intervals": "Student's, over units of resampling"},
        notes=(f"{listed(alone)} played no match",) if alone else (),
    )

"""Forfeits are not strength: how many there are between whom, and what a forfeited match contributes to mean returns."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.record import Record
from arena.leaderboards.wilson import wilson

DECISIVE = 0.1
"""The share of an agent's matches from which its forfeits are said beside every finding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forfeits:
    """Who failed against whom; each match counts as often as its weight, matches without another agent not at all.

    ``between`` float64 [A, A]: matches that the row's agent forfeited and in which the column's agent sat. ``by`` float64
    [A]: matches that an agent forfeited; ``matches`` [A]: all of its matches; ``played_out`` [A]: those that nobody
    forfeited. ``rated`` int: matches that somebody forfeited, each counted once.
    """

    between: NDArray[np.float64]
    by: NDArray[np.float64]
    matches: NDArray[np.float64]
    played_out: NDArray[np.float64]
    rated: int

    def decisive(self, agent: int) -> bool:
        """Whether an agent forfeited so many of its matches that its place says little of its play."""
        return bool(self.by[agent] > 0 and self.by[agent] >= DECISIVE * self.matches[agent])


def earned_returns(record: Record) -> NDArray[np.float64]:
    """Returns [N, P] that may be averaged; nan where nothing was earned.

    In a forfeited match the agent at fault gets the worst return that anybody got in a match played to its end (or the
    recorded one, if that is worse), so that failing never pays; the others neither win nor lose by it. The recorded
    returns of such a match are a convention, made where a game states no bounds.
    """
    forfeited = record.forfeit >= 0
    if not forfeited.any():
        return record.returns
    seated = record.seats >= 0
    played = record.returns[~forfeited][seated[~forfeited]]
    returns = record.returns.copy()
    returns[forfeited] = np.nan
    rows, at = np.flatnonzero(forfeited), record.forfeit[forfeited]
    returns[rows, at] = np.minimum(record.returns[rows, at], played.min(initial=np.inf))
    return returns


def forfeits_of(record: Record) -> Forfeits:
    """The forfeits of a record."""
    size = len(record.agents)
    others = np.array([_has_other(record.seats, seat) for seat in range(record.seats.shape[1])]).T.reshape(
        record.seats.shape
    )
    weight = np.where(others, record.weight[:, None], 0.0)
    seats = np.maximum(record.seats, 0)
    forfeited = record.forfeit >= 0
    at_fault = np.arange(record.seats.shape[1]) == record.forfeit[:, None]
    between = np.zeros((size, size))
    rows = np.flatnonzero(forfeited)
    failing = record.seats[rows, record.forfeit[rows]]
    for seat in range(record.seats.shape[1]):
        other = record.seats[rows, seat]
        met = (other >= 0) & (failing >= 0) & (other != failing)
        np.add.at(between, (failing[met], other[met]), record.weight[rows[met]])

    def counted(which: NDArray[np.bool_]) -> NDArray[np.float64]:
        totals = np.bincount(seats.ravel(), np.where(which, weight, 0.0).ravel(), minlength=size)
        return totals.astype(np.float64)

    return Forfeits(
        between=between,
        by=counted(at_fault),
        matches=counted(np.ones_like(others)),
        played_out=counted(np.broadcast_to(~forfeited[:, None], others.shape)),
        rated=int(((weight > 0) & at_fault).any(axis=1).sum()),
    )


def reliability(record: Record, *, confidence: float = 0.95) -> NDArray[np.float64]:
    """(share of its matches that an agent did not forfeit itself, from, to) [A, 3]; nan where it had none with another agent.

    Wilson's interval, with as many matches as the units of resampling are worth: agents that fail together on twins tell once. Where
    an agent failed never or always, nothing shows how much units hold together, and each counts as one match.

    Source: Wilson, Probable inference, JASA 1927, doi:10.1080/01621459.1927.10502953; the effective number of matches as Kish,
    Survey Sampling, 1965.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    row, seat = np.nonzero(np.column_stack([_has_other(record.seats, seat) for seat in range(record.seats.shape[1])]))
    different, unit = np.unique(record.pair, return_inverse=True)
    agent_in_unit, line = np.unique(record.seats[row, seat] * len(different) + unit[row], return_inverse=True)
    agent = agent_in_unit // max(len(different), 1)
    matches = _sums(line, record.weight[row], len(agent))
    kept = _sums(line, np.where(record.forfeit[row] == seat, 0.0, record.weight[row]), len(agent))
    total, all_kept, units = (_sums(agent, each, len(record.agents)) for each in (matches, kept, matches > 0))
    share = np.divide(all_kept, total, out=np.full(len(total), np.nan), where=total > 0)
    spread = _sums(agent, (kept - share[agent] * matches) ** 2, len(record.agents))
    found = np.full((len(record.agents), 3), np.nan)
    for at in np.flatnonzero(total).tolist():
        worth = min(units[at], total[at])
        if 0 < share[at] < 1 and units[at] > 1:
            variance = spread[at] / total[at] ** 2 * units[at] / (units[at] - 1)
            worth = min(total[at], share[at] * (1 - share[at]) / variance) if variance else total[at]
        found[at] = share[at], *wilson(float(share[at]), float(worth), z)
    return found


def played_out(record: Record) -> Record:
    """The matches that nobody forfeited: what says of strength alone."""
    kept = record.forfeit < 0
    return record.of(kept)


def _sums(group: NDArray[np.int64], values: NDArray[Any], size: int) -> NDArray[np.float64]:
    return np.bincount(group, values, minlength=size).astype(np.float64)


def _has_other(seats: NDArray[np.int64], seat: int) -> NDArray[np.bool_]:
    """[N]: whether somebody sits at `seat` and another agent elsewhere."""
    mine = seats[:, seat]
    met: NDArray[np.bool_] = (mine >= 0) & ((seats >= 0) & (seats != mine[:, None])).any(axis=1)
    return met

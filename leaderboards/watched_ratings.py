"""Rating differences of a league that may be read while it is played: bounds after more and more matches, all true at once.

The matches are read in their canonical order, whole units (pairs of twins) at a time; after each look of a grid that is fixed
beforehand the league is rated by what was played so far, and each difference gets the bounds of `rating_sequence`. So a league may stop
when it looks decided, and the bounds are still true; plain intervals at that moment are not. Asymptotic, like `rating_sequence`: an
agent with fewer than `FIRST_UNITS` units has no bounds yet. The difference is that of the schedule-weighted projection; in a cyclic field it must
be the same at every look, as it is where all meet equally often.

Which agent leads is read from the matches, so bounds of the leader must be those of every pair: without an anchor the error rate is
shared by all A (A − 1) / 2 differences; with one, fixed beforehand, by the A − 1 to it.

Source: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Time-uniform central limit theory and asymptotic confidence sequences, 2024,
arXiv:2103.06476.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import UnknownName
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL, connected_groups, groups_to_fit
from arena.leaderboards.bradley_terry_fit import fit
from arena.leaderboards.comparisons import pair_points
from arena.leaderboards.confidence_sequences import standard_errors_wide
from arena.leaderboards.record import Record
from arena.leaderboards.sandwich import covariance, middle

FIRST_UNITS = 50
GROWTH = 1.15


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedRatings:
    """Differences in Elo, the row's agent less the column's, after each of T looks.

    ``looks`` int64 [T]: units read; ``estimate`` float64 [A, A, T]: nan where the matches so far do not rate both; ``low``, ``high``
    float64 [A, A, T]: bounds, infinite before the first look of a pair; they never widen. All that are compared (every pair, or those with the
    ``anchor``) are true at once with a probability of 1 − ``error_rate``, in the limit; nan elsewhere.
    """

    agents: tuple[str, ...]
    anchor: str | None
    looks: NDArray[np.int64]
    estimate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    error_rate: float

    def leader(self, look: int = -1) -> str | None:
        """The agent that is certainly above all the others after a look; None where there is none. Not for sequences to an anchor.

        Raises:
            ValueError: the differences are to an anchor alone.
        """
        if self.anchor is not None:
            raise ValueError("bounds to an anchor do not compare the others; leave the anchor out")
        if not len(self.looks):
            return None
        above = self.low[:, :, look] > 0
        np.fill_diagonal(above, True)
        ahead = np.flatnonzero(above.all(axis=1))
        return self.agents[int(ahead[0])] if len(ahead) and len(self.agents) > 1 else None

    def first_leader(self) -> tuple[int, str] | None:
        """(the look, the agent) at which a leader is first certain; it stays so."""
        for look in range(len(self.looks)):
            if (name := self.leader(look)) is not None:
                return look, name
        return None


def grid_of_looks(units: int) -> NDArray[np.int64]:
    """The looks [T] at a record of so many units: 50, then each 15 % later than the one before, and the last at all of them."""
    looks, at = [], float(FIRST_UNITS)
    while at < units:
        looks.append(int(at))
        at = max(at * GROWTH, at + 1)
    return np.array([*looks, units] if units else [], np.int64)


def watch_ratings(
    record: Record,
    *,
    anchor: str | None = None,
    looks: Sequence[int] | NDArray[np.int64] | None = None,
    error_rate: float = 0.05,
    narrowest_at: int = 500,
) -> WatchedRatings:
    """The Elo differences of a league's agents after each look, with bounds that are true at all looks at once.

    Args:
        record: matches in canonical order, paired by a rule that does not look at results.
        anchor: the agent that the others are compared with; None: all with all, and the leader may be read off.
        looks: units read at each, ascending, fixed beforehand; None: `grid_of_looks`.
        error_rate: that any of the bounds is ever false, in (0, 1), in the limit of late first looks.
        narrowest_at: the number of units at which the bounds are to be narrowest.

    Raises:
        UnknownName: no agent has the anchor's name.
        ValueError: looks that do not ascend or go beyond the record, or a setting out of its range.
    """
    if not 0 < error_rate < 1 or narrowest_at < 1:
        raise ValueError(f"error_rate must be in (0, 1), narrowest_at at least 1; got {error_rate} and {narrowest_at}")
    if anchor is not None and anchor not in record.agents:
        raise UnknownName("agent to compare with", anchor, record.agents)
    rows, ends = _by_unit(record.pair)
    chosen = grid_of_looks(len(ends)) if looks is None else np.asarray(looks, np.int64)
    if chosen.ndim != 1 or (len(chosen) and (chosen[0] < 1 or chosen[-1] > len(ends) or (np.diff(chosen) <= 0).any())):
        raise ValueError(f"looks must be ascending numbers of units in 1..{len(ends)}")
    size = len(record.agents)
    statements = size - 1 if anchor is not None else size * (size - 1) // 2
    share = error_rate / max(statements, 1)
    estimate = np.full((size, size, len(chosen)), np.nan)
    radius = np.full((size, size, len(chosen)), np.inf)
    for look, units in enumerate(chosen.tolist()):
        part = rows[: ends[units - 1]]
        difference, error = _differences(record.of(part))
        estimate[:, :, look] = difference
        wide = float(
            standard_errors_wide(np.array([units], np.float64), error_rate=share, narrowest_at=narrowest_at)[0]
        )
        enough = _units_of_agents(record, part) >= FIRST_UNITS
        known = np.isfinite(error) & enough[:, None] & enough
        radius[:, :, look] = np.where(known, wide * error, np.inf)
    centre = np.nan_to_num(estimate)
    low, high = np.maximum.accumulate(centre - radius, axis=2), np.minimum.accumulate(centre + radius, axis=2)
    if anchor is not None:
        at = record.agents.index(anchor)
        others = np.ones((size, size), np.bool_)
        others[at], others[:, at] = False, False
        low[others], high[others] = np.nan, np.nan
    return WatchedRatings(
        agents=record.agents, anchor=anchor, looks=chosen, estimate=estimate, low=low, high=high, error_rate=error_rate
    )


def _by_unit(pair: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the rows, whole units together in the order in which these began; where each unit ends among them)."""
    _, first, unit = np.unique(pair, return_index=True, return_inverse=True)
    began = first[unit.reshape(-1)]
    rows = np.argsort(began, kind="stable")
    ends = np.flatnonzero(np.diff(began[rows], append=-1)) + 1
    return rows, ends


def _units_of_agents(record: Record, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """[A]: how many units of these rows each agent is in."""
    seats, pair = record.seats[rows], record.pair[rows]
    own = np.unique(np.stack((seats.ravel(), np.repeat(pair, seats.shape[1])), axis=1), axis=0)[:, 0]
    return np.bincount(own[own >= 0], minlength=len(record.agents))


def _differences(record: Record) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Elo differences [A, A] and their sandwich standard errors, nan where there is no maximum of the likelihood."""
    points, matches = pair_points(record)
    size = len(record.agents)
    strength, error = np.full(size, np.nan), np.full((size, size), np.nan)
    fitted = []
    for group in groups_to_fit(points, connected_groups(points)):
        if group.separated:
            continue
        strength[group.members], there = fit(group.wins, virtual=group.virtual)
        fitted.append((group, there))
    difference = np.full((size, size), np.nan)
    if not fitted:
        return difference, error
    outer = middle(record, strength, points, matches=matches)
    for group, there in fitted:
        block = np.ix_(group.members, group.members)
        own = strength[group.members]
        found = covariance(own, there, outer[block].copy(), virtual=group.virtual)
        variance = np.diag(found)[:, None] + np.diag(found) - 2 * found
        error[block] = ELO_PER_NATURAL * np.sqrt(np.maximum(variance, 0))
        difference[block] = ELO_PER_NATURAL * (own[:, None] - own)
    return difference, error

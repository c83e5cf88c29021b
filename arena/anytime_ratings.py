"""Rating differences with bounds that hold at whatever moment one looks: what `arena leaderboard GAME --anytime` shows."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.counterfactual import Where
from arena.games import SpecificationError
from arena.leaderboards.record import Record
from arena.leaderboards.watched_ratings import FIRST_UNITS, WatchedRatings, watch_ratings
from arena.leaderboards.wording import listed
from arena.ledger import Ledger, Tournament
from arena.rated_matches import units_by_chance
from arena.rounds import LOOKING
from arena.standings import canonical_game, rated_matches

AGENTS_AT_MOST = 500  # a table of all pairs is kept for each look
PAIRS_AT_MOST = 60  # a longer list is read by programs


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeDifference:
    """The Elo of ``agent`` less that of ``against``, and its bounds; None: not known yet.

    ``told_apart_after``: the units after which 0 was first out of the bounds; None where it is not.
    """

    agent: str
    against: str
    difference: float | None
    low: float | None
    high: float | None
    told_apart_after: int | None

    @property
    def contradicts(self) -> bool:
        """Whether the bounds of different looks exclude each other."""
        return self.low is not None and self.high is not None and self.low > self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class AnytimeRatings:
    """All that is compared, the strongest agents first; `units` are matches with their seat-swapped twins."""

    game: str
    title: str
    watched: WatchedRatings
    differences: tuple[AnytimeDifference, ...]
    agents: tuple[str, ...]
    matches: int
    units: int
    notes: tuple[str, ...]
    tournaments: tuple[str, ...] = ()
    computed_at: str = ""

    @property
    def finding(self) -> str:
        """What may be said now, in a sentence or two."""
        if not self.differences:
            return "There are no two agents to compare."
        sure = f"with {100 * (1 - self.watched.error_rate):g} %, at whatever moment one looks"
        apart = sum(one.told_apart_after is not None for one in self.differences)
        if self.watched.anchor is not None:
            of = f"{apart} of {len(self.differences)} agents"
            return f"{of} {'is' if apart == 1 else 'are'} told apart from {self.watched.anchor}, {sure}."
        told = f"{apart:,} of {len(self.differences):,} pairs {'is' if apart == 1 else 'are'} told apart"
        first = self.watched.first_leader()
        if first is None:
            return f"No agent is certainly above all others after {self.units:,} units; {told}, {sure}."
        look, name = first
        return f"{name} is above all others since unit {int(self.watched.looks[look]):,} of {self.units:,}; {told}, {sure}."

    @property
    def for_people(self) -> tuple[AnytimeDifference, ...]:
        """The differences, of many pairs those of the strongest agent alone."""
        if len(self.differences) <= PAIRS_AT_MOST or self.watched.anchor is not None:
            return self.differences
        return tuple(one for one in self.differences if one.agent == self.agents[0])

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints; numbers that there are not are null."""
        first = self.watched.first_leader() if self.watched.anchor is None else None
        return {
            "game": self.game,
            "title": self.title,
            "finding": self.finding,
            "confidence": 1 - self.watched.error_rate,
            "anchor": self.watched.anchor,
            "leader": None if first is None else first[1],
            "leader_since_unit": None if first is None else int(self.watched.looks[first[0]]),
            "matches": self.matches,
            "units": self.units,
            "looks": self.watched.looks.tolist(),
            "differences": [
                {
                    "agent": one.agent,
                    "against": one.against,
                    "elo": one.difference,
                    "low": one.low,
                    "high": one.high,
                    "told_apart_after": one.told_apart_after,
                }
                for one in self.differences
            ],
            "notes": list(self.notes),
            "tournaments": list(self.tournaments),
            "computed_at": self.computed_at,
        }


def anytime_ratings(
    record: Record, *, name: str, anchor: str | None = None, title: str | None = None, error_rate: float = 0.05
) -> AnytimeRatings:
    """Rating differences of a record in canonical order, as of its last match, with bounds that hold at all looks at once.

    Source: `arena.leaderboards.watch_ratings`.

    Args:
        record: matches in the order in which they were planned, paired by a rule that does not look at results.
        name, title: of the game or file.
        anchor: the agent that all others are compared with; None: all with all.
        error_rate: that any of the bounds is ever false, in (0, 1).

    Raises:
        SpecificationError: more agents than `AGENTS_AT_MOST`.
        UnknownName: no agent has the anchor's name.
    """
    if len(record.agents) > AGENTS_AT_MOST:
        raise SpecificationError(
            f"bounds at any time are of {AGENTS_AT_MOST} agents at most; these are {len(record.agents):,}: leave some out"
        )
    watched = watch_ratings(record, anchor=anchor, error_rate=error_rate)
    order = _strongest_first(watched)
    if anchor is None:
        compared = [(one, other) for at, one in enumerate(order) for other in order[at + 1 :]]
    else:
        compared = [(one, record.agents.index(anchor)) for one in order if record.agents[one] != anchor]
    differences = tuple(_difference(watched, one, other) for one, other in compared)
    return AnytimeRatings(
        game=name,
        title=title or name,
        watched=watched,
        differences=differences,
        agents=tuple(record.agents[at] for at in order),
        matches=len(record),
        units=int(watched.looks[-1]) if len(watched.looks) else 0,
        notes=tuple(_notes(differences)),
    )


def anytime_standings(
    ledger: Ledger, game: str, *, tournament: str | None = None, anchor: str | None = None, where: Where | None = None
) -> AnytimeRatings:
    """Rating differences of a game's rated matches in a ledger, with bounds that hold at all looks at once.

    Each tournament counts as far as its schedule is complete: what was finished beyond that is sooner there because it was short.

    Args:
        ledger, game, tournament, where: which matches, as of `arena.standings.standings`; not of one seat.
        anchor: the agent that all others are compared with, by label; None: all with all.

    Raises:
        SpecificationError: a tournament's pairing looks at results, or one seat is asked for.
        ArenaError: as `arena.standings.standings`, `anytime_ratings`.
    """
    if where is not None and where.seat is not None:
        raise SpecificationError("bounds at any time are of all seats")
    rated = rated_matches(ledger, game, tournament=tournament, where=where)
    chosen = [ledger.tournament(key) for key in rated.keys]
    looking = [f"{one.key} ({one.config['pairing']})" for one in chosen if one.config.get("pairing") in LOOKING]
    if looking:
        raise SpecificationError(
            f"bounds at any time need pairings that do not look at results, unlike those of {listed(looking)}; "
            "choose others with --only-tournament"
        )
    complete = np.array([_complete(ledger, one) for one in chosen], np.int64)
    kept = rated.number < complete[rated.tournament]
    found = anytime_ratings(
        rated.record.of(np.flatnonzero(kept)),
        name=canonical_game(ledger, game),
        title=chosen[0].game_title,
        anchor=anchor,
    )
    early = int((~kept).sum())
    said = [f"counted: {where.sentence()}"] if where else []
    if early:
        said.append(
            f"{early:,} matches were finished before others that come first in the schedule, and wait for these"
        )
    return replace(
        found,
        notes=(*said, *found.notes),
        tournaments=rated.keys,
        computed_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def _complete(ledger: Ledger, tournament: Tournament) -> int:
    """How many matches of the schedule are there without a gap, in whole rotations of seats; of an import all."""
    index = ledger.played(tournament).index
    if tournament.source != "play":
        return int(index.max(initial=-1)) + 1
    gaps = np.flatnonzero(index != np.arange(len(index)))
    there = int(gaps[0]) if len(gaps) else len(index)
    if units_by_chance(tournament):
        return there
    return there - there % tournament.num_players


def _strongest_first(watched: WatchedRatings) -> list[int]:
    size = len(watched.agents)
    last = watched.estimate[:, :, -1] if len(watched.looks) else np.full((size, size), np.nan)
    known = np.isfinite(last)
    mean = np.where(known, last, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return sorted(range(size), key=lambda at: (not known[at].any(), -mean[at], watched.agents[at]))


def _difference(watched: WatchedRatings, one: int, other: int) -> AnytimeDifference:
    low, high = watched.low[one, other], watched.high[one, other]
    apart = np.flatnonzero((low > 0) | (high < 0))
    return AnytimeDifference(
        agent=watched.agents[one],
        against=watched.agents[other],
        difference=_last(watched.estimate[one, other]),
        low=_last(low),
        high=_last(high),
        told_apart_after=int(watched.looks[apart[0]]) if len(apart) else None,
    )


def _last(values: NDArray[np.float64]) -> float | None:
    return float(values[-1]) if len(values) and math.isfinite(values[-1]) else None


def _notes(differences: tuple[AnytimeDifference, ...]) -> list[str]:
    notes = []
    unknown = sum(one.low is None for one in differences)
    if unknown:
        notes.append(
            f"{unknown:,} of {len(differences):,} differences have no bounds yet: both agents need {FIRST_UNITS} units, and "
            "points both won and lost"
        )
    torn = [f"{one.agent} and {one.against}" for one in differences if one.contradicts]
    if torn:
        notes.append(
            f"earlier and later bounds of {listed(torn)} exclude each other: their difference was not the same all along, so "
            "trust none of them"
        )
    notes.append(
        "the bounds hold in the limit of many units, for opponents chosen without a look at results; a league that stops because "
        "of them keeps its error rate"
    )
    return notes

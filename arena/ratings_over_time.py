"""Ratings as tournaments came in: after each of them, from all matches up to then. A ledger times tournaments, not matches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.counterfactual import Where, time_of
from arena.games import ArenaError
from arena.leaderboards.leaderboard import Method
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.record import Record
from arena.ledger import Ledger, Tournament
from arena.standings import canonical_game, rated_matches

POINTS = 24
MATCHES_READ = 1_000_000
"""In all points together: of a large ledger fewer points are rated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingsOverTime:
    """``times`` [T]: ISO 8601, UTC, when a tournament ended; ``tournaments`` [T]: those that ended since the time before; ``matches``
    int64 [T]: rated by then. ``rating``, ``low``, ``high`` float64 [T, A], nan before an agent's first match."""

    game: str
    method: Method
    agents: tuple[str, ...]
    times: tuple[str, ...]
    tournaments: tuple[tuple[str, ...], ...]
    matches: NDArray[np.int64]
    rating: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def ratings_over_time(
    ledger: Ledger,
    game: str,
    *,
    method: Method = "elo",
    points: int = POINTS,
    since: str | None = None,
    until: str | None = None,
) -> RatingsOverTime:
    """The ratings of a game after each of its tournaments; of many tournaments after so many of them, the last among these.

    Each point uses all matches up to it, so that it moves when the field changes even where the agent does not. A point at which the
    method cannot rate what there is is left out.

    Args:
        ledger: where the matches are.
        game: its specification.
        method: how it is rated.
        points: at most so many.
        since: only points from this moment or day on, ISO 8601, UTC; they rest on all earlier matches too.
        until: only points up to this moment or day.

    Raises:
        UnknownName: the ledger has no matches of the game.
        SpecificationError: no tournament ended between, or what is no date.
    """
    game = canonical_game(ledger, game)
    rated = rated_matches(ledger, game)
    by_key = {one.key: one for one in ledger.tournaments(game)}
    chosen = sorted((by_key[key] for key in rated.keys), key=lambda one: (time_of(one), one.id))
    points = max(2, min(points, MATCHES_READ // max(1, len(rated.record))))
    number = {key: k for k, key in enumerate(rated.keys)}
    rate = RATING_METHODS[method].rate
    found: list[tuple[str, tuple[str, ...], int, NDArray[np.float64]]] = []
    between = {one.key for one in Where(since=since, until=until).chosen(chosen)}
    for ended, newest in _stretches(chosen, points, between):
        kept = np.isin(rated.tournament, [number[one.key] for one in ended])
        try:
            ratings = rate(_with_agents_that_played(rated.record.of(kept)))
        except ArenaError:
            continue
        columns = np.full((3, len(rated.record.agents)), np.nan)
        at = [rated.record.agents.index(name) for name in ratings.names]
        played = np.isfinite(ratings.scores)
        columns[:, np.array(at)[played]] = np.stack([ratings.scores[played], *ratings.intervals[played].T])
        found.append((time_of(ended[-1]), tuple(one.key for one in newest), int(kept.sum()), columns))
    empty = np.empty((0, len(rated.record.agents)))
    rating, low, high = (np.array([row[3][k] for row in found]) if found else empty for k in range(3))
    return RatingsOverTime(
        game=game,
        method=method,
        agents=rated.record.agents,
        times=tuple(row[0] for row in found),
        tournaments=tuple(row[1] for row in found),
        matches=np.array([row[2] for row in found], np.int64),
        rating=rating,
        low=low,
        high=high,
    )


def _with_agents_that_played(record: Record) -> Record:
    """The same matches without the agents that are in none of them: a board of that day does not know them."""
    there = np.unique(record.seats[record.seats >= 0])
    number = np.full(len(record.agents) + 1, -1)  # the last for empty seats
    number[there] = np.arange(len(there))
    return replace(record, agents=tuple(record.agents[at] for at in there.tolist()), seats=number[record.seats])


def _stretches(
    tournaments: Sequence[Tournament], points: int, between: Collection[str]
) -> list[tuple[Sequence[Tournament], Sequence[Tournament]]]:
    """(all tournaments up to a time, those since the time before), at most so many, at the ends of those `between`; those that end at
    once belong together."""
    ends = [
        k + 1
        for k, one in enumerate(tournaments)
        if k + 1 == len(tournaments) or time_of(tournaments[k + 1]) != time_of(one)
    ]
    shown = [end for end in ends if tournaments[end - 1].key in between]
    before = max((end for end in ends if end < shown[0]), default=0)
    if len(shown) > points:
        shown = [shown[round(k)] for k in np.linspace(0, len(shown) - 1, points)]
    return [(tournaments[:end], tournaments[start:end]) for start, end in zip([before, *shown], shown, strict=False)]

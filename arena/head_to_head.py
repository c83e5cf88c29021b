"""Two agents against each other: the score as a whole, by seat and by first move, as matches came in, and what that decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games import ArenaError, UnknownName, load_game
from arena.leaderboards.confidence_sequences import score_sequence
from arena.leaderboards.payoff_matrix import payoff_matrix
from arena.leaderboards.record import Record
from arena.ledger import Ledger
from arena.rated_matches import RatedMatches
from arena.replay import moves_said
from arena.standings import canonical_game, rated_matches

CONFIDENCE = 0.95
OPENINGS_READ = 400
"""The newest matches, of which first moves are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encounter:
    """A part of the matches of two agents, as the first of them sees it. ``score``: its share of the points, with the interval."""

    name: str
    matches: int
    wins: int
    draws: int
    losses: int
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadToHead:
    """``first`` against ``second`` on a game.

    ``whole``: all matches; ``by_seat``, ``by_opening``: parts of them; ``openings_of``: how many matches the openings are of, 0 where
    first moves are not comparable. ``units`` int64 [T]: matches with their seat-swapped twins so far, and after them ``path``,
    ``low``, ``high`` float64 [T]: the mean score with bounds that hold at all T at once. ``keys``: the matches, the newest first.
    """

    game: str
    title: str
    first: str
    second: str
    whole: Encounter
    by_seat: tuple[Encounter, ...]
    by_opening: tuple[Encounter, ...]
    openings_of: int
    units: NDArray[np.int64]
    path: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    keys: tuple[tuple[str, int], ...]

    @property
    def decided_after(self) -> int | None:
        """The units after which even was first out of the bounds; None where it is not."""
        apart = np.flatnonzero((self.low > 0.5) | (self.high < 0.5))
        return int(self.units[apart[0]]) if len(apart) else None

    def verdict(self) -> str:
        """What may be said however often one looks."""
        sure = f"with {100 * CONFIDENCE:g}\N{NO-BREAK SPACE}%, however often one looks"
        if self.decided_after is None:
            return f"The two are not told apart after {self.units[-1]:,} units of matches, {sure}."
        better, worse = (self.first, self.second) if self.low[-1] > 0.5 else (self.second, self.first)
        return f"{better} beats {worse}: told apart after {self.decided_after:,} of {self.units[-1]:,} units, {sure}."

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "game": self.game,
            "first": self.first,
            "second": self.second,
            "verdict": self.verdict(),
            "decided_after": self.decided_after,
            "whole": _plain(self.whole),
            "by_seat": [_plain(one) for one in self.by_seat],
            "by_opening": [_plain(one) for one in self.by_opening],
            "openings_of": self.openings_of,
            "units": self.units.tolist(),
            "score": self.path.tolist(),
            "low": self.low.tolist(),
            "high": self.high.tolist(),
            "matches": [f"{key}/{number}" for key, number in self.keys],
        }


def head_to_head(ledger: Ledger, game: str, first: str, second: str) -> HeadToHead:
    """The matches of two agents, by their labels, on a game; in those of more than two players they sat at one table.

    Raises:
        UnknownName: no such game, or the two never met on it.
    """
    game = canonical_game(ledger, game)
    rated = rated_matches(ledger, game)
    record = rated.record
    numbers = {label: at for at, label in enumerate(record.agents)}
    for one in (first, second):
        if one not in numbers:
            raise UnknownName("agent of this ladder", one, list(numbers))
    a, b = numbers[first], numbers[second]
    rows = np.flatnonzero((record.seats == a).any(axis=1) & (record.seats == b).any(axis=1))
    if a == b or not len(rows):
        raise UnknownName(f"opponent of {first} on this ladder", second, [])
    seat = (record.seats[rows] == a).argmax(axis=1)
    units, scores = _unit_scores(record.of(rows), a, b)
    bounds = score_sequence(scores, error_rate=1 - CONFIDENCE)
    openings = _openings(ledger, rated, rows, game)
    by_name: dict[str, list[int]] = {}
    for row, name in openings.items():
        by_name.setdefault(name, []).append(row)
    return HeadToHead(
        game=game,
        title=next(one.title for one in ledger.games() if one.game == game),
        first=first,
        second=second,
        whole=_encounter("all matches", record, rows, a, b),
        by_seat=tuple(
            _encounter(f"seat {number}", record, rows[seat == number], a, b) for number in np.unique(seat).tolist()
        ),
        by_opening=tuple(
            _encounter(name, record, np.array(of), a, b)
            for name, of in sorted(by_name.items(), key=lambda one: -len(one[1]))
        ),
        openings_of=len(openings),
        units=units,
        path=np.cumsum(scores) / np.arange(1, len(scores) + 1),
        low=bounds.low,
        high=bounds.high,
        keys=tuple((rated.keys[rated.tournament[row]], int(rated.number[row])) for row in rows[::-1].tolist()),
    )


def _encounter(name: str, record: Record, rows: NDArray[np.int64], a: int, b: int) -> Encounter:
    matrix = payoff_matrix(record.of(rows), confidence=CONFIDENCE)
    return Encounter(
        name=name,
        matches=int(matrix.matches[a, b]),
        wins=int(matrix.wins[a, b]),
        draws=int(matrix.draws[a, b]),
        losses=int(matrix.losses[a, b]),
        score=float(matrix.score[a, b]),
        low=float(matrix.low[a, b]),
        high=float(matrix.high[a, b]),
    )


def _unit_scores(record: Record, a: int, b: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(1..T, the mean score of `a` in each unit of resampling), in the order in which units ended."""
    each = np.arange(len(record))
    at_a, at_b = ((record.seats == one).argmax(axis=1) for one in (a, b))
    gain = record.returns[each, at_a] - record.returns[each, at_b]
    score = np.where(gain > 0, 1.0, np.where(gain < 0, 0.0, 0.5))
    score = np.where(record.forfeit == at_a, 0.0, np.where(record.forfeit == at_b, 1.0, score))
    names, unit = np.unique(record.pair, return_inverse=True)
    last = np.zeros(len(names), np.int64)
    last[unit] = each  # the last match of each
    mean = np.bincount(unit, score) / np.bincount(unit)
    return np.arange(1, len(names) + 1), mean[np.argsort(last)]


def _openings(ledger: Ledger, rated: RatedMatches, rows: NDArray[np.int64], game: str) -> dict[int, str]:
    """The first move in words of each of the newest matches; none where chance or hidden moves make first moves differ in meaning."""
    try:
        loaded = load_game(game)
    except ArenaError:
        return {}
    if loaded.info.chance or loaded.info.simultaneous or loaded.info.information != "perfect":
        return {}
    played = {one.key: one for one in ledger.tournaments(game) if one.source == "play"}
    found: dict[int, str] = {}
    words: dict[object, str] = {}
    for row in _newest(rows):
        key = rated.keys[rated.tournament[row]]
        if key not in played:
            continue
        result = ledger.match(played[key], int(rated.number[row]))
        if not len(result.actions):
            continue
        action = result.actions[0].item()
        if action not in words:
            words[action] = moves_said(loaded, result)[0][1]
        found[row] = words[action]
    return found


def _newest(rows: NDArray[np.int64]) -> list[int]:
    newest: list[int] = rows[-OPENINGS_READ:].tolist()
    return newest


def _plain(one: Encounter) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__slots__}

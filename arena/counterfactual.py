"""Counterfactual boards: which matches count, as one value, and how the ranks moved against the full board."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.games import SpecificationError, UnknownName
from arena.leaderboards.leaderboard import Leaderboard, Row
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed, signed
from arena.ledger_rows import Played, Tournament
from arena.results import NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Which matches a board counts; nothing given: all of them.

    ``without_forfeits``: only matches that nobody forfeited. ``seat``: agents are rated by what they did on this seat (or
    side, in a game of teams), from 1; what they did elsewhere is what their opponents are made of. ``since``, ``until``:
    ISO dates or times in UTC, both included; a ledger knows when a tournament was finished, not when a match was, so that
    dates choose whole tournaments. ``tournaments``: only these, by key. ``without_agents``: no match in which one of them
    sat, by name (all its versions) or label. ``without_judges``: no result that one of them gave. ``contexts``: only votes and
    judgements in one of these (of a ledger).
    """

    without_forfeits: bool = False
    seat: int | None = None
    since: str | None = None
    until: str | None = None
    tournaments: tuple[str, ...] = ()
    without_agents: tuple[str, ...] = ()
    without_judges: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.seat is not None and self.seat < 1:
            raise SpecificationError(f"seats are counted from 1; got {self.seat}")
        begins, ends = _first_moment(self.since), _last_moment(self.until)
        if begins and ends and begins > ends:
            raise SpecificationError(f"nothing is since {self.since} and until {self.until}")

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return self != Where()

    def chosen(self, tournaments: Sequence[Tournament]) -> list[Tournament]:
        """The tournaments that count.

        Raises:
            UnknownName: one that is asked for is not among them.
            SpecificationError: none is left.
        """
        known = [one.key for one in tournaments]
        for key in self.tournaments:
            if key not in known:
                raise UnknownName("tournament of this game", key, known)
        begins, ends = _first_moment(self.since), _last_moment(self.until)
        left = [
            one
            for one in tournaments
            if (not self.tournaments or one.key in self.tournaments)
            and (begins is None or time_of(one) >= begins)
            and (ends is None or time_of(one) <= ends)
        ]
        if not left:
            raise SpecificationError(f"no tournament of this game is left: {self.sentence()}")
        return left

    def keeps(self, labels: Sequence[str], met: Played | Record) -> NDArray[np.bool_]:
        """[N]: which matches count, by forfeits and agents; ``met`` by side, whose seats index into ``labels``."""
        kept = np.ones(len(met), np.bool_)
        if self.without_forfeits:
            kept &= met.forfeit == NOBODY
        absent = [at for at, label in enumerate(labels) if self.leaves_out(label)]
        if absent:
            kept &= ~np.isin(met.seats, absent).any(axis=1)
        return kept

    def check_agents(self, labels: Sequence[str]) -> None:
        """Raises `UnknownName` where an agent to leave out is none of these."""
        for name in self.without_agents:
            if not any(name in names_of(label) for label in labels):
                raise UnknownName("agent of this board", name, labels)

    def check_judged(self, judges: Sequence[str], contexts: Sequence[str]) -> None:
        """Raises where a judge or a context is asked for that no match of the board names.

        Raises:
            UnknownName: others are named.
            SpecificationError: none is named at all.
        """
        for asked, known, what in ((self.without_judges, judges, "judge"), (self.contexts, contexts, "context")):
            for name in asked:
                if not known:
                    raise SpecificationError(f"no match of this board names its {what}")
                if name not in known:
                    raise UnknownName(f"{what} of this board", name, known)

    def keeps_judges(self, judges: Sequence[str | None]) -> NDArray[np.bool_]:
        """Whose verdicts count, judge by judge; None: a match that names none."""
        return np.array([judge not in self.without_judges for judge in judges], np.bool_)

    def keeps_contexts(self, contexts: Sequence[str | None]) -> NDArray[np.bool_]:
        """Which contexts count, one by one; None: of a match that names none."""
        return np.array([not self.contexts or context in self.contexts for context in contexts], np.bool_)

    def sentence(self) -> str:
        """What counts and what does not, as said on a board: ``without forfeits, only seat 1``."""
        parts = ["without forfeits"] if self.without_forfeits else []
        if self.seat is not None:
            parts.append(f"only seat {self.seat}")
        if self.since is not None:
            parts.append(f"since {self.since}")
        if self.until is not None:
            parts.append(f"until {self.until}")
        if self.tournaments:
            parts.append(f"only {listed(self.tournaments)}")
        parts += [f"without agent {name}" for name in self.without_agents]
        parts += [f"without judge {name}" for name in self.without_judges]
        if self.contexts:
            parts.append(f"only context {listed(self.contexts)}")
        return ", ".join(parts) or "all matches"

    def to_dict(self) -> dict[str, object]:
        return {
            "without_forfeits": self.without_forfeits,
            "seat": self.seat,
            "since": self.since,
            "until": self.until,
            "tournaments": list(self.tournaments),
            "without_agents": list(self.without_agents),
            "without_judges": list(self.without_judges),
            "contexts": list(self.contexts),
        }

    def leaves_out(self, label: str) -> bool:
        """Whether an agent of this label is left out."""
        return any(name in self.without_agents for name in names_of(label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One agent on the full board and on the counterfactual one; None where it has no rank there."""

    agent: str
    rank_in_full: tuple[int, int] | None
    rank: tuple[int, int] | None
    rating_in_full: float | None
    rating: float | None

    def to_dict(self) -> dict[str, object]:
        return {
            "agent": self.agent,
            "rank_in_full": None if self.rank_in_full is None else list(self.rank_in_full),
            "rank": None if self.rank is None else list(self.rank),
            "rating_in_full": self.rating_in_full,
            "rating": self.rating,
        }


def moves(full: Leaderboard, here: Leaderboard) -> tuple[Moved, ...]:
    """How each agent stands on both boards, in the order of the full one."""
    rows_here = {row.agent: row for row in here.rows}
    full_rows = {row.agent: row for row in full.rows}
    names = [*full_rows, *(name for name in rows_here if name not in full_rows)]
    return tuple(_moved(name, full_rows.get(name), rows_here.get(name)) for name in names)


def moves_in_words(moved: Sequence[Moved]) -> str:
    """The finding of a counterfactual board: whose rank changed, as a sentence."""
    both = [one for one in moved if one.rank is not None and one.rank_in_full is not None]
    changed = [one for one in both if one.rank != one.rank_in_full]
    gone = [one.agent for one in moved if one.rating is None]
    said = f"{listed(gone)} {'is' if len(gone) == 1 else 'are'} not rated here. " if gone else ""
    if not both:
        return said + "No agent has a rank on both boards."
    if not changed:
        return said + f"No rank moved: {len(both)} agents stand where they stand on the full board."
    told = [f"{one.agent} from {_range(one.rank_in_full)} to {_range(one.rank)}" for one in changed]
    verb = "rank moved" if len(changed) == 1 else "ranks moved"
    return said + f"{len(changed)} of {len(both)} {verb}: {listed(told)}."


def rating_moved(one: Moved, digits: int) -> str:
    """``+12``: the rating here less the full one; empty where one of them is not there."""
    return "" if one.rating is None or one.rating_in_full is None else signed(one.rating - one.rating_in_full, digits)


def names_of(label: str) -> tuple[str, ...]:
    """What an agent is called: its label ``strong@2`` and its name ``strong``."""
    name, at, version = label.rpartition("@")
    return (label, name) if at and version.isdecimal() else (label,)


def time_of(tournament: Tournament) -> str:
    """When a tournament's matches were all recorded: when it was finished, and before that now. ISO 8601 in UTC."""
    return tournament.finished_at or _written(datetime.datetime.now(datetime.UTC))


def time_bounds(where: Where) -> list[str]:
    """The moments that divide what counts from what does not."""
    bounds = (_first_moment(where.since), _last_moment(where.until))
    return [at for at in bounds if at is not None]


def straddling(tournaments: Sequence[Tournament], moment: str) -> list[str]:
    """The keys of tournaments that were being played at a moment: dates cannot divide their matches."""
    return [one.key for one in tournaments if one.created_at < moment <= time_of(one)]


def kept_of(record: Record, where: Where) -> Record:
    """The matches of a record that count, by forfeits and agents; agents that are left out are none of its agents.

    Raises:
        UnknownName: an agent to leave out is not there.
        SpecificationError: no match is left, or tournaments or dates are asked for, which a record does not know.
    """
    if where.since or where.until or where.tournaments:
        raise SpecificationError(
            "a file of results has no tournaments and no dates: --since, --until and --only-tournament are for a ledger"
        )
    if where.contexts:
        raise SpecificationError(
            "contexts are known to a ledger: take the file in with arena match import, then --context"
        )
    where.check_agents(record.agents)
    kept = np.flatnonzero(where.keeps(record.agents, record))
    if not len(kept):
        raise SpecificationError(f"no match of this board is left: {where.sentence()}")
    stays = np.array([not where.leaves_out(name) for name in record.agents], np.bool_)
    number = np.where(stays, np.cumsum(stays) - 1, -1)
    left = record.of(kept)
    return replace(
        left,
        agents=tuple(name for name, stay in zip(record.agents, stays.tolist(), strict=True) if stay),
        seats=np.where(left.seats < 0, -1, number[left.seats]),
    )


def _first_moment(text: str | None) -> str | None:
    return None if text is None else _written(_parsed(text))


def _last_moment(text: str | None) -> str | None:
    if text is None:
        return None
    at = _parsed(text)
    if len(text.strip()) <= len("2026-11-20"):
        at += datetime.timedelta(days=1, milliseconds=-1)
    return _written(at)


def _written(at: datetime.datetime) -> str:
    """As `arena.ledger_entries.now` writes times, so that texts compare as times."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parsed(text: str) -> datetime.datetime:
    try:
        at = datetime.datetime.fromisoformat(text.strip())
        return at.replace(tzinfo=datetime.UTC) if at.tzinfo is None else at.astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # also of a time that is in no year in UTC
        raise SpecificationError(f"a date is written 2026-11-20, a time 2026-11-20T14:00 (UTC); got {text!r}") from None


def _moved(name: str, full: Row | None, here: Row | None) -> Moved:
    return Moved(
        agent=name,
        rank_in_full=_rank(full),
        rank=_rank(here),
        rating_in_full=None if full is None else full.rating,
        rating=None if here is None else here.rating,
    )


def _rank(row: Row | None) -> tuple[int, int] | None:
    return None if row is None or row.provisional else row.rank


def _range(rank: tuple[int, int] | None) -> str:
    assert rank is not None
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"

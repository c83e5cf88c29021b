"""The ladder: a leaderboard's rows as cells, sorted, filtered and compared with another date as the address says."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from markupsafe import Markup

from arena.counterfactual import Where
from arena.job_columns import JobColumn
from arena.leaderboards.leaderboard import Row
from arena.server.drawing.intervals import axis_head
from arena.server.kept import Kept
from arena.server.ladder_beside import Beside, by_agent
from arena.server.ladder_columns import SINCE, Column, View, shown
from arena.server.ladder_rows import Cells, LadderRow
from arena.server.ladder_words import METHODS
from arena.server.paging import ROWS, Pages
from arena.standings import Standings

ASCENDING_FIRST = frozenset({"rank", "name", "exploitability"})

Key = Callable[[Row], float | str | None]
"""Of a row, the value that a column is sorted by; None goes last either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A sortable column head: where its link leads, and how the column stands now (``aria-sort``)."""

    title: str
    key: str
    address: str
    sorted: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The table as a whole: its columns beside rank, agent and rating, their groups as (title, number of columns), and the axis that
    its intervals share. ``drawn``: the lines that were made of rows of this table, on whichever page."""

    rows: tuple[LadderRow, ...]
    columns: tuple[Column, ...]
    groups: tuple[tuple[str, int], ...]
    heads: Mapping[str, Head]
    axis: Markup
    rating: str
    has_reliability: bool
    seat_words: str
    any_provisional: bool
    drawn: dict[LadderRow, Markup]

    def has(self, key: str) -> bool:
        return any(column.key == key for column in self.columns)

    @property
    def width(self) -> int:
        """How many columns more than by default, in steps of four: what the style sheet widens the table by."""
        return math.ceil(max(0, len(self.columns) - 7) / 4)


def ladders(
    standings: Standings,
    view: View,
    *,
    beside: Beside,
    path: str,
    kinds: Callable[[], Mapping[str, str]],
    in_teams: bool,
) -> tuple[list[Ladder], Pages]:
    """(a ladder for each group of agents that met, of those that have rows on the view's page; the pages).

    Args:
        standings: what is shown; as a rule there is one group.
        view: which columns, order, agents and page; an unknown sort means the ladder's own order.
        beside: what else is in the columns.
        path: the page's path, for the heads' links.
        kinds: gives what each agent is, in a word.
        in_teams: whether players stand in teams, so that scores are by side and not by seat.
    """

    def tables() -> list[_Table]:
        names, kind_of = {row.agent: row for row in standings.leaderboard.rows}, kinds()
        groups = standings.leaderboard.groups or (tuple(names),)
        fitting = [
            [names[agent] for agent in group if _fits(agent, kind_of.get(agent, ""), view.agents)] for group in groups
        ]
        return [_Table(standings, rows, view, beside, kind_of, in_teams) for rows in fitting]

    others = (beside.before, *beside.others.values())
    kept = _TABLES.of(standings, (view.columns, view.compare, view.agents), tables, others)
    pages = Pages.of(sum(len(table.listed) for table in kept), at=view.page)
    found, before = [], 0
    for table in kept:
        here = pages.shown_of(before, len(table.listed))
        before += len(table.listed)
        if here.stop > here.start:
            found.append(table.ladder(here, view, path))
    return found, pages


def ladder(standings: Standings) -> Ladder:
    """The first agents of these standings in one ladder of its own order."""
    return _Table(standings, standings.leaderboard.rows, View(), Beside(), {}, False).ladder(slice(ROWS), View(), "")


class _Table:
    """What a ladder's pages have in common, however they are sorted."""

    def __init__(
        self,
        standings: Standings,
        listed: Sequence[Row],
        view: View,
        beside: Beside,
        kinds: Mapping[str, str],
        in_teams: bool,
    ):
        self.standings, self.listed = standings, listed
        known = {*_known(standings, listed), *beside.others, *beside.jobs}
        titles = {SINCE: f"Since {view.compare}"} | ({"seats": "Score by side"} if in_teams else {})
        self.columns = tuple(
            replace(column, title=titles.get(column.key, column.title))
            for column in shown(view, known=known, compared=beside.before is not None)
        )
        self.seat_words = "side" if in_teams else "seat"
        self.has_reliability = any(row.reliability is not None for row in listed)
        self.any_provisional = any(row.provisional for row in listed)
        self._keys = _sort_keys(standings, beside)
        self._orders: dict[tuple[str, bool], list[Row]] = {}
        self._rows: dict[tuple[str, bool], LadderRow] = {}
        self._drawn: dict[LadderRow, Markup] = {}
        self._cells = Cells(standings, beside, listed, kinds, self.seat_words)
        self._tiers = _tiers(self._ordered("rank", True))
        board, floor = standings.leaderboard, standings.noise_floor
        self._axis = axis_head(
            self._cells.axis,
            label=f"axis of {METHODS[board.method]}",
            floor=floor.floor if floor is not None and board.method == "elo" else math.nan,
        )

    def ladder(self, here: slice, view: View, path: str) -> Ladder:
        """The rows of a slice of it, in the view's order."""
        sort = view.sort if view.sort in self._keys else "rank"
        rising = view.order == "asc" if view.order else sort in ASCENDING_FIRST
        tiers = self._tiers if sort == "rank" and rising else frozenset()
        rating = METHODS[self.standings.leaderboard.method]
        titles = {"rank": "Rank", "name": "Agent", "rating": rating} | {
            column.key: column.title for column in self.columns
        }
        where = self.standings.where or Where()
        return Ladder(
            rows=tuple(self._row(row, row.agent in tiers) for row in self._ordered(sort, rising)[here]),
            columns=self.columns,
            groups=_groups(self.columns),
            heads={key: _head(key, title, sort, rising, view, path, where) for key, title in titles.items()},
            axis=self._axis,
            rating=rating,
            has_reliability=self.has_reliability,
            seat_words=self.seat_words,
            any_provisional=self.any_provisional,
            drawn=self._drawn,
        )

    def _ordered(self, sort: str, rising: bool) -> list[Row]:
        if (sort, rising) not in self._orders:
            self._orders[sort, rising] = _sorted(self.listed, self._keys[sort], rising)
        return self._orders[sort, rising]

    def _row(self, row: Row, tier: bool) -> LadderRow:
        if (row.agent, tier) not in self._rows:
            self._rows[row.agent, tier] = self._cells.row(row, tier=tier)
        return self._rows[row.agent, tier]


_TABLES: Kept[list[_Table]] = Kept(24)  # of a thousand agents five megabytes each


def _fits(agent: str, kind: str, asked: str) -> bool:
    words = f"{agent} kind:{kind} {kind}".casefold()
    return all(word in words for word in asked.casefold().split())


def _known(standings: Standings, rows: Sequence[Row]) -> list[str]:
    """The board's own columns that have something in them."""
    filled = {
        "weight": any(row.minimax_weight is not None for row in rows),
        "exploitability": bool(standings.exploitability),
        "score": bool(standings.leaderboard.matrix.matches.any()),
        "return": standings.leaderboard.method != "mean_return",
        "seats": any(len(row.seat_scores) > 1 for row in rows),
        "matches": True,
        "forfeits": True,
    }
    return [key for key, is_filled in filled.items() if is_filled]


def _groups(columns: Sequence[Column]) -> tuple[tuple[str, int], ...]:
    """Rating and interval are the first two columns that say how strong an agent is."""
    found = [(group, len(list(of))) for group, of in groupby(columns, key=lambda column: column.group)]
    if found and found[0][0] == "How strong":
        return (("How strong", found[0][1] + 2), *found[1:])
    return (("How strong", 2), *found)


def _sort_keys(standings: Standings, beside: Beside) -> dict[str, Key]:
    order = {row.agent: k for k, row in enumerate(standings.leaderboard.rows)}
    before = by_agent(beside.before)

    def of(rows: Mapping[str, Row]) -> Key:
        return lambda row: rows[row.agent].rating if row.agent in rows else None

    def of_job(column: JobColumn) -> Key:
        return lambda row: column.values[row.agent].value if row.agent in column.values else None

    return {
        "rank": lambda row: float(order[row.agent]),
        "name": lambda row: row.agent.casefold(),
        "rating": lambda row: row.rating,
        "weight": lambda row: row.minimax_weight,
        "exploitability": lambda row: (
            standings.exploitability[row.agent].value if row.agent in standings.exploitability else None
        ),
        "score": lambda row: row.score,
        "return": lambda row: row.mean_return,
        "seats": _first_seat_gains,
        "matches": lambda row: float(row.matches),
        "forfeits": lambda row: float(row.forfeits),
        SINCE: lambda row: row.rating - before[row.agent].rating if row.agent in before else None,
        **{method: of(by_agent(found)) for method, found in beside.others.items()},
        **{key: of_job(column) for key, column in beside.jobs.items()},
    }


def _first_seat_gains(row: Row) -> float | None:
    """By how much the score in the first seat is above that in the last one."""
    return row.seat_scores[0].score - row.seat_scores[-1].score if len(row.seat_scores) > 1 else None


def _sorted(rows: Sequence[Row], key: Key, rising: bool) -> list[Row]:
    known = [row for row in rows if not _missing(key(row))]
    unknown = [row for row in rows if _missing(key(row))]
    return sorted(known, key=key, reverse=not rising) + unknown  # type: ignore[arg-type]  # one column is all of one type


def _missing(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _head(key: str, title: str, sort: str, rising: bool, view: View, path: str, where: Where) -> Head:
    now = key == sort
    next_rising = not rising if now else key in ASCENDING_FIRST
    address = path + view.changed(where, sort=key, order="asc" if next_rising else "desc")
    state = ("ascending" if rising else "descending") if now else None
    return Head(title=title, key=key, address=address, sorted=state)


def _tiers(rows: Sequence[Row]) -> frozenset[str]:
    """The agents at whose row a certain gap begins: nobody above may rank as low as anybody from here on.

    Provisional agents have no rank, and so no gap.
    """
    rows = [row for row in rows if not row.provisional]
    best_below = list(accumulate((row.rank[0] for row in reversed(rows)), min))[::-1]
    worst_above = list(accumulate((row.rank[1] for row in rows), max))
    return frozenset(rows[k].agent for k in range(1, len(rows)) if best_below[k] > worst_above[k - 1])

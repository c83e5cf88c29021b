"""The columns of a ladder: which there are, by the question that they answer, and which of them an address chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query

from arena.counterfactual import Where
from arena.filter_query import query_of
from arena.games import UnknownName
from arena.leaderboards.leaderboard import Method
from arena.server.ladder_words import METHOD_GROUPS, METHODS, method_of

Group = Literal["How strong", "Against the field", "How beatable", "Record"]

SINCE = "since"
"""The column of what changed since the date that the ladder is compared with."""

_OF_METHODS: Mapping[str, Group] = {
    "Strength": "How strong",
    "Rankings of the field": "Against the field",
    "Votes": "Against the field",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column beside rank, agent and rating. ``key``: its name in addresses; ``width``: a class of its ``<col>``; ``cell``: classes of
    its cells; ``method``: whose numbers it holds, None where they are the board's own."""

    key: str
    title: str
    group: Group
    width: str = "c-m"
    cell: str = "num"
    method: Method | None = None

    @property
    def is_number(self) -> bool:
        return self.cell.startswith("num")


_WEIGHT = Column(key="weight", title="Minimax weight", group="Against the field", width="c-mw", cell="fig d-mw")
_GAP = Column(key="exploitability", title="Exploitability", group="How beatable", width="c-ex", cell="fig d-ex")
_RECORD = (
    Column(key="score", title="Wins, draws, losses", group="Record", width="c-wdl", cell="fig d-wdl"),
    Column(key="return", title="Mean return", group="Record", width="c-ret", cell="num soft"),
    Column(key="seats", title="Score by seat", group="Record", width="c-seat", cell="fig d-seat"),
    Column(key="matches", title="Matches", group="Record", width="c-n", cell="num soft"),
    Column(key="forfeits", title="Forfeits", group="Record", width="c-ff", cell="num d-ff"),
)
DEFAULT = (_WEIGHT, _GAP, *_RECORD)
"""Those shown where the address names none."""


def _of_group(group: Group) -> list[Column]:
    names = [name for heading, of in METHOD_GROUPS.items() if _OF_METHODS.get(heading) == group for name in of]
    return [
        Column(key=name, title=METHODS[name], group=group, method=name) for name in names if name != "minimax"
    ]  # the minimax weight and the mean return are columns of every board


COLUMNS: Mapping[str, Column] = {
    column.key: column
    for column in (*_of_group("How strong"), _WEIGHT, *_of_group("Against the field"), _GAP, *_RECORD)
}
"""All that can be chosen, in the order in which they stand."""

SINCE_COLUMN = Column(key=SINCE, title="Since", group="How strong")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a ladder is shown and how, as its address says.

    ``columns``: keys, none for the default ones; ``order``: asc, desc or ''; ``compare``: a date, '' for none; ``agents``: words that
    the shown agents have in their labels or kinds; ``page`` from 1.
    """

    method: Method = "elo"
    columns: tuple[str, ...] = ()
    sort: str = "rank"
    order: str = ""
    compare: str = ""
    agents: str = ""
    page: int = 1

    def query(self, where: Where) -> str:
        """The same as an address has it: what is not said there is as by default."""
        said = [("method", self.method)] + [("column", key) for key in self.columns]
        said += [("sort", self.sort)] if self.sort != "rank" or self.order else []
        said += [(name, value) for name in ("order", "compare", "agents") if (value := getattr(self, name))]
        said += [("page", str(self.page))] if self.page > 1 else []
        return urlencode(said + query_of(where))

    def changed(self, where: Where, **changes: object) -> str:
        """The address of the same ladder seen in another way, from its first page on."""
        return "?" + replace(self, **{"page": 1, **changes}).query(where)  # type: ignore[arg-type]  # names of our own fields

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods whose numbers are asked for beside the board's own."""
        asked = (COLUMNS[key].method for key in self.columns)
        return tuple(method for method in asked if method is not None and method != self.method)


def view_asked(
    method: Annotated[str, Query(description="how to rate")] = "elo",
    column: Annotated[
        list[str] | None, Query(description="columns beside rank, agent and rating: " + ", ".join(COLUMNS))
    ] = None,
    sort: Annotated[str, Query(description="a column, rank, name or rating")] = "rank",
    order: Annotated[str, Query(description="asc or desc")] = "",
    compare: Annotated[str, Query(description="ISO date, UTC: show how ratings moved since")] = "",
    agents: Annotated[str, Query(description="only agents with these words in their label or kind")] = "",
    page: Annotated[int, Query(ge=1, description="of the table, from 1")] = 1,
) -> View:
    """The view that an address asks for.

    Raises:
        UnknownName: no such method or column.
    """
    chosen = list(dict.fromkeys(column or ()))
    for key in chosen:
        if key not in COLUMNS:
            raise UnknownName("column", key, list(COLUMNS))
    return View(
        method=method_of(method),
        columns=tuple(key for key in COLUMNS if key in chosen),
        sort=sort,
        order=order if order in ("asc", "desc") else "",
        compare=compare,
        agents=agents,
        page=page,
    )


ViewAsked = Annotated[View, Depends(view_asked)]


def offered() -> list[tuple[str, list[Column]]]:
    """All columns by their groups, for the form."""
    return [(group, list(of)) for group, of in groupby(COLUMNS.values(), key=lambda column: column.group)]


def shown(view: View, *, known: Sequence[str], others: Mapping[Method, object], compared: bool) -> tuple[Column, ...]:
    """The columns of a table in their order.

    Args:
        view: what is asked for.
        known: of the board's own columns those that this board can fill.
        others: the methods whose numbers there are.
        compared: whether there is another date's board.
    """
    asked = [COLUMNS[key] for key in view.columns] or list(DEFAULT)
    kept = [column for column in asked if (column.key in known if column.method is None else column.method in others)]
    return (*((SINCE_COLUMN,) if compared else ()), *kept)

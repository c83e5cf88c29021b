"""The columns of a ladder: which there are, by the question that they answer, and which of them an address chooses."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import Depends, Query

from arena.counterfactual import Where
from arena.filter_query import query_of
from arena.games import UnknownName
from arena.job_kinds import JOB_KINDS
from arena.leaderboards.leaderboard import Method
from arena.server.ladder_words import METHOD_GROUPS, METHODS, method_of

Group = Literal["How strong", "Against the field", "How beatable", "Record", "Computed as jobs"]

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
    its cells; ``method``: whose numbers it holds, None where they are the board's own; ``job``: the kind of job that computed them."""

    key: str
    title: str
    group: Group
    width: str = "c-m"
    cell: str = "num"
    method: Method | None = None
    job: str = ""

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


def job_key(kind: str, method: Method) -> str:
    """What addresses call the column of a kind of jobs."""
    return f"{kind}.{method}"


_OF_JOBS = tuple(
    Column(
        key=job_key(kind, method),
        title=f"{title}, {kind}",
        group="Computed as jobs",
        width="c-mw",
        method=method,
        job=kind,
    )
    for kind, known in JOB_KINDS.items()
    if known.about == "field"
    for method, title in METHODS.items()
)

COLUMNS: Mapping[str, Column] = {
    column.key: column
    for column in (*_of_group("How strong"), _WEIGHT, *_of_group("Against the field"), _GAP, *_RECORD, *_OF_JOBS)
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
        """The methods whose numbers are computed beside the board's own."""
        asked = (COLUMNS[key].method for key in self.columns if not COLUMNS[key].job)
        return tuple(method for method in asked if method is not None and method != self.method)


_WITHOUT_JOBS = [key for key, column in COLUMNS.items() if not column.job]


def view_asked(
    method: Annotated[str, Query(description="how to rate")] = "elo",
    column: Annotated[
        list[str] | None,
        Query(
            description="columns beside rank, agent and rating: "
            + ", ".join(_WITHOUT_JOBS)
            + f"; {job_key('bootstrap', 'elo')} and the like, where a job has computed it"
        ),
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


def offered(computed: Collection[str]) -> list[tuple[str, list[Column]]]:
    """All columns by their groups, for the form. ``computed``: keys of those of jobs that there are."""
    there = [column for column in COLUMNS.values() if not column.job or column.key in computed]
    return [(group, list(of)) for group, of in groupby(there, key=lambda column: column.group)]


def shown(view: View, *, known: Collection[str], compared: bool) -> tuple[Column, ...]:
    """The columns of a table in their order.

    Args:
        view: what is asked for.
        known: the keys of those that can be filled.
        compared: whether there is another date's board.
    """
    asked = [COLUMNS[key] for key in view.columns] or list(DEFAULT)
    kept = [column for column in asked if column.key in known]
    return (*((SINCE_COLUMN,) if compared else ()), *kept)

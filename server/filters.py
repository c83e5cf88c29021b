"""Which matches count, as an address says it: the filters of a counterfactual board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query

from arena.counterfactual import Where
from arena.entrants import mixed_teams
from arena.games import SpecificationError
from arena.judgements import judges_and_contexts
from arena.ledger import Ledger
from arena.ledger_rows import Tournament

TOURNAMENTS_OFFERED = 200
"""The newest ones; others can be named in the address."""
OFFERED = 500
"""Judges, and contexts: the first ones, likewise."""
AGENTS_OFFERED = 200
"""Of more agents one is named by hand."""
A_TIME: dict[str, Any] = {"anyOf": [{"format": "date"}, {"format": "date-time"}, {"const": ""}]}
"""How the API describes a day or a time that may be left empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the form offers: seats (or sides) from 1, tournaments by (key, name), agents by label (None: too many to choose from), judges
    and contexts by name."""

    seats: tuple[int, ...]
    seat_word: str
    tournaments: tuple[tuple[str, str], ...]
    agents: tuple[str, ...] | None
    judges: tuple[str, ...]
    contexts: tuple[str, ...]


def where_asked(
    without_forfeits: Annotated[bool, Query(description="only matches that nobody forfeited")] = False,
    seat: Annotated[
        str,
        Query(
            description="rate agents by what they did on this seat (a side in games of teams), from 1",
            json_schema_extra={"pattern": "^([1-9][0-9]{0,2})?$"},
        ),
    ] = "",
    since: Annotated[
        str,
        Query(
            description="ISO date, UTC: only tournaments that were finished then or later, or still run",
            json_schema_extra=A_TIME,
        ),
    ] = "",
    until: Annotated[
        str,
        Query(description="ISO date, UTC: only tournaments that were finished by then", json_schema_extra=A_TIME),
    ] = "",
    tournament: Annotated[list[str] | None, Query(description="only these tournaments, by key")] = None,
    without_agent: Annotated[
        list[str] | None, Query(description="no match in which one of these sat, by name or label")
    ] = None,
    without_judge: Annotated[list[str] | None, Query(description="no verdict that one of these judges gave")] = None,
    context: Annotated[
        list[str] | None, Query(description="only votes and judgements in one of these contexts")
    ] = None,
) -> Where:
    """The filters of an address; a field that a form sends empty filters nothing.

    Raises:
        SpecificationError: a seat or a date that is none.
    """
    if seat and not (seat.isascii() and seat.isdecimal() and len(seat) < 4):
        raise SpecificationError(f"seats are counted from 1; got {seat!r}")
    return Where(
        without_forfeits=without_forfeits,
        seat=int(seat) if seat else None,
        since=since or None,
        until=until or None,
        tournaments=_given(tournament),
        without_agents=_given(without_agent),
        without_judges=_given(without_judge),
        contexts=_given(context),
    )


WhereAsked = Annotated[Where, Depends(where_asked)]


def choices_of(ledger: Ledger, tournaments: Sequence[Tournament]) -> Choices:
    """What can be chosen among the tournaments of a game."""
    judges, contexts = judges_and_contexts(ledger, tournaments, most=OFFERED)
    sides = tournaments[0].sides
    newest = tournaments[::-1][:TOURNAMENTS_OFFERED]
    return Choices(
        seats=tuple(range(1, len(sides) + 1)) if len(sides) > 1 else (),
        seat_word="Side" if any(len(side) > 1 for side in sides) else "Seat",
        tournaments=tuple((one.key, one.name) for one in newest),
        agents=_agents(tournaments),
        judges=tuple(sorted(judges[:OFFERED], key=str.casefold)),
        contexts=contexts[:OFFERED],
    )


def _agents(tournaments: Sequence[Tournament]) -> tuple[str, ...] | None:
    labels: set[str] = set()
    for one in tournaments:
        if len(one.agents) > AGENTS_OFFERED:
            return None
        labels.update(agent.label for agent in one.agents)
        labels.update(mixed_teams(one))
    return tuple(sorted(labels, key=str.casefold)) if len(labels) <= AGENTS_OFFERED else None


def _given(values: list[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values or () if value))

"""Agents: all versions, and one with its place on every ladder and its last matches."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from arena.ledger_rows import AgentVersion
from arena.server.agent_pages import on_ladders, opponent_label
from arena.server.api.answers import PER_PAGE_MOST
from arena.server.api.matches import line_facts
from arena.server.match_lists import recent_matches
from arena.server.site import SiteOf, json_answer

router = APIRouter(tags=["agents"])


@router.get("/agents", summary="Agents, all versions")
def agents(request: Request, site: SiteOf, retired: bool = False) -> Response:
    return json_answer(request, {"agents": [agent_facts(one) for one in site.ledger.agents(include_retired=retired)]})


@router.get("/agents/{reference:path}", summary="One agent, its place on every ladder, its last matches")
def agent(
    request: Request,
    site: SiteOf,
    reference: Annotated[str, Path(description="name for the newest version, or name@version")],
    against: Annotated[
        str, Query(description="only matches that it alone played against this agent or mixed team")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=PER_PAGE_MOST)] = 20,
) -> Response:
    found = site.ledger.agent(reference)
    opponent = opponent_label(site, against)
    places = [
        {"game": place.standings.game, "row": _row(place.standings.to_dict(), found.label)}
        for place in on_ladders(site, found)
    ]
    lines = recent_matches(site, found, against=opponent, limit=limit)
    return json_answer(
        request, {"agent": agent_facts(found), "ladders": places, "matches": [line_facts(line) for line in lines]}
    )


def agent_facts(agent: AgentVersion) -> dict[str, object]:
    return dataclasses.asdict(agent) | {"label": agent.label}


def _row(standings: dict[str, object], label: str) -> object:
    """The agent's row of the leaderboard as it is printed."""
    board = standings["leaderboard"]
    assert isinstance(board, dict)
    return next((row for row in board["rows"] if row["agent"] == label), None)

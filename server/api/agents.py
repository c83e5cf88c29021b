"""Agents: all versions, one with its place on every ladder and its last matches; registering, uploading and retiring them."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from arena.agents import kinds
from arena.ledger_rows import AgentVersion
from arena.roster import register_own
from arena.server.access import Scope, Visitor, allowed
from arena.server.agent_pages import on_ladders, opponent_label
from arena.server.api.answers import (
    PER_PAGE_MOST,
    WRITE_ERRORS,
    PageAnswer,
    PageAsked,
    list_answer,
)
from arena.server.api.board_models import RowFacts
from arena.server.api.route import IDEMPOTENT, ApiRoute, Uploaded, upload_body
from arena.server.match_lists import recent_matches
from arena.server.site import SiteOf, json_answer
from arena.shown_origin import shown_lineage, shown_specification
from arena.source import checked_name
from arena.source_facts import MatchFacts
from arena.uploads import add_upload

router = APIRouter(tags=["agents"], route_class=ApiRoute)

Reference = Annotated[str, Path(description="name for the newest version, or name@version")]


class AgentFacts(BaseModel):
    """One version of an agent. ``lineage``: where it comes from; ``content_hash``: of the artifact that it is made of."""

    id: int
    label: str
    name: str
    version: int
    kind: str
    specification: str
    content_hash: str | None
    lineage: dict[str, object]
    created_at: str
    retired: bool


class AgentList(PageAnswer):
    agents: list[AgentFacts]


class LadderPlace(BaseModel):
    game: str
    row: RowFacts


class AgentAnswer(BaseModel):
    """``ladders``: its row of each; ``matches``: the last ones, those of mixed teams among them."""

    agent: AgentFacts
    ladders: list[LadderPlace]
    matches: list[MatchFacts]


class KindFacts(BaseModel):
    name: str
    usage: str
    description: str


class KindList(BaseModel):
    kinds: list[KindFacts]


NAME = (
    "what it is called on leaderboards: no kind of agent (random), no person (NAME.human), and no agent of another account, "
    "of which only who has the scope `run` makes versions"
)


class NewAgent(BaseModel, extra="forbid"):
    """An agent that its specification says whole. Files are uploaded; programs join from where they run: ``arena join``."""

    name: str = Field(description=NAME, examples=["search-200"])
    specification: str = Field(max_length=2000, examples=["mcts(simulations=200)", "random"])


@router.get("/agents", summary="Agents, all versions", response_model=AgentList)
def list_agents(
    request: Request,
    site: SiteOf,
    page: PageAsked,
    retired: Annotated[bool, Query(description="also those that were retired")] = False,
) -> Response:
    found = site.ledger.agents(include_retired=retired)
    return list_answer(request, page, "agents", found, key=lambda one: (one.name, one.version), show=agent_facts)


@router.get("/agent-kinds", summary="The kinds of agents and how each is written", response_model=KindList)
def list_agent_kinds(request: Request) -> Response:
    return json_answer(request, {"kinds": [dataclasses.asdict(kind) for kind in kinds()]})


@router.get(
    "/agents/{reference:path}",
    summary="One agent, its place on every ladder, its last matches",
    response_model=AgentAnswer,
)
def get_agent(
    request: Request,
    site: SiteOf,
    reference: Reference,
    against: Annotated[
        str, Query(description="only matches that it alone played against this agent or mixed team")
    ] = "",
    forfeits: Annotated[bool, Query(description="only matches that it forfeited")] = False,
    limit: Annotated[int, Query(ge=1, le=PER_PAGE_MOST, description="the most matches")] = 20,
) -> Response:
    found = site.ledger.agent(reference)
    opponent = opponent_label(site, against)
    places = [
        {"game": place.standings.game, "row": _row(place.standings.to_dict(), found.label)}
        for place in on_ladders(site, found)
    ]
    lines = recent_matches(site, found, against=opponent, forfeits=forfeits, limit=limit)
    matches = [line.facts.to_dict() for line in lines]
    return json_answer(request, {"agent": agent_facts(found), "ladders": places, "matches": matches})


@router.post(
    "/agents",
    summary="Register an agent by its specification",
    response_model=AgentFacts,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT],
)
def add_agent(
    request: Request, site: SiteOf, asked: NewAgent, visitor: Annotated[Visitor, Depends(allowed(Scope.SUBMIT))]
) -> Response:
    added = register_own(
        site.ledger,
        checked_name(asked.name),
        asked.specification,
        account=visitor.account,
        anybodys=visitor.may(Scope.RUN),
    )
    return json_answer(request, agent_facts(added), status=201)


@router.post(
    "/agents/upload",
    summary="Register an agent by uploading what it is made of",
    description="A policy (.json, .npz) or a network (.safetensors). It is read by a process of its own, whose memory and time are "
    "bounded, before it is kept; where a game is named it must be able to play it. A Python file (.py) only where the operator lets them "
    "run, always in a bubblewrap, with the game that it plays.",
    response_model=AgentFacts,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT],
    openapi_extra=upload_body("the file"),
)
def upload_agent(
    request: Request,
    site: SiteOf,
    name: Annotated[str, Query(description=NAME)],
    file: Annotated[str, Query(description="the file's name, whose ending says what it is", max_length=200)],
    content: Uploaded,
    visitor: Annotated[Visitor, Depends(allowed(Scope.SUBMIT))],
    game: Annotated[str | None, Query(description="a game that it must be able to play", max_length=500)] = None,
) -> Response:
    added = add_upload(
        site.ledger,
        checked_name(name),
        content,
        file_name=file,
        game=game,
        account=visitor.account,
        anybodys=visitor.may(Scope.RUN),
        programs=request.app.state.settings.uploaded_programs != "off",
    )
    return json_answer(request, agent_facts(added), status=201)


@router.delete(
    "/agents/{reference:path}",
    summary="Take an agent out of the lists; its matches stay",
    response_model=AgentFacts,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def retire_agent(request: Request, site: SiteOf, reference: Reference) -> Response:
    return json_answer(request, agent_facts(site.ledger.retire_agent(reference)))


def agent_facts(agent: AgentVersion) -> dict[str, object]:
    """A version of an agent in types of JSON."""
    told = {"lineage": shown_lineage(agent.lineage), "specification": shown_specification(agent.specification)}
    return dataclasses.asdict(agent) | {"label": agent.label} | told


def _row(standings: dict[str, object], label: str) -> object:
    """The agent's row of the leaderboard as it is printed."""
    board = standings["leaderboard"]
    assert isinstance(board, dict)
    return next((row for row in board["rows"] if row["agent"] == label), None)

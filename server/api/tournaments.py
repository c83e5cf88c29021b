"""Tournaments: all, one with its progress, the rounds of one whose pairing looks at results, and starting one."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from arena.config import make_configs
from arena.entrants import mixed_teams
from arena.hidden_chance import hides_chance
from arena.job_rows import Resources
from arena.ledger_rows import AgentVersion, Json, Tournament
from arena.server.access import Scope, allowed
from arena.server.api.agents import AgentFacts, agent_facts
from arena.server.api.answers import (
    WRITE_ERRORS,
    PageAnswer,
    PageAsked,
    TournamentKey,
    list_answer,
    value_answer,
)
from arena.server.api.jobs import JobList, job_facts
from arena.server.api.leaderboards import known_game
from arena.server.api.route import IDEMPOTENT, ApiRoute
from arena.server.pairing_views import rounds_told
from arena.server.site import SiteOf, json_answer
from arena.server.teams import members_of
from arena.shown_origin import shown_config
from arena.source_facts import TournamentFacts, tournament_facts, tournament_status
from arena.tournament_job import ask_to_go_on, ask_tournament

router = APIRouter(tags=["tournaments"], route_class=ApiRoute)


class TournamentList(PageAnswer):
    tournaments: list[TournamentFacts]


class UsageFacts(BaseModel):
    """What a language model used; null: its server told nothing."""

    agent: str
    matches: int
    requests: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    cost: float | None
    matches_with_unknown_tokens: int
    matches_with_unknown_cost: int


class TeamFacts(BaseModel):
    label: str
    members: list[str]


class PlayedAgainFacts(BaseModel):
    blocks: int
    matches: int
    sentence: str


class TournamentAnswer(BaseModel):
    """``config``: what its file says; ``versions``: of what it was played with; ``state``: of a pairing that looks at results."""

    tournament: TournamentFacts
    config: Json
    versions: Json
    entrants: list[AgentFacts]
    teams: list[TeamFacts]
    forfeits: int
    usage: list[UsageFacts]
    played_again: PlayedAgainFacts
    state: Json | None


class RoundFacts(BaseModel):
    """``propensities``: the probabilities with which pairs were drawn; null: nothing was drawn."""

    number: int
    first_match: int
    matches: int
    complete: bool
    lineups: list[list[str]]
    points: list[list[float] | None] | None
    propensities: list[float] | None


class RoundsAnswer(PageAnswer):
    state: Json | None
    rounds: list[RoundFacts]


class NewTournament(BaseModel, extra="forbid"):
    """``config``: what a tournament file says, as JSON. Agents are registered ones, or kinds that their specification says whole."""

    config: Json = Field(
        examples=[
            {
                "name": "Friday cup",
                "game": "openspiel:tic_tac_toe",
                "matches": 100,
                "seed": 1,
                "agents": {"random": "random", "search": "mcts(simulations=100)"},
            }
        ]
    )
    cpus: int = Field(default=1, ge=1, le=1024, description="how many processes play its matches")


@router.get("/tournaments", summary="Tournaments, oldest first", response_model=TournamentList)
def list_tournaments(
    request: Request,
    site: SiteOf,
    page: PageAsked,
    game: Annotated[str | None, Query(description="only those of this game")] = None,
    status: Annotated[Literal["running", "finished", "interrupted"] | None, Query(description="only such")] = None,
) -> Response:
    chosen = site.ledger.tournaments(None if game is None else known_game(site, game))
    found = [one for one in chosen if status in (None, one.status)]

    def show(tournament: Tournament) -> Json:
        return tournament_facts(site.ledger, tournament).to_dict()

    return list_answer(request, page, "tournaments", found, key=lambda one: (one.id,), show=show)


@router.post(
    "/tournaments",
    summary="Start a tournament, or one of each game: jobs that a worker takes up",
    response_model=JobList,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def start_tournament(request: Request, site: SiteOf, asked: NewTournament) -> Response:
    configs = make_configs(asked.config, source="the request")
    needs = Resources(cpus=asked.cpus)
    jobs = [job_facts(ask_tournament(site.ledger, config, needs=needs)) for config in configs]
    return json_answer(request, {"jobs": jobs, "next": None}, status=201)


@router.get("/tournaments/{key}", summary="One tournament with its progress", response_model=TournamentAnswer)
def get_tournament(request: Request, site: SiteOf, key: TournamentKey) -> Response:
    found = site.ledger.tournament(key)
    status = tournament_status(site.ledger, found)

    def told() -> Json:
        entrants: tuple[AgentVersion, ...] = found.agents
        return {
            "tournament": status.facts.to_dict(),
            "config": shown_config(found.config, hidden=hides_chance(found)),
            "versions": found.versions,
            "entrants": [agent_facts(one) for one in entrants],
            "teams": [{"label": label, "members": list(members_of(label))} for label in mixed_teams(found)],
            "forfeits": status.forfeits,
            "usage": [used.to_dict() for used in status.usage],
            "played_again": status.played_again.to_dict(),
            "state": status.to_dict().get("state"),
        }

    return value_answer(request, status, told)


@router.post(
    "/tournaments/{key}/resume",
    summary="Go on with a tournament that was interrupted: a job that a worker takes up",
    response_model=JobList,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def resume_tournament(request: Request, site: SiteOf, key: TournamentKey) -> Response:
    row = ask_to_go_on(site.ledger, site.ledger.tournament(key))
    return json_answer(request, {"jobs": [job_facts(row)], "next": None}, status=201)


@router.get(
    "/tournaments/{key}/rounds",
    summary="How a Swiss, knockout or adaptive tournament stands, and its rounds",
    response_model=RoundsAnswer,
)
def list_rounds(request: Request, site: SiteOf, key: TournamentKey, page: PageAsked) -> Response:
    found = site.ledger.tournament(key)
    state, rounds = rounds_told(site.ledger, found, site.ledger.played(found))
    return list_answer(
        request,
        page,
        "rounds",
        rounds,
        key=lambda one: (int(str(one["number"])),),
        show=dict,
        beside={"state": state},
    )

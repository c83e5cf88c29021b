"""Matches of people: against whom and in what they can be played, beginning one, and moving in it. Who asks is the person."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from arena.live_facts import LiveFacts
from arena.server.access import Scope, allowed, signed_in
from arena.server.api.answers import WRITE_ERRORS, TournamentKey
from arena.server.api.route import IDEMPOTENT, ApiRoute
from arena.server.live_match import LiveMatch, live_facts, take_move, take_resignation, watched
from arena.server.match_pages import Number
from arena.server.play_pages import FIRST_GAME, Seat, begin_match, opponents_of, playable_here
from arena.server.players import player_of
from arena.server.site import SiteOf, json_answer

router = APIRouter(tags=["play"], route_class=ApiRoute)

PLAY = Depends(allowed(Scope.PLAY))


class Choices(BaseModel):
    """``games``: by specification; ``opponents``: of the game that was asked for, those that have played it first."""

    games: list[str]
    opponents: list[str]


class NewPlay(BaseModel, extra="forbid"):
    """One match of the account that asks, which plays as the agent ``NAME.human``, at most four at once."""

    game: str = Field(max_length=300, description="a game of two players with listed actions")
    opponent: str = Field(
        max_length=300,
        description="a kind of Arena's own, as random, or a registered agent, name@version or name for the newest",
    )
    seat: Seat = "either"
    rated: bool = Field(default=False, description="whether the match counts on leaderboards")


class NewMove(BaseModel, extra="forbid"):
    """``question``: what it answers; ``action``: one of the choices."""

    question: int = Field(ge=0, lt=2**63)
    action: int = Field(ge=0, lt=2**31)


@router.get("/play", summary="The games that a person can play here, and against whom", response_model=Choices)
def list_opponents(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Query(max_length=300, description="whose opponents are listed")] = FIRST_GAME,
) -> Response:
    opponents = [label for labels in opponents_of(site, game).values() for label in labels]
    return json_answer(request, {"games": sorted(playable_here(site)), "opponents": opponents})


@router.post(
    "/play",
    summary="Begin a match of the account that asks against an agent",
    response_model=LiveFacts,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, PLAY, Depends(signed_in)],
)
def begin_play(request: Request, site: SiteOf, asked: NewPlay) -> Response:
    player = player_of(request)
    assert player is not None, "who has signed in and may play is somebody"
    tournament = begin_match(request, site, player, **asked.model_dump())
    return _told(request, watched(request, site, tournament.key, 0), status=201)


@router.get(
    "/tournaments/{key}/matches/{number}/live",
    summary="A match while it is played, as who asks may know it",
    response_model=LiveFacts,
)
def get_live_match(request: Request, site: SiteOf, key: TournamentKey, number: Number) -> Response:
    return _told(request, watched(request, site, key, number))


@router.post(
    "/tournaments/{key}/matches/{number}/live",
    summary="Move in a match that the account that asks plays in",
    response_model=LiveFacts,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, PLAY],
)
def move(request: Request, site: SiteOf, key: TournamentKey, number: Number, asked: NewMove) -> Response:
    take_move(site.ledger, watched(request, site, key, number), asked.question, asked.action)
    return _told(request, watched(request, site, key, number))


@router.delete(
    "/tournaments/{key}/matches/{number}/live",
    summary="Resign a match that the account that asks plays in, when it is asked for a move: its seat forfeits",
    response_model=LiveFacts,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, PLAY],
)
def resign(request: Request, site: SiteOf, key: TournamentKey, number: Number) -> Response:
    take_resignation(site.ledger, watched(request, site, key, number))
    return _told(request, watched(request, site, key, number))


def _told(request: Request, match: LiveMatch, *, status: int = 200) -> Response:
    return json_answer(request, dataclasses.asdict(live_facts(match)), status=status)

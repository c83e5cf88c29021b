"""Leaderboards: standings of a game or a tournament, why an agent stands where it does, and bounds that hold at any time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from arena.games import UnknownName
from arena.server.anytime_pages import watched
from arena.server.api.answers import Key, Method
from arena.server.filters import WhereAsked
from arena.server.game_pages import standings_of
from arena.server.ladder import method_of
from arena.server.site import SiteOf, json_answer

router = APIRouter(tags=["leaderboards"])


@router.get("/games/{specification:path}", summary="Standings of a game over all its tournaments")
def game(
    request: Request,
    site: SiteOf,
    specification: Annotated[str, Path(description="a game's specification, as in its address")],
    where: WhereAsked,
    method: Method = "elo",
) -> Response:
    found = standings_of(site, specification, method, where)
    if found is None:
        raise UnknownName("game with matches", specification, [row.game for row in site.ledger.games() if row.matches])
    return json_answer(request, found.to_dict())


@router.get("/tournaments/{key}/standings", summary="Standings of one tournament")
def tournament_standings(request: Request, site: SiteOf, key: Key, method: Method = "elo") -> Response:
    found = site.ledger.tournament(key)
    if not site.ledger.progress(found):
        raise UnknownName("tournament with matches", key, [])
    return json_answer(
        request, site.standings.standings(found.game, tournament=key, method=method_of(method)).to_dict()
    )


@router.get("/explain", summary="Why an agent has its rating on a ladder, and what changed since a date")
def explain(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Query(description="the ladder, by its game's specification")],
    agent: Annotated[str, Query(description="a label name@version, or a name of which one version is on the ladder")],
    where: WhereAsked,
    method: Annotated[str, Query(description="elo or bradley_terry")] = "elo",
    changed_since: Annotated[
        str, Query(description="ISO date, UTC: what changed since, in parts that sum to the whole")
    ] = "",
) -> Response:
    known = [row.game for row in site.ledger.games() if row.matches]
    if game not in known:  # looked up, never loaded
        raise UnknownName("game with matches", game, known)
    found = site.standings.explained(game, agent, method=method, since=changed_since or None, where=where)
    return json_answer(request, found.to_dict())


@router.get("/anytime", summary="Elo differences with bounds that hold at whatever moment one looks")
def anytime(
    request: Request,
    site: SiteOf,
    game: Annotated[str, Query(description="the ladder, by its game's specification")],
    where: WhereAsked,
    anchor: Annotated[str, Query(description="only the differences to this agent, by its label")] = "",
) -> Response:
    return json_answer(request, watched(site, game, anchor, where).to_dict())

"""Games: those of the ledger, and those that can be played by name."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from arena.games import GameInfo
from arena.ledger_rows import GameRow
from arena.server.api.answers import PageAnswer, PageAsked, list_answer
from arena.server.api.route import ApiRoute
from arena.server.site import SiteOf, playable_games

router = APIRouter(tags=["games"], route_class=ApiRoute)


class GameList(PageAnswer):
    games: list[GameRow]


class PlayableList(PageAnswer):
    games: list[GameInfo]


@router.get("/games", summary="Games that the ledger has tournaments of", response_model=GameList)
def list_games(request: Request, site: SiteOf, page: PageAsked) -> Response:
    return list_answer(
        request, page, "games", site.ledger.games(), key=lambda row: (row.title, row.game), show=dataclasses.asdict
    )


@router.get("/playable", summary="Games that can be played by name on this machine", response_model=PlayableList)
def list_playable(
    request: Request,
    page: PageAsked,
    scheme: Annotated[str | None, Query(description="only arena, matrix, openspiel, pettingzoo, ...")] = None,
) -> Response:
    named = [info for info in playable_games() if scheme in (None, info.specification.partition(":")[0])]
    return list_answer(request, page, "games", named, key=lambda info: (info.specification,), show=dataclasses.asdict)

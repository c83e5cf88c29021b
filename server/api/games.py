"""Games: those of the ledger, and those that can be played by name."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Request
from starlette.responses import Response

from arena.games import GameInfo
from arena.server.site import SiteOf, json_answer, playable_games

router = APIRouter(tags=["games"])


@router.get("/games", summary="Games that the ledger has tournaments of")
def games(request: Request, site: SiteOf) -> Response:
    return json_answer(request, {"games": [dataclasses.asdict(row) for row in site.ledger.games()]})


@router.get("/playable", summary="Games that can be played by name on this machine")
def playable(request: Request) -> Response:
    return json_answer(request, {"games": [_info(info) for info in playable_games()]})


def _info(info: GameInfo) -> dict[str, object]:
    return {
        "specification": info.specification,
        "title": info.title,
        "num_players": info.num_players,
        "dynamics": info.dynamics,
        "information": info.information,
        "utility": info.utility,
        "chance": info.chance,
    }

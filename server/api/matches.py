"""Matches: those of a tournament, and one move by move or frame by frame."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from arena.server.api.answers import PER_PAGE_MOST, Key
from arena.server.drawing.battle import as_json
from arena.server.match_lists import MatchLine, match_lines
from arena.server.match_pages import Number, film_seen, moves_seen, replayed, text_seen, view_of
from arena.server.site import SiteOf, json_answer

router = APIRouter(tags=["matches"])


@router.get("/tournaments/{key}/matches", summary="A tournament's matches, in schedule order")
def tournament_matches(
    request: Request,
    site: SiteOf,
    key: Key,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=PER_PAGE_MOST)] = 100,
) -> Response:
    found = site.ledger.tournament(key)
    played = site.played(found)
    lines = match_lines(found, played, range(len(played))[offset : offset + limit])
    return json_answer(request, {"matches": [line_facts(line) for line in lines], "total": len(played)})


@router.get("/tournaments/{key}/matches/{number}", summary="One match, move by move")
def match(
    request: Request,
    site: SiteOf,
    key: Key,
    number: Number,
    view: Annotated[int | None, Query(description="as this seat sees it; all seats without it")] = None,
) -> Response:
    found = replayed(site, key, number, told_to=view)
    view = view_of(found, view)
    result = found.result
    answer: dict[str, object] = {
        "tournament": key,
        "number": number,
        "agents": list(found.names),
        "sides": [
            {"label": side.label, "players": list(side.players), "returns": returns}
            for side, returns in zip(found.sides, found.side_returns, strict=True)
        ],
        "returns": list(result.returns),
        "termination": result.termination.name.lower(),
        "forfeited_by": result.forfeited_by,
        "seconds": [
            None if view is not None and found.in_teams and player != view else round(seconds, 6)
            for player, seconds in enumerate(result.seconds)
        ],
        "usage": [
            {"player": used.player, **used.usage.to_dict()} for used in result.usage if view in (None, used.player)
        ],
        "moves": [dataclasses.asdict(move) for move in moves_seen(site, found, view)],
        "positions": [text_seen(found, at, view) for at in range(len(found.positions))],
        "problem": found.problem,
        "judgement": None if found.judgement is None else found.judgement.to_dict(),
    }
    if view is None:  # seeds and chance outcomes tell hidden cards
        answer |= {"seed": result.spec.seed, "chance_seed": result.spec.chance_seed, "actions": result.actions.tolist()}
    return json_answer(request, answer)


@router.get("/tournaments/{key}/matches/{number}/film", summary="A match on a map, frame by frame")
def film(
    request: Request,
    site: SiteOf,
    key: Key,
    number: Number,
    view: Annotated[int | None, Query(description="what this unit sees; the whole map without it")] = None,
) -> Response:
    found = replayed(site, key, number)
    return json_answer(request, as_json(film_seen(site, found, view_of(found, view))))


def line_facts(line: MatchLine) -> dict[str, object]:
    return dataclasses.asdict(line)

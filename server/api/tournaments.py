"""Tournaments: all, one with its progress, and the rounds of one whose pairing looks at results."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter, Request
from starlette.responses import Response

from arena.entrants import mixed_teams
from arena.ledger_rows import Tournament
from arena.server.api.answers import Key
from arena.server.pairing_views import rounds_dict
from arena.server.site import SiteOf, json_answer
from arena.server.teams import members_of

router = APIRouter(tags=["tournaments"])


@router.get("/tournaments", summary="Tournaments, oldest first")
def tournaments(request: Request, site: SiteOf) -> Response:
    return json_answer(request, {"tournaments": [tournament_facts(one) for one in site.ledger.tournaments()]})


@router.get("/tournaments/{key}", summary="One tournament with its progress")
def tournament(request: Request, site: SiteOf, key: Key) -> Response:
    found = site.ledger.tournament(key)
    answer = {
        "tournament": tournament_facts(found),
        "matches": site.ledger.progress(found),
        "usage": [used.to_dict() for used in site.ledger.usage(found)],
    }
    return json_answer(request, answer)


@router.get("/tournaments/{key}/rounds", summary="How a Swiss, knockout or adaptive tournament stands, and its rounds")
def tournament_rounds(request: Request, site: SiteOf, key: Key) -> Response:
    found = site.ledger.tournament(key)
    return json_answer(request, rounds_dict(site.ledger, found, site.played(found)))


def tournament_facts(tournament: Tournament) -> dict[str, object]:
    return dataclasses.asdict(tournament) | {
        "agents": [agent.label for agent in tournament.agents],
        "teams": [{"label": label, "members": list(members_of(label))} for label in mixed_teams(tournament)],
    }

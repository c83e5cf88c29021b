"""The pages' numbers as JSON. A ladder's numbers are those of ``arena leaderboard GAME --json``, to the last digit."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from arena.games import GameInfo, UnknownName
from arena.ledger_rows import AgentVersion, Tournament
from arena.server.agent_pages import on_ladders, opponent_label
from arena.server.anytime_pages import watched
from arena.server.drawing.battle import as_json
from arena.server.filters import WhereAsked
from arena.server.game_pages import standings_of
from arena.server.ladder import METHODS, method_of
from arena.server.match_lists import MatchLine, match_lines, recent_matches
from arena.server.match_pages import Number, film_seen, moves_seen, replayed, text_seen, view_of
from arena.server.pairing_views import rounds_dict
from arena.server.site import SiteOf, json_answer, playable_games
from arena.server.teams import members_of, mixed_teams

PER_PAGE_MOST = 1000


class ErrorFacts(BaseModel):
    """``kind``: the name of the error, for programs; ``message``: one sentence, for people."""

    status: int
    kind: str
    message: str


class ErrorAnswer(BaseModel):
    """The one shape of all errors."""

    error: ErrorFacts


router = APIRouter(
    prefix="/api",
    tags=["ledger"],
    responses={
        400: {"model": ErrorAnswer, "description": "What cannot be done, such as a filter that leaves no match"},
        404: {"model": ErrorAnswer, "description": "No such game, agent, tournament or match"},
        422: {"model": ErrorAnswer, "description": "A parameter that cannot be read"},
    },
)

Method = Annotated[str, Query(description=f"rating method: {', '.join(METHODS)}")]
Key = Annotated[str, Path(description="a tournament's key, as in its address")]


@router.get("/games", summary="Games that the ledger has tournaments of")
def games(request: Request, site: SiteOf) -> Response:
    return json_answer(request, {"games": [dataclasses.asdict(row) for row in site.ledger.games()]})


@router.get("/playable", summary="Games that can be played by name on this machine")
def playable(request: Request) -> Response:
    return json_answer(request, {"games": [_info(info) for info in playable_games()]})


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


@router.get("/agents", summary="Agents, all versions")
def agents(request: Request, site: SiteOf, retired: bool = False) -> Response:
    return json_answer(request, {"agents": [_agent(one) for one in site.ledger.agents(include_retired=retired)]})


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
    return json_answer(request, {"agent": _agent(found), "ladders": places, "matches": [_line(line) for line in lines]})


@router.get("/tournaments", summary="Tournaments, oldest first")
def tournaments(request: Request, site: SiteOf) -> Response:
    return json_answer(request, {"tournaments": [_tournament(one) for one in site.ledger.tournaments()]})


@router.get("/tournaments/{key}", summary="One tournament with its progress")
def tournament(request: Request, site: SiteOf, key: Key) -> Response:
    found = site.ledger.tournament(key)
    answer = {
        "tournament": _tournament(found),
        "matches": site.ledger.progress(found),
        "usage": [used.to_dict() for used in site.ledger.usage(found)],
    }
    return json_answer(request, answer)


@router.get("/tournaments/{key}/standings", summary="Standings of one tournament")
def tournament_standings(request: Request, site: SiteOf, key: Key, method: Method = "elo") -> Response:
    found = site.ledger.tournament(key)
    if not site.ledger.progress(found):
        raise UnknownName("tournament with matches", key, [])
    return json_answer(
        request, site.standings.standings(found.game, tournament=key, method=method_of(method)).to_dict()
    )


@router.get("/tournaments/{key}/rounds", summary="How a Swiss, knockout or adaptive tournament stands, and its rounds")
def tournament_rounds(request: Request, site: SiteOf, key: Key) -> Response:
    found = site.ledger.tournament(key)
    return json_answer(request, rounds_dict(site.ledger, found, site.played(found)))


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
    return json_answer(request, {"matches": [_line(line) for line in lines], "total": len(played)})


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


def _agent(agent: AgentVersion) -> dict[str, object]:
    return dataclasses.asdict(agent) | {"label": agent.label}


def _tournament(tournament: Tournament) -> dict[str, object]:
    return dataclasses.asdict(tournament) | {
        "agents": [agent.label for agent in tournament.agents],
        "teams": [{"label": label, "members": list(members_of(label))} for label in mixed_teams(tournament)],
    }


def _line(line: MatchLine) -> dict[str, object]:
    return dataclasses.asdict(line)


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


def _row(standings: dict[str, object], label: str) -> object:
    """The agent's row of the leaderboard as it is printed."""
    board = standings["leaderboard"]
    assert isinstance(board, dict)
    return next((row for row in board["rows"] if row["agent"] == label), None)

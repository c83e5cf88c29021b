"""Leaderboards: standings, head-to-head, who beats whom, why an agent stands where it does, and bounds that hold at any time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from arena.games import UnknownName
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.response_graph import response_graph
from arena.server.adjusted_views import quickly_adjusted
from arena.server.api.answers import Method, TournamentKey, value_answer
from arena.server.api.board_models import (
    ExploitabilityAnswer,
    PayoffsAnswer,
    ResponseGraphAnswer,
    StandingsFacts,
)
from arena.server.api.explanation_models import AdjustedAnswer, AnytimeAnswer, ExplanationAnswer
from arena.server.api.route import ApiRoute
from arena.server.filters import A_TIME, WhereAsked
from arena.server.ladder_words import method_of
from arena.server.site import Site, SiteOf, json_answer
from arena.standings import Standings

router = APIRouter(tags=["leaderboards"], route_class=ApiRoute)

Game = Annotated[
    str, Query(description="the ladder, by its game's specification, or by its name alone where one game has it")
]
Joint = Annotated[bool, Query(description="whether all comparisons hold at once with the confidence")]
OnlyTournament = Annotated[str | None, Query(alias="of", description="of this tournament alone, by its key")]


class MethodFacts(BaseModel):
    name: str
    title: str
    meaning: str


class MethodList(BaseModel):
    methods: list[MethodFacts]


@router.get("/rating-methods", summary="The methods that leaderboards rate by", response_model=MethodList)
def list_rating_methods(request: Request) -> Response:
    methods = [
        {"name": name, "title": method.title, "meaning": method.meaning} for name, method in RATING_METHODS.items()
    ]
    return json_answer(request, {"methods": methods})


@router.get(
    "/games/{specification:path}", summary="Standings of a game over all its tournaments", response_model=StandingsFacts
)
def get_standings(
    request: Request,
    site: SiteOf,
    specification: Annotated[str, Path(description="a game's specification, as in its address")],
    where: WhereAsked,
    method: Method = "elo",
    joint: Joint = False,
) -> Response:
    rating = method_of(method)
    game = known_game(site, specification)
    found = site.standings.standings(game, method=rating, where=where, joint=joint)
    return value_answer(request, found, found.to_dict)


@router.get("/tournaments/{key}/standings", summary="Standings of one tournament", response_model=StandingsFacts)
def get_tournament_standings(
    request: Request,
    site: SiteOf,
    key: TournamentKey,
    where: WhereAsked,
    method: Method = "elo",
    joint: Joint = False,
) -> Response:
    rating = method_of(method)
    found = site.ledger.tournament(key)
    if not site.ledger.progress(found):
        raise UnknownName("tournament with matches", key, [])
    board = site.standings.standings(found.game, tournament=key, method=rating, where=where, joint=joint)
    return value_answer(request, board, board.to_dict)


@router.get(
    "/payoffs", summary="Who scores how much against whom, and the minimax winner", response_model=PayoffsAnswer
)
def get_payoffs(request: Request, site: SiteOf, game: Game, where: WhereAsked) -> Response:
    board = _board(site, game, where).to_dict()["leaderboard"]
    assert isinstance(board, dict)
    return json_answer(request, _named(site, game) | {"matrix": board["matrix"], "minimax": board["minimax"]})


@router.get("/response-graph", summary="Who beats whom, and the cycles", response_model=ResponseGraphAnswer)
def get_response_graph(request: Request, site: SiteOf, game: Game, where: WhereAsked) -> Response:
    board: Leaderboard = _board(site, game, where).leaderboard
    beats = [
        {"agent": winner, "against": loser, "score": facts["score"], "certain": facts["certain"]}
        for loser, winner, facts in response_graph(board.matrix).edges(data=True)
    ]
    told = {"agents": list(board.matrix.agents), "beats": beats, "cycles": board.to_dict()["cycles"]}
    return json_answer(request, _named(site, game) | told)


@router.get(
    "/exploitability", summary="How exploitable each agent is, and by whom", response_model=ExploitabilityAnswer
)
def get_exploitability(request: Request, site: SiteOf, game: Game) -> Response:
    told = _board(site, game, None).to_dict()
    return json_answer(request, {name: told[name] for name in ("game", "title", "exploitability", "beaten_by")})


@router.get(
    "/explain",
    summary="Why an agent has its rating on a ladder, and what changed since a date",
    response_model=ExplanationAnswer,
)
def explain(
    request: Request,
    site: SiteOf,
    game: Game,
    agent: Annotated[str, Query(description="a label name@version, or a name of which one version is on the ladder")],
    where: WhereAsked,
    method: Annotated[str, Query(description="elo or bradley_terry")] = "elo",
    of: OnlyTournament = None,
    changed_since: Annotated[
        str,
        Query(
            description="ISO date, UTC: what changed since, in parts that sum to the whole", json_schema_extra=A_TIME
        ),
    ] = "",
) -> Response:
    found = site.standings.explained(
        known_game(site, game), agent, method=method, tournament=of, since=changed_since or None, where=where
    )
    return value_answer(request, found, found.to_dict)


@router.get(
    "/anytime",
    summary="Elo differences with bounds that hold at whatever moment one looks",
    response_model=AnytimeAnswer,
)
def anytime(
    request: Request,
    site: SiteOf,
    game: Game,
    where: WhereAsked,
    of: OnlyTournament = None,
    anchor: Annotated[str, Query(description="only the differences to this agent, by its label")] = "",
) -> Response:
    found = site.standings.anytime(known_game(site, game), tournament=of, anchor=anchor or None, where=where)
    return value_answer(request, found, found.to_dict)


@router.get(
    "/adjusted",
    summary="Mean returns with the luck taken out, beside those that were paid",
    description="Of games whose tree is small and ladders of up to 20,000 matches, as on the ladder's page.",
    response_model=AdjustedAnswer,
)
def adjusted(request: Request, site: SiteOf, game: Game, where: WhereAsked) -> Response:
    return json_answer(request, quickly_adjusted(site, _board(site, game, where), where).to_dict())


def known_game(site: Site, text: str, also: Iterable[str] = ()) -> str:
    """The game of the ledger, or one of those that are known ``also``, that a request names. It is looked up, never loaded: loading could
    read files or take long.

    Raises:
        UnknownName: no such game.
    """
    known = list(dict.fromkeys([*(row.game for row in site.ledger.games()), *also]))
    named = [text] if text in known else [game for game in known if game.partition(":")[2] == text]
    if len(named) != 1:
        raise UnknownName("game in this ledger", text, known)
    return named[0]


def _board(site: Site, game: str, where: WhereAsked | None) -> Standings:
    return site.standings.standings(known_game(site, game), where=where)


def _named(site: Site, game: str) -> dict[str, object]:
    """The game and its title, as each answer about it begins."""
    specification = known_game(site, game)
    return next({"game": row.game, "title": row.title} for row in site.ledger.games() if row.game == specification)

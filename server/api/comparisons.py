"""What changes as matches come in: ratings after each tournament, and two agents against each other."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query, Request
from numpy.typing import NDArray
from pydantic import BaseModel
from starlette.responses import Response

from arena.server.api.leaderboards import Game, known_game
from arena.server.api.route import ApiRoute
from arena.server.site import SiteOf, json_answer
from arena.server.versus_pages import known_board, label_of

router = APIRouter(tags=["leaderboards"], route_class=ApiRoute)

Label = Annotated[str, Query(description="a label name@version, or a name of which one version is on the ladder")]


class EncounterFacts(BaseModel):
    """A part of the matches of two agents. ``score``: the first one's share of the points, with its interval."""

    name: str
    matches: int
    wins: int
    draws: int
    losses: int
    score: float
    low: float
    high: float


class HeadToHeadAnswer(BaseModel):
    """``score``, ``low``, ``high`` after each of ``units``: the mean score with bounds that hold at all of them at once."""

    game: str
    first: str
    second: str
    verdict: str
    decided_after: int | None
    whole: EncounterFacts
    by_seat: list[EncounterFacts]
    by_opening: list[EncounterFacts]
    openings_of: int
    units: list[int]
    score: list[float]
    low: list[float]
    high: list[float]
    matches: list[str]


class AgentOverTime(BaseModel):
    """An agent's rating at each time; null before its first match."""

    agent: str
    rating: list[float | None]
    low: list[float | None]
    high: list[float | None]


class OverTimeAnswer(BaseModel):
    """``tournaments``: of each time those that ended since the one before; ``matches``: rated by then."""

    game: str
    method: str
    times: list[str]
    tournaments: list[list[str]]
    matches: list[int]
    agents: list[AgentOverTime]


@router.get(
    "/head-to-head", summary="Two agents against each other, and what that decides", response_model=HeadToHeadAnswer
)
def get_head_to_head(request: Request, site: SiteOf, game: Game, a: Label, b: Label) -> Response:
    known = known_game(site, game)
    labels = [row.agent for row in known_board(site, known).rows]
    return json_answer(request, site.standings.head_to_head(known, label_of(labels, a), label_of(labels, b)).to_dict())


@router.get("/ratings-over-time", summary="Elo after each tournament of a game", response_model=OverTimeAnswer)
def get_ratings_over_time(request: Request, site: SiteOf, game: Game) -> Response:
    found = site.standings.over_time(known_game(site, game))
    agents = [
        {"agent": agent, **{name: _known(getattr(found, name)[:, at]) for name in ("rating", "low", "high")}}
        for at, agent in enumerate(found.agents)
    ]
    told = {
        "game": found.game,
        "method": found.method,
        "times": list(found.times),
        "tournaments": [list(keys) for keys in found.tournaments],
        "matches": found.matches.tolist(),
        "agents": agents,
    }
    return json_answer(request, told)


def _known(values: NDArray[np.float64]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]

"""Figures and tables as files: those that the pages offer, by the same functions at the same addresses under ``/api/v1``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from arena.server import (
    agent_figures,
    downloads,
    figures,
    population_views,
    position_figures,
    tournament_pages,
    training_views,
    versus_pages,
)
from arena.server.api.route import ApiRoute
from arena.server.drawing.files import MEDIA

router = APIRouter(tags=["figures"], route_class=ApiRoute)

DRAWN = ("svg", "png", "csv")
"""How figures are offered: as drawings, and as the numbers that are drawn."""


def _file(
    path: str, function: Callable[..., Response], what: str, asked: str, endings: tuple[str, ...] = DRAWN
) -> None:
    """A route of a file. ``asked``: what its parameters mean."""
    kinds: dict[str, Any] = {
        MEDIA[ending]: {"schema": {"type": "object" if ending == "json" else "string"}} for ending in endings
    }
    router.add_api_route(
        path,
        function,
        name=re.sub(r"\.{ending}|{|}", "", path).strip("/").replace("/", "_").replace(".", "_"),
        summary=what,
        description=asked,
        response_class=Response,
        responses={200: {"content": kinds, "description": "The file"}},
    )


GAME = "`game`: the ladder's, as `/api/v1/games` lists it"
AGENT = "`agent`: name@version, or a name for its newest version"

_file(
    "/figures/ladder/{kind}.{ending}",
    figures.ladder_figure,
    "A ladder's figure for papers, or the numbers that it draws",
    f"{GAME}; `kind`: intervals of ratings, payoffs, the graph of who beats whom, or minimax weights over time.",
    (*DRAWN, "pdf"),
)
_file("/figures/agent/rating.{ending}", agent_figures.rating, "An agent's rating over time", f"{AGENT}; {GAME}.")
_file(
    "/figures/agent/opponents.{ending}",
    agent_figures.opponents,
    "An agent's score against each opponent, beside what Elo predicts",
    f"{AGENT}; {GAME}.",
)
_file(
    "/figures/versus.{ending}",
    versus_pages.versus_figure,
    "The score of two agents against each other as matches came in, with bounds that hold at all times",
    f"{GAME}; `a`, `b`: the agents.",
)
_file(
    "/figures/test.{ending}",
    tournament_pages.evidence_figure,
    "The path of a tournament's sequential test",
    "`key`: of a tournament that is played until decided.",
)
_file(
    "/figures/training.{ending}",
    training_views.training_figure,
    "One number of a training over its steps",
    f"{AGENT}; `panel`: which number, from 0.",
)
_file(
    "/figures/population.{ending}",
    population_views.weights_figure,
    "How the members of a trained population were weighed as it grew",
    f"{AGENT}; `side`: from 0.",
)
_file(
    "/figures/position.{ending}",
    position_figures.position,
    "A position of a match, where a board is drawn",
    "`key`, `number`: of the match; `move`: the last one without it; `view`: as this seat sees it.",
    ("svg", "png"),
)
_file("/downloads/standings.json", downloads.standings_json, "Standings of a game as a file", f"{GAME}.", ("json",))
_file(
    "/downloads/standings.csv",
    downloads.standings_csv,
    "A leaderboard with the columns that are asked for, a row an agent",
    f"{GAME}; `column`: a rating method, or what a job computed, `bootstrap.elo`; `compare`: a date.",
    ("csv",),
)
_file("/downloads/matrix.csv", downloads.matrix_csv, "Head-to-head results, a row a pairing", f"{GAME}.", ("csv",))
_file("/downloads/payoffs.png", downloads.payoffs_png, "The payoffs of many agents as a picture", f"{GAME}.", ("png",))
_file(
    "/downloads/training.csv", training_views.training_csv, "What a training told while it ran", f"{AGENT}.", ("csv",)
)
_file(
    "/downloads/training.json",
    training_views.training_json,
    "What a training told while it ran",
    f"{AGENT}.",
    ("json",),
)

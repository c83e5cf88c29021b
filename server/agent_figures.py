"""The figures of an agent's page as files: its rating over time, and its opponents beside what Elo predicts."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from arena.counterfactual import Where
from arena.games import SpecificationError
from arena.server.boards_asked import required_standings
from arena.server.drawing.band import band_drawing
from arena.server.drawing.files import Ending, Figure
from arena.server.drawing.score_rows import ScoreRow, score_rows_drawing
from arena.server.figures import figure_answer
from arena.server.opponent_views import opponent_rows, opponents_of
from arena.server.over_time_views import rating_band, rating_rows
from arena.server.site import SiteOf

router = APIRouter()


@router.get("/figures/agent/rating.{ending}")
def rating(site: SiteOf, ending: Ending, agent: str, game: str, begin: str = "", end: str = "") -> Response:
    """Raises `SpecificationError` where the agent has been rated at fewer than two times, or fewer between two dates."""
    label = site.ledger.agent(agent).label
    required_standings(site, game, "elo", Where())
    found = site.standings.over_time(game, since=begin or None, until=end or None)
    band = rating_band(found, label)
    if band is None:
        raise SpecificationError(f"{label} was not rated at two times on {game}")
    return figure_answer(
        Figure(name=f"{label}-rating", drawing=band_drawing(band), rows=rating_rows(found, label)), ending
    )


@router.get("/figures/agent/opponents.{ending}")
def opponents(site: SiteOf, ending: Ending, agent: str, game: str) -> Response:
    """Raises `SpecificationError` where the agent has met nobody."""
    label = site.ledger.agent(agent).label
    board = required_standings(site, game, "elo", Where()).leaderboard
    met = opponents_of(board, label) if label in board.matrix.agents else ()
    if not met:
        raise SpecificationError(f"{label} has met nobody on {game}")
    rows = [
        ScoreRow(name=one.agent, score=one.value, low=one.low, high=one.high, expected=one.predicted) for one in met
    ]
    drawing = score_rows_drawing(rows, f"Score of {label} against {len(met)} opponents")
    return figure_answer(Figure(name=f"{label}-opponents", drawing=drawing, rows=opponent_rows(met)), ending)

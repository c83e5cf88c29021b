"""A ladder as files: all of its standings, its payoffs, and the payoffs of many agents as a picture."""

from __future__ import annotations

import json

from fastapi import APIRouter
from starlette.responses import Response

from arena.columns import values_of
from arena.job_columns import JobColumn
from arena.leaderboard_file import Interval, csv_text, leaderboard_csv
from arena.server.boards_asked import required_standings
from arena.server.drawing.files import MEDIA
from arena.server.drawing.pixels import payoff_picture
from arena.server.figures import matrix_rows
from arena.server.filters import WhereAsked
from arena.server.ladder_beside import beside_of
from arena.server.ladder_columns import ViewAsked
from arena.server.site import SiteOf, download
from arena.standings import Standings

router = APIRouter()


@router.get("/downloads/standings.json")
def standings_json(site: SiteOf, game: str, where: WhereAsked, method: str = "elo") -> Response:
    body = json.dumps(required_standings(site, game, method, where).to_dict(), allow_nan=False, indent=1)
    return download(body, media_type="application/json", filename=f"{game}.json")


@router.get("/downloads/standings.csv")
def standings_csv(site: SiteOf, game: str, where: WhereAsked, view: ViewAsked) -> Response:
    """All columns of the board itself, and those of other methods, of jobs and of another date that the view has."""
    found = required_standings(site, game, view.method, where)
    exact, at_least = (values_of(found.exploitability, kind) for kind in ("exact", "lower bound"))
    beside = beside_of(site.standings, found, view, where)
    boards = {str(method): _intervals(other) for method, other in beside.others.items()}
    boards |= {key: _of_job(column) for key, column in beside.jobs.items()}
    if beside.before is not None:
        boards[f"rating_{view.compare}"] = _intervals(beside.before)
    return download(
        leaderboard_csv(found.leaderboard, exact, at_least, beside=boards),
        media_type=MEDIA["csv"],
        filename=f"{game}-{view.method}.csv",
    )


def _intervals(found: Standings) -> dict[str, Interval]:
    return {str(row["agent"]): (row["rating"], row["low"], row["high"]) for row in found.leaderboard.to_csv_rows()}


def _of_job(column: JobColumn) -> dict[str, Interval]:
    return {
        agent: (one.value, "" if one.low is None else one.low, "" if one.high is None else one.high)
        for agent, one in column.values.items()
    }


@router.get("/downloads/matrix.csv")
def matrix_csv(site: SiteOf, game: str, where: WhereAsked) -> Response:
    matrix = required_standings(site, game, "elo", where).leaderboard.matrix
    return download(csv_text(matrix_rows(matrix)), media_type=MEDIA["csv"], filename=f"{game}-matrix.csv")


@router.get("/downloads/payoffs.png")
def payoffs_png(site: SiteOf, game: str, where: WhereAsked, method: str = "elo") -> Response:
    board = required_standings(site, game, method, where).leaderboard
    return Response(payoff_picture(board.matrix, [row.agent for row in board.rows]), media_type="image/png")

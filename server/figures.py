"""Figures as files: those of a ladder as `arena figure` draws them for papers, all others as the pages draw them."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, Literal

import numpy as np
from fastapi import APIRouter
from starlette.responses import Response

from arena.counterfactual import Where
from arena.figures import graph_figure, payoffs_figure, ratings_figure, weights_figure
from arena.figures.style import write_figure
from arena.games import SpecificationError
from arena.leaderboard_file import csv_text
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.response_graph import response_graph
from arena.leaderboards.weights_over_time import WeightsOverTime, weights_over_time
from arena.ledger import Ledger
from arena.server.boards_asked import required_standings
from arena.server.drawing.files import MEDIA, Ending, Figure
from arena.server.filters import WhereAsked
from arena.server.site import SiteOf, download
from arena.standings import rated_matches

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn

Kind = Literal["ratings", "payoffs", "graph", "weights"]
MATRIX_COLUMNS = (
    *("score", "low", "high", "matches", "wins", "draws", "losses", "margin", "margin_low", "margin_high"),
)

router = APIRouter()
_one_at_a_time = threading.Lock()  # matplotlib keeps its settings for the whole process


@router.get("/figures/ladder/{kind}.{ending}")
def ladder_figure(
    site: SiteOf,
    kind: Kind,
    ending: Literal["svg", "png", "pdf", "csv"],
    game: str,
    where: WhereAsked,
    method: str = "elo",
) -> Response:
    """A ladder's figure for papers, or its numbers.

    Raises:
        NotProvided: matplotlib is not installed.
        SpecificationError: there is nothing to draw.
    """
    board = required_standings(site, game, method, where).leaderboard
    weights = _weights(site.ledger, game, where) if kind == "weights" else None
    name = f"{game}-{kind}.{ending}"
    if ending == "csv":
        return download(csv_text(_rows(kind, board, weights)), media_type=MEDIA[ending], filename=name)
    body = io.BytesIO()
    with _one_at_a_time:
        try:
            write_figure(_drawn(kind, board, weights), body, ending)
        except ValueError as error:  # what cannot be drawn of these matches
            raise SpecificationError(str(error)) from None
    return download(body.getvalue(), media_type=MEDIA[ending], filename=name)


def figure_answer(figure: Figure, ending: Ending) -> Response:
    """A drawing of a page as a file to be saved."""
    return download(figure.written(ending), media_type=MEDIA[ending], filename=f"{figure.name}.{ending}")


def matrix_rows(matrix: Matrix) -> list[list[object]]:
    """A row for each pairing that has met, under a head."""
    columns = [getattr(matrix, name) for name in MATRIX_COLUMNS]
    rows: list[list[object]] = [["agent", "opponent", *MATRIX_COLUMNS]]
    for r, c in np.argwhere(matrix.matches > 0).tolist():
        if r != c:
            rows.append([matrix.agents[r], matrix.agents[c], *(column[r, c].item() for column in columns)])
    return rows


def _weights(ledger: Ledger, game: str, where: Where) -> tuple[WeightsOverTime, list[tuple[int, str]]]:
    """The weights, and after how many matches each tournament ends."""
    rated = rated_matches(ledger, game, where=where)
    ends = np.cumsum(np.bincount(rated.tournament, minlength=len(rated.keys))).tolist()
    return weights_over_time(rated.record, ends=ends), list(zip(ends, rated.keys, strict=True))


def _drawn(kind: Kind, board: Leaderboard, weights: tuple[WeightsOverTime, list[tuple[int, str]]] | None) -> Drawn:
    if weights is not None:
        return weights_figure(weights[0], events=weights[1], columns=2)
    if kind == "payoffs":
        return payoffs_figure(board.matrix, columns=2)
    return (ratings_figure if kind == "ratings" else graph_figure)(board, columns=2)


def _rows(
    kind: Kind, board: Leaderboard, weights: tuple[WeightsOverTime, list[tuple[int, str]]] | None
) -> list[list[object]]:
    if weights is not None:
        found = weights[0]
        rows: list[list[object]] = [["matches", "agent", "weight", "low", "high"]]
        for t, a in np.argwhere(np.isfinite(found.weights)).tolist():
            levels = (float(column[t, a]) for column in (found.weights, found.low, found.high))
            rows.append([int(found.matches[t]), found.agents[a], *levels])
        return rows
    if kind == "payoffs":
        return matrix_rows(board.matrix)
    if kind == "graph":
        edges = response_graph(board.matrix).edges(data=True)
        return [
            ["winner", "loser", "score", "certain"],
            *([winner, loser, facts["score"], int(facts["certain"])] for loser, winner, facts in edges),
        ]
    return [["agent", "rating", "low", "high"], *([row.agent, row.rating, row.low, row.high] for row in board.rows)]

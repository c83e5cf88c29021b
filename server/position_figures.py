"""A position of a match as a file, as a viewer may see it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from arena.server.drawing.files import Figure
from arena.server.figures import figure_answer
from arena.server.match_pages import MatchMissing, drawing_of, replayed, view_of
from arena.server.site import SiteOf

router = APIRouter()


@router.get("/figures/position.{ending}")
def position(
    site: SiteOf,
    ending: Literal["svg", "png"],
    key: str,
    number: Annotated[int, Query(ge=0, lt=2**63)],
    move: int | None = None,
    view: int | None = None,
) -> Response:
    """The position after a move, the last one by default.

    Raises:
        MatchMissing: no such match, or nothing draws it.
    """
    match = replayed(site, key, number)
    at = match.last if move is None else min(max(move, 0), match.last)
    drawing = drawing_of(site, match, at, view_of(match, view)) if match.positions else None
    if drawing is None:
        raise MatchMissing(f"nothing draws {key}/{number}")
    seen = "" if view is None else f"-seat-{view}"
    return figure_answer(Figure(name=f"{key}-{number}-move-{at}{seen}", drawing=drawing, rows=()), ending)

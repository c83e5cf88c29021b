"""Scores against several opponents under each other, from 0 to 100 %, each with its interval and what was expected: for files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.server import numbers
from arena.server.drawing.svg import el, picture, scale, text

WIDTH, LEFT, RIGHT, TOP, ROW = 640.0, 190.0, 60.0, 28.0, 24.0
LONGEST = 28  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One line; ``expected`` is nan where nothing was."""

    name: str
    score: float
    low: float
    high: float
    expected: float


def score_rows_drawing(rows: Sequence[ScoreRow], label: str) -> Markup:
    """The lines in their order on one axis."""
    x = scale(0, 1, LEFT, WIDTH - RIGHT)
    bottom = TOP + ROW * len(rows)
    marks: list[Markup] = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        marks.append(el("line", cls="even" if share == 0.5 else "grid", x1=x(share), x2=x(share), y1=TOP, y2=bottom))
        marks.append(text(numbers.percent(share), x=x(share), y=TOP - 10, cls="mid t-3"))
    for k, row in enumerate(rows):
        y = TOP + ROW * (k + 0.5)
        side = "blue" if row.score >= 0.5 else "orange"
        name = row.name if len(row.name) <= LONGEST else row.name[: LONGEST - 1] + "…"
        marks.append(text(name, x=LEFT - 12, y=y + 4, cls="end"))
        if math.isfinite(row.low) and math.isfinite(row.high):
            marks.append(el("line", cls=f"line s-{side}", x1=x(row.low), x2=x(row.high), y1=y, y2=y))
        if math.isfinite(row.expected):
            marks.append(el("line", cls="iv-2", x1=x(row.expected), x2=x(row.expected), y1=y - 8, y2=y + 8))
        marks.append(el("circle", cls=f"f-{side}", cx=x(row.score), cy=y, r=4.4))
        marks.append(text(numbers.percent(row.score), x=WIDTH - 8, y=y + 4, cls="end t-b"))
    return picture(marks, label, width=WIDTH, height=bottom + 8)

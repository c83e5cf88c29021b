"""A knockout's bracket: a box for each tie, stages from left to right, winners' lines to the next stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.server.drawing.svg import el, text

BOX, HEIGHT, GAP = 176.0, 46.0, 14.0
STEP = 212.0
HEAD = 26.0
LONGEST = 22  # characters of a name in a box
MOST_TIES = 16
"""Of the first stage that is drawn; earlier stages are in the table alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One side of a tie. ``name``: '' where it is not known yet; ``points`` in words; ``won``: whether it goes on."""

    name: str
    points: str
    won: bool


def first_drawn(ties: Sequence[int]) -> int:
    """The stage with which a drawing begins, of the number of ties of each stage."""
    return next(stage for stage, size in enumerate(ties) if size <= MOST_TIES)


def bracket_drawing(stages: Sequence[tuple[str, Sequence[tuple[Place, Place]]]], label: str) -> Markup:
    """The bracket from stages (name, ties) on, each of half as many ties as the one before it."""
    size = len(stages[0][1])
    height = HEAD + size * (HEIGHT + GAP)
    width = (len(stages) - 1) * STEP + BOX + 2
    marks: list[Markup] = []
    for number, (name, ties) in enumerate(stages):
        x = 1 + number * STEP
        marks.append(text(name, x=x, y=12, cls="t-3"))
        for at, tie in enumerate(ties):
            y = _middle(number, at)
            marks += _box(x, y, tie)
            if number + 1 < len(stages):
                marks.append(_line(x + BOX, y, _middle(number + 1, at // 2), known=any(place.won for place in tie)))
    return el(
        "svg", *marks, cls="bracket", role="img", aria_label=label, width=width, height=height,
        viewBox=f"0 0 {width:g} {height:g}",
    )  # fmt: skip


def _middle(stage: int, at: int) -> float:
    """The height of a tie's middle: between the two that lead to it."""
    return HEAD + (at + 0.5) * (1 << stage) * (HEIGHT + GAP)


def _box(x: float, y: float, tie: tuple[Place, Place]) -> list[Markup]:
    top = y - HEIGHT / 2
    marks = [
        el("rect", cls="frame", x=x, y=top, width=BOX, height=HEIGHT, rx=3),
        el("line", cls="grid", x1=x, x2=x + BOX, y1=y, y2=y),
    ]
    for place, base in zip(tie, (y - 8, y + 15), strict=True):
        cls = "t-b" if place.won else "t-3"
        name = place.name if len(place.name) <= LONGEST else place.name[: LONGEST - 1] + "…"
        marks.append(text(name or "open", x=x + 8, y=base, cls=cls))
        if place.points:
            marks.append(text(place.points, x=x + BOX - 8, y=base, cls=f"end {cls}"))
    return marks


def _line(x: float, y: float, to: float, *, known: bool) -> Markup:
    """From a tie to the next one; dashed until its winner is known."""
    half = x + (STEP - BOX) / 2
    return el(
        "path",
        cls="line thin s-grey" if known else "even",
        fill="none",
        d=f"M{x:g} {y:g}H{half:g}V{to:g}H{x + STEP - BOX:g}",
    )

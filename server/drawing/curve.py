"""A number over the steps of a training, as a small drawing: both axes straight, levels and steps in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from arena.server.drawing.svg import el, picture, scale, text

WIDTH, HEIGHT = 340.0, 190.0
LEFT, RIGHT, TOP, BOTTOM = 60.0, 12.0, 14.0, 36.0
MOST = 300
"""Points that a drawing of this size shows apart; of more, each stretch is drawn by its lowest and its highest."""
LEVELS = 3

Point = tuple[int, float]


def curve_drawing(points: Sequence[Point], *, label: str, written: Callable[[float], str], cls: str) -> Markup:
    """The points joined by a line.

    Args:
        points: (steps, value), at least one, in the order of their steps.
        label: what it shows, in words.
        written: a value for people.
        cls: the colour, a class.
    """
    values = [value for _, value in points]
    low, high = min(0.0, *values), max(0.0, *values)
    across = scale(0, points[-1][0], LEFT, WIDTH - RIGHT)
    up = scale(low, high, HEIGHT - BOTTOM, TOP)
    marks: list[Markup] = []
    for level in range(LEVELS):
        value = low + (high - low) * level / (LEVELS - 1)
        marks += [
            el("line", cls="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=up(value), y2=up(value)),
            text(written(value), x=LEFT - 6, y=up(value) + 4, cls="end t-3"),
        ]
    marks += [
        el("line", cls="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=up(0.0), y2=up(0.0)),
        text("0", x=LEFT, y=HEIGHT - BOTTOM + 18, cls="mid t-3"),
        text(f"{points[-1][0]:,} steps", x=WIDTH - RIGHT, y=HEIGHT - BOTTOM + 18, cls="end t-3"),
    ]
    places = [(across(steps), up(value)) for steps, value in _thinned(points)]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    marks += [
        el("path", cls=f"line thin {cls}", d=path),
        el("circle", cls="pt", cx=places[-1][0], cy=places[-1][1], r=3),
    ]
    return picture(marks, label, width=WIDTH, height=HEIGHT, cls="chart curve")


def _thinned(points: Sequence[Point]) -> list[Point]:
    if len(points) <= MOST:
        return list(points)
    size = -(-2 * len(points) // MOST)
    kept = [points[0]]
    for begin in range(0, len(points), size):
        stretch = points[begin : begin + size]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept += sorted(ends)
    return [*kept, points[-1]]

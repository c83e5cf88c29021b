"""A number with its interval as something grows, matches or days: a line in its band, neighbours thin and grey, events as verticals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.server.drawing.intervals import axis_of
from arena.server.drawing.svg import el, picture, text

HEIGHT, LEFT, TOP, BOTTOM = 300.0, 52.0, 18.0, 34.0
WIDE, NARROW = 680.0, 350.0
LINE = 15.0
LONGEST = 16  # characters of a name at a line's end

Level = tuple[float, float, float]
"""(low, value, high), nan where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What is drawn. ``name`` at the line's end; ``points``: (where, level); ``others``: neighbours as (name, [(where, value)]); ``ticks``
    and ``events``: (where, words); ``even``: a level that is drawn dashed; ``bounds``: (level, words) of lines that decide; ``ends``: of the upright axis, where it has
    ends."""

    name: str
    points: Sequence[tuple[float, Level]]
    label: str
    written: Callable[[float], str]
    ticks: Sequence[tuple[float, str]]
    others: Sequence[tuple[str, Sequence[tuple[float, float]]]] = ()
    events: Sequence[tuple[float, str]] = ()
    even: float | None = None
    bounds: Sequence[tuple[float, str]] = ()
    ends: tuple[float, float] | None = None


def band_drawing(band: Band, *, width: float = WIDE) -> Markup:
    """The drawing, text at the same size whatever the width."""
    right = width - (130 if band.others or width > NARROW else 16)
    known = [(x, level) for x, level in band.points if math.isfinite(level[1])]
    first, last = known[0][0], known[-1][0]
    for _, other in band.others:
        first = min([first, *(x for x, _ in other)])
    levels = [level for _, level in known] + [(value, value, value) for _, other in band.others for _, value in other]
    axis = axis_of(levels, written=band.written, marks=5, far=math.inf)
    low, high = band.ends or (axis.low, axis.high)

    def across(x: float) -> float:
        return LEFT + (x - first) / ((last - first) or 1.0) * (right - LEFT)

    def up(value: float) -> float:
        return TOP + (high - min(max(value, low), high)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    marks: list[Markup] = []
    for tick in axis.ticks:
        if low <= tick <= high:
            marks.append(el("line", cls="grid", x1=LEFT, x2=right, y1=up(tick), y2=up(tick)))
            marks.append(text(band.written(tick), x=LEFT - 7, y=up(tick) + 4, cls="end t-3"))
    for x, _ in band.events:
        marks.append(el("line", cls="axis", x1=across(x), x2=across(x), y1=TOP, y2=HEIGHT - BOTTOM))
    marks += _ticks(band.ticks, across, right)
    for _, other in band.others:
        marks.append(el("path", cls="line thin s-soft", d=_path([(across(x), up(value)) for x, value in other])))
    edge = [(across(x), up(one[2])) for x, one in known if math.isfinite(one[2])]
    edge += [(across(x), up(one[0])) for x, one in reversed(known) if math.isfinite(one[0])]
    if edge:
        marks.append(el("path", cls="band", d=_path(edge) + "Z"))
    if band.even is not None:
        marks.append(el("line", cls="even", x1=LEFT, x2=right, y1=up(band.even), y2=up(band.even)))
    for level, words in band.bounds:
        marks.append(el("line", cls="line thin s-blue", x1=LEFT, x2=right, y1=up(level), y2=up(level)))
        marks.append(text(words, x=LEFT + 6, y=up(level) + 13, cls="t-b halo"))
    places = [(across(x), up(level[1])) for x, level in known]
    marks += [
        el("path", cls="line s-ink", d=_path(places)),
        el("circle", cls="pt", cx=places[-1][0], cy=places[-1][1], r=3.6),
    ]
    for k, (x, words) in enumerate(band.events):
        marks.append(text(words, x=across(x) + 4, y=TOP + 10 + LINE * (k % 3), cls="t-3 halo"))
    if right < width - 20:
        ends = [(up(other[-1][1]), name, "t-3") for name, other in band.others if other]
        marks += _names([(places[-1][1], band.name, "t-b"), *ends], right + 8)
    return picture(marks, band.label, width=width, height=HEIGHT, cls="chart band-chart")


def in_both_widths(band: Band) -> Markup:
    """The drawing for wide screens and for narrow ones, of which the style sheet shows one."""
    wide, narrow = (band_drawing(band, width=width) for width in (WIDE, NARROW))
    return Markup('<div class="only-wide">{}</div><div class="only-narrow">{}</div>').format(wide, narrow)


def _ticks(ticks: Sequence[tuple[float, str]], across: Callable[[float], float], right: float) -> list[Markup]:
    """As many of the words below as have room, the last one always."""
    marks: list[Markup] = []
    free = math.inf
    for x, words in reversed(ticks):
        half = 3.2 * len(words)
        middle = min(max(across(x), LEFT + half - 30), right - half + 6)
        if middle + half > free:
            continue
        free = middle - half - 10
        marks.append(text(words, x=middle, y=HEIGHT - BOTTOM + 20, cls="mid t-3"))
    return marks


def _names(names: list[tuple[float, str, str]], x: float) -> list[Markup]:
    """Names at the ends of lines, pushed apart where lines end close together."""
    marks: list[Markup] = []
    free = 0.0
    for y, name, cls in sorted(names):
        free = max(y + 4, free)
        shown = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        marks.append(text(shown, x=x, y=free, cls=cls))
        free += LINE
    return marks


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)

"""Convergence drawn as SVG: gaps against iterations, both axes logarithmic, every curve named at its end, or beside it.

One file that stands alone: it follows the reader's light or dark theme, needs no script, font or style sheet, and says in
words (``title``, ``desc``) what it shows. Colour, dash and mark of a curve always come together, so that none speaks alone.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from arena.convergence_words import Curve, Point, asked, count_of, described, power_of_ten, short

SERIES = (  # colour in light, colour in dark, dash, mark around (0, 0)
    ("#2462a2", "#7ab9ff", "none", "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z"),
    ("#a05123", "#f29c6f", "7 3", "M-4 -4H4V4H-4Z"),
    ("#a37d88", "#71e6e0", "2 3", "M0 -5L5 4H-5Z"),
    ("#561925", "#4380a9", "9 3 2 3", "M0 -5.5L5.5 0L0 5.5L-5.5 0Z"),
    ("#06257c", "#c05c14", "12 4", "M-4 -4L4 4M4 -4L-4 4"),
    ("#3a8ce0", "#e6e36a", "4 4", "M0 5L5 -4H-5Z"),
)
WIDTH, LEFT, RIGHT, PLOT_HEIGHT, BELOW = 720, 76, 150, 264, 56
TITLE_LINE, TITLE_CHARACTERS, SUBTITLE_LINE, SUBTITLE_CHARACTERS = 22, 80, 16, 112
LABEL_LINE, LETTER = 15.0, 6.4  # of labels of 12 px: height of a line, width of a letter
MOST_TICKS, FEW_TICKS = 7, 3
BINS = 300
"""A curve of more points is drawn by the first, the lowest, the highest and the last of each slice of its axis."""
MARK_APART = 110.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    """A logarithmic axis from 10 to the power ``low`` to 10 to the power ``high``; what lies below is drawn at its lower end."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        exponent = max(math.log10(value), self.low) if value > 0 else self.low
        return self.start + (exponent - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[tuple[float, str]]:
        """(place, label) of powers of ten; of twice and five times them too where there are few."""
        first, last = math.floor(self.low + 1e-9), math.floor(self.high + 1e-9)
        step = math.ceil((last - first) / MOST_TICKS) or 1
        values = [
            (10.0**exponent, _power_label(exponent)) for exponent in range(first, last + 1) if exponent % step == 0
        ]
        if sum(self._holds(value) for value, _ in values) < FEW_TICKS:
            values += [(m * 10.0**e, f"{m * 10.0**e:,g}") for e in range(first, last + 1) for m in (2, 5)]
        return [(self.at(value), label) for value, label in values if self._holds(value)]

    def _holds(self, value: float) -> bool:
        return value > 0 and self.low - 1e-9 <= math.log10(value) <= self.high + 1e-9


def convergence_plot(
    curves: Sequence[Curve],
    *,
    title: str,
    subtitle: str,
    gap_name: str = "NashConv",
    x_name: str = "iterations",
    target: float | None = None,
    up_to: float | None = None,
) -> str:
    """The drawing as the text of an SVG file.

    Args:
        curves: one to six, each with a point at least.
        title: what the drawing shows, in a sentence.
        subtitle: what is drawn, and how to read it.
        gap_name: what the vertical axis measures.
        x_name: what the horizontal axis counts.
        target: a gap that was asked for, drawn as a line.
        up_to: a gap that the vertical axis reaches at least, so that rounding does not look like a change.

    Raises:
        ValueError: no curve or too many, a curve without points, an iteration that is not positive, or a gap that is
            negative or no finite number.
    """
    _check(curves, target)
    titles = textwrap.wrap(title, TITLE_CHARACTERS) or [""]
    subtitles = textwrap.wrap(subtitle, SUBTITLE_CHARACTERS)
    top = 14 + TITLE_LINE * len(titles) + SUBTITLE_LINE * len(subtitles) + 18
    bottom = top + PLOT_HEIGHT
    height = bottom + BELOW
    xs = [x for curve in curves for x, _ in curve.points]
    gaps = [y for curve in curves for _, y in curve.points] + ([target] if target else []) + ([up_to] if up_to else [])
    across = _axis(xs, LEFT, WIDTH - RIGHT, room=0.0)
    up = _axis(gaps, bottom, top, room=0.12, floor=0.0 in gaps)
    parts = [
        _texts(titles, 16, 22, TITLE_LINE, "title"),
        _texts(subtitles, 16, 22 + TITLE_LINE * len(titles), SUBTITLE_LINE, "sub"),
    ]
    parts += _grid(across, up, gap_name=gap_name, x_name=x_name, zero=0.0 in gaps)
    if target:
        parts += _target_line(target, up)
    for number, curve in enumerate(curves):
        parts += _drawn(curve, number, across, up)
    parts += _labels(curves, across, up, top, bottom, up.at(target) if target else None)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            'role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(title)}</title>',
            f'<desc id="desc">{escape(described(curves, subtitle, gap_name=gap_name, x_name=x_name, target=target))}</desc>',
            f"<style>{_style(len(curves))}</style>",
            f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _check(curves: Sequence[Curve], target: float | None) -> None:
    if not 1 <= len(curves) <= len(SERIES):
        raise ValueError(f"a drawing has one to {len(SERIES)} curves; got {len(curves)}")
    for curve in curves:
        if not curve.points:
            raise ValueError(f"the curve {curve.name!r} has no points")
        for x, y in curve.points:
            if not (0 < x < math.inf and 0 <= y < math.inf):
                raise ValueError(
                    f"the curve {curve.name!r} has a point that no logarithmic axes hold: iteration {x}, gap {y}"
                )
    if target is not None and not 0 < target < math.inf:
        raise ValueError(f"target must be a positive number; got {target}")


def _axis(values: Iterable[float], start: float, end: float, *, room: float, floor: bool = False) -> _Axis:
    """Around all positive values with so much room, a decade at least; one more decade below for zeros where `floor`."""
    positive = [value for value in values if value > 0] or [1.0]
    low, high = math.log10(min(positive)) - room, math.log10(max(positive)) + room
    if high - low < 1:
        low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
    return _Axis(low=low - floor, high=high, start=start, end=end)


def _grid(across: _Axis, up: _Axis, *, gap_name: str, x_name: str, zero: bool) -> list[str]:
    parts = []
    levels = up.ticks()
    if zero:
        levels = [(up.start, "0"), *(level for level in levels if level[0] < up.start - LABEL_LINE)]
    for y, label in levels:
        parts.append(f'<line class="rule" x1="{across.start:g}" x2="{across.end:g}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{across.start - 10:g}" y="{y + 4:.1f}">{label}</text>')
    for x, label in across.ticks():
        parts.append(f'<line class="edge" x1="{x:.1f}" x2="{x:.1f}" y1="{up.start:g}" y2="{up.start + 5:g}"/>')
        parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{up.start + 20:g}">{label}</text>')
    parts.append(f'<line class="edge" x1="{across.start:g}" x2="{across.end:g}" y1="{up.start:g}" y2="{up.start:g}"/>')
    parts.append(
        f'<text class="tick" text-anchor="middle" x="{(across.start + across.end) / 2:g}" y="{up.start + 40:g}">'
        f"{escape(x_name)}</text>"
    )
    middle = (up.start + up.end) / 2
    parts.append(
        f'<text class="tick" text-anchor="middle" transform="translate(20 {middle:g}) rotate(-90)">'
        f"{escape(gap_name)}</text>"
    )
    return parts


def _target_line(target: float, up: _Axis) -> list[str]:
    y = up.at(target)
    return [
        f'<line class="target" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text class="note" x="{LEFT + 6}" y="{y - 6:.1f}">target {asked(target)}</text>',
    ]


def _drawn(curve: Curve, number: int, across: _Axis, up: _Axis) -> list[str]:
    dash, mark = SERIES[number][2:]
    places = [(across.at(x), up.at(y)) for x, y in _thinned(curve.points, across)]
    parts = []
    if len(places) > 1:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line k{number}" stroke-dasharray="{dash}" d="{path}"/>')
    for x, y in _marked(places):
        parts.append(f'<path class="mark k{number}" d="{mark}" transform="translate({x:.1f} {y:.1f})"/>')
    return parts


def _thinned(points: Sequence[Point], across: _Axis) -> list[Point]:
    """The points that a drawing of this size can show apart."""
    slices: dict[int, list[Point]] = {}
    for point in points:
        place = (across.at(point[0]) - across.start) / (across.end - across.start)
        slices.setdefault(int(place * BINS), []).append(point)
    kept = []
    for inside in slices.values():
        ends = {inside[0], inside[-1], min(inside, key=lambda p: p[1]), max(inside, key=lambda p: p[1])}
        kept += sorted(ends)
    return kept


def _marked(places: Sequence[Point]) -> list[Point]:
    """The points that carry the curve's mark: the last one, and others far enough before it and from one another."""
    marked = [places[-1]]
    for place in reversed(places):
        if math.dist(place, marked[-1]) >= MARK_APART:
            marked.append(place)
    return marked[::-1]


def _labels(
    curves: Sequence[Curve], across: _Axis, up: _Axis, top: float, bottom: float, line: float | None
) -> list[str]:
    """Each curve's name at its end, moved until none lies on another or on the target's line.

    A name that would hide another curve stands in the margin, at the height of its own curve's end.
    """
    taken: list[tuple[float, float, float, float]] = []
    parts = []
    drawn = [_along([(across.at(x), up.at(y)) for x, y in _thinned(curve.points, across)]) for curve in curves]
    order = sorted(range(len(curves)), key=lambda number: curves[number].points[-1][1], reverse=True)
    for number in order:
        curve = curves[number]
        count, gap = curve.points[-1]
        lines = [*textwrap.wrap(curve.name, 20), f"{short(gap)} at {count_of(count)}"]
        width, tall = LETTER * max(map(len, lines)), LABEL_LINE * len(lines)
        others = [place for other, places in enumerate(drawn) if other != number for place in places]
        for x in (across.at(count) + 12, across.end + 12):
            y = up.at(gap) - tall / 2
            if line is not None and y < line + 2 and line - 4 < y + tall:
                y = line - 4 - tall
            y = min(max(y, top), bottom - tall - 2)
            for _ in taken:
                for left, right, upper, lower in taken:
                    if x < right and left < x + width and y < lower and upper < y + tall:
                        y = upper - tall - 2 if upper - tall - 2 >= top else lower + 2
            if not any(x - 3 < point[0] < x + width and y < point[1] < y + tall for point in others):
                break
        taken.append((x, x + width, y, y + tall))
        for at, words in enumerate(lines):
            kind = f"name k{number}" if at < len(lines) - 1 else "note"
            parts.append(
                f'<text class="{kind}" x="{x:.1f}" y="{y + LABEL_LINE * (at + 0.8):.1f}">{escape(words)}</text>'
            )
    return parts


def _along(places: Sequence[Point]) -> list[Point]:
    """Points on the drawn line, a few pixels apart."""
    found = list(places)
    for (x, y), (to_x, to_y) in itertools.pairwise(places):
        steps = int(math.dist((x, y), (to_x, to_y)) / 4)
        found += [(x + (to_x - x) * at / (steps + 1), y + (to_y - y) * at / (steps + 1)) for at in range(1, steps + 1)]
    return found


def _texts(lines: Sequence[str], x: float, y: float, step: float, kind: str) -> str:
    return "\n".join(
        f'<text class="{kind}" x="{x:g}" y="{y + step * (at + 0.5):g}">{escape(line)}</text>'
        for at, line in enumerate(lines)
    )


def _power_label(exponent: int) -> str:
    if 0 <= exponent <= 5:
        return f"{10**exponent:,}"
    return f"{10.0**exponent:.{-exponent}f}" if -4 <= exponent < 0 else power_of_ten(exponent)


def _style(count: int) -> str:
    light = {
        "paper": "#fcfcfa",
        "ink": "#16191d",
        "ink-2": "#484e55",
        "ink-3": "#63686f",
        "rule": "#e2e2dc",
        "edge": "#81868d",
    }
    dark = {
        "paper": "#14171a",
        "ink": "#eceded",
        "ink-2": "#b9bec4",
        "ink-3": "#969ca3",
        "rule": "#2c3136",
        "edge": "#7d848c",
    }
    for number, (in_light, in_dark, *_) in enumerate(SERIES[:count]):
        light[f"c{number}"], dark[f"c{number}"] = in_light, in_dark
    series = "".join(
        f".k{number}{{stroke:var(--c{number})}}.name.k{number}{{fill:var(--c{number})}}" for number in range(count)
    )
    return (
        f"svg{{{_declared(light)}}}@media(prefers-color-scheme:dark){{svg{{{_declared(dark)}}}}}"
        ".paper{fill:var(--paper)}"
        'text{font:400 12px -apple-system,BlinkMacSystemFont,"Segoe UI","Adwaita Sans",Inter,"Noto Sans",Ubuntu,Roboto,'
        '"Liberation Sans",Arial,sans-serif;font-variant-numeric:tabular-nums lining-nums}'
        'text.title{font:400 18px Charter,"Bitstream Charter","Charis SIL","Sitka Text",Cambria,Georgia,'
        '"Liberation Serif",serif;fill:var(--ink)}'
        ".sub{fill:var(--ink-3)}.tick{fill:var(--ink-3)}.note{fill:var(--ink-2)}"
        f"{series}"
        ".note,.name{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}"
        "text.name{font-weight:600}"
        ".rule{stroke:var(--rule)}.edge{stroke:var(--edge)}.target{stroke:var(--ink-2);stroke-dasharray:4 4}"
        ".line{fill:none;stroke-width:2;stroke-linejoin:round}.mark{fill:var(--paper);stroke-width:2}"
    )


def _declared(tokens: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in tokens.items())

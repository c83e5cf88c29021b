"""Ratings with their intervals, all rows of a table on one axis."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from arena.server import numbers
from arena.server.drawing.svg import cell, el, percent, scale, text

FAR = 2.5  # interquartile ranges from the middle half; a rating beyond would squeeze all others
KEPT = 8192  # drawings of rows that are shown again and again, each below a kilobyte
MARGIN = 4.0  # percent of the cell left free at both ends
NEAR_END = 90.0  # percent from which half a number has no room to the right of its mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What a column of intervals shares: its ends, its marks, and how a rating is written. ``references``: what others reached."""

    low: float
    high: float
    ticks: tuple[float, ...]
    written: Callable[[float], str]
    references: tuple[float, ...] = ()

    def at(self, value: float) -> float:
        """Percent of the cell's width."""
        return scale(self.low, self.high, MARGIN, 100 - MARGIN)(value)


def axis_of(
    ratings: Sequence[tuple[float, float, float]],
    *,
    written: Callable[[float], str] = numbers.whole,
    marks: int = 6,
    far: float = FAR,
    references: tuple[float, ...] = (),
) -> Axis:
    """The axis for (low, rating, high) rows: as wide as the intervals of all ratings that are not far from the field, and
    as all ``references``.

    ``far``: interquartile ranges from the middle half of five ratings or more; infinity leaves none outside.
    """
    rows = np.array([row for row in ratings if math.isfinite(row[1])], float).reshape(-1, 3)
    if len(rows) == 0:
        return Axis(low=-1.0, high=1.0, ticks=(0.0,), written=written)
    middle = rows[:, 1]
    first, third = np.quantile(middle, [0.25, 0.75])
    reach = far * (third - first) if len(rows) >= 5 and third > first else math.inf
    near = rows[(middle >= first - reach) & (middle <= third + reach)]
    spread = float(near[:, 1].max() - near[:, 1].min())
    # An interval without end, or far wider than the ratings differ, is cut at the border instead of squeezing the rest.
    half = np.nan_to_num(np.maximum(near[:, 1] - near[:, 0], near[:, 2] - near[:, 1]), nan=0.0, posinf=0.0)
    widest = max(spread, 4 * float(np.median(half)))
    low = float(np.maximum(_finite(near[:, 0], near[:, 1]), near[:, 1] - widest).min())
    high = float(np.minimum(_finite(near[:, 2], near[:, 1]), near[:, 1] + widest).max())
    low, high = min((low, *references)), max((high, *references))
    least = 1e-9 * max(1.0, abs(low))  # of what numbers can tell apart on an axis
    if high - low <= least:
        low, high = low - max(1.0, least), high + max(1.0, least)
    step = _step((high - low) / marks)
    ticks = np.arange(math.ceil(low / step), math.floor(high / step) + 1) * step
    return Axis(low=low, high=high, ticks=tuple(ticks.tolist()), written=written, references=references)


@functools.lru_cache(maxsize=KEPT)
def interval(
    axis: Axis,
    low: float,
    rating: float,
    high: float,
    *,
    label: str,
    open_dot: bool = False,
    tick: float = math.nan,
) -> Markup:
    """A rating as a dot on the bar of its interval; an arrow and its number where it lies outside the axis. ``tick``: another rating,
    such as one of another date, as a thin line where it is on the axis. References are dashed lines."""
    marks = [
        _lines("grid", tuple(percent(axis.at(t)) for t in axis.ticks)),
        _lines("even", tuple(percent(axis.at(r)) for r in axis.references)),
    ]
    if not math.isfinite(rating):
        return cell(marks, label)
    if not axis.low <= rating <= axis.high:
        return cell([*marks, *_outside(axis, rating, rating < axis.low)], label)
    left = axis.at(low) if low >= axis.low else 0.0
    right = axis.at(high) if high <= axis.high else 100.0
    marks.append(
        el("rect", cls="iv-bar", x=percent(left), width=percent(max(right - left, 0.3)), y="50%", height=10, rx=2, transform="translate(0 -5)")
    )  # fmt: skip
    if axis.low <= tick <= axis.high:
        at = percent(axis.at(tick))
        marks.append(el("line", cls="iv-thin", x1=at, x2=at, y1="24%", y2="76%"))
    marks.append(el("circle", cls="pt-open" if open_dot else "pt", cx=percent(axis.at(rating)), cy="50%", r=3.2))
    return cell(marks, label)


@functools.lru_cache(maxsize=64)
def _lines(cls: str, at: tuple[str, ...]) -> Markup:
    """The lines that all rows of a table share."""
    return Markup("").join(el("line", cls=cls, x1=x, x2=x, y1=0, y2="100%") for x in at)


def axis_head(axis: Axis, *, label: str, floor: float = math.nan) -> Markup:
    """The axis' numbers, for the head of the column. ``floor``: how far apart equals seem to be, as a bar true to scale."""
    marks = [
        _number(axis.at(t), axis.written(t) if t else "0", cls)
        for t, cls in zip(axis.ticks, _between(axis.ticks), strict=True)
    ]
    if math.isfinite(floor):
        wide = min(axis.at(axis.low + floor) - axis.at(axis.low), 60.0)
        marks.append(el("rect", cls="iv-bar", x=percent(MARGIN), width=percent(wide), y="18%", height=5, rx=1))
        words = f"noise floor: {axis.written(floor).lstrip('+')} wide"
        marks.append(text(words, x=percent(MARGIN + wide + 1.5), y="34%", cls="t-3"))
        label += f", {words}"
    return cell(marks, label)


def _number(at: float, words: str, cls: str) -> Markup:
    """A number under its mark; near the right border it ends there, where a narrow column would cut it."""
    if at > NEAR_END:
        return text(words, x="100%", y="90%", cls=f"end t-3{cls}")
    return text(words, x=percent(at), y="90%", cls=f"mid t-3{cls}")


def _between(ticks: Sequence[float]) -> list[str]:
    """The class of those marks that have no number in a narrow column: of five or more every second one, never 0; of fewer
    only on a phone."""
    if len(ticks) < 5:
        return [" between few" if k % 2 else "" for k in range(len(ticks))]
    step = ticks[1] - ticks[0]
    return [" between" if round(tick / step) % 2 else "" for tick in ticks]


def small_intervals(rows: Sequence[tuple[float, float, float]], *, label: str, axis: Axis) -> Markup:
    """Up to four ratings under each other on one axis that has them all, for a list of ladders; the first is heavier."""
    marks = []
    if axis.low <= 0 <= axis.high:
        marks.append(el("line", cls="even", x1=percent(axis.at(0)), x2=percent(axis.at(0)), y1=0, y2="100%"))
    for k, (low, rating, high) in enumerate(rows[:4]):
        if not math.isfinite(rating):
            continue
        y, x = f"{20 + 20 * k}%", axis.at(rating)
        left, right = axis.at(max(low, axis.low)), axis.at(min(high, axis.high))
        marks.append(el("line", cls="iv" if k == 0 else "iv-2", x1=percent(left), x2=percent(right), y1=y, y2=y))
        marks.append(el("circle", cls="pt", cx=percent(x), cy=y, r=3))
    return el("svg", *marks, role="img", aria_label=label, width="100%", height=56)


def _outside(axis: Axis, rating: float, left: bool) -> list[Markup]:
    arrow = "M7 -4 L2 0 L7 4 M2 0 H16" if left else "M9 -4 L14 0 L9 4 M14 0 H0"
    head = el("path", cls="line s-ink", d=arrow)
    words = f"{axis.written(rating)}, {'left' if left else 'right'} of the axis"
    if left:
        return [el("svg", head, y="50%", width=18, height=1), text(words, x=22, y="50%", dy=".35em", cls="t-3")]
    drawn = el("svg", el("g", head, transform="translate(-18 0)"), x="100%", y="50%", width=18, height=1)
    return [drawn, el("g", text(words, x="100%", y="50%", dy=".35em", cls="t-3 end"), transform="translate(-22 0)")]


def _finite(values: NDArray[np.float64], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, otherwise)


def _step(rough: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return float(next(power * k for k in (1, 2, 5, 10) if power * k >= rough))

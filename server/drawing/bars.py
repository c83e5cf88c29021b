"""Bars inside table cells: records, weights, exploitability, seats, progress."""

from __future__ import annotations

import functools
import math

from markupsafe import Markup

from arena.leaderboards.wording import FEW, SPACE, exploitable_by
from arena.server import numbers
from arena.server.drawing.intervals import KEPT
from arena.server.drawing.svg import cell, el, percent, scale, text


@functools.lru_cache(maxsize=KEPT)
def wdl_bar(wins: int, draws: int, losses: int) -> Markup:
    """Wins, draws and losses as shares of one bar, with the three counts below."""
    label = f"{wins:,} wins, {draws:,} draws, {losses:,} losses"
    total = wins + draws + losses
    if total == 0:
        return cell([text(numbers.MISSING, x=0, y="50%", dy=".35em", cls="t-3")], label)
    marks, at = [], 0.0
    for part, colour in ((wins, "f-blue"), (draws, "f-draw"), (losses, "f-orange-soft")):
        share = part / total * 100
        if part:
            marks.append(
                el("rect", cls=colour, x=percent(at), y="24%", width=percent(max(share - 0.8, 0.4)), height="20%")
            )
        at += share
    middle = (wins + draws / 2) / total
    marks.append(text(f"{wins:,}", x=0, y="80%", cls="t-3"))
    if draws and 0.3 < middle < 0.72:
        marks.append(text(f"{draws:,}", x=percent(middle * 100), y="80%", cls="mid t-3"))
    marks.append(text(f"{losses:,}", x="100%", y="80%", cls="end t-3"))
    return cell(marks, label)


def weight_bar(weight: float, *, low: float = math.nan, high: float = math.nan, most: float = 1.0) -> Markup:
    """A minimax weight as a bar from 0, its number at the right edge; where its interval is known, that as a thin line,
    and in words below. The bar is light where the weight may be 0."""
    start = el("line", cls="grid", x1=0, x2=0, y1=0, y2="100%")
    x = scale(0, max(most, 1e-9), 0, 66)
    marks = [start]
    known = math.isfinite(high)
    if weight > 0:
        colour = "f-teal-soft" if low < 0.005 else "f-teal"
        marks.append(el("rect", cls=colour, x=0, y="20%" if known else "36%", width=percent(x(weight)), height="28%"))
    label = f"minimax weight {weight:.2f}"
    if high > 0.005:  # not where it is unknown: nan
        ends = percent(x(low)), percent(min(x(high), 70))
        marks.append(el("line", cls="iv-thin", x1=ends[0], x2=ends[1], y1="34%", y2="34%"))
        label += f", interval {low:.2f} to {high:.2f}"
    number = numbers.weight(weight)
    if not known:
        return cell([*marks, _number(number, weak=weight < 0.005)], label)
    marks.append(text(number, x="100%", y="34%", dy=".35em", cls="end t-3" if low < 0.005 else "end t-b"))
    marks.append(text(numbers.span(low, high), x="100%", y="82%", cls="end t-3"))
    return cell(marks, label)


def exploit_bar(value: float | None, *, most: float, at_least: bool = False) -> Markup:
    """An exploitability as a solid bar from 0; a lower bound as a hatched one with an open arrow, its number behind ≥."""
    start = el("line", cls="grid", x1=0, x2=0, y1=0, y2="100%")
    if value is None or not math.isfinite(value):
        return cell([start], "exploitability not known")
    x = scale(0, max(most, 1e-9), 0, 46)  # room for the arrow and a number of four digits
    end = percent(x(max(value, 0.0)))
    bar = el("rect", cls="line thin s-orange" if at_least else "f-orange", x=0, y="36%", width=end, height="28%")
    if at_least:
        bar = el("line", cls="hatch s-orange", x1=0, x2=end, y1="50%", y2="50%")
        tip = el("path", cls="line thin s-orange", d="M2 -5L7 0L2 5")
        bar += el("svg", tip, x=end, y="50%", overflow="visible", aria_hidden="true")
    shown = exploitable_by(max(value, 0.0))
    sign = f"≥{SPACE}" if at_least else ""
    words = "at least" if at_least else "exactly"
    return cell([start, bar, _number(sign + shown, weak=False)], f"exploitability {words} {shown}")


@functools.lru_cache(maxsize=KEPT)
def seat_dots(scores: tuple[float, ...], matches: tuple[int, ...] = (), *, place: str = "seat") -> Markup:
    """Score by seat on one line from 0 to 1, even marked: seat 0 filled, the others open.

    ``matches``: of each seat; the label says those of few. ``place``: ``side`` where each is a team's.
    """
    x = scale(0, 1, 4, 96)
    shown = [(seat, score) for seat, score in enumerate(scores) if math.isfinite(score)]
    marks = [el("line", cls="even", x1=percent(x(0.5)), x2=percent(x(0.5)), y1=0, y2="100%")]
    if shown:
        ends = [score for _, score in shown]
        marks.append(el("line", cls="iv-2", x1=percent(x(min(ends))), x2=percent(x(max(ends))), y1="50%", y2="50%"))
    for seat, score in reversed(shown):
        filled = seat == 0
        marks.append(
            el("circle", cls="pt" if filled else "pt-open", cx=percent(x(score)), cy="50%", r=4 if filled else 3.6)
        )
    of = [f" of {count:,}" if count < FEW else "" for count in matches] or [""] * len(scores)
    words = ", ".join(f"{score * 100:.0f} %{of[seat]} in {place} {seat}" for seat, score in shown)
    return cell(marks, f"score {words}" if words else f"no score by {place}")


def meter(done: int, planned: int | None) -> Markup:
    """Progress of a known total; empty where the total is not known."""
    share = min(done / planned * 100, 100.0) if planned else 0.0
    label = f"{done:,} of {planned:,} matches" if planned else f"{done:,} matches"
    ground = el("rect", cls="f-soft", width="100%", height="100%")
    bar = el("rect", cls="f-ink", width=percent(share), height="100%", data_live="meter")
    return el("svg", ground, bar, cls="meter", role="img", aria_label=label)


def score_interval(score: float, low: float, high: float, *, tick: float = math.nan) -> Markup:
    """A score against one opponent from 0 to 1 with its interval; blue above even, orange below. ``tick``: what was expected."""
    x = scale(0, 1, 3, 97)
    marks = [
        el("line", cls="even" if t == 0.5 else "grid", x1=percent(x(t)), x2=percent(x(t)), y1=0, y2="100%")
        for t in (0, 0.25, 0.5, 0.75, 1)
    ]
    if not math.isfinite(score):
        return cell(marks, "never met")
    side = "blue" if score >= 0.5 else "orange"
    if math.isfinite(low) and math.isfinite(high):
        marks.append(el("line", cls=f"line s-{side}", x1=percent(x(low)), x2=percent(x(high)), y1="50%", y2="50%"))
    label = f"score {score * 100:.0f} %, 95 % interval {low * 100:.0f} to {high * 100:.0f}"
    if math.isfinite(tick):
        marks.append(el("line", cls="iv-2", x1=percent(x(tick)), x2=percent(x(tick)), y1="22%", y2="78%"))
        label += f", expected {tick * 100:.0f}"
    marks.append(el("circle", cls=f"f-{side}", cx=percent(x(score)), cy="50%", r=4.4))
    return cell(marks, label)


def surplus_bar(surplus: float, *, most: float) -> Markup:
    """Points against expectation as a bar from the middle: blue to the right above it, orange to the left below."""
    x = scale(-max(most, 1e-9), max(most, 1e-9), 3, 97)
    marks = [el("line", cls="even", x1="50%", x2="50%", y1=0, y2="100%")]
    ends = sorted((x(0.0), x(surplus)))
    if ends[1] - ends[0] >= 0.01:
        cls = "f-blue" if surplus > 0 else "f-orange"
        marks.append(el("rect", cls=cls, x=percent(ends[0]), width=percent(ends[1] - ends[0]), y="36%", height="28%"))
    return cell(marks, f"{numbers.signed(surplus, 1)} points against expectation")


def _number(words: str, *, weak: bool) -> Markup:
    return text(words, x="100%", y="50%", dy=".35em", cls="end t-3" if weak else "end t-b")

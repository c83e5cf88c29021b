"""Weights in the minimax winner as matches came in: a small panel an agent, each with its bootstrap band."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from arena.figures.style import (
    EDGE,
    INK,
    INK_3,
    MARGIN_IN,
    RULE,
    RULE_2,
    SMALL_PT,
    TEAL,
    TEXT_PT,
    Columns,
    check_columns,
    drawing,
    heading_lines,
    named,
    shown,
    write_heading,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from arena.leaderboards.weights_over_time import WeightsOverTime

PANELS = {1: 8, 2: 12}
SEEN_FROM = 0.005  # a weight below is written as 0.00
PANEL_IN, GAP_IN, FOOT_IN, LEFT_IN = 0.62, 0.36, 0.32, 0.24


def weights_figure(
    over_time: WeightsOverTime,
    *,
    events: Sequence[tuple[int, str]] = (),
    title: str = "",
    columns: Columns = 1,
    heading: bool = True,
) -> Figure:
    """The weights over time, a panel for each agent that ever had one, the largest last weight first.

    The band is the 95 % bootstrap interval of each time alone; it says how sure the weight was then. The axis counts matches in
    the order in which they were scheduled.

    Args:
        over_time: what is drawn: `arena.leaderboards.weights_over_time`.
        events: numbers of matches after which something happened, with its name: ends of tournaments.
        title: on top, before the agents with the largest weights.
        columns: of a page, whose width it takes.
        heading: whether title and legend in words stand on top.

    Raises:
        ValueError: no time at which every two agents had met, or columns that are not 1 or 2.
        NotProvided: matplotlib is not installed.
    """
    width = check_columns(columns)
    if not len(over_time.matches):
        raise ValueError("there is no time at which every two agents had met: no minimax winner to draw")
    last = np.nan_to_num(over_time.weights[-1], nan=0.0)  # who did not play has no weight
    peak = np.nanmax(np.fmax(over_time.weights, 0), axis=0, initial=0.0)
    order = sorted(
        (i for i in range(len(over_time.agents)) if peak[i] >= SEEN_FROM),
        key=lambda i: (-last[i], -peak[i], over_time.agents[i]),
    )
    kept = order[: PANELS[columns]]
    with drawing():
        from matplotlib.figure import Figure

        words = _words(over_time, len(order) - len(kept), len(over_time.agents) - len(order))
        titles, subtitles, top = (
            heading_lines(title or _title(over_time, kept), words, width) if heading else ([], [], 0.0)
        )
        across = 2 * columns if len(kept) > 1 else 1
        down = math.ceil(len(kept) / across)
        height = top + down * (PANEL_IN + GAP_IN) + FOOT_IN + 2 * MARGIN_IN
        figure = Figure(figsize=(width, height))
        write_heading(figure, titles, subtitles)
        each = (width - MARGIN_IN - LEFT_IN) / across
        for at, agent in enumerate(kept):
            row, column = divmod(at, across)
            y = height - MARGIN_IN - top - row * (PANEL_IN + GAP_IN) - GAP_IN - PANEL_IN
            x = LEFT_IN + MARGIN_IN / 2 + column * each
            axes = figure.add_axes((x / width, y / height, (each - 0.14) / width, PANEL_IN / height))
            _panel(axes, over_time, agent, events, each - 0.14, labelled=column == 0, below=at + across >= len(kept))
        figure.text(
            (LEFT_IN + MARGIN_IN / 2) / width,
            MARGIN_IN / height,
            _foot(events),
            size=SMALL_PT,
            color=INK_3,
            va="bottom",
        )
        return figure


def _title(over_time: WeightsOverTime, kept: Sequence[int]) -> str:
    said = [f"{over_time.agents[i]} {_number(over_time, i)}" for i in kept[:3] if over_time.weights[-1, i] >= SEEN_FROM]
    return f"The mix that nobody beats after {int(over_time.matches[-1]):,} matches: {', '.join(said)}"


def _words(over_time: WeightsOverTime, more: int, never: int) -> str:
    said = "Weight in the minimax winner after so many matches"
    said += (
        "; band: its 95 % bootstrap interval at that time."
        if np.isfinite(over_time.low).any()
        else "; no intervals: too many agents."
    )
    if more:
        said += f" {more} more {'agent' if more == 1 else 'agents'} had some weight once."
    if never:
        said += f" {never} {'agent' if never == 1 else 'agents'} never had any."
    return said


def _panel(
    axes: Axes,
    over_time: WeightsOverTime,
    agent: int,
    events: Sequence[tuple[int, str]],
    width_in: float,
    *,
    labelled: bool,
    below: bool,
) -> None:
    x = over_time.matches
    value, low, high = over_time.weights[:, agent], over_time.low[:, agent], over_time.high[:, agent]
    end = int(x[-1])
    for at, _ in events:
        if 0 < at < end:
            axes.axvline(at, color=RULE_2, linewidth=0.5, linestyle=(0, (2, 2)), zorder=1)
    axes.fill_between(x, low, high, color=TEAL, alpha=0.22, linewidth=0, zorder=2)
    axes.plot(x, value, color=TEAL, linewidth=1.1, zorder=3)
    axes.plot(x[-1:], value[-1:], "o", color=TEAL, markersize=2.4, zorder=4, clip_on=False)
    if len(x) == 1 and math.isfinite(low[0]):
        axes.vlines(x, low, high, color=TEAL, alpha=0.4, linewidth=2)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])
    axes.set_yticklabels(["0", "0.5", "1"] if labelled else [])
    axes.set_xticks([0, end])
    axes.set_xticklabels(["0", f"{end:,}"] if below else [])
    first, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    axes.tick_params(length=1.5, width=0.5, color=RULE_2, labelsize=SMALL_PT, labelcolor=INK_3, pad=1.5)
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("bottom", "left"))
        spine.set_color(EDGE)
    numbers = _number(over_time, agent)
    name = named(over_time.agents[agent], width_in / 1.12, TEXT_PT)  # bold is wider
    line = 0.11 / PANEL_IN
    axes.text(0, 1.06 + line, name, transform=axes.transAxes, size=TEXT_PT, weight="bold", color=INK, va="bottom")
    axes.text(0, 1.04, numbers, transform=axes.transAxes, size=SMALL_PT, color=INK_3, va="bottom")


def _number(over_time: WeightsOverTime, agent: int) -> str:
    """The last weight with its interval: ``0.46 (0.21–0.70)``."""
    value, low, high = (float(column[-1, agent]) for column in (over_time.weights, over_time.low, over_time.high))
    if not math.isfinite(value):
        return "–"
    return f"{value:.2f}" + (f" ({low:.2f}–{high:.2f})" if math.isfinite(low) else "")


def _foot(events: Sequence[tuple[int, str]]) -> str:
    """What the axis counts, and which events the dashed lines are."""
    if len(events) < 2:
        return "matches, in schedule order"
    names = [shown(name) for _, name in events]
    told = ", ".join(names) if len(names) <= 4 else f"{len(names)} tournaments"
    return f"matches, in schedule order; dashed: ends of {told}"

"""Rating intervals: a row an agent, its estimate as a dot, its interval as a bar, and both as numbers."""

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
    TEXT_PT,
    Columns,
    check_columns,
    drawing,
    heading_lines,
    named,
    width_of,
    write_heading,
)
from arena.leaderboards.finding import DIGITS, METHOD_NAMES
from arena.leaderboards.wording import signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from arena.leaderboards.leaderboard import Leaderboard, Row

ROW_IN, DENSE_IN = 0.15, 0.105
SPACIOUS = 40  # agents: more stand denser, and on two columns in panels side by side
PANEL_ROWS = 70
NAME_SHARE = 0.42  # of the width of a panel, at most
AXIS_IN = 0.3


def ratings_figure(board: Leaderboard, *, columns: Columns = 1, heading: bool = True) -> Figure:
    """The rating intervals of a leaderboard, the best first, all on one axis.

    An open dot is a provisional agent. An interval that leaves the axis has an arrow at its end: a few that reach far do not
    squeeze the rest. Groups that never met are parted by a line. A figure of two columns shows more than 70 agents in panels
    side by side.

    Args:
        board: what is drawn, with its method and confidence.
        columns: of a page, whose width it takes.
        heading: whether the finding stands on top; a paper may have it in its caption.

    Raises:
        ValueError: an empty leaderboard, or columns that are not 1 or 2.
        NotProvided: matplotlib is not installed.
    """
    width = check_columns(columns)
    rows = list(board.rows)
    if not rows:
        raise ValueError("the leaderboard has no rated agent")
    with drawing():
        from matplotlib.figure import Figure

        method = METHOD_NAMES[board.method]
        subtitle = (
            f"{method} with {100 * board.confidence:g} % intervals; {board.matches:,} matches. Left of a name: the ranks that "
            "remain possible."
        )
        if any(row.provisional for row in rows):
            subtitle += " Open dot: provisional, too few matches for a rank."
        titles, subtitles, top = heading_lines(board.finding, subtitle, width) if heading else ([], [], 0.0)
        panels = min(3, math.ceil(len(rows) / PANEL_ROWS)) if columns == 2 else 1
        per_panel = math.ceil(len(rows) / panels)
        row_in = ROW_IN if len(rows) <= SPACIOUS else DENSE_IN
        height = top + per_panel * row_in + AXIS_IN + 2 * MARGIN_IN
        figure = Figure(figsize=(width, height))
        write_heading(figure, titles, subtitles)
        low, high = _range(rows)
        panel_in = (width - MARGIN_IN) / panels
        for at in range(panels):
            part = rows[at * per_panel : (at + 1) * per_panel]
            _panel(figure, board, part, at * panel_in, panel_in, per_panel * row_in, per_panel, (low, high), method)
        return figure


def _panel(
    figure: Figure,
    board: Leaderboard,
    rows: Sequence[Row],
    left_in: float,
    panel_in: float,
    plot_in: float,
    capacity: int,
    limits: tuple[float, float],
    method: str,
) -> None:
    width, height = figure.get_size_inches()
    size = TEXT_PT if len(board.rows) <= SPACIOUS else SMALL_PT
    digits = DIGITS.get(board.method, 2)
    numbers = [_number(row, digits) for row in rows]
    ranks = ["–" if row.provisional else _rank(row) for row in rows]
    right_in = max(width_of(text, size) for text in numbers) + (0.06 if panel_in > 3 else 0.14)
    rank_in = max(width_of(text, size) for text in ranks) + 0.06
    names = [named(row.agent, NAME_SHARE * panel_in - rank_in, size) for row in rows]
    name_in = max(width_of(name, size) for name in names) + 0.06
    x0, plot_width = left_in + MARGIN_IN + rank_in + name_in, panel_in - MARGIN_IN - rank_in - name_in - right_in
    axes = figure.add_axes((x0 / width, (MARGIN_IN + AXIS_IN) / height, plot_width / width, plot_in / height))
    axes.set_xlim(*limits)
    axes.set_ylim(capacity - 0.5, -0.5)
    _frame(axes, method, digits)
    groups = {agent: number for number, group in enumerate(board.groups) for agent in group}
    for at, row in enumerate(rows):
        _interval(axes, at, row, limits)
        to_in = 1 / plot_width
        axes.text(1 + 0.06 * to_in, at, numbers[at], transform=axes.get_yaxis_transform(), size=size, va="center")
        axes.text(-(name_in) * to_in, at, names[at], transform=axes.get_yaxis_transform(), size=size, va="center")
        axes.text(
            -(name_in + 0.06) * to_in, at, ranks[at], transform=axes.get_yaxis_transform(), size=size, va="center",
            ha="right", color=INK_3,
        )  # fmt: skip
        if at and groups.get(row.agent) != groups.get(rows[at - 1].agent):
            axes.axhline(at - 0.5, color=EDGE, linewidth=0.8)


def _frame(axes: Axes, method: str, digits: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE_2)
    width = axes.get_position().width * axes.figure.get_size_inches()[0]  # type: ignore[union-attr]  # a figure, no subfigure
    axes.xaxis.set_major_locator(MaxNLocator(max(2, int(width / 0.45)), steps=[1, 2, 2.5, 5, 10], min_n_ticks=2))
    low, high = axes.get_xlim()
    decimals = 0 if digits == 0 else max(0, min(digits, 2 - math.floor(math.log10(high - low))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(float(value), decimals)))
    axes.tick_params(axis="x", length=2, width=0.5, color=RULE_2, labelsize=SMALL_PT, labelcolor=INK_3, pad=1.5)
    axes.set_yticks([])
    axes.grid(axis="x", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(method, size=SMALL_PT, color=INK_3, labelpad=1.5)


def _interval(axes: Axes, at: int, row: Row, limits: tuple[float, float]) -> None:
    if not math.isfinite(row.rating):
        return
    low, high = limits
    if math.isfinite(row.low) and math.isfinite(row.high):
        start, end = max(row.low, low), min(row.high, high)
        axes.plot([start, end], [at, at], color=EDGE, linewidth=2.6, alpha=0.75, solid_capstyle="butt", clip_on=True)
        for outside, edge, mark in ((row.low < low, low, "<"), (row.high > high, high, ">")):
            if outside:
                axes.plot([edge], [at], mark, color=EDGE, markersize=3.2, markeredgewidth=0, clip_on=False)
    axes.plot(
        [min(max(row.rating, low), high)],
        [at],
        "o",
        color=INK,
        markersize=3.2,
        markerfacecolor="white" if row.provisional else INK,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=3,
    )


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Of the axis: all estimates, and intervals as far as they are not much longer than most."""
    ratings = np.array([row.rating for row in rows if math.isfinite(row.rating)] or [0.0])
    halves = np.array([(row.high - row.low) / 2 for row in rows if math.isfinite(row.high - row.low)] or [0.0])
    most = 2.5 * float(np.median(halves))
    ends = [max(row.low, row.rating - most) for row in rows if math.isfinite(row.low)]
    ends += [min(row.high, row.rating + most) for row in rows if math.isfinite(row.high)]
    low, high = min([*ends, float(ratings.min())]), max([*ends, float(ratings.max())])
    room = 0.03 * (high - low) or max(abs(high), 1.0)
    return low - room, high + room


def _number(row: Row, digits: int) -> str:
    half = max(row.high - row.rating, row.rating - row.low)
    return signed(row.rating, digits) + (f" ±{half:,.{digits}f}" if math.isfinite(half) else "")


def _rank(row: Row) -> str:
    return str(row.rank[0]) if row.rank[0] == row.rank[1] else f"{row.rank[0]}–{row.rank[1]}"

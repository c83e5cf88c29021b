"""Who beats whom as a heat map, ordered so that cycles are seen: components from the top, inside each along a cycle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arena.figures.style import (
    DIVERGING,
    INK,
    INK_3,
    MARGIN_IN,
    PURPLE,
    RULE,
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
from arena.leaderboards.cycle_order import cycle_order
from arena.leaderboards.payoff_matrix import EVEN, Matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_CELL_IN = 0.34
NUMBER_FROM_IN = 0.155
"""Cells of at least this size carry their number; in smaller ones what is not told from even is left pale."""

NAMED_FROM_IN = 0.075
KEY_IN = 0.32
NAME_SHARE = 0.36
DARK_FROM = 4  # steps from even at which numbers turn white


def payoffs_figure(matrix: Matrix, *, columns: Columns = 1, heading: bool = True) -> Figure:
    """The head-to-head scores of a matrix, the row against the column, in the order of `cycle_order`.

    Blue above even, orange below, by ten points; both ends are 0 and 100, never stretched to the data. Where cells have room
    they hold the score in percent, bold where the interval excludes even. Where they have none, scores that the interval does
    not tell from even are pale. A component of more than one agent has a purple frame.

    Args:
        matrix: of scores with their intervals, such as ``Leaderboard.matrix``; agents who met nobody are left out.
        columns: of a page, whose width it takes.
        heading: whether title and legend in words stand on top.

    Raises:
        ValueError: nobody met anybody, or columns that are not 1 or 2.
        NotProvided: matplotlib is not installed.
    """
    width = check_columns(columns)
    met = np.flatnonzero(matrix.matches.sum(axis=1) > 0)
    if len(met) < 2:
        raise ValueError("nobody met anybody: there is no payoff to draw")
    part = matrix.of(met.tolist())
    components = cycle_order(part)
    order = [agent for component in components for agent in component]
    size = len(order)
    with drawing():
        from matplotlib.figure import Figure

        labels = [named(part.agents[i], NAME_SHARE * width - 0.06, TEXT_PT) for i in order]
        number_in = width_of("0" * len(str(size)), SMALL_PT) + 0.04
        name_in = min(max(width_of(name, TEXT_PT) for name in labels) + 0.06, NAME_SHARE * width)
        cell = min(LARGEST_CELL_IN, (width - 2 * MARGIN_IN - name_in - number_in) / size)
        is_named = cell >= NAMED_FROM_IN
        if not is_named:
            name_in = number_in = 0.0
            cell = (width - 2 * MARGIN_IN) / size
        with_numbers = cell >= NUMBER_FROM_IN
        titles, subtitles, top = (
            heading_lines(_title(components), _words(part, with_numbers, is_named), width) if heading else ([], [], 0.0)
        )
        head_in = 0.14 if is_named else 0.0
        height = top + head_in + cell * size + KEY_IN + 2 * MARGIN_IN
        figure = Figure(figsize=(width, height))
        write_heading(figure, titles, subtitles)
        left = MARGIN_IN + number_in + name_in
        axes = figure.add_axes((left / width, (MARGIN_IN + KEY_IN) / height, cell * size / width, cell * size / height))
        _cells(axes, part.of(order), with_numbers=with_numbers, cell_in=cell)
        if is_named:
            _names(axes, labels, cell, name_in, number_in)
        at = 0
        for component in components:
            if len(component) > 1:
                _framed(axes, at, len(component))
            at += len(component)
        _key(figure, width, height)
        return figure


def _title(components: tuple[tuple[int, ...], ...]) -> str:
    cyclic = [component for component in components if len(component) > 1]
    if not cyclic:
        return "Who beats whom: an order without a cycle"
    if len(components[0]) > 1:
        return f"Who beats whom: scores among {len(components[0])} agents at the top run in cycles"
    return f"Who beats whom: cycles below the top, the largest among {max(map(len, cyclic))} agents"


def _words(matrix: Matrix, with_numbers: bool, is_named: bool) -> str:
    played = int(matrix.matches.sum()) // 2
    doubt = (
        f"Bold: the {100 * matrix.confidence:g} % interval excludes 50."
        if with_numbers
        else f"Pale grey: the {100 * matrix.confidence:g} % interval does not exclude 50."
    )
    order = "" if is_named else " Agents in the order of the components, without room for names."
    return (
        f"Score of the row against the column in percent, draws as halves; {len(matrix)} agents, {played:,} matches. {doubt} "
        f"White: never met. Purple: scores run in cycles there, certain or not.{order}"
    )


def _cells(axes: Axes, matrix: Matrix, *, with_numbers: bool, cell_in: float) -> None:
    from matplotlib.colors import to_rgb

    size = len(matrix)
    sure = (matrix.low > EVEN) | (matrix.high < EVEN)
    steps = _steps(matrix.score)
    colours = np.ones((size, size, 3))
    known = matrix.matches > 0
    palette = np.array([to_rgb(colour) for colour in DIVERGING])
    drawn = steps if with_numbers else np.where(sure, steps, 0)
    colours[known] = palette[drawn[known] + 5]
    axes.imshow(colours, interpolation="nearest", extent=(0, size, size, 0), aspect="auto", rasterized=False)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if not with_numbers:
        return
    axes.vlines(range(1, size), 0, size, color="white", linewidth=0.6)
    axes.hlines(range(1, size), 0, size, color="white", linewidth=0.6)
    points = min(TEXT_PT, 0.36 * cell_in * 72)
    for row, column in np.argwhere(known).tolist():
        axes.text(
            column + 0.5,
            row + 0.52,
            f"{100 * float(matrix.score[row, column]):.0f}",
            ha="center",
            va="center",
            size=points,
            color="white" if abs(int(steps[row, column])) >= DARK_FROM else INK,
            weight="bold" if sure[row, column] else "normal",
        )


def _steps(score: NDArray[np.float64]) -> NDArray[np.int64]:
    """From −5 to 5, in steps of ten points around even: the same step on both sides of it."""
    away = np.floor(np.round(np.abs(np.nan_to_num(score, nan=EVEN) - EVEN) * 10, 9) + 0.5)  # unmet cells are not drawn
    return (np.sign(np.nan_to_num(score, nan=EVEN) - EVEN) * np.minimum(away, 5)).astype(np.int64)


def _names(axes: Axes, labels: list[str], cell_in: float, name_in: float, number_in: float) -> None:
    size = min(TEXT_PT, 0.8 * cell_in * 72)
    every = max(1, math.ceil(0.11 / cell_in))
    for at, label in enumerate(labels):
        axes.text(
            -0.03 / cell_in, at + 0.52, str(at + 1), ha="right", va="center", size=min(SMALL_PT, size), color=INK_3
        )
        left = -(number_in + 0.05) / cell_in
        axes.text(left, at + 0.52, named(label, name_in - 0.05, size), ha="right", va="center", size=size)
        if at % every == 0:
            axes.text(at + 0.5, -0.05 / cell_in, str(at + 1), ha="center", va="bottom", size=SMALL_PT, color=INK_3)


def _framed(axes: Axes, start: int, count: int) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((start, start), count, count, fill=False, edgecolor=PURPLE, linewidth=1.2, clip_on=False, zorder=4)
    )


def _key(figure: Figure, width: float, height: float) -> None:
    """The scale below: eleven steps with their ends, and the frame."""
    from matplotlib.patches import Rectangle

    side, y = 0.11, MARGIN_IN + 0.02
    x = MARGIN_IN
    figure.text(x / width, (y + side / 2) / height, "loses 0", size=SMALL_PT, color=INK_3, va="center")
    x += width_of("loses 0", SMALL_PT) + 0.05
    for colour in DIVERGING:
        figure.patches.append(
            Rectangle(
                (x / width, y / height), side / width, side / height, facecolor=colour, edgecolor=RULE, linewidth=0.3,
                transform=figure.transFigure, figure=figure,
            )
        )  # fmt: skip
        x += side
    figure.text((x + 0.05) / width, (y + side / 2) / height, "100 wins", size=SMALL_PT, color=INK_3, va="center")

"""The head-to-head table: the score of each row against each column, coloured around even, with its number in the cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.wording import FEW
from arena.server import numbers

STEPS = 5  # of ten points each, on either side of even
EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One pairing: its colour class, its number, and both in words. ``opponent`` is the column's agent.

    ``few``: of how many matches, where these are few.
    """

    cls: str
    text: str
    words: str
    opponent: str
    few: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    number: int
    agent: str
    cells: tuple[HeatCell, ...]


def heat_rows(matrix: Matrix, *, framed: Sequence[str] = (), order: Sequence[str] = ()) -> tuple[HeatRow, ...]:
    """The table's rows.

    Args:
        matrix: scores between all agents.
        framed: agents of one cycle component; they stand first and are framed together.
        order: the other agents' order; by default the matrix' own.
    """
    return _rows(matrix, _cell, framed=framed, order=order)


def margin_rows(matrix: Matrix, *, framed: Sequence[str] = (), order: Sequence[str] = ()) -> tuple[HeatRow, ...]:
    """The same table of mean margins, the row's return less the column's, for games whose returns differ in size.

    Margins have no natural ends, so that they are numbers without colours; ``sure`` where the interval excludes 0.
    """
    largest = float(np.nanmax(np.abs(matrix.margin), initial=0.0))
    digits = 2 if largest < 10 else 1 if largest < 100 else 0

    def cell(matrix: Matrix, row: int, column: int, frame: str) -> HeatCell:
        return _margin_cell(matrix, row, column, frame, digits)

    return _rows(matrix, cell, framed=framed, order=order)


def _rows(
    matrix: Matrix, cell: Callable[[Matrix, int, int, str], HeatCell], *, framed: Sequence[str], order: Sequence[str]
) -> tuple[HeatRow, ...]:
    place = {agent: k for k, agent in enumerate(matrix.agents)}
    inside = [agent for agent in framed if agent in place] if len(framed) > 1 else []
    names = inside + [agent for agent in (order or matrix.agents) if agent in place and agent not in inside]
    return tuple(
        HeatRow(
            number=r + 1,
            agent=row,
            cells=tuple(
                cell(matrix, place[row], place[column], _frame(r, c, len(inside))) for c, column in enumerate(names)
            ),
        )
        for r, row in enumerate(names)
    )


def step_class(score: float) -> str:
    """The colour of a score in 0..1: ``z0`` even, ``p1``..``p5`` above, ``n1``..``n5`` below, in steps of ten points."""
    distance = round(abs(score - EVEN) * 10, 9)  # 0.45 and 0.55 are equally far, whatever their last bits say
    step = min(STEPS, math.floor(distance + 0.5)) * (1 if score > EVEN else -1)
    return "z0" if step == 0 else f"{'p' if step > 0 else 'n'}{abs(step)}"


def _cell(matrix: Matrix, row: int, column: int, frame: str) -> HeatCell:
    opponent = matrix.agents[column]
    if row == column:
        return HeatCell(cls=f"self{frame}", text="", words="", opponent=opponent)
    score, played = float(matrix.score[row, column]), int(matrix.matches[row, column])
    pairing = f"{matrix.agents[row]} against {opponent}"
    if played == 0 or math.isnan(score):
        return HeatCell(cls=f"unmet{frame}", text="·", words=f"{pairing}: never met", opponent=opponent)
    low, high = float(matrix.low[row, column]), float(matrix.high[row, column])
    sure = low > EVEN or high < EVEN
    words = (
        f"{pairing}: {numbers.percent(score)} of {numbers.count(played)} matches, "
        f"95 % interval {low * 100:.0f} to {high * 100:.0f}"
    )
    cls = step_class(score) + (" sure" if sure else "") + frame
    few = f"of {played}" if played < FEW else ""
    return HeatCell(cls=cls, text=f"{score * 100:.0f}", words=words, opponent=opponent, few=few)


def _margin_cell(matrix: Matrix, row: int, column: int, frame: str, digits: int) -> HeatCell:
    opponent = matrix.agents[column]
    if row == column:
        return HeatCell(cls=f"self{frame}", text="", words="", opponent=opponent)
    margin, played = float(matrix.margin[row, column]), int(matrix.matches[row, column])
    pairing = f"{matrix.agents[row]} against {opponent}"
    if played == 0 or math.isnan(margin):
        return HeatCell(cls=f"unmet{frame}", text="·", words=f"{pairing}: never met", opponent=opponent)
    low, high = float(matrix.margin_low[row, column]), float(matrix.margin_high[row, column])
    words = (
        f"{pairing}: margin {numbers.signed(margin, digits)} in {numbers.counted(played, 'match', 'matches')}, "
        f"95 % interval {numbers.signed(low, digits)} to {numbers.signed(high, digits)}"
    )
    sure = " sure" if low > 0 or high < 0 else ""
    few = f"of {played}" if played < FEW else ""
    return HeatCell(
        cls=f"margin{sure}{frame}", text=numbers.signed(margin, digits), words=words, opponent=opponent, few=few
    )


def _frame(row: int, column: int, size: int) -> str:
    if row >= size or column >= size:
        return ""
    edges = (("ct", row == 0), ("cb", row == size - 1), ("cl", column == 0), ("cr", column == size - 1))
    return "".join(f" {name}" for name, on in edges if on)

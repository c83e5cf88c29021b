"""A population that grows: what its members earn against each other at some sizes, and how each was weighed at every size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from arena.server import numbers
from arena.server.drawing.svg import el, picture, text

CELL_AREA = 176.0
LEFT, TOP = 24.0, 18.0
WIDTH, ROW, NAME, HEAD = 340.0, 20.0, 84.0, 18.0
NUMBER_FROM = 38.0  # a cell of this size holds its number, sign and two decimals
SEEN = 0.005  # a weight below is written as 0


def payoff_multiple(payoffs: NDArray[np.float64], *, most: float, label: str) -> Markup:
    """Payoffs [K, K] of the row's member against the column's, coloured around 0 on a scale that all sizes share: ``most`` is its end."""
    size = len(payoffs)
    side = CELL_AREA / size
    marks: list[Markup] = []
    for r in range(size):
        marks.append(text(str(r), x=LEFT - 6, y=TOP + side * (r + 0.5) + 4, cls="end t-3"))
        marks.append(text(str(r), x=LEFT + side * (r + 0.5), y=TOP - 6, cls="mid t-3"))
        for c in range(size):
            value = float(payoffs[r, c])
            step = step_of(value, most)
            x, y = LEFT + side * c, TOP + side * r
            marks.append(el("rect", cls=f"cell-{step}", x=x, y=y, width=side - 1, height=side - 1))
            if side >= NUMBER_FROM:
                shown = numbers.signed(value, 2 if most < 10 else 0)
                marks.append(text(shown, x=x + side / 2, y=y + side / 2 + 4, cls=f"mid on-{step}"))
    return picture(marks, label, width=LEFT + CELL_AREA + 4, height=TOP + CELL_AREA + 4, cls="chart multiple")


def step_of(value: float, most: float) -> str:
    """The colour of a payoff: ``z0`` for 0, ``p1``..``p5`` above, ``n1``..``n5`` below, in ten equal parts of the scale."""
    step = round(5 * min(1.0, abs(value) / most)) if most > 0 else 0
    return "z0" if step == 0 else f"{'p' if value > 0 else 'n'}{step}"


def weights_drawing(grown: Sequence[NDArray[np.float64]], names: Sequence[str], label: str) -> Markup:
    """A row a member, a column a size of the population: the higher the bar, the more the member was weighed then."""
    sizes = len(grown)
    step = (WIDTH - NAME - 44) / sizes
    height = HEAD + ROW * len(names) + 22
    marks: list[Markup] = []
    for m, name in enumerate(names):
        base = HEAD + ROW * (m + 1)
        marks.append(text(name, x=NAME - 8, y=base - 4, cls="end t-b" if grown[-1][m] >= SEEN else "end t-3"))
        marks.append(el("line", cls="grid", x1=NAME, x2=NAME + step * sizes, y1=base, y2=base))
        for k, weights in enumerate(grown):
            if m < len(weights) and weights[m] >= SEEN:
                tall = float(weights[m]) * (ROW - 3)
                marks.append(
                    el(
                        "rect",
                        cls="f-teal",
                        x=NAME + step * k + 0.5,
                        y=base - tall,
                        width=max(step - 1, 1),
                        height=tall,
                    )
                )
        marks.append(
            text(
                numbers.weight(float(grown[-1][m])),
                x=WIDTH - 4,
                y=base - 4,
                cls="end t-b" if grown[-1][m] >= SEEN else "end t-3",
            )
        )
    marks.append(text("1", x=NAME, y=height - 6, cls="t-3"))
    marks.append(text(numbers.counted(sizes, "member"), x=NAME + step * sizes, y=height - 6, cls="end t-3"))
    return picture(marks, label, width=WIDTH, height=height, cls="chart curve")

"""The response graph: an arrow from the loser to the winner, the cycle that matters drawn thick, weights as filled circles."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np

from arena.figures.style import (
    EDGE,
    INK,
    INK_2,
    MARGIN_IN,
    PURPLE,
    SMALL_PT,
    TEAL,
    TEXT_PT,
    WASH,
    Columns,
    check_columns,
    drawing,
    heading_lines,
    named,
    shown,
    width_of,
    write_heading,
)
from arena.leaderboards.cycle_order import cycle_order
from arena.leaderboards.response_graph import response_graph
from arena.leaderboards.wording import percent, probability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from arena.leaderboards.leaderboard import Leaderboard

Point = tuple[float, float]
Circled = tuple[float, float, float]
"""Centre and radius of the circle on which the agents of a component stand."""

NODE_IN, SMALL_NODE_IN = 0.075, 0.035  # radii
CROWDED = 16  # members of a component: more are drawn small, with names along the rays and only certain arrows
LONGEST_NAME_IN = 0.95  # along a ray
SMALLEST_PT = 1.5  # readable where the figure is enlarged
DEEP = 0.6  # of the radius: a thick arrow along the edge of a crowded circle passes no farther from its centre
FAINTER = 8.0  # members beyond twice as many make their arrows fainter
STEP_IN = 0.26  # between single agents that stand below each other
ROW_IN = 0.34


def graph_figure(board: Leaderboard, *, columns: Columns = 1, heading: bool = True) -> Figure:
    """The response graph of a leaderboard.

    An arrow leads from the loser to the winner, dashed where the interval does not exclude even. Components stand from the
    top, one that nobody outside beats first, each of them in a circle along a cycle; the leaderboard's best supported cycle is
    thick and carries its scores. Between components only arrows are drawn that others do not imply. A circle is filled with
    teal in the share of the agent's weight in the minimax winner. The same leaderboard has the same places.

    Args:
        board: what is drawn; agents who met nobody are left out.
        columns: of a page, whose width it takes.
        heading: whether the finding and the legend in words stand on top.

    Raises:
        ValueError: nobody met anybody, or columns that are not 1 or 2.
        NotProvided: matplotlib is not installed.
    """
    width = check_columns(columns)
    met = np.flatnonzero(board.matrix.matches.sum(axis=1) > 0)
    if len(met) < 2:
        raise ValueError("nobody met anybody: there is no graph to draw")
    matrix = board.matrix.of(met.tolist())
    components = [[matrix.agents[i] for i in component] for component in cycle_order(matrix)]
    graph = response_graph(matrix)
    named_cycle = next((cycle for cycle in board.cycles if set(cycle.agents) <= set(matrix.agents)), None)
    with drawing():
        from matplotlib.figure import Figure

        titles, subtitles, top = (
            heading_lines(board.finding, _words(board, components), width) if heading else ([], [], 0.0)
        )
        places, washes, plot_in = _layout(components, width - 2 * MARGIN_IN)
        height = top + plot_in + 2 * MARGIN_IN
        figure = Figure(figsize=(width, height))
        write_heading(figure, titles, subtitles)
        axes = figure.add_axes((0, 0, 1, (height - top) / height))
        axes.set_xlim(0, width)
        axes.set_ylim(height - top, 0)
        axes.axis("off")
        for x, y, radius in washes:
            _wash(axes, x, y, radius)
        thick = set(pairwise((*named_cycle.agents, named_cycle.agents[0]))) if named_cycle is not None else set()
        many = (number for number, component in enumerate(components) if len(component) > 1)
        circles = {number: (x, y, wash - 2 * NODE_IN) for number, (x, y, wash) in zip(many, washes, strict=True)}
        _arrows(axes, graph, components, places, thick, circles)
        _nodes(axes, components, places, _weights(board), circles)
        return figure


def _words(board: Leaderboard, components: Sequence[Sequence[str]]) -> str:
    said = (
        f"Arrows from the loser to the winner; dashed: the {100 * board.confidence:g} % interval does not exclude even. "
        "Teal: share of weight in the minimax winner."
    )
    if any(len(component) > CROWDED for component in components):
        said += " In crowded circles only certain arrows are drawn."
    if board.cycles:
        said += f" Thick: the best supported cycle, real with probability {probability(board.cycles[0].probability)}."
    return said


def _layout(
    components: Sequence[Sequence[str]], width: float
) -> tuple[dict[str, Point], list[tuple[float, float, float]], float]:
    """(place of each agent, circles of components (x, y, radius), height), in inches from the top left."""
    places: dict[str, Point] = {}
    washes: list[tuple[float, float, float]] = []
    y, middle = MARGIN_IN, MARGIN_IN + width / 2
    singles = [component[0] for component in components if len(component) == 1]
    rank = {agent: at for at, agent in enumerate(singles)}
    per_row = max(1, int(width / 1.6)) if len(singles) > 30 else 1
    row: list[str] = []
    for number, component in enumerate(components):
        if len(component) > 1:
            y, row = _row_done(row, places, y, middle, width, per_row)
            radius, names_in = _radius(component, width), _names_in(component, width)
            centre = y + names_in + radius
            for at, agent in enumerate(component):
                angle = 2 * math.pi * at / len(component)  # clockwise from the top, along the cycle
                places[agent] = (middle + radius * math.sin(angle), centre - radius * math.cos(angle))
            washes.append((middle, centre, radius + 2 * NODE_IN))
            y = centre + radius + names_in + 0.1
            continue
        assert component[0] in rank
        row.append(component[0])
        is_last = number == len(components) - 1 or len(components[number + 1]) > 1
        if len(row) == per_row or is_last:
            y, row = _row_done(row, places, y, middle, width, per_row)
    return places, washes, y


def _row_done(
    row: list[str], places: dict[str, Point], y: float, middle: float, width: float, per_row: int
) -> tuple[float, list[str]]:
    """Places a row of single agents, from the left where there are several."""
    if not row:
        return y, row
    y += STEP_IN / 2
    for at, agent in enumerate(row):
        places[agent] = (middle if per_row == 1 else MARGIN_IN + (at + 0.12) * width / per_row, y)
    return y + (STEP_IN if per_row == 1 else ROW_IN) / 2, []


def _names_in(component: Sequence[str], width: float) -> float:
    """Room for names around the circle, above and below."""
    if len(component) <= CROWDED:
        return 0.3
    return _longest_in(component, _name_pt(component, width)) + 0.1


def _radius(component: Sequence[str], width: float) -> float:
    if len(component) <= CROWDED:
        return min(0.24 * width, 0.42 + 0.1 * len(component))
    return _crowded_radius(component, width, _name_pt(component, width))


def _crowded_radius(component: Sequence[str], width: float, size_pt: float) -> float:
    room = width / 2 - _longest_in(component, size_pt) - 0.1
    return max(0.5, min(room, 0.11 * len(component) / (2 * math.pi) + 0.6))


def _longest_in(component: Sequence[str], size_pt: float) -> float:
    return min(LONGEST_NAME_IN, max(width_of(shown(agent), size_pt) for agent in component))


def _name_pt(component: Sequence[str], width: float) -> float:
    """The size at which names along the rays of a crowded circle do not touch: the smaller, the more there are."""
    size = SMALL_PT - 1
    while size > SMALLEST_PT:
        around_in = 2 * math.pi * (_crowded_radius(component, width, size) + 1.8 * SMALL_NODE_IN)
        if around_in / len(component) >= 1.15 * size / 72:
            return size
        size -= 0.1
    return SMALLEST_PT


def _node_in(component: Sequence[str], radius: float) -> float:
    """The radius of an agent's circle: small where many stand in one circle, smaller where these would touch."""
    if len(component) <= CROWDED:
        return NODE_IN
    return min(SMALL_NODE_IN, 0.4 * 2 * math.pi * radius / len(component))


def _wash(axes: Axes, x: float, y: float, radius: float) -> None:
    from matplotlib.patches import Circle

    axes.add_patch(Circle((x, y), radius, facecolor=WASH, edgecolor="none", zorder=0))


def _arrows(
    axes: Axes,
    graph: nx.DiGraph[str],
    components: Sequence[Sequence[str]],
    places: Mapping[str, Point],
    thick: set[tuple[str, str]],
    circles: Mapping[int, Circled],
) -> None:
    home = {agent: number for number, component in enumerate(components) for agent in component}
    crowded = {number for number, component in enumerate(components) if len(component) > CROWDED}
    for loser, winner in _between(graph, components, home):
        _arrow(axes, places[loser], places[winner], certain=bool(graph.edges[loser, winner]["certain"]), bent=True)
    written = [places[agent] for number in sorted(crowded) for agent in components[number]]
    courses = {
        (winner, loser): _along(
            places[loser], places[winner], _bend(places[loser], places[winner], circles[home[loser]])
        )
        for winner, loser in sorted(thick)
        if home[loser] in crowded and home[loser] == home[winner]
    }
    for loser, winner, facts in sorted(graph.edges(data=True), key=lambda edge: edge[:2]):
        if home[loser] != home[winner]:
            continue
        if (winner, loser) in thick:
            start, end, share = places[loser], places[winner], percent(float(facts["score"]), int(facts["matches"]))
            own = courses.get((winner, loser))
            bend = None if own is None else _bend(start, end, circles[home[loser]])
            _arrow(axes, start, end, certain=bool(facts["certain"]), colour=PURPLE, width=1.8, bend=bend)
            at = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
            if own is not None:
                others = [place for pair, course in courses.items() if pair != (winner, loser) for place in course]
                at = _clearest(own, written + others)
                written.append(at)
            _score(axes, at, share)
        elif home[loser] not in crowded:
            _arrow(axes, places[loser], places[winner], certain=bool(facts["certain"]))
        elif facts["certain"]:
            alpha = min(0.5, FAINTER / len(components[home[loser]]))
            _arrow(axes, places[loser], places[winner], certain=True, width=0.25, small=True, alpha=alpha)


def _bend(start: Point, end: Point, circle: Circled) -> float:
    """How far an arrow between two agents of a circle is bent: one along its edge goes through the inside, past those between."""
    across, down = end[0] - start[0], end[1] - start[1]
    to_centre = circle[0] - (start[0] + end[0]) / 2, circle[1] - (start[1] + end[1]) / 2
    too_far = math.hypot(*to_centre) - DEEP * circle[2]
    if too_far <= 0:
        return 0.08
    side = 1.0 if to_centre[1] * across - to_centre[0] * down >= 0 else -1.0
    return side * max(0.08, 2 * too_far / math.hypot(across, down))


def _along(start: Point, end: Point, bend: float) -> list[Point]:
    """Places on a bent arrow, away from its ends."""
    x = (start[0] + end[0]) / 2 - bend * (end[1] - start[1])
    y = (start[1] + end[1]) / 2 + bend * (end[0] - start[0])
    return [
        (
            (1 - t) ** 2 * start[0] + 2 * t * (1 - t) * x + t**2 * end[0],
            (1 - t) ** 2 * start[1] + 2 * t * (1 - t) * y + t**2 * end[1],
        )
        for t in np.linspace(0.2, 0.8, 25).tolist()
    ]


def _clearest(own: Sequence[Point], others: Sequence[Point]) -> Point:
    """The place that is farthest from what is written or drawn already."""
    return max(own, key=lambda place: min(math.dist(place, other) for other in others))


def _between(
    graph: nx.DiGraph[str], components: Sequence[Sequence[str]], home: Mapping[str, int]
) -> list[tuple[str, str]]:
    """One arrow for each link between components that other links do not imply: the one of the highest score."""
    best: dict[tuple[int, int], tuple[float, str, str]] = {}
    for loser, winner, facts in graph.edges(data=True):
        pair = home[loser], home[winner]
        if pair[0] != pair[1]:
            best[pair] = max(best.get(pair, (0.0, "", "")), (float(facts["score"]), loser, winner))
    condensed: nx.DiGraph[int] = nx.DiGraph()
    condensed.add_nodes_from(range(len(components)))
    condensed.add_edges_from(best)
    return [best[pair][1:] for pair in sorted(nx.transitive_reduction(condensed).edges)]


def _arrow(
    axes: Axes,
    start: Point,
    end: Point,
    *,
    certain: bool,
    colour: str = EDGE,
    width: float = 0.7,
    small: bool = False,
    bent: bool = False,
    bend: float | None = None,
    alpha: float = 1.0,
) -> None:
    from matplotlib.patches import FancyArrowPatch

    straight = not bent or abs(start[0] - end[0]) < 1e-6
    radius = SMALL_NODE_IN if small else NODE_IN
    rad = bend if bend is not None else 0.0 if straight and bent else 0.08
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=3 if small else 6 if width < 1 else 8,
            shrinkA=72 * radius,
            shrinkB=72 * radius,
            connectionstyle=f"arc3,rad={rad:.6g}",
            color=colour,
            linewidth=width,
            linestyle="-" if certain else (0, (3, 2)),
            alpha=alpha,
            zorder=3 if colour == PURPLE else 1,
        )
    )


def _score(axes: Axes, at: Point, text: str) -> None:
    from matplotlib.patheffects import withStroke

    axes.text(
        *at, text, size=SMALL_PT, color=PURPLE, weight="bold", ha="center", va="center", zorder=5,
        path_effects=[withStroke(linewidth=2.2, foreground=WASH)],
    )  # fmt: skip


def _nodes(
    axes: Axes,
    components: Sequence[Sequence[str]],
    places: Mapping[str, Point],
    weights: Mapping[str, float],
    circles: Mapping[int, Circled],
) -> None:
    from matplotlib.patches import Circle
    from matplotlib.patheffects import withStroke

    width = axes.get_xlim()[1]
    columns = {round(places[component[0]][0], 6) for component in components if len(component) == 1}
    for number, component in enumerate(components):
        crowded, alone = len(component) > CROWDED, len(component) == 1
        radius = NODE_IN if alone else _node_in(component, circles[number][2])
        name_pt = _name_pt(component, width - 2 * MARGIN_IN) if crowded else TEXT_PT
        for at, agent in enumerate(component):
            x, y = places[agent]
            edge = PURPLE if len(component) > 1 else INK_2
            axes.add_patch(Circle((x, y), radius, facecolor="white", edgecolor=edge, linewidth=0.8, zorder=4))
            weight = weights.get(agent, 0.0)
            if weight > 0:
                axes.add_patch(Circle((x, y), radius * math.sqrt(weight), facecolor=TEAL, edgecolor="none", zorder=4.5))
            angle = 2 * math.pi * at / len(component)
            if crowded:
                turn = 90 - math.degrees(angle)
                flipped = math.sin(angle) < -1e-9
                axes.text(
                    x + 1.8 * radius * math.sin(angle), y - 1.8 * radius * math.cos(angle), named(agent, LONGEST_NAME_IN, name_pt), size=name_pt,
                    rotation=turn + 180 if flipped else turn, rotation_mode="anchor",
                    ha="right" if flipped else "left", va="center", color=INK,
                )  # fmt: skip
                continue
            room = (width / len(columns) if alone and len(columns) > 1 else width - x) - radius - 0.2
            if alone:
                axes.text(x + radius + 0.06, y, named(agent, room, TEXT_PT), size=TEXT_PT, va="center", color=INK)
                continue
            sideways, above = math.sin(angle), math.cos(angle) > 0.5
            align = "center" if abs(sideways) < 0.3 else "left" if sideways > 0 else "right"
            space = (
                width - 2 * MARGIN_IN if align == "center" else (width - x if align == "left" else x) - radius - 0.12
            )
            shift = 0.0 if align == "center" else math.copysign(radius + 0.05, sideways)
            drop = (-radius - 0.04 if above else radius + 0.04) if align == "center" else 0.0
            axes.text(
                x + shift, y + drop, named(agent, space, TEXT_PT), size=TEXT_PT, ha=align,
                va="center" if align != "center" else "bottom" if above else "top", color=INK, zorder=6,
                path_effects=[withStroke(linewidth=2, foreground="white", alpha=0.8)],
            )  # fmt: skip


def _weights(board: Leaderboard) -> dict[str, float]:
    if board.minimax is None:
        return {}
    return dict(zip(board.minimax.agents, np.clip(board.minimax.weights, 0, 1).tolist(), strict=True))

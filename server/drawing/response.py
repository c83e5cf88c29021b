"""A cycle drawn: the agents of a component of the response graph in a circle, arrows from the loser to the winner."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from arena.leaderboards.cycle_order import cycle_order
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.response_graph import response_graph
from arena.server import numbers
from arena.server.drawing.svg import el, picture, text

MOST_AGENTS = 12
"""Of a component that is drawn; of larger ones the table and `arena figure graph` tell."""

MOST_MET = 100
"""Of a field in which a component is looked for: a page is made in a few milliseconds."""

WIDTH, MARGIN, NAME = 420.0, 40.0, 24.0
RADIUS, NODE, HEAD = 112.0, 13.0, 9.0
BEND = 0.10
LONGEST = 20  # characters of a name beside its circle

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDrawing:
    """``title``: the finding; ``agents``: those drawn, along a cycle; ``others``: how many agents stand outside this component."""

    title: str
    picture: Markup
    agents: tuple[str, ...]
    others: int


def response_drawing(board: Leaderboard) -> ResponseDrawing | None:
    """The first component of more than one agent, nobody of which is beaten by a later one; None where there is none, or the field is too large.

    Thick: the best supported cycle, with its scores. Dashed: the interval does not exclude even. A circle is filled in the share of
    the agent's weight in the minimax winner.
    """
    met = np.flatnonzero(board.matrix.matches.sum(axis=1) > 0)
    if not 3 <= len(met) <= MOST_MET:
        return None
    matrix = board.matrix.of(met.tolist())
    component = next((one for one in cycle_order(matrix) if len(one) > 1), ())
    if not 3 <= len(component) <= MOST_AGENTS:
        return None
    agents = tuple(matrix.agents[i] for i in component)
    cycle = next((one.agents for one in board.cycles if set(one.agents) <= set(agents)), ())
    order = (*cycle, *(agent for agent in agents if agent not in cycle))
    weights = (
        {} if board.minimax is None else dict(zip(board.minimax.agents, board.minimax.weights.tolist(), strict=True))
    )
    drawn = _draw(matrix, order, set(pairwise((*cycle, *cycle[:1]))), weights)
    return ResponseDrawing(
        title=_title(board, agents, cycle), picture=drawn, agents=order, others=len(met) - len(order)
    )


def _title(board: Leaderboard, agents: Sequence[str], cycle: Sequence[str]) -> str:
    if not cycle:
        return f"{len(agents)} agents whose scores run in circles, none of them certain"
    if board.cycle and set(board.cycle) <= set(agents):
        return f"A cycle of {len(board.cycle)} decides this ladder"
    return f"A cycle of {len(cycle)}, which does not decide the first place"


def _draw(matrix: Matrix, order: Sequence[str], thick: set[tuple[str, str]], weights: Mapping[str, float]) -> Markup:
    graph = response_graph(matrix).subgraph(order)
    radius = RADIUS + 5 * max(0, len(order) - 6)
    height = 2 * (radius + MARGIN)
    places = {
        agent: (
            WIDTH / 2 + radius * math.sin(2 * math.pi * at / len(order)),
            height / 2 - radius * math.cos(2 * math.pi * at / len(order)),
        )
        for at, agent in enumerate(order)
    }
    marks: list[Markup] = []
    scores: list[Markup] = []
    links = sorted(graph.edges(data=True), key=lambda edge: ((edge[1], edge[0]) in thick, edge[0], edge[1]))
    for loser, winner, facts in links:
        named = (winner, loser) in thick
        shapes, middle = _arrow(places[loser], places[winner], thick=named, certain=bool(facts["certain"]))
        marks += shapes
        if named:
            shown = numbers.percent(float(facts["score"]))
            scores.append(el("rect", cls="f-paper", x=middle[0] - 17, y=middle[1] - 7, width=34, height=14))
            scores.append(text(shown, x=middle[0], y=middle[1] + 4, cls="mid t-cyc halo"))
    for agent in order:
        x, y = places[agent]
        marks.append(el("circle", cls="node", cx=x, cy=y, r=NODE))
        share = min(1.0, max(0.0, weights.get(agent, 0.0)))
        if share > 0:
            marks.append(el("circle", cls="f-teal", cx=x, cy=y, r=(NODE - 1) * math.sqrt(share)))
        marks.append(_name(agent, x, y, height))
    said = "; ".join(f"{winner} beats {loser}" for winner, loser in sorted(thick)) or "no cycle is named"
    bottom = max(y for _, y in places.values()) + MARGIN
    label = f"Response graph of {len(order)} agents: {said}. All pairs stand in the payoff table."
    return picture([*marks, *scores], label, width=WIDTH, height=bottom, cls="chart graph")


def _name(agent: str, x: float, y: float, height: float) -> Markup:
    shown = agent.removesuffix("@1")
    shown = shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
    sideways = (x - WIDTH / 2) / RADIUS
    if abs(sideways) < 0.4:  # above or below
        return text(shown, x=x, y=y - NODE - 7 if y < height / 2 else y + NODE + 16, cls="mid t-b halo")
    side = 1 if sideways > 0 else -1
    room = (WIDTH - x if side > 0 else x) - NODE - 6
    if room < 7 * len(shown):  # no room beside it
        return text(shown, x=x, y=y + NODE + 16, cls="mid t-b halo")
    return text(shown, x=x + side * (NODE + 6), y=y + 4, cls=f"{'end ' if side < 0 else ''}t-b halo")


def _arrow(start: Point, end: Point, *, thick: bool, certain: bool) -> tuple[list[Markup], Point]:
    """(a bent arrow between two circles, its middle)."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    normal = (-dy / length, dx / length)
    control = (
        (start[0] + end[0]) / 2 + normal[0] * BEND * length * 2,
        (start[1] + end[1]) / 2 + normal[1] * BEND * length * 2,
    )
    begins, ends = _towards(start, control, NODE + 2), _towards(end, control, NODE + 3)
    neck = _towards(ends, control, HEAD)
    across = ((ends[1] - neck[1]) / 2, (neck[0] - ends[0]) / 2)
    colour = "purple" if thick else "grey"
    path = f"M{begins[0]:.1f} {begins[1]:.1f}Q{control[0]:.1f} {control[1]:.1f} {neck[0]:.1f} {neck[1]:.1f}"
    corners = [ends, (neck[0] + across[0], neck[1] + across[1]), (neck[0] - across[0], neck[1] - across[1])]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    weight = "line bold" if thick else "line thin"
    shapes = [
        el("path", cls=f"{weight} s-{colour}{'' if certain else ' unsure'}", d=path),
        el("polygon", cls=f"f-{'purple' if thick else 'edge'}", points=points),
    ]
    middle = tuple((begins[k] + 2 * control[k] + neck[k]) / 4 for k in (0, 1))
    return shapes, (middle[0], middle[1])


def _towards(start: Point, end: Point, distance: float) -> Point:
    length = math.hypot(end[0] - start[0], end[1] - start[1])
    return start[0] + distance * (end[0] - start[0]) / length, start[1] + distance * (end[1] - start[1]) / length

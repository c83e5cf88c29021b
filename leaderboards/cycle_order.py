"""Agents in an order that shows who beats whom: components of the response graph from the top, inside each along a cycle."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, permutations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.payoff_matrix import EVEN, Matrix
from arena.leaderboards.response_graph import cycles


def cycle_order(matrix: Matrix) -> tuple[tuple[int, ...], ...]:
    """The strongly connected components of who beats whom, as agents by number, in an order of the condensation.

    Nobody is beaten by an agent of a later component. A component of more than one agent stands along a cycle, each agent
    beating the next, as far as a cycle reaches; who fits into none stands behind. Between what the graph leaves open, the
    higher mean score goes first, then the name.

    Source: that every strong tournament has such a cycle is Camion's theorem (1959); it is grown by inserting one agent
    after another between two of whom one beats it and it beats the other, at the place with the strongest weaker link.
    """
    size = len(matrix)
    beats = np.where(np.isnan(matrix.score), EVEN, matrix.score) > EVEN
    strength = _mean_scores(matrix)
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(range(size))
    graph.add_edges_from((i, j) for i, j in np.argwhere(beats).tolist())
    condensed = nx.condensation(graph)

    def place(component: int) -> tuple[float, str]:
        members = sorted(condensed.nodes[component]["members"])
        return -max(strength[i] for i in members), min(matrix.agents[i] for i in members)

    order = nx.lexicographical_topological_sort(condensed, key=place)
    return tuple(_along(matrix, beats, strength, sorted(condensed.nodes[one]["members"])) for one in order)


def _along(
    matrix: Matrix, beats: NDArray[np.bool_], strength: NDArray[np.float64], members: Sequence[int]
) -> tuple[int, ...]:
    if len(members) == 1:
        return (members[0],)
    part = matrix.of(members)
    number = {agent: members[at] for at, agent in enumerate(part.agents)}
    cycle = [number[agent] for agent in cycles(part, most=1)[0].agents]
    left = sorted((i for i in members if i not in set(cycle)), key=lambda i: (-strength[i], matrix.agents[i]))
    while left:
        grown = _with_one(matrix, beats, cycle, left) or _with_two(beats, cycle, left)
        if grown is None:
            break
        cycle = grown
        left = [agent for agent in left if agent not in set(cycle)]
    start = min(range(len(cycle)), key=lambda at: (-strength[cycle[at]], matrix.agents[cycle[at]]))
    return (*cycle[start:], *cycle[:start], *left)


def _with_one(matrix: Matrix, beats: NDArray[np.bool_], cycle: list[int], left: Sequence[int]) -> list[int] | None:
    """The cycle with the first agent that fits into it, at its best place."""
    for agent in left:
        places = [
            (float(min(matrix.score[before, agent], matrix.score[agent, after])), -at)
            for at, (before, after) in enumerate(pairwise((*cycle, cycle[0])), 1)
            if beats[before, agent] and beats[agent, after]
        ]
        if places:
            at = -max(places)[1]
            return [*cycle[:at], agent, *cycle[at:]]
    return None


def _with_two(beats: NDArray[np.bool_], cycle: list[int], left: Sequence[int]) -> list[int] | None:
    """The cycle with two agents next to each other, where each that is left beats all of it or is beaten by all of it."""
    for first, second in permutations(left, 2):
        if beats[first, second]:
            for at, (before, after) in enumerate(pairwise((*cycle, cycle[0])), 1):
                if beats[before, first] and beats[second, after]:
                    return [*cycle[:at], first, second, *cycle[at:]]
    return None


def _mean_scores(matrix: Matrix) -> NDArray[np.float64]:
    """[A]: the mean score against all who were met; even where nobody was."""
    met = ~np.isnan(matrix.score)
    total = np.where(met, matrix.score, 0).sum(axis=1)
    return np.where(met.any(axis=1), total / np.maximum(met.sum(axis=1), 1), EVEN)

"""The order that shows cycles: nobody is beaten from further down, and members of a component stand along a cycle."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from simulated_records import from_counts

from arena.leaderboards import cycle_order, payoff_matrix


@st.composite
def tournaments(draw: st.DrawFn) -> list[list[int]]:
    """Counts of wins in which no pair is even."""
    size = draw(st.integers(2, 7))
    wins = [[0] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1, size):
            first, second = draw(st.sampled_from([(3, 1), (1, 3), (5, 0), (0, 5)]))
            wins[i][j], wins[j][i] = first, second
    return wins


@given(tournaments())
def test_components_are_those_of_networkx_and_none_beats_an_earlier_one(wins: list[list[int]]) -> None:
    matrix = payoff_matrix(from_counts(wins))
    order = cycle_order(matrix)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(wins)))
    graph.add_edges_from(np.argwhere(matrix.score > 0.5).tolist())
    assert {frozenset(one) for one in order} == {frozenset(one) for one in nx.strongly_connected_components(graph)}
    for at, component in enumerate(order):
        for later in order[at + 1 :]:
            assert not any(matrix.score[j, i] > 0.5 for i in component for j in later)


@given(tournaments())
def test_in_a_field_without_even_pairs_a_component_is_a_cycle(wins: list[list[int]]) -> None:
    matrix = payoff_matrix(from_counts(wins))
    for component in cycle_order(matrix):
        if len(component) > 1:
            assert all(matrix.score[i, j] > 0.5 for i, j in pairwise((*component, component[0])))


def test_pairs_that_never_met_are_no_links() -> None:
    order = cycle_order(payoff_matrix(from_counts([[0, 5, 0], [1, 0, 0], [0, 0, 0]], agents=("a", "b", "c"))))
    assert sorted(agent for component in order for agent in component) == [0, 1, 2]
    assert max(map(len, order)) == 1

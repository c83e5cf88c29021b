"""Who beats whom: arrows, cycles, and how seldom noise is called a cycle."""

from itertools import permutations
from math import comb

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.leaderboards import cycles, payoff_matrix, response_graph, top_component
from arena.leaderboards.response_graph import FALSE_CYCLES, _link_level

RPS = [[0, 0, 20], [20, 0, 0], [0, 20, 0]]
NAMES = ("rock", "paper", "scissors")


def test_arrows_lead_from_the_loser_to_the_winner():
    graph = response_graph(payoff_matrix(from_counts(RPS, NAMES)))
    assert set(graph.edges) == {("rock", "paper"), ("paper", "scissors"), ("scissors", "rock")}
    assert graph.edges["rock", "paper"] == {"score": 1.0, "certain": True, "matches": 20}


def test_even_pairs_and_pairs_that_never_met_have_no_arrow():
    graph = response_graph(payoff_matrix(from_counts([[0, 5, 0], [5, 0, 6], [0, 5, 0]])))
    assert set(graph.edges) == {("a2", "a1")}
    assert graph.edges["a2", "a1"]["certain"] is False


def test_rock_paper_scissors_is_one_certain_cycle():
    (cycle,) = cycles(payoff_matrix(from_counts(RPS, NAMES)))
    assert cycle.agents == ("paper", "rock", "scissors") and cycle.scores == (1, 1, 1)
    assert cycle.certain and cycle.probability > 0.99


def test_each_agent_of_a_cycle_beats_the_next():
    rng = np.random.default_rng(0)
    matrix = payoff_matrix(twins(rng, np.zeros(7), 5))
    found = cycles(matrix)
    assert found
    for cycle in found:
        numbers = [matrix.agents.index(agent) for agent in cycle.agents]
        scores = [matrix.score[i, j] for i, j in zip(numbers, numbers[1:] + numbers[:1], strict=True)]
        assert tuple(scores) == cycle.scores and min(scores) > 0.5


def test_the_best_supported_triples_are_found():
    matrix = payoff_matrix(twins(np.random.default_rng(1), np.zeros(8), 4))
    strength = (matrix.centre - 0.5) / matrix.error
    every = [
        min(strength[i, j], strength[j, k], strength[k, i])
        for i, j, k in permutations(range(8), 3)
        if i < min(j, k) and min(matrix.score[i, j], matrix.score[j, k], matrix.score[k, i]) > 0.5
    ]
    found = []
    for cycle in cycles(matrix, most=5):
        i, j, k = (matrix.agents.index(agent) for agent in cycle.agents)
        found.append(min(strength[i, j], strength[j, k], strength[k, i]))
    assert sorted(found) == pytest.approx(sorted(every)[-5:])


def test_a_longer_cycle_is_found_where_no_triple_is():
    wins = np.zeros((4, 4), int)
    wins[0, 1] = wins[1, 2] = wins[2, 3] = wins[3, 0] = 15
    (cycle,) = cycles(payoff_matrix(from_counts(wins)))
    assert cycle.agents == ("a0", "a1", "a2", "a3")


def test_agents_on_a_line_have_no_cycle():
    assert cycles(payoff_matrix(from_counts([[0, 9, 9], [1, 0, 9], [1, 1, 0]]))) == []


def test_equal_agents_are_seldom_said_to_be_in_a_cycle():
    said = [
        any(cycle.certain for cycle in cycles(payoff_matrix(twins(np.random.default_rng(seed), np.zeros(12), 10))))
        for seed in range(100)
    ]
    assert np.mean(said) <= 0.08


def test_the_top_component_is_beaten_by_nobody_outside():
    wins = np.zeros((5, 5), int)
    wins[:3, :3] = RPS
    wins[:3, 3:] = 12
    wins[3, 4] = 10
    assert top_component(payoff_matrix(from_counts(wins))) == ("a0", "a1", "a2")


def test_a_winner_of_all_pairs_is_alone_at_the_top():
    assert top_component(payoff_matrix(from_counts([[0, 6, 6], [5, 0, 9], [5, 1, 0]]))) == ("a0",)


def test_without_meetings_everybody_is_at_the_top():
    assert top_component(payoff_matrix(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b")))) == ("a", "b")


@pytest.mark.parametrize("num_agents", [5, 30, 200])
def test_among_equal_agents_a_twentieth_of_a_certain_cycle_is_expected(num_agents):
    # three agents make two cycles, one each way round, and each of three links must be as improbable as this
    expected = 2 * comb(num_agents, 3) * _link_level(num_agents, 0.95) ** 3
    assert expected <= FALSE_CYCLES * (1 + 1e-12)

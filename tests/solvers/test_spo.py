"""Self-play preference optimisation on tables: Hedge against itself."""

import numpy as np
import pytest
from preference_tables import CYCLE, WEIGHTED, random_preferences

from arena.solvers import minimax_winner, spo

TABLES = {"cycle": CYCLE, "weighted": WEIGHTED, "random": random_preferences(100, seed=1)}


def plain(preferences, step, iterations):
    """(the average, the last policy) of Hedge from uniform play against itself, on probabilities."""
    policy, total = np.full(len(preferences), 1 / len(preferences)), np.zeros(len(preferences))
    for _ in range(iterations):
        total += policy
        policy = policy * np.exp(step * preferences @ policy)
        policy /= policy.sum()
    return total / iterations, policy


@pytest.mark.parametrize("name", TABLES)
def test_the_answer_is_the_average_of_hedge_in_self_play(name):
    found = spo(TABLES[name], step=0.3, iterations=40)
    assert np.abs(found.strategies[0] - plain(TABLES[name], 0.3, 40)[0]).max() <= 1e-12
    assert found.settings["queries"] == 40


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("iterations", [1, 10, 100, 3_000])
def test_the_gap_is_within_the_bound_of_hedge(name, iterations):
    size = len(TABLES[name])
    found = spo(TABLES[name], iterations=iterations)
    assert found.gap_kind == "exploitability"
    assert found.gap <= np.sqrt(np.log(size) / (2 * iterations))
    step = 0.5
    assert spo(TABLES[name], step=step, iterations=iterations).gap <= np.log(size) / (step * iterations) + step / 8


def test_the_average_comes_near_the_minimax_winner_and_the_last_policy_does_not():
    found = spo(WEIGHTED, step=0.05, iterations=10_000)
    assert np.abs(found.strategies[0] - minimax_winner(WEIGHTED).strategies[0]).max() < 0.02
    last = plain(WEIGHTED, 0.05, 10_000)[1]
    assert (WEIGHTED @ last).max() - 0.5 > 5 * found.gap


def test_the_worst_case_of_the_average_is_better_than_that_of_the_candidate_with_the_best_reward():
    """On the weighted cycle a Bradley-Terry reward prefers the third candidate, which the second beats with 0.65."""
    rewards = WEIGHTED.mean(
        axis=1
    )  # all pairs alike often: the order of the reward's maximum likelihood is that of wins
    worst_of_best = WEIGHTED[int(rewards.argmax())].min()
    policy = spo(WEIGHTED, iterations=1_000).strategies[0]
    assert worst_of_best == pytest.approx(0.35) and (policy @ WEIGHTED).min() > 0.48


def test_it_stops_where_the_gap_is_reached_and_says_so():
    found = spo(WEIGHTED, until=0.02)
    assert found.converged and found.gap <= 0.02 and found.iterations < 10_000

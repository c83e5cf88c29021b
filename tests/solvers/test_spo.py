"""Self-play preference optimisation on tables: Hedge against itself."""

import numpy as np
import pytest
from preference_tables import CYCLE, WEIGHTED, random_preferences
from scipy.optimize import minimize

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


def reward_model(preferences):
    """Bradley-Terry rewards [n] by greatest likelihood, where all pairs are compared alike often."""

    def loss(rewards):
        return float((preferences * np.logaddexp(0, rewards[None] - rewards[:, None])).sum() + 1e-9 * rewards @ rewards)

    return minimize(loss, np.zeros(len(preferences)), tol=1e-10).x


@pytest.mark.parametrize(("name", "worst"), [("cycle", 0.0), ("weighted", 0.35), ("random", None)])
def test_the_worst_case_of_the_average_is_better_than_that_of_the_candidate_with_the_best_reward(name, worst):
    table = TABLES[name]
    best = int(reward_model(table).argmax())
    if worst is not None:  # who is best of the cycle's three equal rewards is rounding: each loses for sure
        assert table[best].min() == pytest.approx(worst)
    policy = spo(table, iterations=3_000).strategies[0]
    assert (policy @ table).min() > 0.45 > 0.35 >= table[best].min()


def test_rewards_of_the_weighted_cycle_are_those_of_its_wins():
    rewards = reward_model(WEIGHTED)
    assert rewards - rewards.mean() == pytest.approx([-0.206, -0.206, 0.413], abs=1e-3)


def test_the_average_of_noisy_runs_comes_to_the_minimax_winner_in_the_mean():
    runs, gaps = np.stack([WEIGHTED] * 100), []  # contexts with one table are runs apart
    for iterations in (250, 1_000, 4_000):
        found = spo(runs, samples=1, flip_rate=0.2, iterations=iterations)
        gaps.append(found.context_gaps.mean())
    assert gaps[0] > 1.5 * gaps[1] > 1.5**2 * gaps[2]
    winner = minimax_winner(WEIGHTED).strategies[0]
    assert np.abs(found.strategies[0].mean(axis=0) - winner).max() < 0.04


def test_it_stops_where_the_gap_is_reached_and_says_so():
    found = spo(WEIGHTED, until=0.02)
    assert found.converged and found.gap <= 0.02 and found.iterations < 10_000

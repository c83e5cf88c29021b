"""What the benchmark of networks on preferences compares, at a small scale."""

import dataclasses

import numpy as np
import pytest

from benchmarks import neural_preferences as benchmark

SMALL = dataclasses.replace(benchmark.QUICK, measured_on=(0,), updates=100)


@pytest.fixture(scope="module")
def rates():
    return {
        (name, flip): benchmark.reward_rows(tables, flip, SMALL)
        for name, tables in (("cycles", benchmark.cyclic_tables), ("order", benchmark.ordered_tables))
        for flip in (0.0, benchmark.FLIP)
    }


@pytest.mark.parametrize("flip", [0.0, benchmark.FLIP])
def test_on_cycles_the_candidate_that_a_reward_likes_best_is_beaten_and_self_play_is_not(rates, flip):
    found = rates["cycles", flip]
    assert found["SPO, average"][0] > 0.4 > 0.2 > found["reward model, policy gradient"][0]


@pytest.mark.parametrize("flip", [0.0, benchmark.FLIP])
def test_on_an_order_with_few_comparisons_a_reward_is_the_better_guide(rates, flip):
    found = rates["order", flip]
    assert found["reward model, policy gradient"][0] > found["SPO, average"][0] > found["uniform"][0]


def test_the_worst_case_is_that_of_the_candidate_feared_most():
    table = np.array([[[0.5, 0.8, 0.05], [0.2, 0.5, 0.65], [0.95, 0.35, 0.5]]])
    policy = np.array([[0.0, 0.0, 1.0]])
    assert benchmark.worst_case(table, policy) == pytest.approx(0.35)
    assert benchmark.worst_case(table, np.array([[1 / 6, 1 / 2, 1 / 3]])) == pytest.approx(0.5)


def test_games_are_preferences():
    for tables in (benchmark.cyclic_tables(3), benchmark.ordered_tables(3)):
        assert np.abs(tables + tables.swapaxes(1, 2) - 1).max() < 1e-12
    assert (benchmark.cyclic_tables(3)[:, 0, 1:5].mean(0) > 0.7).all()

"""Optimistic multiplicative weights on tables of preferences."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, random_preferences, softmax

from arena.solvers import minimax_winner, nash_mirror_prox, optimistic_mwu


def plain(preferences, reference, beta, step, iterations):
    policy = reference.copy()
    before = preferences @ policy
    for _ in range(iterations):
        gains = preferences @ policy
        policy = policy ** (1 - step * beta) * reference ** (step * beta) * np.exp(step * (2 * gains - before))
        policy /= policy.sum()
        before = gains
    return policy


@pytest.mark.parametrize("beta", [0.0, 0.05, 0.5])
def test_an_iteration_is_multiplicative_weights_with_a_forecast(beta):
    preferences, reference = random_preferences(6, seed=1), softmax(np.arange(6) / 2)
    found = optimistic_mwu(preferences, reference=reference, beta=beta, step=0.7, iterations=15)
    assert np.abs(found.strategies[0] - plain(preferences, reference, beta, 0.7, 15)).max() <= 1e-12
    assert found.settings["queries"] == 15


@pytest.mark.parametrize(
    "table", [CYCLE, WEIGHTED, random_preferences(50, seed=2)], ids=["cycle", "weighted", "random"]
)
@pytest.mark.parametrize("beta", [0.01, 0.1])
def test_it_goes_where_mirror_prox_goes_with_about_as_many_queries(table, beta):
    reference = softmax(np.arange(len(table)) / len(table))
    one = optimistic_mwu(table, reference=reference, beta=beta, until=1e-10)
    other = nash_mirror_prox(table, reference=reference, beta=beta, until=1e-10)
    assert one.gap <= 1e-10 and np.abs(one.strategies[0] - other.strategies[0]).max() <= 1e-3
    assert 0.5 <= one.settings["queries"] / other.settings["queries"] <= 1.5


def test_without_a_charge_the_last_policy_comes_to_the_minimax_winner():
    found = optimistic_mwu(WEIGHTED, reference=SKEWED, beta=0.0, until=1e-8)
    assert found.gap_kind == "exploitability" and found.gap <= 1e-8
    assert np.allclose(found.strategies[0], minimax_winner(WEIGHTED).strategies[0], atol=1e-6)


def test_multiplicative_weights_without_the_forecast_would_not():
    assert plain(WEIGHTED, SKEWED, 0.0, 1.0, 3_000).min() > 0.05
    policy = SKEWED.copy()
    for _ in range(3_000):
        policy = policy * np.exp(WEIGHTED @ policy)
        policy /= policy.sum()
    assert (WEIGHTED @ policy).max() - 0.5 > 0.05


def test_a_step_that_leaves_the_reference_behind_is_refused_and_nothing_is_promised():
    with pytest.raises(ValueError, match="at most 1"):
        optimistic_mwu(CYCLE, beta=0.5, step=2.1)
    near = optimistic_mwu(CYCLE, reference=SKEWED, until=1e-6)
    assert near.gap <= 1e-6 and not near.converged and near.guarantee.startswith("none")

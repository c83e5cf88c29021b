"""Nash Prox on tables of preferences: proximal points by inner self-play."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, circulant, kl, random_preferences, softmax

from arena.solvers import nash_mirror_prox, nash_prox


def proximal_point(preferences, policy, reference, beta, gamma):
    """π⁺ with log π⁺ = [log π + γ P π⁺ + γ β log μ] / (1 + γ β) + c: the game at β + 1/γ, solved by mirror prox."""
    nearer = beta + 1 / gamma
    anchor = softmax((beta * np.log(reference) + np.log(policy) / gamma) / nearer)
    return nash_mirror_prox(preferences, reference=anchor, beta=nearer, until=1e-16, iterations=5_000).strategies[0]


@pytest.mark.parametrize("gamma", [0.5, 10.0])
def test_with_many_inner_steps_an_iteration_is_the_proximal_point(gamma):
    preferences, reference = random_preferences(6, seed=1), softmax(np.arange(6) / 2)
    policy = reference
    for k in (1, 2, 3):
        policy = proximal_point(preferences, policy, reference, 0.1, gamma)
        found = nash_prox(preferences, reference=reference, step=gamma, inner=1_000, iterations=k).strategies[0]
        assert np.abs(found - policy).max() <= 1e-7
    implicit = np.log(found) - (gamma * preferences @ found + gamma * 0.1 * np.log(reference)) / (1 + gamma * 0.1)
    before = nash_prox(preferences, reference=reference, step=gamma, inner=1_000, iterations=2).strategies[0]
    assert np.ptp(implicit - np.log(before) / (1 + gamma * 0.1)) <= 1e-6


@pytest.mark.parametrize("gamma", [0.5, 2.0, 10.0])
def test_proximal_points_divide_the_divergence_by_their_step(gamma):
    beta = 0.1
    target = nash_mirror_prox(WEIGHTED, reference=SKEWED, beta=beta, until=1e-16).strategies[0]
    start = kl(target, SKEWED)
    for k in (1, 2, 5, 10):
        policy = nash_prox(WEIGHTED, reference=SKEWED, beta=beta, step=gamma, inner=1_000, iterations=k).strategies[0]
        assert kl(target, policy) <= start * (1 + gamma * beta) ** -k + 1e-13


@pytest.mark.parametrize("beta", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("table", [CYCLE, WEIGHTED, circulant(31)], ids=["cycle", "weighted", "circulant"])
def test_it_goes_where_mirror_prox_goes(table, beta):
    reference = softmax(np.arange(len(table)) / len(table))
    found = nash_prox(table, reference=reference, beta=beta, until=1e-10)
    other = nash_mirror_prox(table, reference=reference, beta=beta, until=1e-10)
    assert found.gap <= 1e-10 and np.abs(found.strategies[0] - other.strategies[0]).max() <= 1e-3


def test_every_inner_step_is_a_query_and_nothing_is_claimed():
    found = nash_prox(CYCLE, reference=SKEWED, inner=7, until=1e-6)
    assert found.settings["queries"] == 7 * found.iterations
    assert found.gap <= 1e-6 and not found.converged and found.guarantee.startswith("none")

"""Online IPO on tables of preferences: a gradient step on its expected loss."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, random_preferences, softmax

from arena.solvers import nash_mirror_prox, online_ipo


def loss(theta, drawn, preferences, reference, beta):
    """Σ π(y) π(y') [d(y) - d(y') - (P(y, y') - 1/2) / β]², the draws from a policy that is held fixed."""
    d = np.log(softmax(theta) / reference)
    errors = d[:, None] - d[None] - (preferences - 0.5) / beta
    return float(drawn @ errors**2 @ drawn)


@pytest.mark.parametrize("beta", [0.05, 0.5])
def test_an_iteration_is_a_gradient_step_on_the_expected_loss(beta):
    preferences, reference = random_preferences(5, seed=1), softmax(np.arange(5) / 2)
    step, far = 0.7, 4
    before = online_ipo(preferences, reference=reference, beta=beta, step=step, iterations=far).strategies[0]
    after = online_ipo(preferences, reference=reference, beta=beta, step=step, iterations=far + 1).strategies[0]
    theta, width = np.log(before), 1e-5
    gradient = [
        (
            loss(theta + width * one, before, preferences, reference, beta)
            - loss(theta - width * one, before, preferences, reference, beta)
        )
        / (2 * width)
        for one in np.eye(5)
    ]
    expected = softmax(theta - step * beta / 4 * np.array(gradient))
    assert np.abs(after - expected).max() <= 1e-8
    assert np.abs(after - before).max() > 1e-4


@pytest.mark.parametrize("table", [CYCLE, WEIGHTED], ids=["cycle", "weighted"])
def test_under_a_strong_charge_it_goes_where_mirror_prox_goes(table):
    found = online_ipo(table, reference=SKEWED, beta=0.1, until=1e-10)
    other = nash_mirror_prox(table, reference=SKEWED, beta=0.1, until=1e-10)
    assert found.gap <= 1e-10 and np.abs(found.strategies[0] - other.strategies[0]).max() <= 1e-4
    assert not found.converged and found.guarantee.startswith("none")


def test_under_a_weak_charge_it_circles_on_the_cycle():
    found = online_ipo(CYCLE, reference=SKEWED, beta=0.01, iterations=5_000, until=1e-3)
    assert found.gap > 0.05
    assert nash_mirror_prox(CYCLE, reference=SKEWED, beta=0.01, until=1e-3).settings["queries"] == 56

"""Direct Nash optimisation on tables of preferences: its regression, its improvement, its average."""

from itertools import pairwise

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, kl, random_preferences, softmax
from scipy.optimize import minimize

from arena.solvers import dno, minimax_winner, spo


def policies(preferences, reference, step, count):
    """π_1 .. π_count of the method, recovered from its averages: π_T = T mean_T - (T - 1) mean_(T-1)."""
    sums = [np.zeros(len(preferences))]
    for k in range(1, count + 1):
        sums.append(k * dno(preferences, reference=reference, step=step, iterations=k).strategies[0])
    return np.diff(sums, axis=0)


def regression(theta, policy, preferences, eta):
    """The expected log-likelihood of the paper with its sign turned: labels σ(r - r'), r = P π; eta is an inverse rate."""
    r = preferences @ policy
    d = eta * (np.log(softmax(theta)) - np.log(policy))
    label = 1 / (1 + np.exp(r[None] - r[:, None]))
    return float(policy @ (label * np.logaddexp(0, d[None] - d[:, None])) @ policy)


def test_the_minimiser_of_the_regression_is_the_iteration():
    preferences, reference, eta = random_preferences(5, seed=1), softmax(np.arange(5) / 3), 0.8
    _, before, after = policies(preferences, reference, 1 / eta, 3)
    found = minimize(regression, np.log(before), args=(before, preferences, eta), tol=1e-12)
    assert np.abs(softmax(found.x) - after).max() <= 1e-5
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("step", [0.1, 1.0, 5.0])
@pytest.mark.parametrize(
    "table", [CYCLE, WEIGHTED, random_preferences(20, seed=2)], ids=["cycle", "weighted", "random"]
)
def test_each_policy_beats_the_one_before_by_its_divergence(table, step):
    found = policies(table, softmax(np.arange(len(table)) / len(table)), step, 12)
    for before, after in pairwise(found):
        assert after @ table @ before >= 0.5 + kl(after, before) / step - 1e-9


@pytest.mark.parametrize("iterations", [1, 10, 1_000])
@pytest.mark.parametrize("step", [0.05, 0.5])
def test_the_gap_of_the_average_is_within_its_bound(iterations, step):
    found = dno(WEIGHTED, reference=SKEWED, step=step, iterations=iterations)
    assert found.gap_kind == "exploitability"
    assert found.gap <= np.log(1 / SKEWED.min()) / (step * iterations) + step / 8


def test_from_uniform_play_it_is_hedge_in_self_play():
    one, other = dno(WEIGHTED, iterations=200), spo(WEIGHTED, iterations=200)
    assert one.strategies[0].tolist() == other.strategies[0].tolist() and one.gap == other.gap


def test_the_average_comes_near_the_minimax_winner():
    found = dno(WEIGHTED, reference=SKEWED, step=0.05, iterations=10_000)
    assert np.abs(found.strategies[0] - minimax_winner(WEIGHTED).strategies[0]).max() < 0.02
    assert dno(WEIGHTED, reference=SKEWED, until=0.02).converged

"""INPO on tables of preferences: its regression, its rates, and that it is magnetic mirror descent."""

from itertools import pairwise

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, circulant, kl, random_preferences, softmax, solution_by_newton
from scipy.optimize import minimize

from arena.games import load_game
from arena.solvers import inpo, mmd, nash_mirror_prox


def regression(theta, policy, preferences, reference, beta, eta):
    """The loss on labelled pairs of the paper, with its expectation taken: eta is the paper's, an inverse rate."""
    h = np.log(softmax(theta)) - beta / eta * np.log(reference) - (eta - beta) / eta * np.log(policy)
    errors = (h[:, None] - h[None] - 1 / (2 * eta)) ** 2  # [winner, loser]
    return float(policy @ (preferences * errors + preferences.T * errors.T) @ policy)


def test_the_minimiser_of_the_regression_on_pairs_is_the_iteration():
    preferences, reference, beta, eta = random_preferences(5, seed=1), softmax(np.arange(5) / 2), 0.2, 0.9
    before = inpo(preferences, reference=reference, beta=beta, step=1 / eta, iterations=3).strategies[0]
    after = inpo(preferences, reference=reference, beta=beta, step=1 / eta, iterations=4).strategies[0]
    found = minimize(regression, np.log(before), args=(before, preferences, reference, beta, eta), tol=1e-14)
    assert np.abs(np.log(softmax(found.x)) - np.log(after)).max() <= 1e-6
    assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("iterations", [1, 5, 40])
def test_it_is_magnetic_mirror_descent_on_the_game_of_twice_the_payoffs(iterations, tmp_path):
    path = tmp_path / "cycle.npy"
    np.save(path, WEIGHTED)
    beta, gamma = 0.1, 0.4
    found = inpo(WEIGHTED, beta=beta, step=gamma / (1 + gamma * beta), iterations=iterations)
    game = load_game(f"preference:{path}")
    other = mmd(game, temperature=2 * beta, step=gamma / 2, iterations=iterations)
    (policy, _) = (list(one.values()) for one in other.policy.table.values())
    assert np.abs(found.strategies[0] - policy).max() <= 1e-12
    assert other.gap == pytest.approx(4 * found.gap, abs=1e-12)  # two players, payoffs 2 P - 1


@pytest.mark.parametrize("beta", [0.05, 0.1, 0.5])
@pytest.mark.parametrize(
    "table", [CYCLE, WEIGHTED, random_preferences(30, seed=3)], ids=["cycle", "weighted", "random"]
)
def test_the_step_of_the_theorem_divides_the_divergence_every_time(table, beta):
    reference = softmax(np.arange(len(table)) / len(table))
    gamma = 4 * beta
    step = gamma / (1 + gamma * beta)
    target = nash_mirror_prox(table, reference=reference, beta=beta, until=1e-16).strategies[0]
    start = kl(target, reference)
    for k in (1, 2, 5, 20, 60):
        found = inpo(table, reference=reference, beta=beta, step=step, iterations=k)
        assert kl(target, found.strategies[0]) <= start * (1 + gamma * beta) ** -k + 1e-13
    assert inpo(table, reference=reference, beta=beta, step=step, until=1e-4).converged


@pytest.mark.parametrize("beta", [0.1, 0.5])
@pytest.mark.parametrize("table", [CYCLE, WEIGHTED], ids=["cycle", "weighted"])
def test_with_falling_steps_the_divergence_is_within_the_bound_of_the_paper(table, beta):
    target = nash_mirror_prox(table, reference=SKEWED, beta=beta, until=1e-16).strategies[0]
    for iterations in (2, 10, 100, 1_000):
        found = inpo(table, reference=SKEWED, beta=beta, iterations=iterations)
        assert kl(target, found.strategies[0]) <= 32 / (beta**2 * (iterations + 1))
    assert kl(target, found.strategies[0]) < 0.01 * kl(target, SKEWED)
    assert inpo(table, reference=SKEWED, beta=beta, until=1e-4).converged


@pytest.mark.parametrize("beta", [0.1, 0.5])
@pytest.mark.parametrize("eta", [0.7, 3.0])
@pytest.mark.parametrize("table", [CYCLE, WEIGHTED, circulant(31)], ids=["cycle", "weighted", "circulant"])
def test_the_divergence_obeys_the_recursion_of_theorem_four_at_every_step(table, eta, beta, tmp_path):
    """KL_next ≤ (1 - β/η) KL + 8 C² / η², eta the paper's inverse rate, C = max(B β, 1), B the most |log π/μ| is."""
    reference = softmax(np.arange(len(table)) / len(table))
    target = np.exp(solution_by_newton(table, reference, beta))
    policies = [reference]
    for k in range(1, 41):
        found = inpo(table, reference=reference, beta=beta, step=1 / eta, iterations=k, checkpoint=tmp_path / "run.npz")
        policies.append(found.strategies[0])
    bound = max(beta * max(np.abs(np.log(one / reference)).max() for one in policies), 1.0)
    for before, after in pairwise(policies):
        assert kl(target, after) <= (1 - beta / eta) * kl(target, before) + 8 * bound**2 / eta**2


@pytest.mark.parametrize("flip_rate", [0.0, 0.2])
def test_noisy_runs_with_falling_steps_come_to_the_solution_in_the_mean(flip_rate):
    runs, distances = np.stack([WEIGHTED] * 300), []  # contexts with one table are runs apart
    target = np.exp(solution_by_newton(WEIGHTED, SKEWED, 0.3))
    for iterations in (50, 200, 800):
        found = inpo(runs, reference=SKEWED, beta=0.3, samples=2, flip_rate=flip_rate, iterations=iterations)
        assert found.settings["comparisons"] == 300 * iterations * 3 * 2
        distances.append(np.mean([kl(target, one) for one in found.strategies[0]]))
    assert distances[0] > 2.5 * distances[1] > 2.5**2 * distances[2]
    assert np.abs(found.strategies[0].mean(axis=0) - target).max() < 0.01


def test_steps_above_that_of_the_theorem_are_promised_nothing():
    wide = inpo(CYCLE, reference=SKEWED, beta=0.1, step=0.5, until=1e-2)
    assert not wide.converged and wide.guarantee.startswith("none")
    with pytest.raises(ValueError, match="at most 1"):
        inpo(CYCLE, beta=0.5, step=2.1)

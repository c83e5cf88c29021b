"""Magnetic mirror descent in self-play on tables of preferences: its published solutions, its rate, its equals."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, circulant, kl, random_preferences, softmax

from arena.games import load_game
from arena.solvers import inpo, mmd, mmd_self_play, nash_mirror_prox

PUBLISHED = {  # the authors' example of perturbed rock, paper, scissors: payoffs brought to 0..1, step = temperature
    0.05: (0.1517447, 0.46794775, 0.38030755),
    0.1: (0.17347803, 0.48630324, 0.34021873),
    0.2: (0.22364492, 0.47798817, 0.29836691),
    0.5: (0.29813319, 0.41382045, 0.28804635),
}
PERTURBED = (np.array([[0.0, -3.0, 3.0], [3.0, 0.0, -1.0], [-3.0, 1.0, 0.0]]) + 3) / 6


def solution_of(preferences, reference, beta):
    """The fixed point π ∝ μ exp(P π / β), by the entropic extragradient written on probabilities, to rounding."""
    policy, eta = reference.copy(), 2 / (1 + 2 * beta)
    for _ in range(100_000):
        pull = (1 - eta * beta) * np.log(policy) + eta * beta * np.log(reference)
        half = softmax(pull + eta * preferences @ policy)
        new = softmax(pull + eta * preferences @ half)
        if np.abs(np.log(new) - np.log(policy)).max() < 1e-15:
            break
        policy = new
    return policy


@pytest.mark.parametrize("temperature", PUBLISHED)
def test_perturbed_rock_paper_scissors_is_as_published(temperature):
    found = mmd_self_play(PERTURBED, beta=temperature, step=temperature, iterations=10_000)
    assert np.abs(found.strategies[0] - PUBLISHED[temperature]).max() <= 1e-7
    assert mmd_self_play(PERTURBED, beta=temperature, until=1e-12).converged


@pytest.mark.parametrize("beta", [0.05, 0.1, 0.5])
@pytest.mark.parametrize(
    "table", [CYCLE, WEIGHTED, random_preferences(30, seed=3)], ids=["cycle", "weighted", "random"]
)
def test_the_default_step_divides_the_divergence_every_time(table, beta):
    reference = softmax(np.arange(len(table)) / len(table))
    target = solution_of(table, reference, beta)
    start = kl(target, reference)
    for k in (1, 2, 5, 20, 60):
        found = mmd_self_play(table, reference=reference, beta=beta, iterations=k)
        assert found.settings["step"] == 4 * beta and found.settings["queries"] == k
        assert kl(target, found.strategies[0]) <= start * (1 + 4 * beta**2) ** -k + 1e-13


@pytest.mark.parametrize("iterations", [1, 5, 40])
def test_it_is_inpo_with_a_constant_step(iterations):
    preferences, reference = random_preferences(9, seed=4), softmax(np.random.default_rng(5).normal(size=9))
    eta, beta = 0.8, 0.2
    one = mmd_self_play(preferences, reference=reference, beta=beta, step=eta / (1 - eta * beta), iterations=iterations)
    other = inpo(preferences, reference=reference, beta=beta, step=eta, iterations=iterations)
    assert np.abs(one.strategies[0] - other.strategies[0]).max() <= 1e-12


def test_it_is_mmd_on_the_game_of_twice_the_payoffs(tmp_path):
    path = tmp_path / "cycle.npy"
    np.save(path, WEIGHTED)
    found = mmd_self_play(WEIGHTED, beta=0.1, iterations=30)
    other = mmd(load_game(f"preference:{path}"), temperature=0.2, step=0.2, iterations=30)
    (policy, _) = (list(one.values()) for one in other.policy.table.values())
    assert np.abs(found.strategies[0] - policy).max() <= 1e-12
    assert other.gap == pytest.approx(4 * found.gap, abs=1e-12)  # two players, payoffs 2 P - 1


@pytest.mark.parametrize(
    ("table", "reference"),
    [(CYCLE, SKEWED), (WEIGHTED, SKEWED), (circulant(101), softmax(np.random.default_rng(2).normal(size=101)))],
    ids=["cycle", "weighted", "circulant"],
)
def test_on_cycles_under_a_weak_charge_mirror_prox_asks_fifty_times_less(table, reference):
    prox = nash_mirror_prox(table, reference=reference, beta=0.01, until=1e-3)
    assert prox.converged
    theory = mmd_self_play(table, reference=reference, beta=0.01, until=1e-3, iterations=50 * prox.settings["queries"])
    assert theory.gap > 1e-3


def test_steps_above_four_beta_are_promised_nothing_and_may_fail():
    wide = mmd_self_play(CYCLE, reference=SKEWED, beta=0.1, step=4.0, until=1e-2)
    assert wide.gap > 1e-2 and not wide.converged and wide.guarantee.startswith("none")

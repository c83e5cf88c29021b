"""Nash mirror descent on tables of preferences."""

import numpy as np
import pytest
from preference_tables import CYCLE, SKEWED, WEIGHTED, kl, random_preferences, softmax

from arena.solvers import nash_md, nash_mirror_prox


def plain(preferences, reference, beta, rates):
    """The paper's update on probabilities: mixture, then multiplicative weights from it and against it."""
    policy = reference.copy()
    for rate in rates:
        mixed = policy ** (1 - rate * beta) * reference ** (rate * beta)
        mixed /= mixed.sum()
        policy = mixed * np.exp(rate * preferences @ mixed)
        policy /= policy.sum()
    return policy


@pytest.mark.parametrize("step", [None, 0.3])
def test_an_iteration_is_that_of_the_paper(step):
    preferences, reference = random_preferences(6, seed=1), softmax(np.arange(6) / 2)
    rates = [2 / (0.2 * (t + 2)) if step is None else step for t in range(15)]
    found = nash_md(preferences, reference=reference, beta=0.2, step=step, iterations=15)
    assert np.abs(found.strategies[0] - plain(preferences, reference, 0.2, rates)).max() <= 1e-12
    assert found.settings["queries"] == 15


@pytest.mark.parametrize(("table", "beta"), [(CYCLE, 0.3), (WEIGHTED, 0.1), (WEIGHTED, 1.0)])
def test_with_falling_steps_the_divergence_is_within_the_bound_of_the_paper(table, beta):
    target = nash_mirror_prox(table, reference=SKEWED, beta=beta, until=1e-14).strategies[0]
    for iterations in (1, 3, 10, 30, 100, 1_000):
        policy = nash_md(table, reference=SKEWED, beta=beta, iterations=iterations).strategies[0]
        assert kl(target, policy) <= 8 / (beta**2 * (iterations + 1))
    assert kl(target, policy) <= 1e-4  # and far below it in the end


def test_a_constant_step_ends_beside_the_solution_by_the_square_of_the_step():
    floors = [nash_md(WEIGHTED, reference=SKEWED, step=step, iterations=8_000).gap for step in (0.03, 0.1, 0.3, 1.0)]
    longer = nash_md(WEIGHTED, reference=SKEWED, step=0.1, iterations=20_000, until=1e-9)
    assert floors[1] == pytest.approx(longer.gap, rel=1e-6)  # it stays there
    assert floors[1] == pytest.approx(1.4e-5, rel=0.05) and floors[3] == pytest.approx(1.6e-3, rel=0.05)
    assert 9 <= floors[1] / floors[0] <= 13 and 8 <= floors[2] / floors[1] <= 11
    assert not longer.converged and longer.guarantee.startswith("none")


def test_a_constant_step_does_not_claim_to_have_converged_even_where_the_gap_is_small_enough():
    near = nash_md(WEIGHTED, reference=SKEWED, step=0.01, iterations=10_000, until=1e-3)
    assert near.gap <= 1e-3 and not near.converged


def test_falling_steps_converge():
    found = nash_md(WEIGHTED, reference=SKEWED, until=1e-6)
    assert found.converged and found.gap <= 1e-6


def test_a_step_that_leaves_the_reference_behind_is_refused():
    with pytest.raises(ValueError, match="at most 1"):
        nash_md(CYCLE, beta=0.5, step=2.1)

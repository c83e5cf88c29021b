"""The objective of inverse soft Q-learning: against plain loops, finite differences, and searches for lower values."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from arena.solvers.inverse_soft_q import objective_of

DISCOUNT = 0.9


def random_transitions(rng, count, states, actions):
    """(s, a, s', done), the last state only as a successor and always done."""
    state = rng.integers(states - 1, size=count)
    successor = rng.integers(states, size=count)
    return state, rng.integers(actions, size=count), successor, successor == states - 1


def random_objective(rng, *, count=60, states=4, actions=3, chi2=0.25, l2=1e-3):
    columns = random_transitions(rng, count, states, actions)
    objective = objective_of((states, actions), *columns, discount=DISCOUNT, chi2_coefficient=chi2, l2_coefficient=l2)
    return objective, columns


def single_agent_iq_learn(critic, columns, *, alpha, l2):
    """IQ-Learn's loss ``value`` with the χ² regulariser, one transition after the other, as its paper writes it."""

    def value(state):
        return math.log(sum(math.exp(q) for q in critic[state]))

    loss, count = 0.0, len(columns[0])
    for state, action, successor, done in zip(*columns, strict=True):
        onward = 0.0 if done else DISCOUNT * value(successor)
        reward = critic[state][action] - onward
        loss += (value(state) - onward - reward + reward**2 / (4 * alpha)) / count
    return loss + l2 * float(np.square(critic).sum())


def differences(function, at, step=1e-6):
    """Central differences of a scalar function of an array."""
    found = np.zeros(at.shape)
    for index in np.ndindex(at.shape):
        moved = np.zeros(at.shape)
        moved[index] = step
        found[index] = (function(at + moved) - function(at - moved)) / (2 * step)
    return found


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.01, 0.25, 2.0)))
@settings(max_examples=25, deadline=None)
def test_it_is_single_agent_iq_learn(seed, chi2):
    rng = np.random.default_rng(seed)
    objective, columns = random_objective(rng, chi2=chi2)
    critic = rng.normal(scale=3, size=(4, 3))
    ours = objective.value(critic, objective.demonstrated_values())
    assert ours == pytest.approx(single_agent_iq_learn(critic, columns, alpha=1 / (4 * chi2), l2=1e-3), rel=1e-12)


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.01, 0.25, 2.0)))
@settings(max_examples=25, deadline=None)
def test_its_gradient_is_that_of_single_agent_iq_learn(seed, chi2):
    rng = np.random.default_rng(seed)
    objective, columns = random_objective(rng, chi2=chi2)
    critic = rng.normal(scale=2, size=(4, 3))
    plain = differences(lambda q: single_agent_iq_learn(q, columns, alpha=1 / (4 * chi2), l2=1e-3), critic)
    assert np.abs(objective.gradient(critic, objective.demonstrated_values()) - plain).max() < 1e-6


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_its_gradient_is_right_for_any_weights_of_values(seed):
    rng = np.random.default_rng(seed)
    objective, _ = random_objective(rng)
    critic, values = rng.normal(scale=2, size=(4, 3)), rng.normal(size=4)
    plain = differences(lambda q: objective.value(q, values), critic)
    assert np.abs(objective.gradient(critic, values) - plain).max() < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_its_curvature_is_right_where_no_state_is_curved_the_wrong_way(seed):
    rng = np.random.default_rng(seed)
    objective, _ = random_objective(rng, chi2=0.05, count=200)
    values = objective.demonstrated_values() + 1.0  # heavy values: every state is curved upwards
    critic = rng.normal(size=(4, 3))
    columns = []
    for index in np.ndindex(4, 3):
        moved = np.zeros((4, 3))
        moved[index] = 1e-6
        change = objective.gradient(critic + moved, values) - objective.gradient(critic - moved, values)
        columns.append(change.ravel() / 2e-6)
    assert np.abs(objective._curved(critic, values).toarray() - np.array(columns)).max() < 1e-7


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_step_never_raises_it(seed):
    rng = np.random.default_rng(seed)
    objective, _ = random_objective(rng, chi2=1.0)
    values, critic = objective.demonstrated_values(), rng.normal(scale=5, size=(4, 3))
    for _ in range(10):
        moved = objective.newton_step(critic, values)
        assert objective.value(moved, values) <= objective.value(critic, values) + 1e-12
        critic = moved


def settled(objective, critic, values):
    for _ in range(60):
        if np.linalg.norm(objective.gradient(critic, values)) < 1e-13:
            break
        critic = objective.newton_step(critic, values)
    return critic


@pytest.mark.parametrize("seed", range(8))
def test_what_is_proven_the_least_is_found_from_everywhere_and_nothing_is_lower(seed):
    rng = np.random.default_rng(seed)
    objective, _ = random_objective(rng, chi2=0.1)
    values = objective.demonstrated_values()
    best = settled(objective, np.zeros((4, 3)), values)
    assert np.linalg.norm(objective.gradient(best, values)) < 1e-12
    assert objective.is_supported(best, values)
    for _ in range(3):
        start = rng.normal(scale=5, size=(4, 3))
        assert np.allclose(settled(objective, start, values), best, atol=1e-7)
        other = minimize(
            lambda q: objective.value(q.reshape(4, 3), values),
            start.ravel(),
            jac=lambda q: objective.gradient(q.reshape(4, 3), values).ravel(),
            method="BFGS",
        )
        assert other.fun >= objective.value(best, values) - 1e-12


@given(st.integers(0, 2**32 - 1), st.sampled_from((0.02, 0.1, 0.25)), st.floats(0.01, 2.0))
@settings(max_examples=40, deadline=None)
def test_where_it_is_supported_the_gradient_bounds_what_is_left(seed, chi2, away):
    rng = np.random.default_rng(seed)
    objective, _ = random_objective(rng, chi2=chi2)
    values = objective.demonstrated_values()
    best = settled(objective, np.zeros((4, 3)), values)
    critic = best + away * rng.normal(size=(4, 3))
    if objective.is_supported(critic, values):
        left = objective.value(critic, values) - objective.value(best, values)
        assert left <= (objective.gradient(critic, values) ** 2).sum() / (4 * objective.l2_coefficient) + 1e-12


def test_nothing_is_claimed_of_rewards_beyond_the_top_of_the_parabola():
    """The action on the way to the end is shown with a reward above 1 / (2 c), here by a critic of zeros and γ log 2 < 0."""
    ones = np.ones(1, np.int64)
    objective = objective_of(
        (2, 2), 0 * ones, 0 * ones, ones, np.zeros(1, bool), discount=0.5, chi2_coefficient=1.0, l2_coefficient=1e-3
    )
    low = np.array([[0.0, 0.0], [-3.0, -3.0]])  # r = -γ (log 2 - 3) = 1.15
    assert not objective.is_supported(low, objective.demonstrated_values())
    assert objective.is_supported(0 * low, objective.demonstrated_values() + 0.5)  # r = -0.35, no state lacks weight


def test_nothing_is_claimed_where_a_state_is_pushed_down_more_than_it_is_arrived_in():
    rng = np.random.default_rng(0)
    objective, _ = random_objective(rng, chi2=0.1)
    values = objective.demonstrated_values()
    assert not objective.is_supported(np.zeros((4, 3)), values - 10)


def test_equal_transitions_are_counted_together():
    rng = np.random.default_rng(1)
    columns = random_transitions(rng, 30, 4, 3)
    once, thrice = (
        objective_of(
            (4, 3),
            *(np.tile(column, times) for column in columns),
            discount=DISCOUNT,
            chi2_coefficient=0.25,
            l2_coefficient=1e-3,
        )
        for times in (1, 3)
    )
    assert len(once.state) == len(thrice.state) and np.allclose(once.share, thrice.share, atol=1e-15)

"""Stage games with entropy at two temperatures, and soft value iteration: fixed points, oracles, extremes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game
from scipy.special import logsumexp, softmax

from arena.games import markov_game
from arena.solvers.markov_soft_values import (
    soft_equilibrium,
    soft_iterations,
    soft_stage,
    soft_start,
    soft_strategies,
)
from arena.solvers.markov_stage_games import stage_solutions

PERTURBED_RPS = (np.array([[0.0, -3, 3], [3, 0, -1], [-3, 1, 0]]) + 3) / 6


def solve(payoffs, beta, alpha):
    """(value, row strategy, column strategy) from uniform play on."""
    rows, columns = payoffs.shape
    row, column = np.full(rows, -np.log(rows)), np.zeros(columns)
    value, gap = soft_stage(payoffs, beta, alpha, row, column, np.empty((rows, rows + 2)))
    scale = max(np.ptp(payoffs) / 2, beta, alpha)
    shifted = payoffs - payoffs.min()
    assert gap == pytest.approx(duality_gap(shifted, beta, alpha, np.exp(row), np.exp(column)) / scale, abs=1e-10)
    return value, np.exp(row), np.exp(column)


def duality_gap(payoffs, beta, alpha, row, column):
    """The most that both could gain in payoff plus entropy, by plain formulas."""

    def entropy(p):
        return -np.sum(p[p > 0] * np.log(p[p > 0]))

    upper = beta * logsumexp(payoffs @ column / beta) - alpha * entropy(column)
    lower = beta * entropy(row) - alpha * logsumexp(-payoffs.T @ row / alpha)
    return upper - lower


@pytest.mark.parametrize(
    ("temperature", "published"),
    [
        (0.5, (0.29813319, 0.41382045, 0.28804635)),
        (0.2, (0.22364492, 0.47798817, 0.29836691)),
        (0.1, (0.17347803, 0.48630324, 0.34021873)),
        (0.05, (0.15174470, 0.46794775, 0.38030755)),
    ],
)
def test_equilibria_of_perturbed_rock_paper_scissors(temperature, published):
    """Three methods (mirror descent, path following, Newton's) agree on these to 1e-6."""
    _, row, column = solve(PERTURBED_RPS, temperature, temperature)
    np.testing.assert_allclose(row, published, atol=1e-8)
    np.testing.assert_allclose(column, published, atol=1e-8)


@given(st.integers(0, 100_000), st.integers(1, 5), st.integers(1, 5), st.floats(-2, 1), st.floats(-2, 1))
@settings(max_examples=60, deadline=None)
def test_each_answers_the_other(seed, rows, columns, log_beta, log_alpha):
    payoffs, beta, alpha = np.random.default_rng(seed).normal(size=(rows, columns)), 10**log_beta, 10**log_alpha
    _, row, column = solve(payoffs, beta, alpha)
    np.testing.assert_allclose(row, softmax(payoffs @ column / beta), atol=1e-9)
    np.testing.assert_allclose(column, softmax(-payoffs.T @ row / alpha), atol=1e-9)


def test_temperatures_may_be_tiny_and_far_apart():
    rng = np.random.default_rng(0)
    for _ in range(300):
        payoffs = rng.normal(size=rng.integers(1, 6, 2)) * 10 ** rng.uniform(-2, 2)
        beta, alpha = 10 ** rng.uniform(-4, 1, 2)
        _, row, column = solve(payoffs, beta, alpha)
        scale = max(np.abs(payoffs).max(), beta, alpha)
        assert duality_gap(payoffs, beta, alpha, row, column) < 1e-6 * scale


@given(st.integers(0, 100_000), st.floats(-14, 3), st.floats(-14, 3), st.sampled_from(["real", "ties", "shifted"]))
@settings(max_examples=150, deadline=None)
def test_no_temperature_is_too_small(seed, log_beta, log_alpha, kind):
    """Down to 10⁻¹⁴ of the payoffs, where answers cannot be read off the other's strategy any more: the last digit of a
    payoff is of no matter."""
    rng = np.random.default_rng(seed)
    payoffs, beta, alpha = rng.normal(size=rng.integers(1, 7, 2)), 10**log_beta, 10**log_alpha
    payoffs = np.round(payoffs) if kind == "ties" else payoffs + 10 if kind == "shifted" else payoffs
    value, row, column = solve(payoffs, beta, alpha)
    scale = max(np.abs(payoffs).max(), beta, alpha)
    for nearly in (payoffs, np.nextafter(payoffs, rng.normal(size=payoffs.shape) * 100)):
        assert duality_gap(nearly, beta, alpha, row, column) <= 1e-9 * scale
    assert np.isfinite(value)


def test_from_a_start_that_is_far_off_the_same_is_found():
    """As value iteration does when values jump: strategies that are all but pure, of the wrong actions."""
    rng = np.random.default_rng(4)
    for _ in range(100):
        payoffs = rng.normal(size=(4, 3))
        row, column = rng.normal(size=4) * 300, rng.normal(size=3) * 300
        row, column = row - logsumexp(row), column - logsumexp(column)
        value, gap = soft_stage(payoffs, 1e-8, 1e-9, row, column, np.empty((4, 6)))
        assert gap <= 1e-9 and value == pytest.approx(solve(payoffs, 1e-8, 1e-9)[0], abs=1e-9)


def test_tiny_temperatures_give_nearly_the_value_of_the_game():
    payoffs = np.random.default_rng(1).normal(size=(4, 4))
    value, _, _ = solve(payoffs, 1e-5, 1e-5)
    assert value == pytest.approx(stage_solutions(payoffs[None])[0][0], abs=2e-5 * np.log(4))


def test_shifted_and_scaled_payoffs_and_swapped_players():
    payoffs = np.random.default_rng(2).normal(size=(3, 4))
    value, row, column = solve(payoffs, 0.3, 0.1)
    shifted = solve(payoffs + 5, 0.3, 0.1)
    scaled = solve(7 * payoffs, 2.1, 0.7)
    swapped = solve(-payoffs.T, 0.1, 0.3)
    np.testing.assert_allclose(solve(payoffs + 1e9, 0.3, 0.1)[1], row, atol=1e-6)  # what is left of the payoffs' digits
    assert (shifted[0], scaled[0], swapped[0]) == (
        pytest.approx(value + 5),
        pytest.approx(7 * value),
        pytest.approx(-value),
    )
    np.testing.assert_allclose(np.concatenate([shifted[1], scaled[1], swapped[2]]), np.tile(row, 3), atol=1e-10)
    np.testing.assert_allclose(swapped[1], column, atol=1e-10)


@given(st.integers(0, 1000), st.sampled_from([(0.8, None), (1.0, 3)]))
@settings(max_examples=8, deadline=None)
def test_values_are_a_fixed_point_of_every_state(seed, length):
    game = random_markov_game(seed, sizes=(2, 3), discount=length[0], horizon=length[1])
    value = np.zeros((game.stages, 3))
    row, column = np.zeros((game.stages, 3, 2)), np.zeros((game.stages, 3, 3))
    row[:], column[:] = -np.log(2), -np.log(3)
    rewards = np.ascontiguousarray(game.rewards[0].reshape(3, -1))
    tables = (game.begin, game.successors, game.chances, rewards)
    soft_iterations(10_000, 1e-13, game.horizon is not None, *tables, game.discount, 0.2, 0.4, value, row, column)
    for step in range(game.stages):
        onward = value[step] if game.horizon is None else value[step + 1] if step + 1 < game.horizon else np.zeros(3)
        payoffs = game.rewards[0] + game.discount * game.transitions @ onward
        for state in range(3):
            mine, theirs = np.exp(row[step, state]), np.exp(column[step, state])
            np.testing.assert_allclose(mine, softmax(payoffs[state] @ theirs / 0.2), atol=1e-8)
            np.testing.assert_allclose(theirs, softmax(-payoffs[state].T @ mine / 0.4), atol=1e-8)
            assert value[step, state] == pytest.approx(solve(payoffs[state], 0.2, 0.4)[0], abs=1e-10)


@pytest.mark.parametrize("temperature", [0.1, 1e-6, 1e-12])
@pytest.mark.parametrize("unit", [1.0, 1e3])
def test_the_residual_tells_that_the_equations_hold(temperature, unit):
    game = random_markov_game(5, sizes=(3, 3), discount=0.9)
    game = markov_game(game.transitions, unit * game.rewards[0], discount=0.9)
    found = soft_equilibrium(game, soft_start(game), row_temperature=temperature, column_temperature=2 * temperature)
    row, column = (table[0] for table in soft_strategies(found))
    payoffs = game.rewards[0] + game.discount * game.transitions @ found["value"][0]
    scale = np.abs(payoffs).max()
    assert found["residual"][0] <= 1e-9
    for state in range(3):
        gap = duality_gap(payoffs[state], temperature, 2 * temperature, row[state], column[state])
        assert gap <= 1e-9 * scale
        assert row[state] @ payoffs[state] @ column[state] == pytest.approx(
            found["value"][0, state], abs=1e-9 * scale + 3 * temperature
        )


def test_what_was_not_solved_is_told_by_the_residual():
    """One iteration of many leaves values that still change."""
    game = random_markov_game(5, discount=0.9)
    start = soft_start(game)
    tables = (game.begin, game.successors, game.chances, np.ascontiguousarray(game.rewards[0].reshape(3, -1)))
    change, gap = soft_iterations(
        2, 1e-12, False, *tables, 0.9, 0.1, 0.1, start["value"], start["row_log"], start["column_log"]
    )
    assert change > 0.1 and gap < 1e-10

"""The batch of small zero-sum games: certificates, against linear programs, degenerate ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.solvers.lp import matrix_game_lp
from arena.solvers.markov_stage_games import stage_solutions


def certificates(payoffs):
    """How far each strategy falls short of the value [G], relative to the range of payoffs."""
    value, row, column = stage_solutions(payoffs)
    np.testing.assert_allclose(row.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(column.sum(axis=1), 1, atol=1e-12)
    assert row.min() >= 0 and column.min() >= 0
    high = np.einsum("gij,gj->gi", payoffs, column).max(axis=1)
    low = np.einsum("gij,gi->gj", payoffs, row).min(axis=1)
    return np.maximum(high - value, value - low) / np.maximum(np.ptp(payoffs, axis=(1, 2)), 1e-300)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2), (3, 5), (8, 6)])
def test_strategies_prove_the_value(shape):
    assert certificates(np.random.default_rng(1).normal(size=(200, *shape))).max() < 1e-12


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_ties_and_repeated_rows_do_not_run_in_circles(seed, rows, columns):
    assert certificates(np.random.default_rng(seed).integers(-1, 2, (20, rows, columns)).astype(float)).max() < 1e-12


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_the_unit_of_payoffs_makes_no_difference(scale):
    payoffs = np.random.default_rng(2).normal(size=(20, 3, 3))
    np.testing.assert_allclose(stage_solutions(scale * payoffs)[1], stage_solutions(payoffs)[1], atol=1e-9)
    value = stage_solutions(payoffs)[0]
    np.testing.assert_allclose(stage_solutions(scale * (payoffs + 3))[0] / scale, value + 3, atol=1e-12)


def test_a_game_of_equal_payoffs_is_worth_them():
    value, row, column = stage_solutions(np.full((1, 2, 3), -7.0))
    assert value[0] == pytest.approx(-7)
    assert (row.sum(), column.sum()) == (pytest.approx(1), pytest.approx(1))


def test_values_are_those_of_linear_programs():
    payoffs = np.random.default_rng(3).normal(size=(10, 4, 3))
    programs = [matrix_game_lp(matrix).values[0] for matrix in payoffs]
    np.testing.assert_allclose(stage_solutions(payoffs)[0], programs, atol=1e-7)

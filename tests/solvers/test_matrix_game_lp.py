"""Zero-sum matrix games by linear programming: a published value, certificates, invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import SpecificationError
from arena.solvers import matrix_game_lp


def test_the_two_by_two_game_without_a_saddle_has_its_known_value():
    """von Neumann and Morgenstern 1944, section 18.2: v = (ad − bc) / (a + d − b − c)."""
    solution = matrix_game_lp([[3, -1], [-2, 1]])
    assert solution.values[0] == pytest.approx(1 / 7)
    assert np.allclose(solution.strategies[0], [3 / 7, 4 / 7]) and np.allclose(solution.strategies[1], [2 / 7, 5 / 7])


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32), st.sampled_from([1e-6, 1.0, 1e6]))
def test_the_gap_is_a_certificate(rows, columns, seed, scale):
    payoffs = scale * np.random.default_rng(seed).normal(size=(rows, columns))
    solution = matrix_game_lp(payoffs)
    row, column = solution.strategies
    assert solution.gap == pytest.approx((payoffs @ column).max() - (row @ payoffs).min(), abs=1e-15 * scale)
    assert solution.gap <= 1e-6 * scale and solution.converged


def test_shifting_and_scaling_payoffs_moves_the_value_alone():
    payoffs = np.random.default_rng(1).normal(size=(4, 5))
    one, other = matrix_game_lp(payoffs), matrix_game_lp(3 * payoffs + 7)
    assert np.allclose(one.strategies[0], other.strategies[0])
    assert other.values[0] == pytest.approx(3 * one.values[0] + 7)


@pytest.mark.parametrize("payoffs", [[1, 2], [[]], [[1, np.inf]]])
def test_what_is_no_matrix_is_refused(payoffs):
    with pytest.raises(SpecificationError, match="finite numbers"):
        matrix_game_lp(payoffs)


def test_what_the_program_gives_is_measured_and_not_believed(monkeypatch):
    monkeypatch.setattr("arena.solvers.lp.maximin", lambda payoffs: (np.full(len(payoffs), 1 / len(payoffs)), 1))
    for unit in (1e-12, 1.0, 1e12):
        solution = matrix_game_lp(unit * np.array([[1.0, 0.0], [0.0, 3.0]]))
        assert solution.gap == pytest.approx(unit) and not solution.converged

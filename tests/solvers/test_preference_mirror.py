"""The step, the gaps and the tables that learners on preferences share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preference_tables import circulant, gap_by_definition, random_preferences, softmax
from scipy.optimize import minimize

from arena.games import SpecificationError
from arena.solvers.preference_mirror import (
    divergence,
    mirror_step,
    preference_matrix,
    rate_of,
    reference_logs,
    regularised_exploitability,
    win_rate_exploitability,
    win_rates,
)


@given(st.integers(0, 10**6), st.floats(0.05, 5.0), st.floats(0.01, 2.0))
def test_a_step_is_the_best_of_gain_less_both_divergences(seed, gamma, beta):
    rng = np.random.default_rng(seed)
    logs, reference = np.log(rng.dirichlet(np.ones(4) * 5, size=2))
    gains = rng.uniform(size=4)
    found = mirror_step(logs, gains, reference, rate=rate_of(gamma, beta), beta=beta)

    def loss(theta):
        p = softmax(theta)
        return -(p @ gains - beta * p @ (np.log(p) - reference) - p @ (np.log(p) - logs) / gamma)

    searched = minimize(loss, logs, tol=1e-12)
    assert loss(found) <= searched.fun + 1e-12
    assert np.abs(np.exp(found) - softmax(searched.x)).max() < 1e-4


def test_an_axis_of_contexts_in_front_changes_nothing():
    rng = np.random.default_rng(0)
    preferences = np.stack([random_preferences(6, seed) for seed in range(4)])
    logs, reference = np.log(rng.dirichlet(np.ones(6), size=(2, 4)))
    gains = win_rates(preferences, np.exp(logs))
    stepped = mirror_step(logs, gains, reference, rate=0.7, beta=0.3)
    gaps = regularised_exploitability(preferences, logs, reference, 0.3)
    plain = win_rate_exploitability(preferences, np.exp(logs))
    for k in range(4):
        assert np.allclose(gains[k], preferences[k] @ np.exp(logs[k]), atol=1e-15)
        assert np.allclose(stepped[k], mirror_step(logs[k], gains[k], reference[k], rate=0.7, beta=0.3), atol=1e-14)
        expected = gap_by_definition(preferences[k], np.exp(logs[k]), np.exp(reference[k]), 0.3)
        assert gaps[k] == pytest.approx(expected, abs=1e-13)
        assert plain[k] == pytest.approx((preferences[k] @ np.exp(logs[k])).max() - 0.5, abs=1e-14)


@given(st.integers(0, 10**6), st.floats(-14, 1))
def test_a_divergence_is_right_however_small_it_is(seed, exponent):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(5) * 10)
    away = rng.normal(size=5)
    away -= p @ away
    scale = 10.0**exponent
    q = np.log(p) + scale * away
    q -= np.log(np.exp(q).sum())
    found = float(divergence(np.log(p), q))
    assert found >= 0
    if scale > 1e-3:
        assert found == pytest.approx(float(p @ (np.log(p) - q)), rel=1e-6, abs=1e-14)
    elif scale > 1e-7:
        assert found == pytest.approx(scale**2 * float(p @ away**2) / 2, rel=1e-2)


def test_a_divergence_from_what_is_never_played_is_finite():
    logs = np.array([0.0, -2_000.0])
    assert divergence(logs, np.array([-2_000.0, 0.0])) == pytest.approx(2_000.0)


def test_the_circulant_tournament_is_even_at_uniform_play():
    assert win_rate_exploitability(circulant(101), np.full(101, 1 / 101)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.full((2, 3), 0.5), r"square matrix, .*; got shape \(2, 3\)"),
        (np.zeros((0, 0)), "square"),
        ([["a", "b"], ["c", "d"]], "square matrix of numbers"),
        ([[0.5, 0.5], [0.5]], "square matrix of numbers"),
        (np.full(3, 0.5), "square"),
        ([[0.5, 0.7], [0.2, 0.5]], r"\[0, 1\] = 0.7 and \[1, 0\] = 0.2"),
        ([[0.5, 0.7], [0.3, 0.6]], r"1/2 on the diagonal; \[1, 1\] is 0.6"),
        ([[0.5, 1.2], [-0.2, 0.5]], r"\[0, 1\] is 1.2"),
        ([[0.5, np.nan], [np.nan, 0.5]], r"\[0, 1\] is nan; a pair that never met has none"),
        ([[0.5, 0.6, 0.5], [0.4, 0.5, 0.9], [0.5, 0.3, 0.5]], r"the worst is \[1, 2\] = 0.9 and \[2, 1\] = 0.3"),
    ],
)
def test_what_is_no_table_of_preferences_is_told_by_its_worst_cell(matrix, said):
    with pytest.raises(SpecificationError, match=said):
        preference_matrix(matrix)


def test_of_many_contexts_the_worst_cell_is_named_with_its_context():
    tables = np.stack([random_preferences(4, seed) for seed in range(3)])
    assert np.allclose(preference_matrix(tables), tables, atol=1e-15) and preference_matrix(tables).shape == (3, 4, 4)
    tables[1, 0, 2] += 1e-3
    tables[2, 3, 1] += 2e-3
    with pytest.raises(SpecificationError, match=r"the worst is \[2, 1, 3\].*\[2, 3, 1\]"):
        preference_matrix(tables)
    tables[1, 2, 3] = np.nan
    with pytest.raises(SpecificationError, match=r"\[1, 2, 3\] is nan; a pair that never met"):
        preference_matrix(tables)
    with pytest.raises(SpecificationError, match=r"got shape \(2, 2, 2, 2\)"):
        preference_matrix(np.full((2, 2, 2, 2), 0.5))


def test_tables_too_large_to_be_looked_at_at_once_are_checked_all_the_same(monkeypatch):
    monkeypatch.setattr("arena.solvers.preference_mirror.BLOCK", 20)
    tables = np.stack([random_preferences(3, seed) for seed in range(11)])
    given = tables + 1e-10 * np.random.default_rng(0).normal(size=tables.shape)
    checked = preference_matrix(given)
    assert np.abs(checked + checked.swapaxes(1, 2) - 1).max() <= 2e-16
    assert np.abs(checked - (given + 1 - given.swapaxes(1, 2)) / 2).max() <= 1e-15
    given[9, 2, 2] = 0.4
    with pytest.raises(SpecificationError, match=r"1/2 on the diagonal; \[9, 2, 2\] is 0.4"):
        preference_matrix(given)


def test_a_reference_is_for_all_contexts_or_for_each():
    one, each = np.array([0.2, 0.8]), np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1]])
    assert np.allclose(np.exp(reference_logs(one, 2, 3)), [one] * 3)
    assert np.allclose(np.exp(reference_logs(each, 2, 3)), each)
    assert np.allclose(np.exp(reference_logs(None, 2, 3)), 0.5) and reference_logs(None, 2).shape == (2,)
    with pytest.raises(ValueError, match=r"or each of the 3; got shape \(2, 2\)"):
        reference_logs(each[:2], 2, 3)
    with pytest.raises(ValueError, match=r"\[1, 0\] is 0"):
        reference_logs([[0.5, 0.5], [0.0, 1.0], [0.5, 0.5]], 2, 3)
    with pytest.raises(ValueError, match=r"adds up to 1\.1"):
        reference_logs([[0.5, 0.5], [0.6, 0.5], [0.5, 0.5]], 2, 3)


def test_a_table_is_shared_only_where_that_is_asked_for_and_nothing_has_to_be_put_right():
    exact = random_preferences(5, seed=1)
    assert preference_matrix(exact, shared=True) is exact
    copied = preference_matrix(exact)
    assert not np.shares_memory(copied, exact) and np.abs(copied - exact).max() <= 1e-15
    rounded = exact + 1e-10 * np.random.default_rng(0).normal(size=exact.shape)
    kept = rounded.copy()
    even = preference_matrix(rounded, shared=True)
    assert np.abs(even + even.T - 1).max() <= 2e-16
    assert rounded.tolist() == kept.tolist()
    frozen = exact.copy()
    frozen.setflags(write=False)
    for table in (frozen, exact[::-1, ::-1], exact.T):  # compiled loops read one kind of array
        found = preference_matrix(table, shared=True)
        assert found.flags.c_contiguous and found.flags.writeable and np.allclose(found, table, atol=1e-15)


def test_tables_in_single_precision_are_rounded_and_not_wrong():
    exact = random_preferences(30, seed=1)
    single = exact.astype(np.float32)
    assert np.abs(single.astype(float) + single.T.astype(float) - 1).max() > 1e-9
    even = preference_matrix(single)
    assert np.abs(even + even.T - 1).max() <= 2e-16 and np.abs(even - exact).max() <= 1e-7
    with pytest.raises(SpecificationError, match=r"together 1\.0000099"):
        preference_matrix(np.array([[0.5, 0.7], [0.30001, 0.5]], np.float32))
    with pytest.raises(SpecificationError, match=r"together 1\.00000001$"):
        preference_matrix([[0.5, 0.7], [0.30000001, 0.5]])


def test_a_reference_in_single_precision_is_rounded_and_not_wrong():
    single = softmax(np.random.default_rng(0).normal(size=50)).astype(np.float32)
    logs = reference_logs(single, 50)
    assert abs(np.exp(logs).sum() - 1) <= 1e-14 and np.abs(np.exp(logs) - single).max() <= 1e-7
    with pytest.raises(ValueError, match=r"adds up to 1\.0000002$"):
        reference_logs([0.5, 0.5000002], 2)

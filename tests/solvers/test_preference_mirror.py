"""The step, the gaps and the queries that learners on preferences share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from preference_tables import CYCLE, WEIGHTED, circulant, gap_by_definition, random_preferences, softmax
from scipy.optimize import minimize

from arena.games import SpecificationError
from arena.solvers.preference_mirror import (
    WinRates,
    divergence,
    mirror_step,
    preference_matrix,
    rate_of,
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
    drawn = WinRates(preferences=preferences, samples=4_000, noise=0.1, seed=1).of(logs, 3)
    for k in range(4):
        assert np.allclose(gains[k], preferences[k] @ np.exp(logs[k]), atol=1e-15)
        assert np.allclose(stepped[k], mirror_step(logs[k], gains[k], reference[k], rate=0.7, beta=0.3), atol=1e-14)
        expected = gap_by_definition(preferences[k], np.exp(logs[k]), np.exp(reference[k]), 0.3)
        assert gaps[k] == pytest.approx(expected, abs=1e-13)
        assert plain[k] == pytest.approx((preferences[k] @ np.exp(logs[k])).max() - 0.5, abs=1e-14)
        assert np.abs(drawn[k] - gains[k]).max() < 0.06


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


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_sampled_rates_have_the_right_mean_and_spread(noise):
    policy = np.array([0.2, 0.3, 0.5])
    samples = 20_000
    rates = WinRates(preferences=WEIGHTED, samples=samples, noise=noise, seed=5)
    errors = np.stack([rates.of(np.log(policy), query) for query in range(20)]) - WEIGHTED @ policy
    heard = noise + (1 - 2 * noise) * WEIGHTED @ policy
    spread = np.sqrt(heard * (1 - heard) / samples) / (1 - 2 * noise)
    assert (np.abs(errors.mean(axis=0)) < 4 * spread / np.sqrt(20)).all()
    assert np.allclose(errors.std(axis=0), spread, rtol=0.6)


def test_a_candidate_that_is_never_played_is_never_met():
    logs = np.array([0.0, -800.0, -800.0])
    rates = WinRates(preferences=CYCLE, samples=50, seed=2).of(logs, 0)
    assert rates[1:].tolist() == [1.0, 0.0]
    assert 0.2 < rates[0] < 0.8


def test_queries_draw_anew_and_the_same_query_draws_the_same():
    rates, logs = WinRates(preferences=WEIGHTED, samples=7, seed=2), np.log(np.full(3, 1 / 3))
    assert rates.of(logs, 4).tolist() == rates.of(logs, 4).tolist()
    assert len({tuple(rates.of(logs, query)) for query in range(50)}) > 10


def test_the_circulant_tournament_is_even_at_uniform_play():
    assert win_rate_exploitability(circulant(101), np.full(101, 1 / 101)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.full((2, 3), 0.5), r"square matrix; got shape \(2, 3\)"),
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

"""The teacher of temperatures: the published sequence, its constraints, and plain twins."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from arena.solvers.gamma_curriculum import (
    draw_temperatures,
    gamma_divergence,
    gamma_shapes,
    linear_temperatures,
    next_shape,
)

SEQUENCE = (50, 43.294, 37.081, 31.361, 26.134, 21.398, 17.153, 13.398, 10.131, 7.350, 5.052, 3.232, 1.881, 1)
"""Of the settings of arXiv:2311.01642 where the performance constraint is inactive, to three decimals."""


def seen(shape, count=30, seed=0):
    return draw_temperatures(shape, count=count, seed=seed, update=0)


def test_the_sequence_from_50_to_1_takes_13_updates():
    shapes = gamma_shapes()
    assert len(shapes) == 14
    np.testing.assert_allclose(shapes, SEQUENCE, atol=5e-4, rtol=0)
    assert (shapes[0], shapes[-1]) == (50, 1)


def test_every_update_but_the_last_moves_by_the_whole_divergence():
    shapes = gamma_shapes()
    moved = [gamma_divergence(after, before) for before, after in itertools.pairwise(shapes)]
    np.testing.assert_allclose(moved[:-1], 0.5, atol=1e-12)
    assert moved[-1] < 0.5


def test_a_curriculum_may_rise():
    shapes = gamma_shapes(start=1.0, target=20.0, max_divergence=0.3)
    assert list(shapes) == sorted(shapes)
    assert shapes[-1] == 20
    np.testing.assert_allclose(gamma_divergence(shapes[1], shapes[0]), 0.3, atol=1e-12)


@given(st.floats(0.3, 60), st.floats(0.3, 60))
@settings(max_examples=20, deadline=None)
def test_the_divergence_is_the_integral_that_it_stands_for(shape, other):
    p, q = stats.gamma(shape), stats.gamma(other)
    low, high = p.ppf([1e-13, 1 - 1e-13])
    # over log x: below a shape of 1 densities have a pole at 0
    integral, _ = integrate.quad(
        lambda t: np.exp(t + p.logpdf(np.exp(t))) * (p.logpdf(np.exp(t)) - q.logpdf(np.exp(t))),
        np.log(low),
        np.log(high),
        limit=200,
    )
    assert gamma_divergence(shape, other) == pytest.approx(integral, abs=1e-6, rel=1e-5)


def test_the_divergence_of_equals_is_nought():
    assert gamma_divergence(7.3, 7.3) == 0


# the performance constraint


def test_the_shape_is_frozen_while_returns_fall_short():
    assert next_shape(50.0, temperatures=seen(50.0), returns=np.full(30, 0.9), threshold=1.0) == 50.0


def test_returns_that_suffice_everywhere_constrain_nothing():
    temperatures = seen(50.0)
    weights = stats.gamma(43.294, scale=1e-3).pdf(temperatures) / stats.gamma(50, scale=1e-3).pdf(temperatures)
    threshold = 0.5 * weights.mean()
    assert next_shape(50.0, temperatures=temperatures, returns=np.ones(30), threshold=threshold) == gamma_shapes()[1]


def weighted(shape, other, temperatures, returns):
    """The mean return at another shape, by densities of scipy."""
    ratio = stats.gamma.pdf(temperatures, other, scale=1e-3) / stats.gamma.pdf(temperatures, shape, scale=1e-3)
    return float(np.mean(ratio * returns))


def test_an_active_constraint_is_met_with_equality():
    temperatures = seen(50.0, count=3000)  # so many that their weights average 1, whatever was drawn
    returns = 20 * temperatures  # less is earned against a more rational opponent
    threshold = 0.98 * returns.mean()
    shape = next_shape(50.0, temperatures=temperatures, returns=returns, threshold=threshold)
    assert gamma_shapes()[1] < shape < 50
    assert weighted(50.0, shape, temperatures, returns) == pytest.approx(threshold, abs=1e-10)
    assert weighted(50.0, shape, temperatures, returns) >= threshold - 1e-12


@given(st.integers(0, 1000), st.floats(2, 60), st.floats(0.9, 1.0))
@settings(max_examples=10, deadline=None)
def test_no_point_nearer_to_the_target_is_allowed(seed, shape, share):
    """The plain twin: the constraints looked at on a grid, and a general optimiser that must find nothing better."""
    temperatures = seen(shape, seed=seed)
    returns = np.random.default_rng(seed).uniform(0, 1, 30) + temperatures * 1000 / shape
    threshold = share * returns.mean()
    found = next_shape(shape, temperatures=temperatures, returns=returns, threshold=threshold)
    assert gamma_divergence(found, shape) <= 0.5 + 1e-9
    assert weighted(shape, found, temperatures, returns) >= threshold - 1e-9
    for point in np.linspace(1.0, found, 40)[:-1]:
        far = gamma_divergence(point, shape) > 0.5
        assert far or weighted(shape, point, temperatures, returns) < threshold or found - point < shape / 500
    best = optimize.minimize(
        lambda k: gamma_divergence(float(k[0]), 1.0),
        [shape],
        method="SLSQP",
        bounds=[(1e-3, None)],
        constraints=[
            {"type": "ineq", "fun": lambda k: 0.5 - gamma_divergence(float(k[0]), shape)},
            {"type": "ineq", "fun": lambda k: weighted(shape, float(k[0]), temperatures, returns) - threshold},
        ],
    )
    assert gamma_divergence(found, 1.0) <= best.fun + 1e-4  # its tolerance


def test_the_unit_of_temperatures_makes_no_difference():
    temperatures = seen(30.0)
    returns = 5 + 100 * temperatures
    one = next_shape(30.0, temperatures=temperatures, returns=returns, threshold=float(returns.mean()))
    other = next_shape(
        30.0, rate=10.0, temperatures=100 * temperatures, returns=returns, threshold=float(returns.mean())
    )
    assert one == pytest.approx(other, rel=1e-9)


# draws and other curricula


def test_draws_have_the_distribution_asked_for():
    drawn = draw_temperatures(5.0, rate=100.0, count=4000, seed=3, update=2)
    assert stats.kstest(drawn, stats.gamma(5, scale=0.01).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(drawn[:10], draw_temperatures(5.0, rate=100.0, count=10, seed=3, update=2))
    assert drawn[0] != draw_temperatures(5.0, rate=100.0, count=1, seed=3, update=1)[0]


def test_a_linear_curriculum_falls_over_two_thirds_and_stays():
    temperatures = linear_temperatures(0.05, 0.001, 30)
    assert (temperatures[0], temperatures[19], temperatures[-1]) == (0.05, pytest.approx(0.001), pytest.approx(0.001))
    np.testing.assert_allclose(np.diff(temperatures[:20]), -0.049 / 19)
    assert linear_temperatures(0.5, 0.5, 1).tolist() == [0.5]


@pytest.mark.parametrize(
    "call",
    [
        lambda: next_shape(0.0),
        lambda: next_shape(math.nan),
        lambda: next_shape(5.0, max_divergence=-1.0),
        lambda: next_shape(5.0, target=math.inf),
        lambda: next_shape(5.0, threshold=1.0),
        lambda: next_shape(5.0, threshold=1.0, temperatures=[0.1], returns=[1, 2]),
        lambda: next_shape(5.0, threshold=1.0, temperatures=[-0.1], returns=[1]),
        lambda: next_shape(5.0, threshold=1.0, temperatures=[0.1], returns=[math.nan]),
        lambda: next_shape(5.0, threshold=math.nan, temperatures=[0.1], returns=[1]),
        lambda: linear_temperatures(0.0, 1.0, 3),
        lambda: linear_temperatures(1.0, 0.1, 0),
        lambda: draw_temperatures(0.0, count=1, seed=0, update=0),
    ],
)
def test_wrong_numbers_are_refused(call):
    with pytest.raises(ValueError, match=r"must be|needs"):
        call()


def test_any_whole_number_is_a_seed():
    drawn = [tuple(draw_temperatures(3.0, count=2, seed=seed, update=0)) for seed in (-1, 1, 2**63, 2**64 + 1)]
    assert len(set(drawn)) == 4

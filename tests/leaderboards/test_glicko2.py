"""Glicko-2: Glickman's own example, a plain twin, and what a period does to whoever played or did not."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of, twins

from arena.leaderboards import glicko2
from arena.leaderboards.glicko2 import SCALE, Glicko2State, glicko2_period


def state(*agents):
    rating, deviation, volatility = np.array(agents, float).T
    return Glicko2State(rating=rating, deviation=deviation, volatility=volatility)


def test_glickmans_example_is_reproduced():
    # Example of the Glicko-2 system, 2013, page 3 and on: 1500 (200) beats 1400 (30), loses to 1550 (100) and 1700 (300)
    before = state((1500, 200, 0.06), (1400, 30, 0.06), (1550, 100, 0.06), (1700, 300, 0.06))
    after = glicko2_period(before, np.array([0, 0, 0]), np.array([1, 2, 3]), np.array([1.0, 0, 0]), np.ones(3), tau=0.5)
    assert after.rating[0] == pytest.approx(1464.06, abs=0.01)
    assert after.deviation[0] == pytest.approx(151.52, abs=0.01)
    assert after.volatility[0] == pytest.approx(0.05999, abs=1e-5)


def test_an_agent_that_did_not_play_keeps_its_rating_and_grows_less_certain():
    before = state((1500, 50, 0.06), (1500, 50, 0.06), (1620, 50, 0.06))
    after = glicko2_period(before, np.array([0]), np.array([1]), np.array([1.0]), np.ones(1))
    assert after.rating[2] == pytest.approx(1620) and after.volatility[2] == 0.06
    assert after.deviation[2] == pytest.approx(SCALE * math.hypot(50 / SCALE, 0.06))


def plain(before, games, tau, after):
    """One period in plain Python; `after`: the volatilities that were found, each of which must solve its equation."""
    made = []
    for me, (rating, deviation, volatility) in enumerate(before):
        mu, phi = (rating - 1500) / SCALE, deviation / SCALE
        information = surprise = 0.0
        for i, j, score in games:
            for one, other, points in ((i, j, score), (j, i, 1 - score)):
                if one == me:
                    their_mu, their_phi = (before[other][0] - 1500) / SCALE, before[other][1] / SCALE
                    g = 1 / math.sqrt(1 + 3 * their_phi**2 / math.pi**2)
                    expected = 1 / (1 + math.exp(-g * (mu - their_mu)))
                    information += g * g * expected * (1 - expected)
                    surprise += g * (points - expected)
        if information:
            v = 1 / information
            delta = v * surprise

            def slope(x, v=v, delta=delta, phi=phi, volatility=volatility):
                total = phi**2 + v + math.exp(x)
                return math.exp(x) * (delta**2 - total) / (2 * total**2) - (x - math.log(volatility**2)) / tau**2

            # where results surprise much there are several roots: the one that was found must be one
            found = math.log(after[me] ** 2)
            assert slope(found - 1e-5) > 0 > slope(found + 1e-5)
            volatility = after[me]
        phi = 1 / math.sqrt(1 / (phi**2 + volatility**2) + information)
        made.append((1500 + SCALE * (mu + phi**2 * surprise), SCALE * phi, volatility))
    return np.array(made).T


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(800, 2200), st.floats(20, 400), st.floats(0.03, 0.2)), min_size=4, max_size=4),
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])).filter(
            lambda g: g[0] != g[1]
        ),
        max_size=20,
    ),
    st.floats(0.2, 1.2),
)
def test_a_period_agrees_with_a_plain_twin(agents, games, tau):
    first, second, score = (
        (np.array(column) for column in zip(*games, strict=True)) if games else (np.zeros(0, int),) * 3
    )
    after = glicko2_period(state(*agents), first, second, score.astype(float), np.ones(len(games)), tau=tau)
    rating, deviation, volatility = plain(agents, games, tau, after.volatility)
    assert np.allclose(after.volatility, volatility, rtol=1e-5)
    assert np.allclose(after.deviation, deviation, rtol=1e-5)
    assert np.allclose(after.rating, rating, rtol=1e-5)


def test_the_order_within_a_period_does_not_matter():
    rng = np.random.default_rng(0)
    first, second, score = rng.integers(0, 3, 20), rng.integers(3, 6, 20), rng.integers(0, 2, 20).astype(float)
    before = state(*[(1500, 350, 0.06)] * 6)
    order = rng.permutation(20)
    one = glicko2_period(before, first, second, score, np.ones(20))
    other = glicko2_period(before, first[order], second[order], score[order], np.ones(20))
    assert np.allclose(one.rating, other.rating, atol=1e-9)


def test_a_ladder_has_the_order_of_the_true_strengths_and_certainty():
    ratings = glicko2(twins(np.random.default_rng(1), np.array([-1.0, 0, 1]), 200))
    assert ratings.scores.argsort().tolist() == [0, 1, 2]
    assert ratings.above[2, 0] and not ratings.above[0, 2]
    assert ratings.settings["periods"] == pytest.approx(2 * 600 * 2 / 3 / 15, abs=1)


def test_an_undefeated_agent_has_a_finite_rating_and_one_that_met_nobody_none():
    ratings = glicko2(record_of([[0, 1]] * 30, [[1, -1]] * 30, agents=("a", "b", "idle")))
    assert np.isfinite(ratings.intervals[:2]).all() and np.isnan(ratings.scores[2])
    assert ratings.above[0, 1]


def test_no_matches_give_no_ratings():
    ratings = glicko2(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b")))
    assert np.isnan(ratings.scores).all() and ratings.matches == 0


@pytest.mark.parametrize("wrong", [{"tau": 0}, {"matches_a_period": -1}, {"confidence": 2}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="matches_a_period and tau"):
        glicko2(record_of([[0, 1]], [[1, -1]]), **wrong)

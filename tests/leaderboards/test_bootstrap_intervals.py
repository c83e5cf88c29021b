"""Bootstrap intervals of any method: near the sandwich where that holds, twins as units, order of no matter."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.leaderboards import bootstrap_intervals, bradley_terry, davidson, elo, plackett_luce
from arena.leaderboards.bootstrap_intervals import one_by_one
from arena.leaderboards.bradley_terry_bootstrap import refitted_strengths


@pytest.mark.parametrize("rate", [bradley_terry, davidson, plackett_luce])
def test_of_many_matches_they_are_as_wide_as_the_sandwichs(rate):
    record = twins(np.random.default_rng(0), np.linspace(-1, 1, 4), 60, seat=0.5, draws=0.2)
    plain, resampled = rate(record), bootstrap_intervals(record, rate, resamples=300)
    assert np.array_equal(plain.scores, resampled.scores)
    assert np.allclose(np.ptp(resampled.intervals, axis=1) / np.ptp(plain.intervals, axis=1), 1, atol=0.15)
    assert (resampled.above == plain.above).mean() > 0.8


def test_twins_are_one_unit():
    record = twins(np.random.default_rng(1), np.zeros(3), 30)
    doubled = record_of(
        np.concatenate((record.seats, record.seats)),
        np.concatenate((record.returns, record.returns)),
        pair=np.concatenate((record.pair, record.pair)),
    )
    one, two = (bootstrap_intervals(each, bradley_terry, resamples=50) for each in (record, doubled))
    assert np.allclose(one.intervals, two.intervals, atol=1e-6)


def test_the_order_of_matches_does_not_matter():
    rng = np.random.default_rng(2)
    record = twins(rng, np.zeros(3), 20)
    order = rng.permutation(len(record))
    other = record_of(record.seats[order], record.returns[order], agents=record.agents, pair=record.pair[order])
    one, two = (bootstrap_intervals(each, bradley_terry, resamples=50) for each in (record, other))
    assert np.allclose(one.intervals, two.intervals, atol=1e-7) and (one.above == two.above).all()


def test_agents_without_matches_stay_unrated():
    record = record_of([[0, 1], [1, 0]] * 5, [[1, -1]] * 10, agents=("a", "b", "idle"))
    ratings = bootstrap_intervals(record, bradley_terry, resamples=10)
    assert np.isnan(ratings.scores[2]) and np.isnan(ratings.intervals[2]).all() and not ratings.above[2].any()


@pytest.mark.parametrize("wrong", [{"resamples": 1}, {"confidence": 1.0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="resamples must be at least 2"):
        bootstrap_intervals(record_of([[0, 1]], [[1, -1]]), bradley_terry, **wrong)


@st.composite
def records(draw):
    """Two to four seats, units that mix agents, draws, forfeits, weights, agents that met nobody, groups, all won."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    matches, seats, agents = draw(st.integers(1, 40)), draw(st.integers(2, 4)), draw(st.integers(2, 7))
    sat = rng.integers(0, agents, (matches, seats))
    sat[:, 2:][rng.random((matches, seats - 2)) < 0.5] = -1
    return record_of(
        sat,
        rng.integers(-1, 2, (matches, seats)),
        agents=tuple("abcdefg"[:agents]),
        forfeit=np.where(rng.random(matches) < 0.1, rng.integers(0, 2, matches), -1),
        pair=rng.integers(0, max(matches // 2, 1), matches),
        weight=rng.choice([0.0, 1.0, 2.5], matches),
    )


@settings(deadline=None, max_examples=60)
@given(records(), st.sampled_from([0.0, 1.5]))
def test_refits_from_one_reading_equal_the_method_again_and_again(record, prior):
    fast = refitted_strengths(record, resamples=5, prior=prior)
    slow = one_by_one(record, partial(bradley_terry, prior=prior), resamples=5)
    assert np.allclose(fast, slow, atol=1e-8, equal_nan=True)


def test_refits_of_a_large_league_equal_the_method_again_and_again():
    rng = np.random.default_rng(3)
    record = twins(rng, rng.normal(size=130), 2)
    fast = refitted_strengths(record, resamples=2, anchor=record.agents[7])
    slow = one_by_one(record, partial(bradley_terry, anchor=record.agents[7]), resamples=2)
    assert np.allclose(fast, slow, atol=1e-9) and (fast[:, 7] == 0).all()


@pytest.mark.parametrize("rate", [elo, bradley_terry])
def test_the_fast_way_gives_the_numbers_of_the_slow_one(rate):
    record = from_counts([[0, 9, 6], [4, 0, 7], [5, 3, 0]])
    fast = bootstrap_intervals(record, rate, resamples=40)
    slow = bootstrap_intervals(record, lambda one: rate(one), resamples=40)
    assert np.allclose(fast.intervals, slow.intervals, atol=1e-7) and (fast.above == slow.above).all()
    assert fast.settings == slow.settings

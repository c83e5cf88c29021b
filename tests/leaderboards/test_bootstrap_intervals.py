"""Bootstrap intervals of any method: near the sandwich where that holds, twins as units, order of no matter."""

import numpy as np
import pytest
from simulated_records import record_of, twins

from arena.leaderboards import bootstrap_intervals, bradley_terry, davidson, plackett_luce


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

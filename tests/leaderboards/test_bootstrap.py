"""The Bayesian bootstrap: its law, its keys, and cycles that it calls real."""

import numpy as np
import pytest
import scipy.stats
from simulated_records import from_counts, record_of, twins

from arena.leaderboards import comparisons, cycle_probabilities, cycles, payoff_matrix
from arena.leaderboards.bootstrap import percentile_bounds, resampled_scores, unit_weights

RPS = [[0, 0, 30], [30, 0, 0], [0, 30, 0]]


def test_weights_are_exponential_and_differ_by_resample_and_seed():
    weights = unit_weights(20_000, resample=3)
    assert scipy.stats.kstest(weights, "expon").pvalue > 0.01
    other, seeded = unit_weights(20_000, resample=4), unit_weights(20_000, resample=3, seed=9)
    assert abs(np.corrcoef(weights, other)[0, 1]) < 0.03 and abs(np.corrcoef(weights, seeded)[0, 1]) < 0.03


def test_more_units_leave_the_weights_of_the_first_alone():
    assert np.array_equal(unit_weights(50, resample=1)[:20], unit_weights(20, resample=1))


def test_scores_of_won_and_lost_units_have_the_posterior_of_a_uniform_prior():
    record = from_counts([[0, 7], [2, 0]])
    draws = resampled_scores(comparisons(record), record.agents, resamples=2000)[:, 0, 1]
    assert scipy.stats.kstest(draws, scipy.stats.beta(8, 3).cdf).pvalue > 0.01


def test_twins_are_drawn_together():
    record = from_counts([[0, 7], [2, 0]])
    twice = record_of(
        np.repeat(record.seats, 2, axis=0), np.repeat(record.returns, 2, axis=0), pair=np.repeat(record.pair, 2)
    )
    one = resampled_scores(comparisons(record), record.agents)
    assert np.allclose(resampled_scores(comparisons(twice), record.agents), one)


def test_pairs_that_never_met_have_no_scores_and_the_diagonal_is_even():
    record = from_counts([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    draws = resampled_scores(comparisons(record), record.agents, resamples=3)
    assert np.isnan(draws[:, 0, 2]).all() and np.isnan(draws[:, 2, 0]).all()
    assert (draws[:, 1, 1] == 0.5).all() and np.allclose(draws[:, 0, 1] + draws[:, 1, 0], 1)


def test_bounds_hold_the_score_and_certainty_needs_nearly_all_resamples():
    draws = np.stack((np.linspace(1, 2, 100), np.append(np.full(97, 0.0), [3, 3, 3])), axis=1)
    intervals, above = percentile_bounds(np.array([2.5, 0.0]), draws, 0.95)
    assert intervals[0, 1] == 2.5 and not above.any()  # 97 of 100 is less than 97.5
    draws[-1, 1] = 0.0
    assert percentile_bounds(np.array([2.5, 0.0]), draws, 0.95)[1][0, 1]


def test_a_clear_cycle_is_real_and_one_of_single_matches_may_not_be():
    clear, thin = from_counts(RPS), from_counts(np.array(RPS) // 30)
    assert cycle_probabilities(clear, cycles(payoff_matrix(clear)))[0] > 0.99
    (probability,) = cycle_probabilities(thin, cycles(payoff_matrix(thin)))
    assert probability == pytest.approx(0.75**3, abs=0.09)  # each link has the law of Beta(2, 1): above 1/2 with 3/4


def test_of_independent_links_it_agrees_with_the_normal_law():
    for seed in range(20):
        record = twins(np.random.default_rng(seed), np.zeros(4), 12)
        found = cycles(payoff_matrix(record))
        for cycle, probability in zip(found, cycle_probabilities(record, found, resamples=400), strict=True):
            assert probability == pytest.approx(cycle.probability, abs=0.15)


def test_no_cycles_have_no_probabilities_and_no_resamples_are_refused():
    record = from_counts(RPS)
    assert cycle_probabilities(record, []) == ()
    with pytest.raises(ValueError, match="at least 1"):
        cycle_probabilities(record, [], resamples=0)

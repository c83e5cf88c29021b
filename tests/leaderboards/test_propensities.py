"""Weights by inverse propensities: what a uniform field would show, recovered from matches that were not uniform."""

import numpy as np
import pytest
from simulated_records import from_counts, record_of

from arena.games.errors import ArenaError, NotProvided
from arena.leaderboards import bradley_terry, payoff_matrix
from arena.leaderboards.aims import Comparison
from arena.leaderboards.next_pairs import next_pairs
from arena.leaderboards.propensities import effective_matches, uniform_field

CYCLIC = np.array([[0.5, 0.9, 0.2, 0.6], [0.1, 0.5, 0.9, 0.6], [0.8, 0.1, 0.5, 0.6], [0.4, 0.4, 0.4, 0.5]])
NAMES = ("rock", "paper", "scissors", "weak")
UNIFORM = bradley_terry(from_counts(np.rint(2000 * (CYCLIC - np.diag([0.5] * 4))).astype(int), agents=NAMES)).scores


def adaptive(seed, *, batches=8, batch=50, explore=0.3):
    """(record, propensities) of pairs drawn to compare rock and paper, results drawn by the cyclic law."""
    rng = np.random.default_rng(seed)
    seats, returns, propensity = np.zeros((0, 2), np.int64), np.zeros((0, 2)), np.zeros(0)
    for k in range(batches):
        pairs = next_pairs(
            record_of(seats, returns, agents=NAMES),
            Comparison("rock", "paper"),
            batch=batch,
            seed=1000 * seed + k,
            explore=explore,
        )
        won = np.where(rng.random(batch) < CYCLIC[pairs.first, pairs.second], 1.0, -1.0)
        seats = np.concatenate((seats, np.stack((pairs.first, pairs.second), axis=1)))
        returns = np.concatenate((returns, np.stack((won, -won), axis=1)))
        propensity = np.concatenate((propensity, pairs.propensity))
    return record_of(seats, returns, agents=NAMES), propensity


@pytest.fixture(scope="module")
def ratings():
    """Bradley-Terry ratings of 120 adaptively paired records: as they are, and weighted both ways."""
    made = {"naive": [], "pair": [], "field": []}
    for seed in range(120):
        record, propensity = adaptive(seed)
        made["naive"].append(bradley_terry(record))
        for kind in ("pair", "field"):
            made[kind].append(bradley_terry(uniform_field(record, propensity, kind=kind)))
    return made


@pytest.mark.parametrize("kind", ["pair", "field"])
def test_ratings_of_the_uniform_field_are_recovered_where_the_naive_ones_are_far_off(ratings, kind):
    naive = np.mean([one.scores for one in ratings["naive"]], axis=0) - UNIFORM
    scores = np.array([one.scores for one in ratings[kind]])
    bias, error = scores.mean(axis=0) - UNIFORM, scores.std(axis=0) / np.sqrt(len(scores))
    assert np.abs(naive).max() > 0.3
    assert (np.abs(bias) < 3.5 * error + 0.02).all()  # the likelihood's own bias at 120 uniform matches is under 0.02


@pytest.mark.parametrize("kind", ["pair", "field"])
def test_intervals_cover_the_ratings_of_the_uniform_field_where_the_naive_ones_do_not(ratings, kind):
    def coverage(several):
        return np.mean([(one.intervals[:, 0] <= UNIFORM) & (one.intervals[:, 1] >= UNIFORM) for one in several])

    assert coverage(ratings["naive"]) < 0.75
    assert 0.92 <= coverage(ratings[kind]) <= 0.995


def test_mean_scores_of_pairs_of_equal_weight_are_means_of_the_head_to_head_scores():
    record, propensity = adaptive(0)
    weighted = uniform_field(record, propensity)
    points = (weighted.returns + 1) / 2 * weighted.weight[:, None]
    got = np.bincount(weighted.seats.ravel(), points.ravel()) / np.bincount(
        weighted.seats.ravel(), weighted.weight.repeat(2)
    )
    scores = payoff_matrix(weighted).score
    np.fill_diagonal(scores, 0)
    assert np.allclose(got, scores.sum(axis=1) / 3)


def test_uniform_draws_are_weighted_alike():
    record = from_counts([[0, 3, 1], [1, 0, 2], [1, 0, 0]])
    weighted = uniform_field(record, np.full(len(record), 1 / 3), kind="field")
    assert np.allclose(weighted.weight, 1)


def test_weights_have_a_mean_of_one_and_are_inverse_to_propensities():
    record = from_counts([[0, 2, 1], [0, 0, 1], [0, 0, 0]])
    weight = uniform_field(record, np.array([0.5, 0.5, 0.25, 0.1]), kind="field").weight
    assert weight.mean() == pytest.approx(1)
    assert weight[2] == pytest.approx(2 * weight[0]) and weight[3] == pytest.approx(5 * weight[0])


def test_weights_that_were_there_stay_factors():
    record = record_of([(0, 1), (0, 1)], [(1, -1), (1, -1)], weight=[2, 1])
    weight = uniform_field(record, np.array([0.5, 0.5]), kind="field").weight
    assert weight[0] == pytest.approx(2 * weight[1]) and weight.sum() == pytest.approx(3)


def test_no_match_stays_no_match():
    record = record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("x", "y"))
    assert len(uniform_field(record, np.zeros(0))) == 0


def test_effective_matches_are_fewer_where_weights_differ():
    assert effective_matches(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_matches(np.array([1.0, 0, 0])) == pytest.approx(1)
    assert effective_matches(np.array([4.0, 1, 1])) == pytest.approx(2)
    assert effective_matches(np.zeros(0)) == 0


def test_what_cannot_be_weighted_is_refused():
    record = from_counts([[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(ArenaError, match="a1 and a2 never met"):
        uniform_field(record, np.array([0.5, 0.5]))
    for wrong in ([0.5], [0.5, 0.0], [0.5, 1.5], [0.5, np.nan]):
        with pytest.raises(ValueError, match="propensity"):
            uniform_field(record, np.array(wrong))
    with pytest.raises(ValueError, match="kind"):
        uniform_field(record, np.array([0.5, 0.5]), kind="best")
    with pytest.raises(NotProvided):
        uniform_field(record_of([(0, 1, 2)], [(1, 0, -1)]), np.array([0.5]))

"""Nash average, alpha-rank and correlated equilibrium of a field: OpenSpiel's cases, closed forms, bootstrap, copies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.games.errors import ArenaError
from arena.leaderboards import (
    alpha_rank,
    bradley_terry,
    correlated_ratings,
    minimax_ranking,
    nash_average,
)
from arena.leaderboards.correlated_ratings import correlated_payoffs, max_entropy_equilibrium
from arena.leaderboards.nash_average import nash_weights
from arena.solvers import alpha_rank as alpha_rank_of
from arena.solvers import correlated_equilibrium
from arena.solvers.correlated_equilibrium import deviation_gain
from arena.solvers.social_choice import copeland_scores, kemeny_scores, schulze_scores

CYCLE = [[0, 9, 3], [3, 0, 9], [9, 3, 0]]
RPS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)


def test_the_nash_average_of_a_ladder_is_its_best_and_of_a_cycle_all_of_it():
    # the two cases of OpenSpiel's nash_averaging_test.py
    ladder = nash_average(from_counts([[0, 0, 0], [9, 0, 0], [9, 9, 0]]))
    assert ladder.scores.tolist() == pytest.approx([0, 0, 1])
    assert nash_average(from_counts(CYCLE)).scores.tolist() == pytest.approx([1 / 3] * 3)


def test_where_the_minimax_winner_is_unique_the_nash_average_is_it():
    record = from_counts([[0, 9, 3, 8], [3, 0, 10, 8], [9, 2, 0, 8], [4, 4, 4, 0]])
    assert np.allclose(nash_average(record).scores, minimax_ranking(record).scores, atol=1e-9)


def test_alpha_rank_is_the_solvers_of_twice_the_scores():
    ratings = alpha_rank(from_counts([[0, 8, 5], [2, 0, 9], [5, 1, 0]]), alpha=3.0, population_size=20)
    payoffs = 2 * np.array([[0.5, 0.8, 0.5], [0.2, 0.5, 0.9], [0.5, 0.1, 0.5]]) - 1
    expected = alpha_rank_of(np.stack((payoffs, payoffs.T)), alpha=3.0, population_size=20).strategies[0]
    assert np.allclose(ratings.scores, expected)


@pytest.mark.parametrize("method", [nash_average, alpha_rank])
def test_weights_sum_to_one_and_lie_in_their_intervals(method):
    ratings = method(twins(np.random.default_rng(0), np.linspace(-1, 1, 5), 10))
    assert ratings.scores.sum() == pytest.approx(1)
    assert (ratings.intervals[:, 0] <= ratings.scores).all() and (ratings.scores <= ratings.intervals[:, 1]).all()
    assert (ratings.intervals >= -1e-12).all() and (ratings.intervals <= 1 + 1e-12).all()


@pytest.mark.parametrize("method", [nash_average, alpha_rank])
def test_a_certain_leader_has_all_the_weight_for_certain_and_a_close_one_has_not(method):
    clear = method(from_counts([[0, 90, 90], [10, 0, 50], [10, 50, 0]]))
    assert clear.intervals[0, 0] > 0.95 and clear.above[0, 1:].all()
    close = method(from_counts([[0, 6, 6], [5, 0, 5], [5, 5, 0]]))
    assert close.intervals[0, 0] < 0.5 and not close.above.any()


@pytest.mark.parametrize("method", [nash_average, alpha_rank, correlated_ratings])
def test_shuffling_and_renumbering_change_nothing(method):
    rng = np.random.default_rng(1)
    record = twins(rng, np.linspace(-1, 1, 4), 6)
    order, number = rng.permutation(len(record)), rng.permutation(4)
    names = tuple(record.agents[i] for i in np.argsort(number))
    other = record_of(number[record.seats[order]], record.returns[order], agents=names, pair=record.pair[order])
    one, two = method(record), method(other)
    assert np.allclose(two.scores[number], one.scores, atol=1e-9)
    assert np.allclose(two.intervals[number], one.intervals, atol=1e-5)
    assert (two.above[np.ix_(number, number)] == one.above).all()


@pytest.mark.parametrize("method", [nash_average, alpha_rank])
def test_pairs_that_never_met_are_named(method):
    with pytest.raises(ArenaError, match="a0 and a2 never met"):
        method(from_counts([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))


@pytest.mark.parametrize("wrong", [{"confidence": 1.0}, {"resamples": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="confidence must be in"):
        nash_average(from_counts(CYCLE), **wrong)


def with_copy(scores, agent):
    """Scores with a copy of an agent, even with it."""
    at = [*range(len(scores)), agent]
    made = scores[np.ix_(at, at)].copy()
    made[agent, -1] = made[-1, agent] = 0.5
    return made


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3))
def test_a_copy_shares_its_weight_in_the_nash_average_and_moves_nobody_else(seed, agent):
    raw = np.random.default_rng(seed).random((4, 4))
    scores = (raw + 1 - raw.T) / 2
    before, after = nash_weights(scores), nash_weights(with_copy(scores, agent))
    others = [k for k in range(4) if k != agent]
    assert np.allclose(after[others], before[others], atol=1e-6)
    assert after[4] == pytest.approx(after[agent], abs=1e-6) and after[4] + after[agent] == pytest.approx(
        before[agent], abs=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3))
def test_a_copy_does_not_change_schulzes_order_of_the_others(seed, agent):
    raw = np.random.default_rng(seed).random((4, 4))
    scores = (raw + 1 - raw.T) / 2
    others = [k for k in range(4) if k != agent]
    before, after = schulze_scores(scores), schulze_scores(with_copy(scores, agent))
    assert np.argsort(before[others]).tolist() == np.argsort(after[others]).tolist()


def test_copies_move_elo_copeland_alpha_rank_and_the_correlated_ratings():
    # rock, paper, scissors: with copies of rock, paper looks better than scissors, though nothing about them changed
    wins = np.array([[0, 2, 8, 5], [8, 0, 2, 8], [2, 8, 0, 2], [5, 2, 8, 0]])  # rock, paper, scissors, rock again
    scores = wins / np.maximum(wins + wins.T, 1) + np.eye(4) / 2
    fair = scores[:3, :3]
    assert np.ptp(copeland_scores(fair)) == 0
    assert copeland_scores(scores)[1] > copeland_scores(scores)[2]
    plain = bradley_terry(from_counts(wins))
    assert plain.scores[1] > plain.scores[2] + 0.3
    ranked = alpha_rank(from_counts(wins), resamples=0).scores
    assert abs(ranked[1] - ranked[2]) > 0.01
    payoffs = 2 * scores - 1
    rated = correlated_payoffs(np.stack((payoffs, payoffs.T)))
    assert abs(rated[1] - rated[2]) > 1e-3


def test_copies_can_change_kemenys_order_of_the_others():
    # a beats b, b beats c, c beats a by most; copies of a make the order that pleases them cheaper
    scores = np.array([[0.5, 0.6, 0.35], [0.4, 0.5, 0.62], [0.65, 0.38, 0.5]])
    before = kemeny_scores(scores)
    assert before.argsort()[::-1].tolist() == [1, 2, 0]
    changed = [kemeny_scores(with_copy(scores, agent)) for agent in range(3)]
    orders = [[k for k in np.argsort(-rated).tolist() if k < 3] for rated in changed]
    assert any(order != [1, 2, 0] for order in orders)


def test_matching_pennies_has_its_one_correlated_equilibrium_up_to_epsilon():
    joint = max_entropy_equilibrium(np.stack((RPS, RPS.T)))
    assert np.allclose(joint, 1 / 9, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_nobody_gains_more_than_epsilon_and_entropy_beats_other_equilibria(seed, size):
    own = np.random.default_rng(seed).normal(size=(size, size))
    table = np.stack((own, own.T))
    joint = max_entropy_equilibrium(table, epsilon=0.01)
    scale = np.ptp(table)
    assert joint.sum() == pytest.approx(1) and np.allclose(joint, joint.T)
    assert (
        deviation_gain(table, joint, coarse=False) <= 2 * size * (0.0101) * scale
    )  # each told agent's part is within ε
    other = correlated_equilibrium(table).joint
    other = (other + other.T) / 2

    def entropy(p):
        return -float((p[p > 0] * np.log(p[p > 0])).sum())

    assert entropy(joint) >= entropy(other) - 1e-6


def test_a_dominated_agent_has_the_lower_correlated_rating_in_a_general_sum_game_of_three():
    rng = np.random.default_rng(2)
    seats = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)] * 8)
    returns = seats * 1.0 + 0.1 * rng.normal(size=seats.shape)  # a1 always gets one more
    ratings = correlated_ratings(record_of(seats, returns, utility="general_sum"))
    assert ratings.scores == pytest.approx(np.array([0, 1]), abs=0.1) and ratings.above[1, 0]

"""Deviation ratings: published properties, Nash averaging of zero-sum games, clones and mixtures, the empirical game."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of

from arena.games.errors import ArenaError
from arena.leaderboards import deviation_ratings, deviation_ratings_of, empirical_game
from arena.solvers import nash_average

RPS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)


def zero_sum(matrix):
    return np.stack((matrix, -matrix))


def with_copy(table, player, strategy):
    return np.concatenate((table, np.take(table, [strategy], axis=player + 1)), axis=player + 1)


def test_rock_paper_scissors_are_all_as_good():
    for ratings in deviation_ratings_of(zero_sum(RPS)):
        assert ratings.tolist() == pytest.approx([0, 0, 0], abs=1e-7)


def test_in_the_biased_shapley_game_all_strategies_of_the_cycle_are_equal():
    # Marris et al. 2025, table 2: payoffs of the row player; uniform averages order them, deviation ratings do not
    own = np.array([[-8, -2, 4], [2, -8, -1], [-4, 1, -8]], float)
    ratings = deviation_ratings_of(np.stack((own, own.T)))
    for rated in ratings:
        assert np.ptp(rated) == pytest.approx(0, abs=1e-6)
    assert np.ptp(own.mean(axis=1)) > 1


def test_a_dominated_strategy_is_rated_by_what_insisting_on_it_costs():
    # the prisoner's dilemma: defect for certain; cooperating instead loses 1 against a defector
    own = np.array([[3, 0], [5, 1]], float)
    cooperate, defect = deviation_ratings_of(np.stack((own, own.T)))[0]
    assert defect == pytest.approx(0, abs=1e-7) and cooperate == pytest.approx(-1, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32))
def test_of_zero_sum_games_with_one_equilibrium_they_are_nash_averages_less_the_value(seed):
    # Marris et al. 2025, section 4: deviation ratings of two-player zero-sum games
    matrix = np.random.default_rng(seed).normal(size=(3, 4))
    nash = nash_average(matrix)
    rows, columns = deviation_ratings_of(zero_sum(matrix))
    assert np.allclose(rows, matrix @ nash.strategies[1] - nash.values[0], atol=1e-6)
    assert np.allclose(columns, nash.values[0] - nash.strategies[0] @ matrix, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3), st.integers(0, 1), st.integers(0, 1))
def test_a_copy_changes_no_rating_and_has_its_own_strategys(seed, players, player, strategy):
    table = np.random.default_rng(seed).normal(size=(players, *([2] * players)))
    before, after = deviation_ratings_of(table), deviation_ratings_of(with_copy(table, player, strategy))
    for p in range(players):
        assert np.allclose(after[p][:2], before[p], atol=1e-6)
    assert after[player][2] == pytest.approx(before[player][strategy], abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_payoff_that_only_the_others_choose_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    table, offset = rng.normal(size=(2, 3, 3)), rng.normal(size=3)
    moved = table + np.stack((np.tile(offset, (3, 1)), np.zeros((3, 3))))
    for one, other in zip(deviation_ratings_of(table), deviation_ratings_of(moved), strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_ratings_scale_with_payoffs():
    table = np.random.default_rng(0).normal(size=(2, 3, 3))
    for one, other in zip(deviation_ratings_of(table), deviation_ratings_of(1000 * table), strict=True):
        assert np.allclose(1000 * one, other, atol=1e-3)


def cyclic_record(copies=1):
    """Rock, paper, scissors and a loser; `copies` of rock."""
    kind = [0] * copies + [1, 2, 3]
    beats = np.array([[0, 0, 1, 1], [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]])
    size = len(kind)
    wins = [[6 * int(beats[kind[i], kind[j]]) for j in range(size)] for i in range(size)]
    draws = [(i, j) for i in range(copies) for j in range(i)]
    record = from_counts(wins, (*(f"r{i}" for i in range(copies)), "p", "s", "l"))
    return record_of(
        np.concatenate((record.seats, np.array(draws * 6).reshape(-1, 2))),
        np.concatenate((record.returns, np.zeros((6 * len(draws), 2)))),
        agents=record.agents,
    )


@pytest.mark.parametrize("copies", [1, 3])
def test_of_a_ladder_the_cycle_is_on_top_and_the_loser_below_whatever_the_copies(copies):
    ratings = deviation_ratings(cyclic_record(copies))
    assert np.allclose(ratings.scores[:-1], 0, atol=1e-6) and ratings.scores[-1] == pytest.approx(-1, abs=1e-6)
    assert ratings.above[:-1, -1].all() and not ratings.above[-1].any()


def test_three_players_are_rated():
    rng = np.random.default_rng(1)
    seats = np.array([rng.permutation(3) for _ in range(60)] + [[i, i, j] for i in range(3) for j in range(3)] * 4)
    strength = np.array([0.0, 1.0, 2.0])
    returns = strength[seats] + 0.01 * rng.normal(size=seats.shape)
    record = record_of(seats, returns, utility="general_sum")
    ratings = deviation_ratings(record)
    assert ratings.scores.argsort().tolist() == [0, 1, 2] and ratings.scores[2] == 0
    assert ratings.scores == pytest.approx(np.array([-2, -1, 0]), abs=0.1)


def test_the_game_of_a_record_has_the_mean_returns_of_all_seats():
    record = record_of([[0, 1], [1, 0], [1, 0]], [[3, -3], [-1, 1], [-2, 2]])
    game = empirical_game(record)
    assert game.payoffs.tolist() == [[[0, 2], [-2, 0]], [[0, -2], [2, 0]]]


def test_a_company_that_was_never_seen_is_named():
    with pytest.raises(ArenaError, match="never seen: a0 with a2"):
        deviation_ratings(record_of([[0, 1], [1, 2]], [[1, -1], [1, -1]]))


def test_a_general_sum_game_needs_matches_of_an_agent_with_itself():
    with pytest.raises(ArenaError, match="never seen: a0 with a0 and a1 with a1"):
        deviation_ratings(record_of([[0, 1]], [[2, 1]], utility="general_sum"))


def test_matches_of_different_sizes_are_no_game():
    with pytest.raises(ArenaError, match="same number of players"):
        empirical_game(record_of([[0, 1, 2], [0, 1, -1]], [[1, 0, 0], [1, 0, 0]]))


def test_agents_without_matches_are_not_rated():
    ratings = deviation_ratings(record_of([[0, 1]], [[1, -1]], agents=("a", "b", "idle")))
    assert np.isnan(ratings.scores[2])

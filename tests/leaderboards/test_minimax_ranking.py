"""The minimax winner of results: weights, intervals, copies, and what it needs."""

import numpy as np
import pytest
from simulated_records import from_counts, record_of

from arena.games import ArenaError
from arena.leaderboards import minimax_ranking, minimax_winner_of, payoff_matrix

RPS = [[0, 0, 20], [20, 0, 0], [0, 20, 0]]


def test_rock_paper_scissors_has_equal_weights_inside_their_intervals():
    winner = minimax_winner_of(payoff_matrix(from_counts(RPS)))
    assert np.allclose(winner.weights, 1 / 3) and winner.unique
    assert (winner.low < 1 / 3).all() and (winner.high > 1 / 3).all()
    assert (winner.high - winner.low < 0.3).all()


def test_intervals_narrow_with_matches():
    widths = [
        (winner.high - winner.low).mean()
        for count in (10, 1000)
        if (winner := minimax_winner_of(payoff_matrix(from_counts(np.array(RPS) // 20 * count))))
    ]
    assert widths[1] < widths[0] / 5


def test_the_same_results_give_the_same_intervals():
    one, other = (minimax_winner_of(payoff_matrix(from_counts(RPS))) for _ in range(2))
    assert (one.low == other.low).all() and (one.draws == other.draws).all()


def test_an_agent_that_beats_everyone_has_all_the_weight():
    winner = minimax_winner_of(payoff_matrix(from_counts([[0, 60, 60], [20, 0, 20], [20, 20, 0]])))
    assert winner.weights.tolist() == [1, 0, 0] and winner.low[0] > 0.9


def test_copies_share_their_weight():
    """Two papers that are even with each other: rock and scissors keep a third."""
    wins = np.zeros((4, 4), int)
    wins[:3, :3] = RPS
    wins[3, 0] = wins[2, 3] = 20
    wins[1, 3] = wins[3, 1] = 10
    weights = minimax_winner_of(payoff_matrix(from_counts(wins))).weights
    assert weights[[0, 2]].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert weights[[1, 3]].tolist() == pytest.approx([1 / 6, 1 / 6])


def test_margins_may_tell_another_story_than_scores():
    """The first wins most matches by a little and loses the rest by much."""
    matrix = payoff_matrix(record_of([[0, 1]] * 10, [[1, -1]] * 8 + [[-20, 20]] * 2))
    assert minimax_winner_of(matrix, payoff="score").weights.tolist() == [1, 0]
    assert minimax_winner_of(matrix, payoff="margin").weights.tolist() == [0, 1]


def test_the_ranking_says_who_is_certainly_above():
    ratings = minimax_ranking(from_counts([[0, 60, 60], [20, 0, 20], [20, 20, 0]]))
    assert ratings.method == "minimax" and ratings.scores.tolist() == [1, 0, 0]
    assert ratings.above[0].tolist() == [False, True, True] and ratings.rank_ranges() == [(1, 1), (2, 3), (2, 3)]


def test_several_winners_are_reported():
    ratings = minimax_ranking(from_counts([[0, 5], [5, 0]]))
    assert ratings.scores.tolist() == [0.5, 0.5] and "several mixtures" in ratings.notes[0]


def test_pairs_that_never_met_are_refused():
    with pytest.raises(ArenaError, match="never met"):
        minimax_ranking(from_counts([[0, 5, 0], [5, 0, 6], [0, 5, 0]]))

"""Mean returns: values, coverage, and thin evidence."""

import numpy as np
import pytest
from simulated_records import record_of

from arena.leaderboards import leaderboard, mean_return


def test_the_mean_is_over_all_seats_of_an_agent():
    ratings = mean_return(record_of([[0, 1], [1, 0], [0, -1]], [[2, 2], [4, 4], [9, 0]]))
    assert ratings.scores.tolist() == [5, 3]


def test_intervals_cover_and_keep_partners_together():
    covered, apart = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        seats = rng.integers(0, 4, (80, 2))
        shared = np.array([0.0, 1, 2, 3])[seats].sum(axis=1) + rng.normal(0, 2, 80)
        ratings = mean_return(record_of(seats, np.stack((shared, shared), axis=1), utility="identical"))
        truth = np.array([0.0, 1, 2, 3]) + 1.5  # an agent's partner is any of the four
        covered.append((ratings.intervals[:, 0] <= truth) & (truth <= ratings.intervals[:, 1]))
        apart.append(ratings.above[0, 3])
    assert 0.92 <= np.mean(covered) <= 0.98
    assert np.mean(apart) == 0


def test_an_agent_seen_once_has_the_whole_range_as_its_interval():
    ratings = mean_return(record_of([[0, 1], [0, 2], [0, 2]], [[1, 1], [5, 5], [7, 7]]))
    assert ratings.intervals[1].tolist() == [-5, 7] and not ratings.above[:, 1].any()


def test_clear_differences_are_certain():
    seats, returns = [[0, 0], [1, 1]] * 10, [[5.0, 5.1], [1, 1.1]] * 10
    assert mean_return(record_of(seats, returns)).above.tolist() == [[False, True], [False, False]]


def test_agents_without_matches_are_named():
    ratings = mean_return(record_of([[0, 1]] * 2, [[1, 1]] * 2, agents=("a", "b", "idle")))
    assert np.isnan(ratings.scores[2]) and ratings.notes == ("idle played no match",)


def test_a_unit_counts_once():
    seats, returns = [[0, 1]] * 8, [[1, 1], [3, 3]] * 4
    single = mean_return(record_of(seats, returns))
    units = mean_return(record_of(seats, returns, pair=[0, 0, 1, 1, 2, 2, 3, 3]))
    assert np.ptp(single.intervals[0]) > 0
    assert np.ptp(units.intervals[0]) == pytest.approx(0)  # each unit's mean is 2


def test_forfeiting_never_pays():
    record = record_of(
        [[0, 1], [1, 0], [0, 1], [2, 0], [1, 2]],
        [[-8, -8], [-9, -9], [-7, -7], [-1, 1], [1, -1]],  # agent 2 forfeits twice; the game states no bounds
        forfeit=[-1, -1, -1, 0, 1],
    )
    ratings = mean_return(record)
    assert ratings.scores.tolist() == pytest.approx([-8, -8, -9])
    board = leaderboard(record, method="mean_return")
    assert [row.mean_return for row in board.rows] == pytest.approx([-8, -8, -9])
    assert board.rows[-1].agent == "a2"
    assert board.rows[-1].forfeits == 2

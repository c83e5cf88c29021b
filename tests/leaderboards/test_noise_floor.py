"""The noise floor: what is said of two agents that are the same."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_records import record_of, twins

from arena.games import UnknownName
from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.leaderboard import leaderboard
from arena.leaderboards.noise_floor import noise_floor


def test_the_difference_is_the_one_of_the_board_and_its_interval_is_of_the_difference():
    record = twins(np.random.default_rng(1), np.array([0.5, 0.5, -1.0]), 60)
    found, ratings = noise_floor(record, leaderboard(record), agent="a0", twin="a1"), elo(record, anchor="a0")
    assert found.difference == pytest.approx(elo(record).scores[1] - elo(record).scores[0], abs=1e-6)
    assert (found.low, found.high) == tuple(ratings.intervals[1])
    assert found.floor >= abs(found.difference)
    assert "differences below" in found.sentence().lower()


def test_the_interval_covers_equals_as_often_as_it_says():
    covered = 0
    for seed in range(200):
        record = twins(np.random.default_rng(seed), np.array([0.3, 0.3, -0.6]), 40)
        covered += noise_floor(record, leaderboard(record), agent="a0", twin="a1").covers_zero
    assert 0.90 <= covered / 200 <= 0.99


def test_where_0_is_not_covered_it_is_said():
    record = twins(np.random.default_rng(1), np.array([2.0, -2.0, 0.0]), 60)
    found = noise_floor(record, leaderboard(record), agent="a0", twin="a1")
    assert not found.covers_zero and "does not cover 0" in found.sentence()


def test_the_anchor_has_its_place():
    record = twins(np.random.default_rng(1), np.array([1.0, 1.0, -3.0]), 60)
    found = noise_floor(record, leaderboard(record), agent="a0", twin="a1", anchor="a2")
    assert found.sentence().endswith("a2, which plays at random, has rank 3 of 3.")
    few = record_of([[0, 1]] * 30 + [[0, 2]], [[1, -1], [-1, 1]] * 15 + [[1, -1]])
    assert "too few matches" in noise_floor(few, leaderboard(few), agent="a0", twin="a1", anchor="a2").sentence()


def test_twins_that_never_met_have_none():
    record = record_of([[0, 1], [2, 3]] * 2, [[1, -1], [1, -1], [-1, 1], [-1, 1]])
    assert noise_floor(record, leaderboard(record), agent="a0", twin="a2") is None
    with pytest.raises(UnknownName):
        noise_floor(record, leaderboard(record), agent="a0", twin="b")

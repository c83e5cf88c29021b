"""Bounds of rating differences that may be read while a league is played."""

from __future__ import annotations

import numpy as np
import pytest

from arena.games import UnknownName
from arena.leaderboards import elo, rating_sequence
from arena.leaderboards.record import Record
from arena.leaderboards.watched_ratings import FIRST_UNITS, grid_of_looks, watch_ratings
from tests.simulated_records import record_of, twins


def _league(seed: int, strength: np.ndarray, rounds: int) -> Record:
    """Rounds in which every pair of agents meets once, one after the other."""
    record = twins(np.random.default_rng(seed), strength, rounds)
    pairs = len(strength) * (len(strength) - 1) // 2
    units = np.arange(pairs * rounds).reshape(pairs, rounds).T.ravel()
    rows = (2 * units[:, None] + np.arange(2)).ravel()
    return record_of(record.seats[rows], record.returns[rows], agents=record.agents, pair=record.pair[rows])


def test_the_last_look_is_the_rating_of_the_whole_record() -> None:
    record = _league(1, np.array([0.6, 0.2, 0.0]), 60)
    watched = watch_ratings(record)
    ratings = elo(record)
    assert watched.looks[-1] == 180
    assert watched.estimate[:, :, -1] == pytest.approx(ratings.scores[:, None] - ratings.scores, abs=1e-6)


def test_bounds_to_an_anchor_are_the_rating_sequence_of_its_estimates_and_errors() -> None:
    record = _league(2, np.array([0.5, 0.0]), 200)
    looks = np.array([60, 100, 150, 200])
    watched = watch_ratings(record, anchor="a1", looks=looks)
    at, error = [], []
    for units in looks.tolist():
        part = slice(0, 2 * units)
        ratings = elo(
            record_of(record.seats[part], record.returns[part], agents=record.agents, pair=record.pair[part]),
            anchor="a1",
        )
        at.append(float(ratings.scores[0]))
        error.append(float(ratings.intervals[0, 1] - ratings.scores[0]) / 1.959964)
    plain = rating_sequence(at, error, looks)
    assert watched.low[0, 1] == pytest.approx(plain.low, abs=1e-3)
    assert watched.high[0, 1] == pytest.approx(plain.high, abs=1e-3)


def test_bounds_never_widen_and_mirror_each_other() -> None:
    watched = watch_ratings(_league(3, np.array([0.6, 0.2, 0.0]), 80))
    assert (watched.low[:, :, 1:] >= watched.low[:, :, :-1]).all()
    assert watched.low == pytest.approx(-watched.high.transpose(1, 0, 2))


def test_agents_with_few_units_have_no_bounds_yet() -> None:
    watched = watch_ratings(_league(4, np.zeros(4), 60), looks=[30, 6 * FIRST_UNITS])
    assert np.isinf(watched.low[0, 1, 0]) and np.isfinite(watched.low[0, 1, 1])


def test_the_grid_begins_late_and_ends_at_all_units() -> None:
    assert grid_of_looks(70).tolist() == [50, 57, 66, 70]
    assert grid_of_looks(20).tolist() == [20]
    assert grid_of_looks(0).tolist() == []


def test_a_strong_leader_becomes_certain_and_stays_so() -> None:
    watched = watch_ratings(_league(5, np.array([0.0, 2.0, 0.0]), 120))
    led = watched.first_leader()
    assert led is not None and led[1] == "a1"
    assert all(watched.leader(look) == "a1" for look in range(led[0], len(watched.looks)))


def test_among_equals_a_leader_is_called_certain_in_at_most_five_percent_of_leagues() -> None:
    runs = 60
    wrong = sum(watch_ratings(_league(seed, np.zeros(3), 80)).first_leader() is not None for seed in range(runs))
    assert wrong <= 5  # binomial(60, 0.05) is above 5 with a probability of 8 %; measured far below


def test_bounds_hold_the_truth_at_all_looks_at_once() -> None:
    strength, missed, runs = np.array([0.5, 0.0, -0.5]), 0, 60
    truth = 400 / np.log(10) * (strength[:, None] - strength)
    for seed in range(runs):
        watched = watch_ratings(_league(seed, strength, 80))
        missed += bool((watched.low.max(axis=2) > truth + 1e-9).any())
    assert missed <= 5


def test_twins_are_read_together_wherever_they_stand() -> None:
    record = _league(6, np.array([0.4, 0.0]), 80)
    apart = np.concatenate((np.arange(0, 160, 2), np.arange(1, 160, 2)))  # all first twins, then all second ones
    shuffled = record_of(record.seats[apart], record.returns[apart], agents=record.agents, pair=record.pair[apart])
    assert watch_ratings(shuffled).low == pytest.approx(watch_ratings(record).low)


def test_others_are_not_compared_where_there_is_an_anchor() -> None:
    watched = watch_ratings(_league(7, np.array([0.6, 0.2, 0.0]), 60), anchor="a0")
    assert np.isnan(watched.low[1, 2]).all() and not np.isnan(watched.low[1, 0]).any()
    with pytest.raises(ValueError, match="leave the anchor out"):
        watched.leader()


def test_an_undefeated_agent_has_no_bounds_until_it_loses() -> None:
    record = record_of([[0, 1], [1, 0]] * 60, [(1, -1), (-1, 1)] * 60, pair=np.repeat(np.arange(60), 2))
    assert np.isinf(watch_ratings(record).high[0, 1]).all()


@pytest.mark.parametrize(
    "wrong", [{"looks": [3, 2]}, {"looks": [0]}, {"looks": [99]}, {"error_rate": 0.0}, {"narrowest_at": 0}]
)
def test_settings_out_of_their_range_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match=r"looks|error_rate"):
        watch_ratings(_league(1, np.zeros(2), 20), **wrong)


def test_an_unknown_anchor_is_refused() -> None:
    with pytest.raises(UnknownName):
        watch_ratings(_league(1, np.zeros(2), 20), anchor="nobody")

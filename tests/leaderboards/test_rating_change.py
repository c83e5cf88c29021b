"""What moved a rating: the parts sum to the whole, and each is its own doing."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games import UnknownName
from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.rating_change import rating_change


def _with_old(seed=0):
    record = twins(np.random.default_rng(seed), np.array([1.0, 0.3, 0.0, -0.5]), 40)
    return record, np.random.default_rng(seed + 1).random(len(record)) < 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_parts_sum_to_the_whole(seed):
    record, old = _with_old(seed)
    for agent in record.agents:
        found = rating_change(record, old, agent)
        assert found.own + found.others + found.field == pytest.approx(found.now - found.then, abs=1e-9)
        assert found.own_matches + found.others_matches == (~old).sum()


def test_then_and_now_are_the_ratings_of_those_boards():
    record, old = _with_old()
    found = rating_change(record, old, "a1")
    assert found.now == pytest.approx(elo(record).scores[1], abs=1e-6)
    old_record = record_of(record.seats[old], record.returns[old], agents=record.agents)
    assert found.then == pytest.approx(elo(old_record).scores[1], abs=1e-6)


def test_without_own_new_matches_all_is_the_doing_of_others():
    record, _ = _with_old()
    old = (record.seats == 0).any(axis=1)
    old[::3] = True
    found = rating_change(record, old, "a0")
    assert found.own == pytest.approx(0, abs=1e-9) and found.own_matches == 0
    assert abs(found.others) > 0.01 and found.field == pytest.approx(0, abs=1e-9)


def test_with_own_new_matches_alone_nothing_is_the_doing_of_others():
    record, _ = _with_old()
    old = ~(record.seats == 0).any(axis=1)
    old[::3] = True
    found = rating_change(record, old, "a0")
    assert found.others == pytest.approx(0, abs=1e-9) and abs(found.own) > 0.1


def test_newcomers_move_the_mean():
    record = from_counts([[0, 6, 9], [4, 0, 9], [1, 1, 0]])
    old = (record.seats != 2).all(axis=1)
    found = rating_change(record, old, "a0")
    assert found.field > 20, "a weak newcomer lowers the mean, which is 0"


def test_what_had_no_rating_then_is_not_split():
    record = from_counts([[0, 6, 9], [4, 0, 9], [1, 1, 0]])
    found = rating_change(record, (record.seats != 2).all(axis=1), "a2")
    assert np.isnan(found.then) and np.isnan(found.own) and np.isfinite(found.now)


def test_who_is_unknown_is_refused():
    record, old = _with_old()
    with pytest.raises(UnknownName):
        rating_change(record, old, "nobody")

"""Who failed against whom."""

from __future__ import annotations

import pytest
from simulated_records import record_of

from arena.leaderboards.forfeited import forfeits_of


def test_forfeits_are_counted_by_opponent_and_weight():
    record = record_of([[0, 1], [1, 0], [0, 2], [2, 0]], [[1, -1]] * 4, forfeit=[1, 0, -1, 1], weight=[1, 2, 1, 1])
    found = forfeits_of(record)
    assert found.between.tolist() == [[0, 0, 1], [3, 0, 0], [0, 0, 0]]
    assert found.by.tolist() == [1, 3, 0]
    assert found.matches.tolist() == [5, 3, 2]
    assert found.played_out.tolist() == [1, 0, 1]
    assert found.rated == 3


def test_at_a_table_of_three_a_forfeit_is_against_both():
    found = forfeits_of(record_of([[0, 1, 2], [2, 1, 0]], [[0, 0, 0]] * 2, forfeit=[0, -1]))
    assert found.between.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert found.played_out.tolist() == [1, 1, 1] and found.rated == 1


def test_self_play_and_empty_seats_forfeit_against_nobody():
    found = forfeits_of(record_of([[0, 0], [0, -1]], [[0, 0]] * 2, forfeit=[1, 0]))
    assert found.between.tolist() == [[0]] and found.matches.tolist() == [0] and found.rated == 0


@pytest.mark.parametrize(("failed", "decisive"), [(0, False), (9, False), (10, True)])
def test_a_tenth_of_the_matches_decides(failed, decisive):
    found = forfeits_of(record_of([[0, 1]] * 100, [[1, -1]] * 100, forfeit=[1] * failed + [-1] * (100 - failed)))
    assert found.decisive(1) is decisive and not found.decisive(0)

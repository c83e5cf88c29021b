"""Who failed against whom."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_records import record_of

from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.forfeited import forfeits_of, played_out, reliability
from arena.leaderboards.leaderboard import leaderboard


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


def _failing(failed, matches=100):
    """a1 fails in the first matches and wins all others."""
    return record_of(
        [[0, 1]] * matches,
        [[1, -1]] * failed + [[-1, 1]] * (matches - failed),
        forfeit=[1] * failed + [-1] * (matches - failed),
    )


def test_reliability_is_the_share_of_own_matches_without_an_own_fault():
    found = reliability(_failing(20))
    assert found[0, 0] == 1 and found[1, 0] == 0.8
    assert found[1, 1:] == pytest.approx((0.7112, 0.8666), abs=5e-3), "Wilson's interval of 80 in 100"


def test_twins_that_fail_together_tell_once():
    forfeit = np.repeat([1, -1, -1, -1], 25).tolist()
    record = record_of([[0, 1]] * 100, [[1, -1]] * 100, forfeit=forfeit, pair=np.arange(50).repeat(2).tolist())
    alone = record_of([[0, 1]] * 100, [[1, -1]] * 100, forfeit=forfeit)
    together = record_of([[0, 1]] * 100, [[1, -1]] * 100, forfeit=forfeit, pair=np.arange(25).repeat(4).tolist())
    widths = [np.ptp(reliability(one)[1, 1:]) for one in (alone, record, together)]
    assert widths[0] < widths[1] < widths[2]


def test_reliability_covers():
    rng, covered = np.random.default_rng(2), 0
    for _ in range(300):
        forfeit = np.where(rng.random(120) < 0.1, 1, -1)
        _, low, high = reliability(record_of([[0, 1]] * 120, [[1, -1]] * 120, forfeit=forfeit))[1]
        covered += low <= 0.9 <= high
    assert 0.92 <= covered / 300 <= 0.985


def test_strength_is_told_apart_from_forfeits():
    board = leaderboard(_failing(60))
    rows = {row.agent: row for row in board.rows}
    assert rows["a0"].rating > rows["a1"].rating, "forfeits are lost matches"
    assert rows["a1"].played_out > rows["a0"].played_out, "and it wins whenever it plays"
    strength = elo(played_out(_failing(60)))
    assert rows["a1"].played_out == strength.scores[1] and rows["a1"].played_out_low == strength.intervals[1, 0]
    assert rows["a1"].reliability == 0.4
    shown = next(row for row in board.to_dict()["rows"] if row["agent"] == "a1")
    assert shown["reliability"] == 0.4 and shown["played_out"] == rows["a1"].played_out
    cells = next(row for row in board.to_csv_rows() if row["agent"] == "a1")
    assert {name: cells[name] for name in cells if name.startswith(("reliab", "played"))} == {
        name: shown[name] for name in shown if name.startswith(("reliab", "played"))
    }
    assert len([name for name in cells if name.startswith(("reliab", "played"))]) == 6


def test_without_forfeits_there_is_nothing_to_tell_apart():
    board = leaderboard(_failing(0))
    assert all(row.reliability is None and row.played_out is None for row in board.rows)
    assert {row["reliability"] for row in board.to_csv_rows()} == {""}


def test_who_always_fails_has_no_strength():
    rows = {row.agent: row for row in leaderboard(_failing(100)).rows}
    assert rows["a1"].reliability == 0 and rows["a1"].played_out is None

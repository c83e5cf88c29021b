"""Boards of one seat: what agents did there, against what the others did elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_records import record_of, twins

from arena.games import NotProvided, SpecificationError
from arena.leaderboards.leaderboard import leaderboard
from arena.leaderboards.one_seat import divided, seat_leaderboard


def _first_mover_and_second_mover():
    """a0 wins whenever it is first and loses whenever it is second; a1 the other way round; a2 is even with both."""
    rows = []
    for _ in range(20):
        rows += [((0, 1), 1), ((1, 0), 1), ((0, 2), 1), ((2, 0), 1), ((1, 2), -1), ((2, 1), -1)]
        rows += [((0, 1), -1), ((2, 0), -1), ((1, 2), 1), ((0, 2), -1), ((1, 0), -1), ((2, 1), 1), ((0, 2), 1)]
    return record_of([seats for seats, _ in rows], [(r, -r) for _, r in rows])


def test_a_seat_shows_what_the_full_board_hides():
    rows = [((0, 1), 1)] * 30 + [((0, 1), -1)] * 10 + [((1, 0), 1)] * 30 + [((1, 0), -1)] * 10
    record = record_of([seats for seats, _ in rows], [(r, -r) for _, r in rows])
    full = {row.agent: row.rating for row in leaderboard(record).rows}
    assert full["a0"] == pytest.approx(0, abs=1e-6)
    here = {row.agent: row for row in seat_leaderboard(record, seat=0).rows}
    assert here["a0"].score == here["a1"].score == 0.75
    there = {row.agent: row for row in seat_leaderboard(record, seat=1).rows}
    assert there["a0"].score == there["a1"].score == 0.25


def test_only_what_was_done_on_the_seat_counts_for_an_agent():
    record = _first_mover_and_second_mover()
    board = seat_leaderboard(record, seat=0)
    for row in board.rows:
        mine = record.seats[:, 0] == record.agents.index(row.agent)
        assert row.matches == mine.sum() and row.wins == (record.returns[mine, 0] > 0).sum()


def test_without_a_difference_between_seats_the_order_is_that_of_the_full_board():
    record = twins(np.random.default_rng(4), np.array([1.5, 0.5, -0.5, -1.5]), 400)
    order = [row.agent for row in leaderboard(record).rows]
    assert [row.agent for row in seat_leaderboard(record, seat=0).rows] == order
    assert [row.agent for row in seat_leaderboard(record, seat=1).rows] == order


def test_what_sitting_there_is_worth_falls_out_of_differences():
    strength = np.array([1.0, 0.0, -1.0])
    record = twins(np.random.default_rng(5), strength, 3000, seat=1.0)
    ratings = {row.agent: row.rating for row in seat_leaderboard(record, seat=0, method="bradley_terry").rows}
    assert ratings["a0"] - ratings["a2"] == pytest.approx(2.0, abs=0.12)


def test_the_matrix_is_of_the_seat_against_elsewhere():
    record = record_of([(0, 1)] * 25 + [(1, 0)] * 25, [(1, -1)] * 20 + [(-1, 1)] * 5 + [(1, -1)] * 25)
    matrix = seat_leaderboard(record, seat=0).matrix
    assert matrix.agents == ("a0", "a1")
    assert matrix.score[0, 1] == 0.8 and matrix.score[1, 0] == 1.0


def test_divided_names_the_others():
    record = divided(record_of([[0, 1, -1]], [[1, -1, 0]]), seat=1)
    assert record.agents == ("a0", "a1", "a0 (elsewhere)", "a1 (elsewhere)")
    assert record.seats.tolist() == [[2, 1, -1]]


def test_methods_of_a_whole_field_are_refused():
    with pytest.raises(NotProvided, match="minimax needs both sides of every pair"):
        seat_leaderboard(record_of([[0, 1]], [[1, -1]]), seat=0, method="minimax")
    with pytest.raises(SpecificationError, match="there is no seat 3"):
        seat_leaderboard(record_of([[0, 1]], [[1, -1]]), seat=2)


@pytest.mark.parametrize("method", ["elo", "mean_return", "elo_online", "glicko2", "davidson", "plackett_luce"])
def test_every_method_of_single_comparisons_has_a_row_for_each_agent(method):
    board = seat_leaderboard(_first_mover_and_second_mover(), seat=0, method=method)
    assert sorted(row.agent for row in board.rows) == ["a0", "a1", "a2"]
    assert "elsewhere" not in board.finding

"""Online Elo: the textbook step, a plain twin, canonical order, and what the bootstrap says."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of, twins

from arena.leaderboards import elo_online


def plain(record, step, start=0.0):
    ratings = [start] * len(record.agents)
    for seats, returns in zip(record.seats.tolist(), record.returns.tolist(), strict=True):
        players = [seat for seat in range(len(seats)) if seats[seat] >= 0]
        moves = [0.0] * len(ratings)
        for x, a in enumerate(players):
            for b in players[x + 1 :]:
                i, j = seats[a], seats[b]
                if i == j:
                    continue
                score = 0.5 + 0.5 * (returns[a] > returns[b]) - 0.5 * (returns[a] < returns[b])
                move = step / (len(players) - 1) * (score - 1 / (1 + 10 ** ((ratings[j] - ratings[i]) / 400)))
                moves[i] += move
                moves[j] -= move
        ratings = [rating + move for rating, move in zip(ratings, moves, strict=True)]
    return ratings


def test_the_first_win_among_equals_is_worth_half_the_step():
    ratings = elo_online(record_of([[0, 1]], [[1, -1]]), step=32, start=1500)
    assert ratings.scores.tolist() == [1516, 1484]


def test_an_upset_of_400_points_is_worth_ten_elevenths_of_the_step():
    # 200 to −200 after ten wins of 40 points' expected half each is built by hand: one match of weight 20 at step 20
    record = record_of([[0, 1], [1, 0]], [[1, -1], [1, -1]], weight=[20, 1])
    ratings = elo_online(record, step=20)
    assert ratings.scores[0] == pytest.approx(200 - 20 * 10 / 11)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 60))
def test_it_agrees_with_a_plain_loop(seed, players, matches):
    rng = np.random.default_rng(seed)
    seats = rng.integers(-1, 5, (matches, players))
    seats[:, :2] = np.abs(seats[:, :2])
    record = record_of(seats, rng.integers(-1, 2, (matches, players)), agents=tuple("abcde"))
    ratings = elo_online(record, step=24, resamples=0)
    expected, rated = np.array(plain(record, 24)), np.isfinite(ratings.scores)
    assert np.allclose(ratings.scores[rated], expected[rated], atol=1e-9)
    assert np.all(expected[~rated] == 0)


def test_the_sum_of_ratings_never_moves():
    record = twins(np.random.default_rng(0), np.linspace(-1, 1, 6), 30)
    assert elo_online(record, resamples=0).scores.sum() == pytest.approx(0, abs=1e-9)


def test_the_canonical_order_is_that_of_the_pairs_wherever_the_rows_stand():
    rng = np.random.default_rng(1)
    record = twins(rng, np.zeros(4), 20)
    order = np.concatenate([[2 * k, 2 * k + 1] for k in rng.permutation(len(record) // 2)])
    moved = dataclasses.replace(
        record, seats=record.seats[order], returns=record.returns[order], pair=record.pair[order]
    )
    one, other = elo_online(record), elo_online(moved)
    assert np.array_equal(one.scores, other.scores) and np.array_equal(one.intervals, other.intervals)


def test_order_matters_which_is_why_it_is_not_for_agents_that_do_not_change():
    wins = [[1, -1]] * 50 + [[-1, 1]] * 50
    early, late = (elo_online(record_of([[0, 1]] * 100, rows)).scores[0] for rows in (wins, wins[::-1]))
    assert early < -50 and late > 50


def test_the_bootstrap_is_as_wide_as_the_rating_scatters():
    scattered, widths = [], []
    for seed in range(60):
        ratings = elo_online(twins(np.random.default_rng(seed), np.zeros(3), 150))
        scattered.append(ratings.scores[0])
        widths.append(np.ptp(ratings.intervals[0]))
    assert np.median(widths) / (2 * 1.96 * np.std(scattered)) == pytest.approx(1, abs=0.25)


def test_agents_that_met_nobody_are_not_rated():
    ratings = elo_online(record_of([[0, 1]], [[0, 0]], agents=("a", "b", "idle")))
    assert np.isnan(ratings.scores[2]) and np.isnan(ratings.intervals[2]).all()
    assert "idle met no other agent and is not rated" in ratings.notes


@pytest.mark.parametrize("wrong", [{"step": 0}, {"start": np.nan}, {"confidence": 1}, {"resamples": -1}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="step must be above 0"):
        elo_online(record_of([[0, 1]], [[1, -1]]), **wrong)

"""Bounds that hold at all times: against a plain search, by simulation, and over unequal opponents."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.leaderboards.anytime_bounds import mean_bounds
from arena.leaderboards.sequential_test import BETS, sequential_test

VALUES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def plain_low(scores, error_rate):
    """The least of a fine grid against which the average capital of the bets stays below 1 / error_rate."""
    grid = np.arange(1, 1000) / 1000
    capital = np.mean([np.prod(1 + bet / grid[:, None] * (scores - grid[:, None]), axis=1) for bet in BETS], axis=0)
    return np.append(grid[capital < 1 / error_rate], 1.0)[0]


@given(st.lists(st.integers(0, 12), min_size=5, max_size=5), st.sampled_from([0.3, 0.05, 0.001]))
@settings(max_examples=30, deadline=None)
def test_the_lower_bound_is_the_least_mean_that_no_bet_refutes(counts, error_rate):
    low, high = mean_bounds(VALUES, np.array([counts], float), error_rate=error_rate)
    scores = np.repeat(VALUES, counts)
    assert low[0] == pytest.approx(plain_low(scores, error_rate), abs=1 / 999)
    assert high[0] == pytest.approx(1 - plain_low(1 - scores, error_rate), abs=1 / 999)


def test_without_scores_nothing_is_known():
    low, high = mean_bounds(VALUES, np.zeros((2, 5)), error_rate=0.1)
    assert (low == 0).all() and (high == 1).all()


def test_the_bound_passes_one_half_when_the_sequential_test_decides():
    rng = np.random.default_rng(0)
    scores = VALUES[rng.choice(5, 400, p=[0.05, 0.15, 0.3, 0.3, 0.2])]
    at = sequential_test(scores, alpha=0.1).at
    for read, passed in ((at - 1, False), (at, True)):
        counts = (scores[:read, None] == VALUES).sum(axis=0)[None].astype(float)
        assert (mean_bounds(VALUES, counts, error_rate=0.05)[0][0] > 0.5) == passed


@pytest.mark.parametrize("means", [[0.5], [0.9], [0.1, 0.3, 0.95], [0.0, 1.0, 0.8]])
def test_bounds_watched_after_every_round_of_unequal_opponents_keep_their_error_rate(means):
    rng = np.random.default_rng(1)
    ladders, rounds, error_rate = 300, 60, 0.2
    wins = np.cumsum((rng.random((ladders, rounds, len(means))) < means).sum(axis=2), axis=1)
    played = len(means) * np.arange(1, rounds + 1)
    counts = np.stack((played - wins, wins), axis=-1).reshape(-1, 2).astype(float)
    low, high = mean_bounds(np.array([0.0, 1.0]), counts, error_rate=error_rate)
    truth, allowed = np.mean(means), error_rate + 3 * np.sqrt(error_rate * (1 - error_rate) / ladders)
    assert (low.reshape(ladders, rounds) > truth).any(axis=1).mean() <= allowed
    assert (high.reshape(ladders, rounds) < truth).any(axis=1).mean() <= allowed


def test_bounds_close_in_on_the_mean():
    wide, narrow = (mean_bounds(VALUES, n * np.array([[1.0, 2, 3, 2, 1]]), error_rate=0.01) for n in (10, 4000))
    assert wide[0][0] < narrow[0][0] < 0.5 < narrow[1][0] < wide[1][0]
    assert narrow[1][0] - narrow[0][0] < 0.02


def test_fewer_extreme_scores_give_narrower_bounds():
    lively = mean_bounds(VALUES, np.array([[500.0, 0, 0, 0, 500]]), error_rate=0.01)
    drawish = mean_bounds(VALUES, np.array([[50.0, 0, 900, 0, 50]]), error_rate=0.01)
    assert drawish[1][0] - drawish[0][0] < 0.5 * (lively[1][0] - lively[0][0])


@pytest.mark.parametrize(
    ("values", "counts", "error_rate"),
    [([0.0, 1.0], [[1.0, 1]], 0.0), ([0.0, 2.0], [[1.0, 1]], 0.1), ([0.0, 1.0], [[-1.0, 1]], 0.1), ([0.0], [[1.0, 1]], 0.1)],
)  # fmt: skip
def test_what_is_out_of_range_is_refused(values, counts, error_rate):
    with pytest.raises(ValueError, match="must be"):
        mean_bounds(np.array(values), np.array(counts), error_rate=error_rate)

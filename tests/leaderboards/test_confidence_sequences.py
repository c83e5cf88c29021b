"""Confidence sequences: they cover at all times at once, narrow, and mirror; the asymptotic one is named as such."""

import numpy as np
import pytest

from arena.leaderboards.confidence_sequences import elo_sequence, rating_sequence, score_sequence


def plain_bounds(scores, error_rate, grid=1000):
    """The hedged capital of every mean of the grid, over again for each pair: the means never refuted."""
    means = np.arange(grid + 1) / grid
    up, down = np.ones(grid + 1), np.ones(grid + 1)
    alive = np.ones(grid + 1, bool)
    seen, squares = [0.5], [0.25]
    for t, score in enumerate(scores, 1):
        bet = np.sqrt(2 * np.log(2 / error_rate) / (np.sum(squares) / t * t * np.log(t + 1)))
        up = up * (1 + np.minimum(bet, 0.5 / np.maximum(means, 1e-12)) * (score - means))
        down = down * (1 - np.minimum(bet, 0.5 / np.maximum(1 - means, 1e-12)) * (score - means))
        alive &= (up < 2 / error_rate) & (down < 2 / error_rate)
        seen.append(score)
        squares.append((score - np.mean(seen)) ** 2)
        yield means[alive].min(), means[alive].max()


def test_the_kernel_is_the_plain_hedged_capital_rounded_outwards():
    scores = np.random.default_rng(1).choice([0, 0.25, 0.5, 0.75, 1], 200, p=[0.05, 0.1, 0.3, 0.3, 0.25])
    found = score_sequence(scores, error_rate=0.1)
    plain = np.array(list(plain_bounds(scores, 0.1)))
    assert np.allclose(found.low, np.maximum(plain[:, 0] - 0.001, 0))
    assert np.allclose(found.high, np.minimum(plain[:, 1] + 0.001, 1))


@pytest.mark.parametrize("mean", [0.5, 0.9])
def test_all_bounds_hold_at_once_at_the_stated_rate(mean):
    rng, runs, error_rate = np.random.default_rng(2), 1000, 0.1
    found = score_sequence((rng.random((runs, 400)) < mean).astype(float), error_rate=error_rate)
    missed = ((found.low > mean) | (found.high < mean)).any(axis=1).mean()
    assert missed <= error_rate + 3 * np.sqrt(error_rate * (1 - error_rate) / runs)


def test_the_bounds_narrow_and_are_narrower_where_scores_vary_less():
    rng = np.random.default_rng(3)
    wild = score_sequence(rng.choice([0.0, 1.0], 2000))
    calm = score_sequence(rng.choice([0.25, 0.5, 0.75], 2000, p=[0.05, 0.9, 0.05]))
    assert (np.diff(wild.low) >= 0).all() and (np.diff(wild.high) <= 0).all()
    assert calm.high[-1] - calm.low[-1] < 0.6 * (wild.high[-1] - wild.low[-1]) < 0.1


def test_swapping_the_agents_mirrors_the_bounds():
    scores = np.random.default_rng(4).choice([0.0, 0.5, 1.0], 300, p=[0.2, 0.3, 0.5])
    one, other = score_sequence(scores), score_sequence(1 - scores)
    assert np.allclose(one.low, 1 - other.high) and np.allclose(one.high, 1 - other.low)


def test_elo_bounds_are_those_of_the_score_and_infinite_at_the_ends():
    found = elo_sequence([1.0] * 100)
    scores = score_sequence([1.0] * 100)
    assert found.low[0] == -np.inf and found.high[-1] == np.inf
    assert 1 / (1 + 10 ** (-found.low[-1] / 400)) == pytest.approx(scores.low[-1])


def test_the_asymptotic_sequence_covers_a_gaussian_walk_at_all_looks():
    rng, runs, error_rate = np.random.default_rng(5), 1000, 0.1
    units = np.arange(1, 1001)
    missed = 0
    for _ in range(runs):
        estimates = rng.standard_normal(1000).cumsum() / units
        found = rating_sequence(estimates, 1 / np.sqrt(units), units, error_rate=error_rate)
        missed += bool(((found.low > 0) | (found.high < 0)).any())
    assert found.asymptotic
    assert 0 < missed / runs <= error_rate + 3 * np.sqrt(error_rate * (1 - error_rate) / runs)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_error_rates_out_of_range_are_refused(rate):
    with pytest.raises(ValueError, match="error_rate"):
        score_sequence([0.5], error_rate=rate)


def test_scores_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.1"):
        score_sequence([1.5])

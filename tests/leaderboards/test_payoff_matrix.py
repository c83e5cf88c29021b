"""The head-to-head matrix: counts, scores, and intervals that cover."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import from_counts, record_of, twins

from arena.leaderboards import comparisons, payoff_matrix


def test_counts_and_scores_are_of_the_row_against_the_column():
    record = record_of([[0, 1], [1, 0], [0, 1], [0, 2]], [[1, -1], [1, -1], [0, 0], [1, -1]])
    matrix = payoff_matrix(record)
    assert matrix.matches.tolist() == [[0, 3, 1], [3, 0, 0], [1, 0, 0]]
    assert (matrix.wins[0, 1], matrix.draws[0, 1], matrix.losses[0, 1]) == (1, 1, 1)
    assert (matrix.wins == matrix.losses.T).all() and (matrix.draws == matrix.draws.T).all()
    assert matrix.score[0, 1] == 0.5 and matrix.score[0, 2] == 1 and matrix.score[2, 0] == 0
    assert np.isnan(matrix.score[1, 2]) and np.isnan(matrix.low[1, 2]) and np.isnan(np.diag(matrix.score)).all()


def test_scores_of_both_sides_sum_to_one():
    matrix = payoff_matrix(twins(np.random.default_rng(0), np.array([0, 0.5, 1.0]), 20, seat=0.5, draws=0.2))
    off = ~np.eye(3, dtype=bool)
    assert np.allclose((matrix.score + matrix.score.T)[off], 1)
    assert np.allclose((matrix.low + matrix.high.T)[off], 1)


def test_single_matches_have_the_interval_of_agresti_and_coull():
    """7 of 10: (7 + z²/2) / (10 + z²) ± z √(p (1 − p) / (10 + z²))."""
    matrix = payoff_matrix(from_counts([[0, 7], [3, 0]]))
    z2 = 1.959964**2
    p = (7 + z2 / 2) / (10 + z2)
    half = np.sqrt(z2 * p * (1 - p) / (10 + z2))
    assert matrix.low[0, 1] == pytest.approx(p - half, abs=1e-6)
    assert matrix.high[0, 1] == pytest.approx(p + half, abs=1e-6)


def test_a_clean_sweep_is_not_certain():
    matrix = payoff_matrix(from_counts([[0, 5], [0, 0]]))
    assert matrix.score[0, 1] == 1 and 0.4 < matrix.low[0, 1] < 0.7 and matrix.high[0, 1] == 1


def test_twins_that_cancel_are_known_better_than_single_matches():
    first_wins = record_of([[0, 1], [1, 0]] * 50, [[1, -1]] * 100, pair=np.arange(50).repeat(2))
    apart = record_of([[0, 1], [1, 0]] * 50, [[1, -1]] * 100)
    widths = [np.ptp([m.low[0, 1], m.high[0, 1]]) for m in (payoff_matrix(first_wins), payoff_matrix(apart))]
    assert widths[0] < 0.5 * widths[1]


@pytest.mark.parametrize(
    ("seat", "draws", "pairs"), [(0.0, 0.0, 10), (0.0, 0.4, 10), (2.0, 0.0, 10), (0.0, 0.0, 100), (2.0, 0.3, 100)]
)
def test_95_percent_intervals_cover(seat, draws, pairs):
    strength = np.array([0.0, 0.3, 0.6, 0.9, 1.2])
    i, j = np.triu_indices(5, 1)
    win = 1 / (1 + np.exp(-(strength[i] - strength[j])[:, None] - np.array([seat, -seat])))
    truth = (1 - draws) * win.mean(axis=1) + draws / 2
    covered = []
    for seed in range(100):
        matrix = payoff_matrix(twins(np.random.default_rng(seed), strength, pairs, seat=seat, draws=draws))
        covered.append((matrix.low[i, j] <= truth) & (truth <= matrix.high[i, j]))
    assert np.mean(covered) >= 0.935
    assert pairs < 100 or np.mean(covered) <= 0.985  # a few twins are judged with caution


def test_returns_of_different_sizes_are_graded():
    assert not payoff_matrix(from_counts([[0, 3], [2, 0]])).graded
    graded = payoff_matrix(record_of([[0, 1]] * 4, [[1, -1], [1, -1], [1, -1], [-5, 5]]))
    assert graded.graded and graded.score[0, 1] == 0.75
    assert graded.margin[0, 1] == pytest.approx(-1) and graded.margin[1, 0] == pytest.approx(1)


def test_a_match_counts_as_often_as_its_weight():
    matrix = payoff_matrix(record_of([[0, 1], [0, 1]], [[1, -1], [-1, 1]], weight=[3, 1]))
    assert matrix.score[0, 1] == 0.75 and matrix.matches[0, 1] == 4 and matrix.wins[0, 1] == 3


def test_a_part_keeps_its_cells():
    matrix = payoff_matrix(twins(np.random.default_rng(1), np.array([0, 0.5, 1.0]), 20))
    part = matrix.of([2, 0])
    assert part.agents == ("a2", "a0") and part.score[0, 1] == matrix.score[2, 0]
    assert part.low[1, 0] == matrix.low[0, 2] and part.matches[0, 1] == matrix.matches[2, 0]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 25), st.integers(2, 4), st.integers(2, 5))
def test_means_and_units_equal_their_plain_twin(seed, matches, seats, agents):
    """Units that mix agents, weights, forfeits: the mean of each cell, and its centre and error unit by unit."""
    rng = np.random.default_rng(seed)
    record = record_of(
        rng.integers(0, agents, (matches, seats)),
        rng.integers(-2, 3, (matches, seats)),
        agents=tuple("abcde"[:agents]),
        pair=rng.integers(0, 6, matches),
        weight=rng.choice([1.0, 2.5], matches),
        forfeit=np.where(rng.random(matches) < 0.2, 0, -1),
    )
    compared, matrix = comparisons(record), payoff_matrix(record)
    z = 1.959963984540054
    for i in range(agents):
        for j in range(agents):
            sums = {}
            for k in range(len(compared)):
                if {compared.first[k], compared.second[k]} == {i, j}:
                    value = compared.score[k] if compared.first[k] == i else 1 - compared.score[k]
                    w, x = sums.get(compared.unit[k], (0.0, 0.0))
                    sums[compared.unit[k]] = w + compared.weight[k], x + compared.weight[k] * value
            if not sums:
                assert np.isnan(matrix.score[i, j])
                continue
            w, x = np.array(list(sums.values())).T
            units = w.sum() ** 2 / (w**2).sum()
            mean = x.sum() / w.sum()
            centre = (units * mean + z**2 / 2) / (units + z**2)
            squares = (units / w.sum()) ** 2 * ((x - centre * w) ** 2).sum() + z**2 / 2 * (
                centre**2 + (1 - centre) ** 2
            )
            assert matrix.score[i, j] == pytest.approx(mean, abs=1e-12)
            assert matrix.centre[i, j] == pytest.approx(centre, abs=1e-12)
            assert matrix.error[i, j] == pytest.approx(np.sqrt(squares) / (units + z**2), abs=1e-9)

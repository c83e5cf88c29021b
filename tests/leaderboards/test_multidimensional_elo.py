"""Multidimensional Elo: rank 0 is Elo, gradients, the rank that is chosen, cycles predicted, invariances, refusals."""

import numpy as np
import pytest
from simulated_records import from_counts, record_of, twins

from arena.games.errors import ArenaError
from arena.leaderboards import elo, low_rank_payoffs, multidimensional_elo
from arena.leaderboards.multidimensional_elo import penalised

CYCLE = [[0, 80, 20], [20, 0, 80], [80, 20, 0]]


def of_probabilities(rng, win, pairs):
    """A round robin of units of two matches in which the row beats the column with probability win[i, j]."""
    i, j = (np.repeat(side, 2 * pairs) for side in np.triu_indices(len(win), 1))
    returns = np.where(rng.random(len(i)) < win[i, j], 1.0, -1.0)
    return record_of(
        np.stack((i, j), axis=1), np.stack((returns, -returns), axis=1), pair=np.arange(len(i) // 2).repeat(2)
    )


def cyclic_league(size=8):
    """Strengths and one plane of cycles."""
    rng = np.random.default_rng(7)
    strength, angle = rng.normal(size=size) / 2, np.linspace(0, 2 * np.pi, size, endpoint=False)
    logits = strength[:, None] - strength + 1.5 * np.sin(angle[:, None] - angle)
    return 1 / (1 + np.exp(-logits))


def test_rank_0_is_elo():
    record = twins(np.random.default_rng(0), np.linspace(-1, 1, 5), 40)
    assert np.allclose(multidimensional_elo(record, rank=0).scores, elo(record).scores, atol=0.5)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_the_gradient_is_the_derivative(rank):
    rng = np.random.default_rng(1)
    points, at = rng.integers(0, 9, (5, 5)).astype(float), rng.normal(size=5 + 10 * rank)
    np.fill_diagonal(points, 0)
    gradient = penalised(at, points, rank)[1]
    for k in range(len(at)):
        step = 1e-6 * np.eye(len(at))[k]
        slope = (penalised(at + step, points, rank)[0] - penalised(at - step, points, rank)[0]) / 2e-6
        assert gradient[k] == pytest.approx(slope, abs=1e-5)


def test_rank_1_holds_a_cycle_that_elo_calls_even():
    record = from_counts(CYCLE)
    win = low_rank_payoffs(record, rank=1).probabilities
    assert np.allclose(low_rank_payoffs(record, rank=0).probabilities, 0.5, atol=1e-6)
    assert win[0, 1] == pytest.approx(0.8, abs=0.02) and win[1, 2] == pytest.approx(0.8, abs=0.02)
    assert np.allclose(win + win.T, 1)
    ratings = multidimensional_elo(record, rank=1)
    assert np.allclose(ratings.scores, 0, atol=1e-3)
    assert ratings.notes == ("who beats whom has a cyclic part of rank 1",)


def test_a_cycle_has_its_rank_chosen_and_a_ladder_rank_0():
    rng = np.random.default_rng(2)
    assert low_rank_payoffs(of_probabilities(rng, cyclic_league(), 20)).rank == 1
    strength = np.linspace(-1, 1, 8)
    ladder = 1 / (1 + np.exp(strength - strength[:, None]))
    assert low_rank_payoffs(of_probabilities(rng, ladder, 20)).rank == 0


def test_the_chosen_model_predicts_a_cyclic_league_better_than_elo():
    win = cyclic_league()
    record = of_probabilities(np.random.default_rng(3), win, 15)
    chosen, plain = low_rank_payoffs(record), low_rank_payoffs(record, rank=0)
    off = ~np.eye(len(win), dtype=bool)
    error = [np.abs(model.probabilities - win)[off].mean() for model in (chosen, plain)]
    assert error[0] < error[1] / 2
    assert chosen.held_out[1] > chosen.held_out[0]


def test_the_cyclic_part_has_no_mean_and_the_strengths_neither():
    model = low_rank_payoffs(of_probabilities(np.random.default_rng(4), cyclic_league(), 5), rank=2)
    assert np.allclose(model.cyclic, -model.cyclic.T) and np.allclose(model.cyclic.mean(axis=1), 0, atol=1e-9)
    assert model.strength.mean() == pytest.approx(0, abs=1e-9)
    assert np.linalg.matrix_rank(model.cyclic, tol=1e-6) <= 6  # two planes, and what centring adds


def test_shuffling_and_renumbering_change_nothing():
    rng = np.random.default_rng(5)
    record = of_probabilities(rng, cyclic_league(5), 8)
    order, number = rng.permutation(len(record)), rng.permutation(5)
    names = tuple(record.agents[i] for i in np.argsort(number))  # the same agents under other numbers
    other = record_of(number[record.seats[order]], record.returns[order], agents=names, pair=record.pair[order])
    one, two = multidimensional_elo(record, resamples=0), multidimensional_elo(other, resamples=0)
    assert one.settings["rank"] == two.settings["rank"]
    assert np.allclose(two.scores[[two.names.index(name) for name in one.names]], one.scores, atol=1e-9)


def test_intervals_hold_the_score_and_shrink_with_matches():
    widths = []
    for pairs in (10, 40):
        ratings = multidimensional_elo(of_probabilities(np.random.default_rng(6), cyclic_league(5), pairs), rank=1)
        assert (ratings.intervals[:, 0] <= ratings.scores).all() and (ratings.scores <= ratings.intervals[:, 1]).all()
        widths.append(np.ptp(ratings.intervals, axis=1).mean())
    assert widths[0] / widths[1] == pytest.approx(2, rel=0.3)


def test_an_undefeated_agent_has_a_finite_rating():
    ratings = multidimensional_elo(from_counts([[0, 20, 20], [0, 0, 12], [0, 8, 0]]))
    assert np.isfinite(ratings.intervals).all() and ratings.scores.argmax() == 0


def test_groups_that_never_met_and_ledgers_without_matches_are_refused():
    wins = np.zeros((4, 4), int)
    wins[0, 1] = wins[2, 3] = 3
    with pytest.raises(ArenaError, match="at least through others"):
        multidimensional_elo(from_counts(wins))
    with pytest.raises(ArenaError, match="at least through others"):
        multidimensional_elo(record_of(np.zeros((0, 2)), np.zeros((0, 2)), agents=("a", "b")))


def test_a_negative_rank_is_refused():
    with pytest.raises(ValueError, match="rank must be"):
        multidimensional_elo(from_counts(CYCLE), rank=-1)

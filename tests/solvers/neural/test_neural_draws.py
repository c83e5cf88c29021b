"""Draws that updates learn from: samples have the mean of exact expectations, and what is not said is nothing."""

import numpy as np
import pytest
import torch
from neural_preferences import random_tables

from arena.games.judge import JudgeFailure
from arena.solvers.neural.draws import Exact, Sampled, judging, judging_tables

TABLES = torch.from_numpy(random_tables(2, 3, seed=1))
POLICY = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], dtype=torch.float64)
OPPONENT = torch.tensor([[0.2, 0.2, 0.6], [0.4, 0.5, 0.1]], dtype=torch.float64)
BOTH = torch.arange(2)
MANY = 200_000


def sampled(samples=MANY, opponents=1, flip_rate=0.0, judge=None):
    torch.manual_seed(2)
    return Sampled(
        samples=samples, opponents=opponents, judging=judging_tables(TABLES, flip_rate) if judge is None else judge
    )


def by_candidate(chosen, weights, values):
    """Σ weights and Σ weights · values by candidate [contexts, n]."""
    zeros = torch.zeros(2, 3, dtype=torch.float64)
    return zeros.scatter_add(-1, chosen, weights), zeros.scatter_add(-1, chosen, weights * values)


@pytest.mark.parametrize(("opponents", "flip_rate"), [(1, 0.0), (2, 0.0), (1, 0.3)])
def test_sampled_singles_have_the_mean_of_exact_ones(opponents, flip_rate):
    exact = Exact(preferences=TABLES).singles(BOTH, POLICY, OPPONENT)
    found = sampled(opponents=opponents, flip_rate=flip_rate).singles(BOTH, POLICY, OPPONENT)
    shares, wins = by_candidate(found.chosen, found.weights, found.win_rates)
    assert torch.allclose(shares, exact.weights, atol=0.005)
    assert torch.allclose(wins, exact.weights * exact.win_rates, atol=0.01)


def test_sampled_pairs_have_the_mean_of_exact_ones():
    exact = Exact(preferences=TABLES).pairs(BOTH, POLICY)
    found = sampled(flip_rate=0.2).pairs(BOTH, POLICY)
    place = found.first * 3 + found.second
    zeros = torch.zeros(2, 9, dtype=torch.float64)
    shares = zeros.scatter_add(-1, place, found.weights).reshape(2, 3, 3)
    preferred = zeros.scatter_add(-1, place, found.weights * found.target).reshape(2, 3, 3)
    assert torch.allclose(shares, exact.weights, atol=0.005)
    assert torch.allclose(preferred, exact.weights * exact.target, atol=0.01)


def test_sampled_gains_have_the_mean_of_exact_ones():
    exact = Exact(preferences=TABLES).gains(BOTH, POLICY)
    found = sampled(flip_rate=0.1).gains(BOTH, POLICY)
    place = found.first * 3 + found.second
    gained = torch.zeros(2, 9, dtype=torch.float64).scatter_add(-1, place, found.weights * found.target)
    assert torch.allclose(gained.reshape(2, 3, 3), exact.weights * exact.target, atol=0.01)


def test_exact_ones_are_those_of_their_contexts():
    exact = Exact(preferences=TABLES)
    second = exact.singles(torch.tensor([1]), POLICY[1:], OPPONENT[1:])
    assert torch.allclose(second.win_rates[0], TABLES[1] @ OPPONENT[1])
    assert second.weights.sum() == pytest.approx(1) and exact.pairs(BOTH, POLICY).weights.sum() == pytest.approx(1)


def test_a_candidate_against_itself_is_a_tie_and_no_question():
    asked = []

    def ask(contexts, first, second):
        asked.extend(zip(first, second, strict=True))
        return np.ones(len(first)), []

    judge = judging(ask, 0.0)
    shares = judge.shares(BOTH, torch.tensor([[0, 1], [2, 2]]), torch.tensor([[0, 2], [2, 1]]))
    assert shares.tolist() == [[0.5, 1.0], [0.5, 1.0]]
    assert asked == [(1, 2), (2, 1)] and judge.counts[0] == 2


def test_draws_without_a_verdict_weigh_nothing():
    def ask(contexts, first, second):
        shares = np.where(contexts == 0, np.nan, 1.0)
        return shares, [JudgeFailure("timeout", "late")] * int(np.isnan(shares).sum())

    judge = judging(ask, 0.0)
    draws = sampled(samples=50, judge=judge)
    singles = draws.singles(BOTH, POLICY, OPPONENT)
    questions = singles.weights[0] == 0
    assert questions.any() and (singles.win_rates[0][questions] == 0.5).all()
    assert singles.weights.sum() == pytest.approx(1)
    assert torch.isfinite(draws.gains(BOTH, POLICY).target).all()
    pairs = draws.pairs(BOTH, POLICY)
    assert (pairs.weights[0] == 0).any() and pairs.weights.sum() == pytest.approx(1)
    assert judge.counts[2] > 0 and judge.counts[1] == judge.counts[3] == judge.counts[4] == 0


def test_what_a_queue_keeps_is_the_share_of_what_was_drawn():
    draws = sampled(samples=10)
    singles = draws.singles(BOTH, POLICY, OPPONENT)
    trace = draws.trace(singles, POLICY)
    assert torch.allclose(trace.sum(-1), torch.ones(2, dtype=torch.float64))
    for x in range(2):
        for y in range(3):
            assert trace[x, y] * 10 == pytest.approx(int((singles.chosen[x] == y).sum()))
    assert torch.equal(Exact(preferences=TABLES).trace(singles, POLICY), POLICY)

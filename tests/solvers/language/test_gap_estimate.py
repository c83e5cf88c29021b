"""The estimated gap: a lower bound without bias upwards, near the exact one where candidates are many."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_language import table

from arena.solvers.language.gap_estimate import gap_estimate

WORDS = ["rock", "paper", "scissors", "play", "now"]
P = table(WORDS)
MU = np.array([0.3, 0.1, 0.1, 0.3, 0.2])
PI = np.array([0.6, 0.1, 0.1, 0.1, 0.1])


def exact_gap(beta: float) -> float:
    rates = P @ PI
    if beta == 0:
        return float(rates.max() - 0.5)
    return float(beta * np.log((MU * np.exp(rates / beta)).sum()) + beta * (PI * np.log(PI / MU)).sum() - 0.5)


def sampled(rng, prompts, candidates, opponents, beta, *, judge_noise=False):
    replies = rng.choice(5, (prompts, candidates), p=MU)
    draws = rng.choice(5, (prompts, opponents), p=PI)
    told = P[replies[:, :, None], draws[:, None, :]]
    if judge_noise:
        told = (rng.random(told.shape) < told).astype(float)
    return gap_estimate(told, np.log(PI / MU)[draws], beta=beta)


@pytest.mark.parametrize("beta", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("judge_noise", [False, True])
@pytest.mark.parametrize(("candidates", "opponents"), [(4, 2), (8, 8)])
def test_it_is_not_above_the_exact_gap_on_average(beta, judge_noise, candidates, opponents):
    found = sampled(np.random.default_rng(0), 20_000, candidates, opponents, beta, judge_noise=judge_noise)
    assert found.gap < exact_gap(beta) + 4 * found.gap_standard_error
    assert found.gap_standard_error < 0.01


@pytest.mark.parametrize("beta", [0.0, 0.05, 0.2])
def test_it_is_near_the_exact_gap_with_many_candidates_and_draws(beta):
    found = sampled(np.random.default_rng(0), 60, 200, 200, beta)
    assert found.gap == pytest.approx(exact_gap(beta), abs=0.01)


def test_win_rate_and_divergence_are_those_of_the_tables():
    found = sampled(np.random.default_rng(0), 20_000, 4, 4, 0.1)
    assert abs(found.win_rate - PI @ P @ MU) < 4 * found.win_rate_standard_error
    assert abs(found.kl - (PI * np.log(PI / MU)).sum()) < 4 * found.kl_standard_error


def test_standard_errors_are_those_of_repeated_estimates():
    rng = np.random.default_rng(0)
    found = [sampled(rng, 100, 4, 4, 0.1) for _ in range(300)]
    spread = np.std([one.gap for one in found])
    assert np.mean([one.gap_standard_error for one in found]) == pytest.approx(spread, rel=0.15)


def test_choosing_and_measuring_do_not_share_their_luck():
    rng = np.random.default_rng(0)
    coin = (rng.random((20_000, 8, 4)) < 0.5).astype(float)  # nobody is better than anybody
    found = gap_estimate(coin, np.zeros((20_000, 4)), beta=0.0)
    assert abs(found.gap) < 4 * found.gap_standard_error


def test_a_prompt_whose_candidate_has_no_verdict_is_left_out():
    told = np.full((3, 2, 4), 0.5)
    told[1, 0] = np.nan
    told[2, 0, 0] = np.nan  # one verdict of two is enough
    assert gap_estimate(told, np.zeros((3, 4)), beta=0.1).prompts == 2


def test_a_single_prompt_has_no_standard_error():
    found = gap_estimate(np.full((1, 2, 2), 0.5), np.zeros((1, 2)), beta=0.1)
    assert np.isnan(found.gap_standard_error)
    assert found.gap == pytest.approx(0)

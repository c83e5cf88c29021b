"""Certificates of policies in contexts: exact ones, and estimates of them from comparisons."""

import numpy as np
import pytest
import torch
from neural_preferences import random_tables
from preference_tables import gap_by_definition

from arena.games.judge import JudgeFailure
from arena.solvers import nash_mirror_prox
from arena.solvers.neural.certificates import estimated_certificate, exact_certificate
from arena.solvers.neural.draws import judging, judging_tables

TABLES = random_tables(6, 5, seed=7)
UNIFORM = np.full((6, 5), -np.log(5))


def policies(seed=3):
    logits = np.random.default_rng(seed).normal(size=(6, 5))
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def estimates(logs, beta, opponents, count, judge=None):
    judge = judging_tables(torch.from_numpy(TABLES), 0.0) if judge is None else judge
    torch.manual_seed(1)
    return [estimated_certificate(judge, logs, UNIFORM, beta, opponents=opponents) for _ in range(count)]


@pytest.mark.parametrize("beta", [0.05, 0.3, 2.0])
def test_the_exact_gap_is_that_of_the_definition(beta):
    logs = policies()
    found = exact_certificate(TABLES, logs, UNIFORM, beta)
    for x in range(6):
        told = gap_by_definition(TABLES[x], np.exp(logs[x]), np.full(5, 0.2), beta)
        assert found.contexts[x] == pytest.approx(told, abs=1e-13)
    assert found.gap == pytest.approx(found.contexts.mean()) and found.worst == found.contexts.max()
    assert found.error == 0 and found.at_least == found.gap


def test_the_gap_without_a_reference_is_what_the_best_candidate_wins():
    logs = policies()
    found = exact_certificate(TABLES, logs, UNIFORM, 0.0)
    assert found.contexts == pytest.approx([(TABLES[x] @ np.exp(logs[x])).max() - 0.5 for x in range(6)])


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_truth_lies_between_the_means_of_the_two_estimates(beta):
    logs = policies()
    exact = exact_certificate(TABLES, logs, UNIFORM, beta).gap
    found = estimates(logs, beta, opponents=16, count=200)
    above, below = np.array([one.gap for one in found]), np.array([one.at_least for one in found])
    assert above.mean() > exact > below.mean()


@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_the_error_is_that_of_the_estimate(beta):
    logs = policies()
    exact = exact_certificate(TABLES, logs, UNIFORM, beta).gap
    found = estimates(logs, beta, opponents=400, count=100)
    gaps, errors = np.array([one.gap for one in found]), np.array([one.error for one in found])
    assert errors.mean() == pytest.approx(gaps.std(), rel=0.3)
    assert abs(gaps.mean() - exact) < 2 * errors.mean()


def test_noise_that_is_known_is_put_right():
    logs = policies()
    exact = exact_certificate(TABLES, logs, UNIFORM, 0.5).gap
    found = estimates(logs, 0.5, 600, 60, judge=judging_tables(torch.from_numpy(TABLES), 0.25))
    assert np.mean([one.gap for one in found]) == pytest.approx(exact, rel=0.15)


def test_at_the_solution_nothing_is_to_be_gained():
    solutions = np.stack([nash_mirror_prox(table, beta=0.3, until=1e-12).strategies[0] for table in TABLES])
    assert exact_certificate(TABLES, np.log(solutions), UNIFORM, 0.3).worst < 1e-11
    found = estimates(np.log(solutions), 0.3, 64, 50)
    assert np.mean([one.at_least for one in found]) < 0.002 and min(one.gap for one in found) >= 0


def test_comparisons_without_a_verdict_are_left_out():
    def shy(contexts, first, second):
        """Says nothing of one comparison in three; knows the tables."""
        shares = TABLES[contexts, first, second]
        silent = np.arange(len(first)) % 3 == 0
        return np.where(silent, np.nan, shares), [JudgeFailure("refused", "no")] * int(silent.sum())

    judge = judging(shy, 0.0)
    found = estimates(policies(), 0.3, 200, 1, judge=judge)[0]
    assert found.gap == pytest.approx(exact_certificate(TABLES, policies(), UNIFORM, 0.3).gap, rel=0.1)
    assert int(judge.counts[1]) == pytest.approx(int(judge.counts[0]) / 3, rel=0.01)

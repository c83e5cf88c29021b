"""Queries about preferences: exact, sampled and noisy, in one context and in many."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preference_tables import CYCLE, WEIGHTED, random_preferences

from arena.games.seeds import counter_hash, seed_of, unit
from arena.solvers.preference_queries import OPPONENT_STREAM, OUTCOME_STREAM, WinRates, exact_rates

FIRST = np.array([0])


def asked(rates, policy, number):
    """One query about the only table."""
    return rates.of(np.asarray(policy)[None], FIRST, np.array([number]))[0]


def plain(rates, policies, contexts, numbers):
    """Comparison by comparison, in Python."""
    total, size = rates.preferences.shape[:2]
    word = np.uint64(seed_of(("preference queries", rates.seed)))
    found = np.zeros(policies.shape)
    for k, context in enumerate(contexts):
        edges = np.cumsum(policies[k])
        for i in range(size):
            for s in range(rates.samples):
                counter = ((numbers[k] * total + context) * size + i) * rates.samples + s
                draw = unit(counter_hash(word, OPPONENT_STREAM, counter)) * edges[-1]
                opponent = int((edges <= draw).sum())
                chance = rates.preferences[context, i, opponent]
                says = chance * (1 - rates.flip_rate) + (1 - chance) * rates.flip_rate
                found[k, i] += unit(counter_hash(word, OUTCOME_STREAM, counter)) < says
    return (found / rates.samples - rates.flip_rate) / (1 - 2 * rates.flip_rate)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 4), st.integers(1, 6), st.sampled_from([0.0, 0.3]))
def test_sampled_rates_are_those_of_comparisons_one_by_one(seed, size, contexts, samples, flip_rate):
    rng = np.random.default_rng(seed)
    preferences = np.stack([random_preferences(size, seed + k) for k in range(contexts)])
    rates = WinRates(preferences=preferences, samples=samples, flip_rate=flip_rate, seed=seed)
    chosen = np.flatnonzero(rng.random(contexts) < 0.7)
    policies, numbers = rng.dirichlet(np.ones(size), size=len(chosen)), rng.integers(0, 100, size=len(chosen))
    found = rates.of(policies, chosen, numbers)
    assert np.allclose(found, plain(rates, policies, chosen, numbers), atol=1e-12)


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 5))
def test_exact_rates_of_some_contexts_are_those_of_their_tables(seed, size, contexts):
    rng = np.random.default_rng(seed)
    preferences = np.stack([random_preferences(size, seed + k) for k in range(contexts)])
    chosen = np.flatnonzero(rng.random(contexts) < 0.6)
    policies = rng.dirichlet(np.ones(size), size=len(chosen))
    expected = [preferences[context] @ policy for context, policy in zip(chosen, policies, strict=True)]
    assert np.allclose(exact_rates(preferences, policies, chosen), np.reshape(expected, policies.shape), atol=1e-14)


def test_how_many_threads_multiply_changes_no_bit(monkeypatch):
    tables, every = np.stack([random_preferences(9, seed) for seed in range(11)]), np.arange(11)
    policies = np.random.default_rng(0).dirichlet(np.ones(9), size=11)
    one = exact_rates(tables, policies, every)
    monkeypatch.setattr("arena.solvers.preference_queries.WORK_OF_A_THREAD", 1)
    for threads in (2, 3, 40):
        monkeypatch.setattr("numba.config.NUMBA_NUM_THREADS", threads)
        assert exact_rates(tables, policies, every).tolist() == one.tolist()
    assert exact_rates(tables, policies[[2, 7]], np.array([2, 7])).tolist() == one[[2, 7]].tolist()


@pytest.mark.parametrize("flip_rate", [0.0, 0.3])
def test_sampled_rates_have_the_right_mean_and_spread_in_every_context(flip_rate):
    policies = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    tables, samples, both = np.stack([WEIGHTED, CYCLE]), 20_000, np.array([0, 1])
    rates = WinRates(preferences=tables, samples=samples, flip_rate=flip_rate, seed=5)
    exact = np.stack([WEIGHTED @ policies[0], CYCLE @ policies[1]])
    errors = np.stack([rates.of(policies, both, np.full(2, query)) for query in range(20)]) - exact
    heard = flip_rate + (1 - 2 * flip_rate) * exact
    spread = np.sqrt(heard * (1 - heard) / samples) / (1 - 2 * flip_rate)
    assert (np.abs(errors.mean(axis=0)) < 4 * spread / np.sqrt(20)).all()
    assert np.allclose(errors.std(axis=0), spread, rtol=0.6)
    assert np.abs(errors[:, 0] - errors[:, 1]).max() > 0


def test_a_candidate_that_is_never_played_is_never_met():
    rates = asked(WinRates(preferences=CYCLE[None], samples=50, seed=2), [1.0, 0.0, 0.0], 0)
    assert rates[1:].tolist() == [1.0, 0.0]
    assert 0.2 < rates[0] < 0.8


def test_queries_draw_anew_and_the_same_query_draws_the_same():
    rates, policy = WinRates(preferences=WEIGHTED[None], samples=7, seed=2), np.full(3, 1 / 3)
    assert asked(rates, policy, 4).tolist() == asked(rates, policy, 4).tolist()
    assert len({tuple(asked(rates, policy, query)) for query in range(50)}) > 10


def test_contexts_with_the_same_table_draw_apart():
    rates = WinRates(preferences=np.stack([WEIGHTED] * 30), samples=7, seed=2)
    every = np.arange(30)
    assert len({tuple(one) for one in rates.of(np.full((30, 3), 1 / 3), every, np.zeros(30, int))}) > 10
    twice = np.concatenate([rates.of(np.full((30, 3), 1 / 3), every, np.full(30, query)) for query in range(2)])
    assert len({tuple(one) for one in twice}) > 30  # one context's second query is not the next one's first


def test_a_query_is_as_many_comparisons_as_candidates_meet_opponents():
    tables = np.stack([WEIGHTED] * 4)
    assert WinRates(preferences=tables, samples=7).comparisons == 3 * 7
    assert WinRates(preferences=tables).comparisons == 0

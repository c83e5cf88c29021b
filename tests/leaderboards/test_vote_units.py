"""Votes on one prompt are one unit, so that intervals hold where prompts favour candidates."""

from __future__ import annotations

import numpy as np
import pytest

from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.record import Record
from arena.leaderboards.vote_units import CONTEXTS_AS_UNITS, vote_units
from arena.match_import import record_of
from benchmarks.prompt_coverage import votes_of
from tests.simulated_records import record_of as record_of_rows


def units(rows):
    first, second, context = np.array(rows, np.int64).reshape(-1, 3).T
    return vote_units(first, second, context).tolist()


def test_votes_on_one_pair_and_prompt_are_one_unit_in_either_order():
    assert units([(0, 1, 5), (1, 0, 5), (0, 2, 5), (0, 1, 3)]) == [1, 1, 2, 0]


def test_all_votes_on_a_prompt_are_one_unit_where_there_are_many_prompts():
    rows = [(0, pair, context) for context in range(CONTEXTS_AS_UNITS) for pair in (1, 2)]
    assert units(rows) == [context for context in range(CONTEXTS_AS_UNITS) for _ in (1, 2)]
    assert len(set(units(rows[2:]))) == len(rows) - 2


def test_a_vote_without_a_context_stands_alone():
    assert units([(0, 1, -1), (0, 1, 0), (0, 1, -1), (1, 0, 0)]) == [1, 0, 2, 0]
    assert units([]) == []


def covered(record: Record) -> float:
    """The share of candidates whose interval holds the truth: all are alike."""
    low, high = elo(record).intervals.T
    return float(((low <= 0) & (high >= 0)).mean())


@pytest.mark.parametrize("prompts", [30, 12])
def test_intervals_hold_where_prompts_favour_candidates(prompts):
    rng = np.random.default_rng(7)
    together, apart = [], []
    for _ in range(150):
        record = record_of(votes_of(rng, prompts, candidates=3, judges=6, spread=1.5))
        together.append(covered(record))
        apart.append(covered(record_of_rows(record.seats, record.returns, agents=record.agents)))
    assert np.mean(together) > (0.93 if prompts >= CONTEXTS_AS_UNITS else 0.84)
    assert np.mean(apart) < 0.6

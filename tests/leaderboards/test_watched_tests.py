"""Continuous watching: error rates of the sequential tests and sequences, in schedule order and in order of completion."""

import numpy as np
import pytest

from arena.leaderboards.confidence_sequences import score_sequence
from arena.leaderboards.gsprt import watched
from arena.leaderboards.planning import betting_stops, pair_probabilities, simulated_pairs

RUNS, PAIRS, RATE = 1500, 400, 0.05
BOUND = RATE + 3 * np.sqrt(RATE * (1 - RATE) / RUNS)


def as_finished(classes, *, at_once=16):
    """The pairs in the order in which they finish where wins are ten times shorter than losses."""
    read = np.empty_like(classes)
    for run, row in enumerate(classes):
        free, ends = np.zeros(at_once), np.empty(len(row))
        for pair, won in enumerate(row):
            place = free.argmin()
            free[place] += 10 - 9 * won / 4
            ends[pair] = free[place]
        read[run] = row[ends.argsort(kind="stable")]
    return read


def errors(classes, test):
    if test == "betting":
        return (betting_stops(classes, alpha=RATE)[1] == 1).mean()
    if test == "gsprt":
        return (watched(classes, elo0=0, elo1=60, alpha=RATE, beta=RATE)[1] == 1).mean()
    return (score_sequence(classes / 4, error_rate=RATE).low > 0.5).any(axis=1).mean()


@pytest.fixture(scope="module")
def equal():
    return simulated_pairs(pair_probabilities(0.5, draws=0.2), runs=RUNS, pairs=PAIRS, seed=9)


@pytest.mark.parametrize("test", ["betting", "gsprt", "sequence"])
def test_a_reader_in_order_of_completion_errs_and_one_in_schedule_order_does_not(equal, test):
    assert errors(equal, test) <= BOUND
    assert errors(as_finished(equal), test) > BOUND


@pytest.mark.parametrize(("draws", "correlation"), [(0.0, 0.0), (0.3, -0.3), (0.3, 0.4), (0.8, 0.0)])
@pytest.mark.parametrize("test", ["betting", "gsprt", "sequence"])
def test_equal_agents_are_told_apart_at_most_at_the_error_rate(draws, correlation, test):
    five = pair_probabilities(0.5, draws=draws, correlation=correlation)
    assert errors(simulated_pairs(five, runs=RUNS, pairs=PAIRS, seed=4), test) <= BOUND

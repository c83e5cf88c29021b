"""Plans against simulation: power of fixed samples, stopping times of the tests, widths of intervals."""

import numpy as np
import pytest

from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.gsprt import PAIR_SCORES
from arena.leaderboards.planning import betting_stops, pair_probabilities, plan, simulated_pairs
from arena.leaderboards.record import Record
from arena.leaderboards.sequential_test import sequential_test


@pytest.mark.parametrize("correlation", [-0.3, 0.0, 0.4])
def test_pairs_have_the_mean_and_the_correlation_asked_for(correlation):
    five = pair_probabilities(0.55, draws=0.4, correlation=correlation)
    single = 0.35 * 0.45**2 + 0.4 * 0.05**2 + 0.25 * 0.55**2
    assert five.sum() == pytest.approx(1) and five @ PAIR_SCORES == pytest.approx(0.55)
    assert five @ (PAIR_SCORES - 0.55) ** 2 == pytest.approx(single * (1 + correlation) / 2)


@pytest.mark.parametrize(("draws", "correlation"), [(0.0, 0.0), (0.6, -0.2), (0.3, 0.3)])
def test_a_fixed_sample_has_the_power_that_was_asked_for(draws, correlation):
    made = plan(difference=60, draws=draws, correlation=correlation, power=0.8)
    runs = 4000
    five = pair_probabilities(made.score, draws=draws, correlation=correlation)
    scores = simulated_pairs(five, runs=runs, pairs=made.fixed_pairs, seed=7) / 4
    z = (scores.mean(axis=1) - 0.5) / scores.std(axis=1, ddof=1) * np.sqrt(made.fixed_pairs)
    found = (z > 1.96).mean()
    assert abs(found - 0.8) < 3 * np.sqrt(0.16 / runs) + 0.02  # the normal approximation's own error


def test_stopping_times_are_those_of_the_betting_test():
    classes = simulated_pairs(pair_probabilities(0.6, draws=0.3), runs=60, pairs=400, seed=2)
    stops, sides = betting_stops(classes, alpha=0.1)
    for run in range(60):
        found = sequential_test(classes[run] / 4, alpha=0.1)
        assert (found.at or 0) == stops[run]
        assert {"first_better": 1, "second_better": -1, "not_told_apart": 0}[found.verdict] == sides[run]


def test_the_pentanomial_test_is_shorter_than_the_fixed_sample_and_both_find_the_difference():
    made = plan(difference=50)
    assert made.gsprt is not None and made.betting is not None
    assert made.gsprt.pairs < made.fixed_pairs
    assert made.gsprt.right >= 0.9 - 3 * np.sqrt(0.09 / made.gsprt.runs)
    assert made.betting.right > 0.95


def test_widths_of_a_round_robin_are_those_of_its_ratings():
    rng, agents, pairs = np.random.default_rng(5), 6, 400
    first, second = np.triu_indices(agents, 1)
    seats = np.repeat(np.column_stack((first, second)), 2 * pairs, axis=0)
    seats[1::2] = seats[1::2, ::-1]
    won = rng.choice([-1.0, 0.0, 1.0], len(seats), p=[0.35, 0.3, 0.35])
    record = Record(
        agents=tuple("abcdef"),
        seats=seats,
        returns=np.column_stack((won, -won)),
        forfeit=np.full(len(seats), -1),
        pair=np.arange(len(seats)) // 2,
        weight=np.ones(len(seats)),
        utility="zero_sum",
    )
    found = elo(record).intervals
    made = plan(difference=30, draws=0.3, agents=agents)
    foretold = made.half_width * np.sqrt(made.fixed_pairs / pairs)
    assert np.diff(found, axis=1).mean() / 2 == pytest.approx(foretold, rel=0.05)


def test_a_difference_too_small_to_simulate_has_a_fixed_sample_alone():
    made = plan(difference=1)
    assert made.gsprt is None and made.fixed_pairs > 100_000 and "too small" in made.sentence()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"score": 0.6, "difference": 5}, {"score": 0.4}, {"difference": -3}, {"difference": 9, "power": 0.01},
     {"score": 0.9, "draws": 0.5}, {"score": 0.6, "correlation": -0.99}, {"score": 0.6, "agents": 1}],
    ids=str,
)  # fmt: skip
def test_impossible_questions_are_refused(wrong):
    with pytest.raises(ValueError, match=r"score|difference|power|draws|correlation|agents"):
        plan(**wrong)

"""How often units ended how: the same points and the same middle as from the matches, and None where it cannot say all."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_records import record_of

from arena.leaderboards import bradley_terry, sandwich
from arena.leaderboards.comparisons import BLOCK, comparisons, pair_points
from arena.leaderboards.unit_tally import points_of, unit_tally


@st.composite
def leagues(draw, most=60):
    """Units of one or two matches of two agents in either seat, with draws, forfeits, weights 0, empty seats, self-play."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    agents, units = draw(st.integers(2, 6)), draw(st.integers(1, most))
    pair = np.repeat(np.cumsum(rng.integers(1, 4, units)), rng.integers(1, 3, units))
    _, unit = np.unique(pair, return_inverse=True)
    met = rng.integers(0, agents, (units, 2))[unit]
    swapped = rng.random(len(unit)) < 0.5
    seats = np.where(swapped[:, None], met[:, ::-1], met)
    seats[rng.random(seats.shape) < 0.05] = -1
    return record_of(
        seats,
        rng.integers(-1, 2, seats.shape).astype(float),
        agents=tuple("abcdef"[:agents]),
        forfeit=np.where(rng.random(len(unit)) < 0.1, rng.integers(0, 2, len(unit)), -1),
        pair=pair,
        weight=rng.choice([1.0, 1.0, 1.0, 0.0], len(unit)),
        drawn=draw(st.booleans()),
    )


@settings(deadline=None, max_examples=100)
@given(leagues())
def test_the_tally_says_of_points_matches_and_spreads_what_the_matches_say(record):
    tally = unit_tally(record)
    if tally is None:
        assert len(record) < len(record.agents) * (len(record.agents) - 1) / 2
        return
    points, matches = pair_points(record)
    assert np.array_equal(points_of(tally), points) and tally.matches == matches
    strength = np.linspace(-1, 1, len(record.agents))
    made = sandwich.middle_of_tally(tally, strength, drawn=record.drawn)
    assert np.allclose(made, sandwich.middle(record, strength, points, matches=matches), rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(leagues())
def test_each_unit_is_counted_once_by_its_outcome(record):
    tally = unit_tally(record)
    if tally is None:
        return
    compared = comparisons(record)
    expected = np.zeros_like(tally.counts)
    for unit in np.unique(compared.unit):
        rows = np.flatnonzero(compared.unit == unit)
        j, i = sorted((compared.first[rows[0]], compared.second[rows[0]]))
        of_low = np.where(compared.first[rows] == j, compared.score[rows], 1 - compared.score[rows]).sum()
        expected[i * (i - 1) // 2 + j, 3 * (len(rows) - 1) + int(2 * of_low)] += 1
    assert np.array_equal(tally.counts, expected)


@pytest.mark.parametrize("before", [0, 1])
def test_twins_on_two_sides_of_a_block_are_one_unit(before):
    count = 2 * BLOCK + 2  # with one match before, every block but the first begins with a second twin
    pair = (np.arange(count) + before) // 2
    record = record_of([(0, 1), (1, 0)] * (count // 2), [(1, -1), (-1, 1)] * (count // 2), pair=pair)
    tally = unit_tally(record)
    assert tally is not None and tally.units == pair.max() + 1
    singles = 2 * before
    assert tally.counts.tolist() == [[0, 0, singles, 0, 0, 0, 0, (count - singles) // 2]]


SEATS, RETURNS = [(0, 1), (1, 0), (0, 1), (1, 2)], [(1, -1), (0, 0), (-1, 1), (1, -1)]


@pytest.mark.parametrize(
    ("seats", "pair", "weight"),
    [
        (SEATS, [0, 0, 0, 1], [1, 1, 1, 1]),  # three matches of one unit
        (SEATS, [0, 1, 2, 2], [1, 1, 1, 1]),  # twins of different agents
        (SEATS, [1, 1, 0, 2], [1, 1, 1, 1]),  # numbers that do not ascend
        (SEATS, [0, 0, 1, 2], [1, 1, 0.5, 1]),  # weights
        ([(*pair, -1) for pair in SEATS], [0, 0, 1, 2], [1, 1, 1, 1]),  # a third seat
    ],
)
def test_a_record_of_which_it_cannot_say_all_has_no_tally(seats, pair, weight):
    returns = [(*pair, 0)[: len(seats[0])] for pair in RETURNS]
    record = record_of(seats, returns, agents=("a", "b", "c"), pair=np.array(pair), weight=np.array(weight, float))
    assert unit_tally(record) is None
    plain = record_of(SEATS, RETURNS, agents=("a", "b", "c"), pair=np.array([0, 0, 1, 2]))
    assert unit_tally(plain) is not None


def test_ratings_do_not_depend_on_whether_there_is_a_tally():
    rng = np.random.default_rng(6)
    met = rng.integers(0, 8, (300, 2)).repeat(2, axis=0)
    record = record_of(
        np.where(np.arange(600)[:, None] % 2, met[:, ::-1], met),
        rng.integers(-1, 2, (600, 2)).astype(float),
        agents=tuple("abcdefgh"),
        pair=np.arange(600) // 2,
    )
    shuffled = dataclasses.replace(record).of(rng.permutation(600))
    assert unit_tally(record) is not None and unit_tally(shuffled) is None
    one, other = bradley_terry(record), bradley_terry(shuffled)
    assert np.allclose(one.scores, other.scores, atol=1e-9) and np.allclose(one.intervals, other.intervals, atol=1e-9)

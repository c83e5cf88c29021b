"""What must not change a rating: the order of matches, the numbering of agents, and the number of ledgers they come from."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_records import record_of, twins

from arena.leaderboards import RATING_METHODS, leaderboard
from arena.leaderboards.joined_records import joined_records

ONLINE = ("elo_online", "glicko2", "openskill")  # they use the canonical order
LEAGUE = twins(np.random.default_rng(0), np.linspace(-0.8, 0.8, 6), 12, seat=0.4, draws=0.15)
THREE = record_of(  # matches of three, so that comparisons have weights
    np.array([np.random.default_rng(k).permutation(5)[:3] for k in range(80)]),
    np.random.default_rng(9).integers(-2, 3, (80, 3)),
    pair=np.arange(80) // 2,
)
LEAGUES = {"of two": LEAGUE, "of three": THREE}
FOR_MANY = [name for name in RATING_METHODS if name not in ("deviation", "correlated")]  # those are of two players here


def rows(record, order):
    """The record with its matches in this order."""
    columns = ("seats", "returns", "forfeit", "pair", "weight")
    return replace(record, **{column: getattr(record, column)[order] for column in columns})


def same(one, other, at, *, intervals=True):
    """Whether the ratings agree, agent k of the first being agent at[k] of the other."""
    assert np.allclose(one.scores, other.scores[at], rtol=0, atol=1e-9, equal_nan=True)
    if intervals:
        assert np.allclose(one.intervals, other.intervals[at], rtol=0, atol=1e-7, equal_nan=True)
        assert (one.above == other.above[np.ix_(at, at)]).all()


@pytest.mark.parametrize("league", LEAGUES)
@pytest.mark.parametrize("name", FOR_MANY)
def test_shuffling_the_units_of_a_ledger_changes_nothing(name, league):
    record, rate = LEAGUES[league], RATING_METHODS[name].rate
    order = np.argsort(np.random.default_rng(1).permutation(record.pair.max() + 1)[record.pair], kind="stable")
    same(rate(record), rate(rows(record, order)), np.arange(len(record.agents)))


@pytest.mark.parametrize("name", [name for name in FOR_MANY if name not in ONLINE])
def test_shuffling_the_matches_changes_nothing(name):
    rate = RATING_METHODS[name].rate
    order = np.random.default_rng(2).permutation(len(LEAGUE))
    same(rate(LEAGUE), rate(rows(LEAGUE, order)), np.arange(6))


@pytest.mark.parametrize("league", LEAGUES)
@pytest.mark.parametrize("name", FOR_MANY)
def test_numbering_the_agents_otherwise_changes_nothing(name, league):
    record, rate = LEAGUES[league], RATING_METHODS[name].rate
    number = np.random.default_rng(3).permutation(len(record.agents))
    names = tuple(record.agents[k] for k in np.argsort(number))
    same(rate(record), rate(replace(record, agents=names, seats=number[record.seats])), number)


@pytest.mark.parametrize("name", [name for name in FOR_MANY if name not in ONLINE])
def test_two_ledgers_rate_together_as_one(name):
    rate = RATING_METHODS[name].rate
    mine = np.random.default_rng(4).random(LEAGUE.pair.max() + 1)[LEAGUE.pair] < 0.4
    halves = [rows(LEAGUE, np.flatnonzero(mine)), rows(LEAGUE, np.flatnonzero(~mine))]
    number = np.array([5, 3, 1, 0, 2, 4])
    halves[1] = replace(
        halves[1], agents=tuple(LEAGUE.agents[k] for k in np.argsort(number)), seats=number[halves[1].seats]
    )
    whole, joined = rate(LEAGUE), joined_records(halves)
    assert joined.agents == tuple(sorted(LEAGUE.agents)) and len(joined) == len(LEAGUE)
    # units are drawn by number in a bootstrap, and two ledgers number them otherwise than one
    same(whole, rate(joined), np.arange(6), intervals=whole.settings.get("intervals") == "sandwich")


@pytest.mark.parametrize("name", ["deviation", "correlated"])
def test_equilibrium_ratings_do_not_depend_on_order_or_numbering(name):
    rate = RATING_METHODS[name].rate
    record = twins(np.random.default_rng(5), np.linspace(-0.5, 0.5, 3), 10)
    number = np.array([2, 0, 1])
    other = replace(record, agents=tuple(record.agents[k] for k in np.argsort(number)), seats=number[record.seats])
    other = rows(other, np.random.default_rng(6).permutation(len(record)))
    one, two = rate(record), rate(other)
    assert np.allclose(one.scores, two.scores[number], rtol=0, atol=1e-9)


def test_the_leaderboard_of_a_shuffled_ledger_is_the_same():
    order = np.random.default_rng(7).permutation(len(LEAGUE))
    one, other = leaderboard(LEAGUE), leaderboard(rows(LEAGUE, order))
    assert [row.agent for row in one.rows] == [row.agent for row in other.rows]
    assert [row.rank for row in one.rows] == [row.rank for row in other.rows] and one.finding == other.finding


def test_joined_records_keep_units_apart_and_seats_empty():
    two = record_of([[0, 1], [1, 0]], [[1, -1], [1, -1]], agents=("b", "a"), pair=[7, 7])
    three = record_of([[0, 1, 2]], [[3, 2, 1]], agents=("c", "a", "d"), pair=[7])
    joined = joined_records([two, three])
    assert joined.agents == ("a", "b", "c", "d") and joined.pair.tolist() == [0, 0, 1]
    assert joined.seats.tolist() == [[1, 0, -1], [0, 1, -1], [2, 0, 3]]


def test_records_of_different_utilities_are_not_joined():
    record = record_of([[0, 1]], [[1, -1]])
    with pytest.raises(ValueError, match="one utility"):
        joined_records([record, replace(record, utility="general_sum")])
    with pytest.raises(ValueError, match="at least one record"):
        joined_records([])

"""The table of methods: what holds of every one of them."""

from pathlib import Path

import numpy as np
import pytest
from simulated_records import record_of, twins

from arena.games import ArenaError
from arena.leaderboards import METHODS, RATING_METHODS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "ratings.md"


def test_every_method_has_a_function_and_a_meaning():
    assert tuple(RATING_METHODS) == METHODS
    assert len({method.title for method in RATING_METHODS.values()}) == len(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_section_on_the_page_of_ratings(name):
    page = PAGE.read_text(encoding="utf-8")
    assert f"\n## {name}\n" in page


@pytest.mark.parametrize("name", METHODS)
def test_ratings_carry_the_name_of_the_method_and_hold_their_scores(name):
    ratings = RATING_METHODS[name].rate(twins(np.random.default_rng(0), np.linspace(-1, 1, 4), 8, draws=0.2))
    assert ratings.method == name
    assert (ratings.intervals[:, 0] <= ratings.scores + 1e-12).all()
    assert (ratings.scores <= ratings.intervals[:, 1] + 1e-12).all()
    assert ratings.scores.argmax() == 3


@pytest.mark.parametrize("name", METHODS)
def test_shuffling_the_ledger_changes_no_rating(name):
    rng = np.random.default_rng(1)
    record = twins(rng, np.linspace(-1, 1, 4), 8, draws=0.2)
    pairs = rng.permutation(len(record) // 2)  # the twins of a pair keep their order, which is the canonical one
    order = np.stack((2 * pairs, 2 * pairs + 1), axis=1).ravel()
    if name not in ("elo_online", "glicko2", "openskill"):
        order = rng.permutation(len(record))
    other = record_of(record.seats[order], record.returns[order], agents=record.agents, pair=record.pair[order])
    one, two = RATING_METHODS[name].rate(record), RATING_METHODS[name].rate(other)
    assert np.allclose(one.scores, two.scores, atol=1e-9, rtol=0)
    assert np.allclose(one.intervals, two.intervals, atol=1e-7)
    assert (one.above == two.above).all()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("matches", "returns"),
    [([[0, 1]] * 30, [1, -1]), ([[0, 1], [1, 0]] * 15, [0, 0]), ([[0, 0]] * 3, [0, 0])],
    ids=["undefeated", "all drawn", "one agent alone"],
)
def test_degenerate_ladders_are_rated_finitely_or_refused(name, matches, returns):
    record = record_of(matches, [returns] * len(matches))
    try:
        ratings = RATING_METHODS[name].rate(record)
    except ArenaError:
        assert len(record.agents) == 1
        return
    assert ratings.names == record.agents
    rated = np.isfinite(ratings.scores)
    assert np.isfinite(ratings.intervals[rated]).all()
    if len(record.agents) == 2:
        assert rated.all() and (ratings.scores[0] > ratings.scores[1]) == (returns[0] > 0)
        assert not ratings.above[1, 0] and (ratings.above[0, 1] <= (returns[0] > 0))


@pytest.mark.parametrize("name", METHODS)
def test_a_hundred_matches_of_equals_seldom_tell_two_agents_apart(name):
    told = [
        RATING_METHODS[name].rate(twins(np.random.default_rng(seed), np.zeros(3), 17)).above.any() for seed in range(4)
    ]
    assert sum(told) <= 2


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("matches", [1, 2])
def test_after_a_pair_of_twins_nobody_is_certainly_above_anybody(name, matches):
    # mean returns know no bounds of what may be returned: two equal ones show no spread
    ratings = RATING_METHODS[name].rate(record_of([[0, 1]] * matches, [[1, -1]] * matches, pair=[0] * matches))
    assert not ratings.above.any()
    low, high = ratings.intervals.T
    assert np.isnan(low).all() or (low[0] < high[1] and low[1] < high[0])


@pytest.mark.parametrize("name", METHODS)
def test_matches_that_all_end_alike_leave_doubt(name):
    ratings = RATING_METHODS[name].rate(record_of([[0, 1], [1, 2], [2, 0]] * 5, [[0, 0]] * 15))
    if name not in ("mean_return", "deviation", "correlated"):  # what was paid, without a model of what may be
        assert (np.ptp(ratings.intervals, axis=1) > 0).all()


@pytest.mark.parametrize(
    ("method", "low", "value", "high", "shown"),
    [
        ("elo", -80.0, -20.0, 60.0, "±80"),
        ("glicko2", 1400.0, 1500.0, 1600.0, "±100"),
        ("alpha_rank", 0.0, 1.0, 1.0, "0.00–1.00"),
        ("kemeny", np.nan, 0.5, np.nan, ""),
    ],
)
def test_doubt_is_written_as_the_scale_wants(method, low, value, high, shown):
    assert RATING_METHODS[method].doubt(low, value, high) == shown

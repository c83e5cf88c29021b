"""Ratings after each tournament are the ladder's own of that day."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from arena.counterfactual import Where
from arena.games import ArenaError
from arena.ledger import Ledger
from arena.ledger_schema import tournaments
from arena.ratings_over_time import ratings_over_time
from arena.standings import standings
from tests.server.conftest import import_matches

GAME = "elsewhere:cards"
DAYS = ("2026-10-05", "2026-10-12", "2026-10-19")


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("time") / "arena.db") as opened:
        for day, name in zip(DAYS, ("one", "two", "three"), strict=True):
            other = "bob" if name == "one" else "cyd"
            played = [("ann", other, 1.0, -1), (other, "ann", 1.0, -1), ("ann", other, 1.0, -1)] * 10
            made = import_matches(opened, GAME, played, name=name)
            with opened.writing() as connection:
                when = {"created_at": f"{day}T08:00:00.000Z", "finished_at": f"{day}T09:00:00.000Z"}
                connection.execute(sa.update(tournaments).where(tournaments.c.key == made.key).values(when))
        yield opened


def test_each_point_is_the_ladder_of_its_day(ledger):
    found = ratings_over_time(ledger, GAME)
    assert [time[:10] for time in found.times] == list(DAYS)
    for k, day in enumerate(DAYS):
        board = standings(ledger, GAME, where=Where(until=day)).leaderboard
        for row in board.rows:
            at = found.agents.index(row.agent)
            assert found.rating[k, at] == pytest.approx(row.rating)
            assert (found.low[k, at], found.high[k, at]) == pytest.approx((row.low, row.high))


def test_an_agent_has_no_rating_before_its_first_match(ledger):
    found = ratings_over_time(ledger, GAME)
    assert np.isnan(found.rating[0, found.agents.index("cyd@1")])
    assert np.isfinite(found.rating[1:, found.agents.index("cyd@1")]).all()


def test_matches_and_tournaments_grow(ledger):
    found = ratings_over_time(ledger, GAME)
    assert found.matches.tolist() == [30, 60, 90]
    assert [keys for point in found.tournaments for keys in point] == ["one", "two", "three"]


def test_a_stretch_of_time_is_looked_at_with_all_that_was_before_it(ledger):
    every, some = ratings_over_time(ledger, GAME), ratings_over_time(ledger, GAME, since=DAYS[1])
    assert (some.times, some.tournaments) == (every.times[1:], every.tournaments[1:])
    assert some.matches.tolist() == [60, 90]
    np.testing.assert_array_equal(some.rating, every.rating[1:])
    assert ratings_over_time(ledger, GAME, until=DAYS[0]).matches.tolist() == [30]
    with pytest.raises(ArenaError, match=r"no tournament of this game is left: .*since 2030-01-01"):
        ratings_over_time(ledger, GAME, since="2030-01-01")


def test_of_many_tournaments_the_last_is_kept(ledger):
    found = ratings_over_time(ledger, GAME, points=2)
    assert [time[:10] for time in found.times] == [DAYS[0], DAYS[2]]
    assert found.tournaments[1] == ("two", "three")

"""Attempts at secrets, counted in the ledger of either database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from arena import attempts
from arena.account_schema import attempts as table
from arena.ledger import Ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    url = tmp_path / "arena.db" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with Ledger.open(url) as opened:
        yield opened


def test_of_many_at_once_as_many_get_through_as_there_are(ledger):
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: attempts.wait_s(ledger, "ann", most=3, within_s=3600), range(8)))
    assert sorted(wait > 0 for wait in waits) == [False] * 3 + [True] * 5
    assert all(1100 < wait <= 1200 for wait in waits if wait)
    assert attempts.wait_s(ledger, "bob", most=3, within_s=3600) == 0
    attempts.give_back(ledger, "ann")
    assert attempts.wait_s(ledger, "ann", most=3, within_s=3600) == 0
    assert attempts.wait_s(ledger, "ann", most=3, within_s=3600) > 0


def test_what_was_counted_long_ago_is_forgotten_and_no_name_is_kept(ledger):
    attempts.wait_s(ledger, "a password typed as a name", most=3, within_s=3600)
    with ledger.writing() as connection:
        assert "password" not in str(connection.execute(sa.select(table)).all())
        connection.execute(table.update().values(at=table.c.at - attempts.LONGEST_S))
    attempts.wait_s(ledger, "ann", most=3, within_s=3600)
    with ledger.reading() as connection:
        assert len(connection.execute(sa.select(table)).all()) == 1


def test_clocks_of_two_machines_may_differ():
    assert attempts.drawn(1, -5, most=4, within_s=60) == (0, 0)

"""A ledger of the release before, in the middle of its work, goes on after `arena db upgrade` and loses nothing."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from arena import database, jobs
from arena.config import make_config
from arena.connection import engine, locate, writing
from arena.job_kinds import do_job
from arena.job_work import claim
from arena.jobs import submit
from arena.ledger import Ledger, LedgerError
from arena.tournament import resume_tournament, run_tournament
from arena.tournament_job import ask_tournament
from arena.worker import work

BEFORE = "0005"
CUP = make_config(
    {
        "name": "cup",
        "game": "openspiel:kuhn_poker",
        "agents": {"a": "random", "b": "uniform"},
        "matches": 60,
        "block": 6,
    }
)


class Stopped(BaseException):
    """The machine is switched off for the upgrade."""


def as_before(ledger_file, old_file):
    """The same rows in a ledger that the migrations up to the last release made."""
    with closing(sqlite3.connect(old_file)) as plain:
        plain.execute("pragma journal_mode = wal")
    old = engine(locate(old_file))
    with writing(old).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(database.MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
    known = sa.MetaData()
    known.reflect(old)
    old.dispose()
    with closing(sqlite3.connect(old_file)) as plain:
        plain.execute("attach ? as new", (str(ledger_file),))
        for table in known.sorted_tables:
            if table.name != "arena_revision":
                names = ", ".join(f'"{column.name}"' for column in table.columns)
                plain.execute(f'insert into main."{table.name}" ({names}) select {names} from new."{table.name}"')
        plain.commit()


@pytest.fixture
def interrupted(tmp_path):
    """A ledger of the last release whose tournament is half played, with a column that is asked for; and the tournament whole."""
    with Ledger.open(tmp_path / "now.db") as ledger:
        ask_tournament(ledger, CUP)

        def stop(done, planned):
            if done >= 30:
                raise Stopped

        with pytest.raises(Stopped):
            do_job(ledger, claim(ledger, {"cpu": "w"}), stop)
        submit(ledger, kind="ratings", game=CUP.game, settings={"method": "elo", "mark": 0})
    as_before(tmp_path / "now.db", tmp_path / "arena.db")
    with Ledger.open(tmp_path / "reference.db") as other:
        whole = other.results(run_tournament(CUP, other))
    return tmp_path / "arena.db", whole


def test_a_running_tournament_goes_on_after_the_upgrade(interrupted):
    file, whole = interrupted
    with pytest.raises(LedgerError, match="`arena db upgrade`"):
        Ledger.open(file)
    assert database.upgrade(file).endswith(f"went from revision {BEFORE} to {database.REVISION}")
    assert database.check(file) == []
    with Ledger.open(file, create=False) as ledger:
        recorded = ledger.progress(ledger.tournament("cup"))
        assert 0 < recorded < 60
        resume_tournament("cup", ledger)
        assert ledger.results(ledger.tournament("cup")).equals(whole)


def test_jobs_that_waited_or_ran_are_done_after_the_upgrade(interrupted):
    file, whole = interrupted
    database.upgrade(file)
    with Ledger.open(file, create=False) as ledger:
        with ledger.writing() as connection:
            connection.execute(sa.text("update jobs set alive_at = '2000-01-01T00:00:00.000Z'"))
        assert work(ledger, devices=["cpu"], until_empty=True) == 2
        assert [row.status for row in jobs.all_jobs(ledger)] == ["finished", "finished"]
        assert ledger.results(ledger.tournament("cup")).equals(whole)

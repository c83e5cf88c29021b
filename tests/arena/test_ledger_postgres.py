"""What is PostgreSQL's own: empty and foreign databases, revisions, passwords, backups, migrations."""

from __future__ import annotations

import shutil
import subprocess
import threading

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from arena import database, ledger_schema
from arena.connection import locate
from arena.ledger import Ledger, LedgerError, ledger_exists
from arena.results import MatchResults

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def artifacts(tmp_path, monkeypatch):
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "arena.artifacts"))


@pytest.fixture
def url(postgres_database):
    return postgres_database


def sql(url, statement):
    with psycopg.connect(url, autocommit=True) as plain:
        return plain.execute(statement)


def tables(url):
    with psycopg.connect(url) as plain:
        return plain.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()


def test_an_empty_database_becomes_a_ledger_when_one_may_be_made(url):
    assert not ledger_exists(url)
    for refused in (
        lambda: Ledger.open(url, create=False),
        lambda: Ledger.open(url, read_only=True),
        lambda: database.check(url),
        lambda: database.upgrade(url),
    ):
        with pytest.raises(LedgerError, match="`arena tournament run`"):
            refused()
    assert tables(url) == []
    Ledger.open(url).close()
    assert ledger_exists(url)
    assert database.check(url) == []


def test_a_database_without_an_encoding_holds_a_ledger_of_any_names(url):
    sql(url, "create database bare template template0 encoding 'SQL_ASCII' locale 'C'")
    bare = url.replace("/postgres?", "/bare?")
    try:
        with Ledger.open(bare) as ledger:
            ledger.add_agent("Zoë", specification="random", kind="random")
        with Ledger.open(bare, create=False) as ledger:
            assert [agent.label for agent in ledger.agents()] == ["Zoë@1"]
    finally:
        sql(url, "drop database bare with (force)")


def test_the_database_of_another_application_is_refused_untouched(url):
    sql(url, "create table customers (id integer)")
    with pytest.raises(LedgerError, match="another application"):
        Ledger.open(url)
    assert tables(url) == [("customers",)]


def test_other_revisions_are_refused(url):
    Ledger.open(url).close()
    sql(url, "update arena_revision set version_num = '0042'")
    for refused in (lambda: Ledger.open(url), lambda: database.upgrade(url)):
        with pytest.raises(LedgerError, match=r"revision 0042.*upgrade minimax-arena"):
            refused()
    sql(url, "update arena_revision set version_num = '0001'")
    with pytest.raises(LedgerError, match="`arena db upgrade`"):
        Ledger.open(url)


def test_the_migrations_make_the_tables_that_the_code_uses(url):
    made = sa.create_engine(locate(url))
    with made.begin() as plain:
        database.migrate(plain)
    with made.connect() as plain:
        context = MigrationContext.configure(plain, opts={"compare_type": True, "version_table": "arena_revision"})
        assert compare_metadata(context, ledger_schema.metadata) == []
    made.dispose()
    Ledger.open(url, create=False).close()


def test_a_reader_cannot_write(url):
    Ledger.open(url).close()
    with Ledger.open(url, read_only=True) as ledger:
        assert ledger.agents() == []
        with pytest.raises(LedgerError, match="read-only"):
            ledger.add_agent("a", specification="a", kind="k")


def test_a_wrong_password_is_not_repeated(postgres_url):
    folder = postgres_url.partition("host=")[2]
    with pytest.raises(LedgerError) as caught:
        Ledger.open(f"postgresql://nobody:geheim@/postgres?host={folder}")
    assert "geheim" not in str(caught.value)
    assert "nobody:***@" in str(caught.value)


def test_two_tournaments_that_need_the_same_lineups_do_not_lock_each_other_out(url, made_game, made_results):
    failed = []

    def play(name):
        try:
            with Ledger.open(url) as ledger:
                agents = [ledger.add_agent(f"agent {i}", specification="s", kind="k") for i in range(12)]
                cup = ledger.add_tournament(name=name, game=made_game(), agents=agents, config={}, seed=0, planned=None)
                for first in range(0, 400, 40):
                    ledger.write(cup, made_results(40, first=first, agents=12))
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failed.append(error)

    threads = [threading.Thread(target=play, args=(name,)) for name in ("one", "two", "three")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    whole = MatchResults.joined([made_results(40, first=first, agents=12) for first in range(0, 400, 40)])
    with Ledger.open(url, create=False) as ledger:
        for cup in ledger.tournaments():
            assert ledger.results(cup).equals(whole)
    assert database.check(url) == []


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_a_backup_is_a_dump_that_gives_the_ledger_back(url, made_game, made_results, tmp_path):
    with Ledger.open(url) as ledger:
        content_hash = ledger.artifacts.put(b"a policy")
        agents = [ledger.add_agent(name, specification=name, kind="k", content_hash=content_hash) for name in "abc"]
        cup = ledger.add_tournament(name="cup", game=made_game(), agents=agents, config={}, seed=0, planned=None)
        ledger.write(cup, made_results(50))
    (tmp_path / "kept").mkdir()
    made = database.backup(url, tmp_path / "kept" / "arena.dump")
    assert sorted(path.name for path in made.parent.iterdir()) == ["arena.artifacts", "arena.dump"]
    with pytest.raises(LedgerError, match="exists already"):
        database.backup(url, made)
    sql(url, "drop schema public cascade; create schema public")
    subprocess.run(["pg_restore", "--no-owner", f"--dbname={url}", made], check=True)
    with Ledger.open(url, create=False) as ledger:
        assert ledger.results(ledger.tournament("cup")).equals(made_results(50))
    assert database.check(url) == []


def test_a_backup_without_pg_dump_says_what_to_install(url, monkeypatch, tmp_path):
    Ledger.open(url).close()
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "kept").mkdir()
    with pytest.raises(LedgerError, match="postgresql-client"):
        database.backup(url, tmp_path / "kept" / "arena.dump")
    assert list((tmp_path / "kept").iterdir()) == []


def test_damage_is_found(url, made_game, made_results):
    with Ledger.open(url) as ledger:
        agents = [ledger.add_agent(name, specification=name, kind="k") for name in "abc"]
        cup = ledger.add_tournament(name="cup", game=made_game(), agents=agents, config={}, seed=0, planned=None)
        ledger.write(cup, made_results(50))
    sql(url, "update blocks set actions = substring(actions from 1 for 60)")
    sql(url, "update tournaments set matches = 3")
    problems = database.check(url)
    assert any("block 0 of tournament 'cup'" in problem for problem in problems)
    assert any("notes 1 blocks of 3 matches" in problem for problem in problems)


@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="pg_dump is not installed")
def test_a_dump_that_is_cut_off_is_no_backup(url, monkeypatch, tmp_path):
    Ledger.open(url).close()
    dump = database._dump

    def cut_off(located, to):
        dump(located, to)
        to.write_bytes(to.read_bytes()[:-2000])

    monkeypatch.setattr(database, "_dump", cut_off)
    with pytest.raises(LedgerError, match="pg_restore cannot read the dump"):
        database.backup(url, tmp_path / "arena.dump")
    assert list(tmp_path.glob("arena.dump")) == []


def test_a_text_that_postgres_cannot_keep_is_refused_in_words(url):
    with Ledger.open(url) as ledger, pytest.raises(LedgerError, match="cannot keep this"):
        ledger.add_agent("odd", specification="mcts(\0)", kind="mcts")

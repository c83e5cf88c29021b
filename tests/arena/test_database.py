"""Opening, refusing, upgrading, backing up and checking a ledger that is a file."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from arena import connection, database, ledger_schema
from arena.connection import DamagedLedger, filesystem, locate, shown
from arena.job_work import claim, finish, keep_checkpoint
from arena.jobs import submit
from arena.ledger import Ledger, LedgerError, ledger_exists
from arena.results import MatchResults

NEXT = "9001"  # a revision that comes after this release's


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arena.db"


@pytest.fixture
def filled(path, made_game, made_results):
    """A ledger with a tournament in each lane and an agent with content."""
    with Ledger.open(path) as ledger:
        content_hash = ledger.artifacts.put(b"a policy")
        agents = [
            ledger.add_agent("a", specification="policy:a.json", kind="policy", content_hash=content_hash),
            ledger.add_agent("b", specification="random", kind="random"),
            ledger.add_agent("c", specification="random", kind="random"),
        ]
        for lane in ("object", "tensor"):
            cup = ledger.add_tournament(
                name=lane, game=made_game(lane=lane), agents=agents, config={}, seed=0, planned=100
            )
            for first in (0, 50):
                ledger.write(cup, made_results(50, first=first))
    return path


def contents(folder):
    """All files but SQLite's index of its log, which whoever reads the log may make anew."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and file.suffix != ".db-shm"}


def sql(path, *statements):
    with closing(sqlite3.connect(path)) as plain:
        for statement in statements:
            plain.execute(statement)
        plain.commit()


# Opening


def test_a_new_ledger_is_made_whole_in_wal_mode(path):
    with Ledger.open(path) as ledger:
        assert ledger.games() == []
        with ledger.reading() as reader:
            pragmas = {
                name: reader.exec_driver_sql(f"pragma {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys")
            }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1}
    assert [file.name for file in path.parent.iterdir()] == ["arena.db"]
    assert database.check(path) == []


def test_an_empty_file_becomes_a_ledger(tmp_path):
    (tmp_path / "empty.db").touch()
    assert not ledger_exists(tmp_path / "empty.db")
    Ledger.open(tmp_path / "empty.db").close()
    assert ledger_exists(tmp_path / "empty.db")


def test_a_ledger_makes_no_folders(tmp_path):
    with pytest.raises(LedgerError, match="there is no folder"):
        Ledger.open(tmp_path / "mistyped" / "arena.db")
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_is_named_by_argument_environment_or_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)
    with Ledger.open() as ledger:
        assert ledger.url_for_people == str(tmp_path / "arena.db")
        assert ledger.is_default
    monkeypatch.setenv("ARENA_DB", str(tmp_path / "other.db"))
    with Ledger.open() as ledger:
        assert ledger.url_for_people == str(tmp_path / "other.db")
    with Ledger.open("arena.db") as ledger:
        assert ledger.url_for_people == str(tmp_path / "arena.db")
        assert not ledger.is_default
    with Ledger.open(f"sqlite:///{tmp_path}/arena.db", create=False) as ledger:
        assert ledger.url_for_people == str(tmp_path / "arena.db")


def test_a_path_may_hold_any_character(tmp_path):
    place = tmp_path / "50% of #1?&mode=ro ü.db"
    with Ledger.open(place) as ledger:
        ledger.add_agent("a", specification="a", kind="k")
    assert place.exists()
    with Ledger.open(place, create=False, read_only=True) as ledger:
        assert len(ledger.agents()) == 1
    assert database.backup(place, tmp_path / "b%20?.db").exists()


def test_a_missing_ledger_is_named_with_what_makes_one(path):
    for read_only in (False, True):
        with pytest.raises(LedgerError, match=r"arena\.db.*`arena tournament run`.*`arena account add NAME --admin`"):
            Ledger.open(path, create=False, read_only=read_only)
    for refused in (database.check, database.upgrade, lambda place: database.backup(place, "x")):
        with pytest.raises(LedgerError, match=r"arena\.db.*`arena tournament run`"):
            refused(path)
    assert list(path.parent.iterdir()) == []


def test_a_reader_cannot_write(filled):
    with Ledger.open(filled, read_only=True) as ledger:
        assert len(ledger.agents()) == 3
        with pytest.raises(LedgerError, match="readonly"):
            ledger.add_agent("x", specification="x", kind="k")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LedgerError, match="there is no folder"):
        Ledger.open(tmp_path / "file" / "arena.db")
    with pytest.raises(LedgerError, match="cannot read the ledger"):
        Ledger.open(tmp_path)


@pytest.mark.parametrize(
    "url", [":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///a.db?mode=ro", "mysql://h/d", "://", "a b://x"]
)
def test_an_address_that_is_neither_file_nor_postgresql_is_refused(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LedgerError):
        Ledger.open(url)
    assert list(tmp_path.iterdir()) == []


def test_a_network_disk_is_refused(tmp_path, monkeypatch):
    share = tmp_path / "my share"
    share.mkdir()
    mounts = tmp_path / "mounts"
    monkeypatch.setattr(connection, "MOUNTS", mounts)
    for kind in ("nfs4", "cifs", "fuse.sshfs"):
        escaped = str(share).replace(" ", "\\040")
        mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/x {escaped} {kind} rw 0 0\nproc /proc proc rw 0 0\n")
        assert filesystem(share / "deep" / "arena.db") == kind
        with pytest.raises(LedgerError, match=rf"network disk \({kind}\)"):
            Ledger.open(share / "arena.db")
        assert list(share.iterdir()) == []
        Ledger.open(tmp_path / "arena.db").close()
    mounts.unlink()
    assert filesystem(tmp_path) == ""


def test_secrets_are_never_shown():
    for url in (
        "postgresql://me:geheim@host/name",
        "postgres://me@host/name?password=geheim",
        "postgresql+psycopg://me:geheim@host/name?sslmode=require&sslpassword=geheim",
    ):
        located = locate(url)
        assert "geheim" not in shown(located)
        assert "host/name" in shown(located)
        assert "geheim" not in repr(Ledger(located, sa.create_engine("sqlite://")))
    for broken in ("postgresql://me:geheim@host:port/name", "mysql://me:geheim@host/name", "://me:geheim@"):
        with pytest.raises(LedgerError) as caught:
            locate(broken)
        assert "geheim" not in str(caught.value)


def test_a_missing_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerError, match=r"minimax-arena\[postgres\]"):
        Ledger.open("postgresql://localhost/name")


def test_an_unreachable_server_is_named_without_its_password():
    with pytest.raises(LedgerError, match="cannot be used") as caught:
        Ledger.open("postgresql://me:geheim@/name?host=/nowhere/at/all")
    assert "geheim" not in str(caught.value)


# Refusing


def refused(path, match, error=LedgerError):
    """The ledger is refused in every way, and no byte of it or beside it changes."""
    before = contents(path.parent)
    for attempt in (
        lambda: Ledger.open(path),
        lambda: Ledger.open(path, create=False),
        lambda: Ledger.open(path, read_only=True),
        lambda: database.upgrade(path),
    ):
        with pytest.raises(error, match=match):
            attempt()
        assert contents(path.parent) == before


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3", b"\0" * 5000, b"SQLite format 4\0" * 200])
def test_what_is_no_database_is_refused_untouched(path, content):
    path.write_bytes(content)
    path.with_name("arena.db-wal").write_bytes(b"somebody's log")
    refused(path, "not a database")


def test_a_damaged_ledger_is_refused_untouched(filled):
    whole = filled.read_bytes()
    filled.write_bytes(whole[:100] + b"\xff" * 3996 + whole[4096:])  # the first page holds the names of the tables
    refused(filled, "damaged", DamagedLedger)
    assert database.check(filled)
    filled.write_bytes(whole[: len(whole) // 2])
    refused(filled, "damaged", DamagedLedger)
    filled.write_bytes(whole)
    assert database.check(filled) == []


@pytest.mark.parametrize("table", ["matches", "alembic_version"])
def test_the_database_of_another_application_is_refused_untouched(path, table):
    sql(path, "pragma journal_mode = wal", f"create table {table} (id integer)")
    refused(path, "another application")


def test_a_newer_ledger_is_refused_untouched(filled):
    sql(filled, "update arena_revision set version_num = '0042'")
    refused(filled, rf"revision 0042.* {ledger_schema.REVISION}: upgrade minimax-arena")
    sql(filled, "update arena_revision set version_num = 'strange'")
    refused(filled, "revision strange.*upgrade minimax-arena")
    sql(filled, "delete from arena_revision")
    refused(filled, "notes 0 revisions", DamagedLedger)


def test_a_newer_ledger_whose_log_is_not_yet_in_the_file_is_refused_untouched(filled):
    """A program that was killed leaves a log that holds the truth; refusing must read it and leave it."""
    script = f"""
import os, sqlite3
plain = sqlite3.connect({str(filled)!r})
plain.execute("update arena_revision set version_num = '0042'")
plain.commit()
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert filled.with_name("arena.db-wal").stat().st_size > 0
    assert b"0042" not in filled.read_bytes()
    refused(filled, "revision 0042")


READ_BY_ANOTHER = (
    "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from agents').fetchone()[0])"
)


def test_who_looks_at_a_ledger_leaves_the_locks_of_his_process_on_it(filled):
    """A process that closes a file once loses all its locks on it; then others, who believe themselves alone, remove the log."""
    log = filled.with_name("arena.db-wal")
    with Ledger.open(filled) as ledger:
        count = len(ledger.agents())
        for read_only in (False, True):
            Ledger.open(filled, read_only=read_only).close()
            for more in (1, 2):
                ledger.add_agent(f"late{read_only}{more}", specification="x", kind="k")
                count += 1
                told = subprocess.run(
                    [sys.executable, "-c", READ_BY_ANOTHER, filled], capture_output=True, text=True, check=True
                )
                assert int(told.stdout) == count
                assert log.exists()


def test_an_older_ledger_asks_for_the_upgrade(filled, monkeypatch):
    for module in (connection, database, ledger_schema):
        monkeypatch.setattr(module, "REVISION", NEXT)
    before = contents(filled.parent)
    for read_only in (False, True):
        with pytest.raises(LedgerError, match="`arena db upgrade`"):
            Ledger.open(filled, read_only=read_only)
    assert contents(filled.parent) == before


def test_damage_met_on_the_way_is_explained(filled):
    whole = bytearray(filled.read_bytes())
    for page in range(4096 * 6, len(whole), 4096):
        whole[page : page + 4096] = b"\xff" * 4096
    filled.write_bytes(whole)
    with pytest.raises(LedgerError, match="damaged"), Ledger.open(filled) as ledger:  # noqa: PT012
        for tournament in ledger.tournaments():
            ledger.results(tournament)


def test_a_busy_ledger_is_explained(filled, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_S", 0.01)
    with closing(sqlite3.connect(filled, isolation_level=None)) as other, Ledger.open(filled) as ledger:
        other.execute("begin immediate")
        with pytest.raises(LedgerError, match="busy"):
            ledger.retire_agent("a")
        assert len(ledger.agents()) == 3  # readers do not wait


def test_a_writer_has_the_lock_from_its_beginning(filled):
    opened = connection.connect(locate(filled), create=False)
    with closing(sqlite3.connect(filled, isolation_level=None, timeout=0)) as other:
        with opened.begin():
            other.execute("begin immediate")
            other.execute("rollback")
        with connection.writing(opened).begin(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("begin immediate")
    opened.dispose()


# Upgrading


def test_the_migrations_make_the_tables_that_the_code_uses(tmp_path):
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    Ledger.open(made).close()
    with sa.create_engine(f"sqlite:///{migrated}").begin() as plain:
        database.migrate(plain)
    with sa.create_engine(f"sqlite:///{migrated}").connect() as plain:
        context = MigrationContext.configure(plain, opts={"compare_type": True, "version_table": "arena_revision"})
        assert compare_metadata(context, ledger_schema.metadata) == []
    assert schema(made) == schema(migrated)


def schema(path):
    with closing(sqlite3.connect(path)) as plain:
        tables = [
            name for (name,) in plain.execute("select name from sqlite_master where type = 'table' order by name")
        ]
        return {
            table: [sorted(plain.execute(f"pragma {what}({table})")) for what in ("table_info", "foreign_key_list")]
            + [sorted(row[2:] for row in plain.execute(f"pragma index_list({table})"))]
            for table in tables
            if table != "arena_revision"
        }


def test_an_older_ledger_is_upgraded_with_all_that_it_holds(filled, tmp_path, monkeypatch, made_results):
    migrations = shutil.copytree(database.MIGRATIONS, tmp_path / "migrations")
    (migrations / "versions" / f"revision_{NEXT}.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '{NEXT}', '{ledger_schema.REVISION}'\n"
        "def upgrade():\n    op.add_column('agents', sa.Column('motto', sa.Text()))\n"
    )
    monkeypatch.setattr(database, "MIGRATIONS", migrations)
    before = ledger_schema.REVISION
    for module in (connection, database, ledger_schema):
        monkeypatch.setattr(module, "REVISION", NEXT)
    assert database.backup(filled, tmp_path / "before.db").exists()  # an older ledger can be backed up first
    assert database.upgrade(filled) == f"the ledger {filled} went from revision {before} to {NEXT}"
    with Ledger.open(filled) as ledger:
        whole = MatchResults.joined([made_results(50), made_results(50, first=50)])
        assert ledger.results(ledger.tournament("object")).equals(whole)
    assert database.upgrade(filled) == f"the ledger {filled} has revision {NEXT} already"
    with closing(sqlite3.connect(filled)) as plain:
        assert plain.execute("select motto from agents").fetchall() == [(None,)] * 3


def test_an_upgrade_that_fails_changes_nothing(filled, tmp_path, monkeypatch):
    migrations = shutil.copytree(database.MIGRATIONS, tmp_path / "migrations")
    (migrations / "versions" / f"revision_{NEXT}.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '{NEXT}', '{ledger_schema.REVISION}'\n"
        "def upgrade():\n    op.add_column('agents', sa.Column('motto', sa.Text()))\n    op.execute('nonsense')\n"
    )
    before = filled.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(database, "MIGRATIONS", migrations)
        for module in (connection, database, ledger_schema):
            patched.setattr(module, "REVISION", NEXT)
        with pytest.raises(LedgerError, match="nonsense"):
            database.upgrade(filled)
    assert filled.read_bytes() == before
    assert database.check(filled) == []


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_every_older_revision_becomes_this_one(tmp_path, monkeypatch, revision):
    older, made = tmp_path / "older.db", tmp_path / "made.db"
    with monkeypatch.context() as patched:
        patched.setattr(database, "REVISION", revision)
        with sa.create_engine(f"sqlite:///{older}").begin() as plain:
            database.migrate(plain)
    database.upgrade(older)
    Ledger.open(made).close()
    assert schema(older) == schema(made)


def test_the_migrations_are_part_of_the_package():
    versions = database.MIGRATIONS / "versions"
    assert (database.MIGRATIONS / "__init__.py").exists()
    assert (versions / "__init__.py").exists()  # so that the wheel takes the folder along
    assert max(versions.glob("revision_*.py")).stem == f"revision_{ledger_schema.REVISION}"


# Backing up


def test_a_backup_is_a_whole_ledger_with_its_artifacts_made_while_others_write(filled, tmp_path, made_results):
    (tmp_path / "kept").mkdir()
    with Ledger.open(filled) as ledger:
        cup = ledger.tournament("object")
        ledger.write(cup, made_results(50, first=100))  # still in the log
        made = database.backup(filled, tmp_path / "kept" / "copy.db")
        ledger.write(cup, made_results(50, first=150))
    with Ledger.open(made, create=False) as copy:
        assert copy.progress(copy.tournament("object")) == 150
        assert copy.artifacts.path(copy.agent("a").content_hash).read_bytes() == b"a policy"
        copy.write(copy.tournament("object"), made_results(50, first=150))
    assert database.check(made) == []
    assert sorted(os.listdir(tmp_path / "kept")) == ["copy.artifacts", "copy.db"]


def test_a_backup_makes_no_folders(filled, tmp_path):
    with pytest.raises(LedgerError, match=r"there is no folder .*mistyped"):
        database.backup(filled, tmp_path / "mistyped" / "copy.db")
    assert not (tmp_path / "mistyped").exists()


def test_a_backup_overwrites_nothing(filled, tmp_path):
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(LedgerError, match="exists already"):
        database.backup(filled, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"
    with pytest.raises(LedgerError, match="cannot write"):
        database.backup(filled, tmp_path / "copy.db" / "below.db")


# Checking


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["delete from matches where tournament_id = 1 and number = 60"], "99 rows of matches in place of 100"),
        (["delete from blocks where tournament_id = 2 and first = 50"], "notes 2 blocks of 100 matches"),
        (["update blocks set actions = substr(actions, 1, 60) where tournament_id = 1 and first = 50"], "block 50 of"),
        (["update blocks set columns = x'00' where tournament_id = 2 and first = 0"], "block 0 of tournament 'tensor'"),
        (["update blocks set columns = null where tournament_id = 2 and first = 0"], "block 0 of tournament 'tensor'"),
        (["update blocks set seconds = x'' where tournament_id = 2 and first = 0"], "block 0 of tournament 'tensor'"),
        (["update blocks set first = 20 where tournament_id = 1 and first = 50"], "overlaps"),
        (["update matches set plies = plies + 1 where tournament_id = 1 and number = 3"], "not as long"),
        (["update matches set returns = '[1]' where number = 3"], "no returns"),
        (["update matches set returns = 'nonsense' where number = 3"], "no returns"),
        (["update matches set termination = 77 where number = 3"], "termination that does not exist"),
        (["update matches set forfeit = 2 where number = 3"], "player that does not exist"),
        (["update faults set termination = 77 where number = 7"], "termination that does not exist"),
        (["update faults set number = 5 where number = 7", "update blocks set matches = 51"], "notes 2 blocks"),
        (["update lineups set key = '1,99' where id = 1"], "lineup"),
        (["delete from lineup_seats where lineup_id = 1 and seat = 0"], "lineup 1"),
        (["delete from agents where id = 2"], "not in table agents"),
        (["update tournaments set matches = 1"], "notes 2 blocks of 1 matches"),
        (["update agents set lineage = 'nonsense'"], "cannot be read"),
    ],
)
def test_damage_of_each_kind_is_found(filled, statements, found):
    assert database.check(filled) == []
    sql(filled, *statements)
    problems = database.check(filled)
    assert any(found in problem for problem in problems), problems


def test_missing_and_changed_artifacts_are_found(filled):
    with Ledger.open(filled) as ledger:
        file = ledger.artifacts.path(ledger.agent("a").content_hash)
    file.chmod(0o644)
    file.write_bytes(b"another policy")
    (problem,) = database.check(filled)
    assert "agent a@1" in problem
    assert "damaged" in problem
    file.unlink()
    (problem,) = database.check(filled)
    assert "is lost" in problem


def test_a_lost_file_of_a_match_is_found(filled):
    with Ledger.open(filled) as ledger:
        content = ledger.artifacts.put(b"a replay")
        sql(filled, f"insert into match_files values (1, 3, 'replay', '{content}')")
        assert database.check(filled) == []
        ledger.artifacts.remove(content)
    (problem,) = database.check(filled)
    assert "file replay of match 3 of tournament" in problem
    assert content in problem


def test_what_jobs_left_is_looked_for(filled):
    with Ledger.open(filled) as ledger:
        policy, checkpoint = (ledger.artifacts.put(content) for content in (b"a solution", b"so far"))
        solved = submit(ledger, kind="solve", game="matrix:rps")
        claimed = claim(ledger, {"cpu": "somebody"})
        finish(ledger, claimed, {"policy": policy})
        trained = submit(ledger, kind="train", game="matrix:rps")
        keep_checkpoint(ledger, claim(ledger, {"cpu": "somebody"}), checkpoint)
        assert database.check(filled) == []
        ledger.artifacts.remove(policy), ledger.artifacts.remove(checkpoint)
    said = database.check(filled)
    assert [one.partition(": the artifact ")[0] for one in said] == [
        f"policy of job {solved.key[:12]} (solve of matrix:rps)",
        f"checkpoint of job {trained.key[:12]} (train of matrix:rps)",
    ]


def test_each_file_of_an_agent_of_several_is_looked_for(filled):
    with Ledger.open(filled) as ledger:
        parts = [ledger.artifacts.put(content) for content in (b"main", b"helper")]
        whole = ledger.artifacts.put("\n".join(parts).encode())
        ledger.add_agent("program", specification="exec:main helper", kind="exec", content_hash=whole)
        assert database.check(filled) == []
        ledger.artifacts.path(parts[1]).unlink()
    (problem,) = database.check(filled)
    assert "agent program@1" in problem
    assert parts[1] in problem


def test_damaged_pages_are_found(filled):
    whole = bytearray(filled.read_bytes())
    for page in range(4096 * 6, len(whole), 4096):
        whole[page : page + 4096] = b"\xff" * 4096
    filled.write_bytes(whole)
    assert any("damaged" in problem for problem in database.check(filled))


def test_a_copy_that_is_not_whole_is_no_backup(filled, tmp_path, monkeypatch):
    copy = database._copy_file

    def torn(url, to):
        copy(url, to)
        with to.open("r+b") as file:
            file.seek(3 * 4096)
            file.write(b"\xff" * 8192)

    monkeypatch.setattr(database, "_copy_file", torn)
    with pytest.raises(LedgerError, match=r"damaged|not whole"):
        database.backup(filled, tmp_path / "kept.db")
    assert not (tmp_path / "kept.db").exists()

"""The way to a ledger's database: which file or server, whether it is a ledger that this release reads, how it is opened.

Whatever is refused stays as it was: identity and revision are read without a lock, a log or a write.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from arena.all_tables import metadata
from arena.games.errors import ArenaError
from arena.ledger_schema import REVISION, revisions

BUSY_S = 60.0
"""How long a writer waits for another one."""

MOUNTS = Path("/proc/mounts")
# fmt: off
NETWORK_FILESYSTEMS = frozenset((
    "afs", "beegfs", "ceph", "cifs", "coda", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs",
    "fuse.ceph", "fuse.gcsfuse", "fuse.glusterfs", "fuse.mfs", "fuse.rclone", "fuse.s3fs", "fuse.seaweedfs",
    "fuse.smbnetfs", "fuse.sshfs",
))
# fmt: on

_MAGIC = b"SQLite format 3\x00"
_SECRETS = ("password", "passfile", "sslpassword", "sslkey")
_PASSING = ("is starting up", "is shutting down", "closed the connection", "in recovery mode")
"""What PostgreSQL says of itself while it restarts."""
_CREATING = 0x4172656E61  # the advisory lock under which tables are made on PostgreSQL

State = Literal["missing", "empty", "ledger"]


class LedgerError(ArenaError):
    """A ledger that cannot be opened, read or written."""


class NoLedger(LedgerError):
    """Nothing, or an empty database, where a ledger is looked for."""


class LedgerUnavailable(LedgerError):
    """A ledger that did not answer now, and may again: its server is gone, or another program wrote too long."""


class BrokenLedger(LedgerError):
    """A ledger that cannot be used now: its disk is full or fails, its server refuses."""


class DamagedLedger(LedgerError):
    """A ledger whose file is damaged."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What stands at a ledger's address: nothing, an empty database, or a ledger of some revision."""

    state: State
    revision: str = ""


def locate(url: str | Path | sa.URL | None) -> sa.URL:
    """The address of a ledger: a path, ``sqlite:///PATH`` or ``postgresql://...``; None is $ARENA_DB or ./arena.db.

    Raises:
        LedgerError: neither a file nor a PostgreSQL database.
    """
    if isinstance(url, sa.URL):
        return url  # it came from here
    text = str(url) if url is not None else os.environ.get("ARENA_DB") or "arena.db"
    if "://" not in text:
        if not text or text == ":memory:":
            raise LedgerError("a ledger is a file or a PostgreSQL database, not a place in memory; give a path")
        return sa.URL.create("sqlite", database=str(Path(text).expanduser().absolute()))
    if text.startswith(("http://", "https://")):
        raise LedgerError(
            f"{text} is a server, and this is done with a ledger of this machine: arena pull {text} takes what the server has into one"
        )
    try:
        parsed = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise LedgerError(
            "cannot read the address of the ledger; write a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
        ) from error
    backend = parsed.drivername.partition("+")[0]
    if backend == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or parsed.query:
            raise LedgerError("the ledger's address needs a path and no options: sqlite:///PATH")
        return locate(Path(parsed.database))
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise LedgerError(f"a ledger cannot be kept in {backend!r}; write a path, sqlite:///PATH or postgresql://...")


def shown(url: sa.URL) -> str:
    """The address as it may be printed: a path, or a URL without secrets."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    hidden = {key: "***" for key in url.query if key in _SECRETS}
    return url.update_query_dict(hidden).set(drivername="postgresql").render_as_string(hide_password=True)


def artifacts_folder(url: sa.URL) -> Path:
    """Where a ledger's artifacts are: beside a file, ``arena.db`` -> ``arena.artifacts``; for a server
    $ARENA_ARTIFACTS or ./arena.artifacts.
    """
    if url.get_backend_name() == "sqlite":
        return _path(url).with_suffix(".artifacts")
    return Path(os.environ.get("ARENA_ARTIFACTS") or "arena.artifacts").absolute()


def connect(url: sa.URL, *, create: bool, read_only: bool = False) -> sa.Engine:
    """An engine on the ledger at an address; a new ledger is made first where ``create`` allows it.

    Transactions of ``engine.execution_options(writes=True)`` take SQLite's write lock at their beginning; those of the
    engine itself see one state of the ledger throughout.

    Raises:
        NoLedger: it is missing.
        LedgerError: damaged, another application's, of another revision, on a network disk, or unreachable.
    """
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        _refuse_network_disk(_path(url))
    identity = identify(url)
    if identity.state != "ledger":
        if not create or read_only:
            raise no_ledger(url, identity)
        if sqlite:
            _create_file(_path(url))
        else:
            _create_tables(url)
        identity = identify(url)
    refuse_other_revision(url, identity.revision)
    return engine(url, read_only=read_only)


def no_ledger(url: sa.URL, found: Identity) -> NoLedger:
    """What whoever looks for a ledger is told where ``found`` is none."""
    what = "there is no ledger at" if found.state == "missing" else "there is only an empty database at"
    makers = "`arena tournament run` makes one, for a new server `arena account add NAME --admin`"
    return NoLedger(f"{what} {shown(url)}; {makers}; --db or ARENA_DB names another")


def refuse_other_revision(url: sa.URL, found: str) -> None:
    """Raises `LedgerError` unless the ledger has this release's revision."""
    if newer(found):
        raise LedgerError(
            f"the ledger {shown(url)} has revision {found}, this release ({version('minimax-arena')}) reads revision "
            f"{REVISION}: upgrade minimax-arena"
        )
    if found != REVISION:
        raise LedgerError(
            f"the ledger {shown(url)} has revision {found}, this release reads revision {REVISION}: "
            "run `arena db upgrade`"
        )


def newer(revision: str) -> bool:
    """Whether a revision is later than this release's, or none that this release could know."""
    return not revision.isdigit() or int(revision) > int(REVISION)


def identify(url: sa.URL) -> Identity:
    """What stands at the address; nothing is written.

    Raises:
        LedgerError: a damaged database, another application's, or a server that cannot be reached.
    """
    if url.get_backend_name() == "sqlite":
        return _identify_file(_path(url))
    found = engine(url)
    try:
        with explained(url), found.connect() as connection:
            tables = sa.inspect(connection).get_table_names()
            if not tables:
                return Identity("empty")
            if revisions.name not in tables:
                raise LedgerError(_not_ours(shown(url)))
            return _ledger(shown(url), connection.scalars(sa.select(revisions.c.version_num)).all())
    finally:
        found.dispose()


def engine(url: sa.URL, *, read_only: bool = False) -> sa.Engine:
    """An engine whose transactions are as `connect` says; nothing is checked."""
    if url.get_backend_name() != "sqlite":
        options = {"postgresql_readonly": True} if read_only else {}
        try:
            # asked before use: what was open before the server restarted is opened again
            return sa.create_engine(
                url,
                isolation_level="REPEATABLE READ",
                execution_options=options,
                pool_pre_ping=True,
                connect_args={"client_encoding": "utf8"},  # a database made without a locale would answer in bytes
            )
        except ModuleNotFoundError as error:
            raise LedgerError(
                "a ledger on PostgreSQL needs the driver psycopg: pip install 'minimax-arena[postgres]'"
            ) from error
    path = _path(url)
    query = {**_options(path, read_only=read_only), "uri": "true"}
    file = sa.URL.create("sqlite", database=f"file:{_quoted(path)}", query=query)
    made = sa.create_engine(file, connect_args={"timeout": BUSY_S})

    @sa.event.listens_for(made, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the module's own transactions begin too late; `begin` below begins them
        connection.execute(f"pragma query_only = {int(read_only)}")
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma wal_autocheckpoint = 4000")  # pages: a checkpoint waits for the disk
        connection.execute("pragma synchronous = normal")  # in WAL mode a crash of the program loses nothing

    @sa.event.listens_for(made, "begin")
    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return made


def writing(engine: sa.Engine) -> sa.Engine:
    """The same engine, for transactions that write."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(writes=True)
    return engine.execution_options(isolation_level="READ COMMITTED")  # what others committed while it waited counts


@contextmanager
def explained(url: sa.URL) -> Iterator[None]:
    """Turns what a database says of its files, disk and server into a `LedgerError`; our own mistakes pass."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InternalError) as error:
        if error.connection_invalidated:
            raise LedgerUnavailable(
                f"the PostgreSQL server at {shown(url)} closed the connection; is it restarting?"
            ) from error
        raise _reason(shown(url), str(error.orig)) from error
    except sa.exc.DataError as error:  # a NUL in a text, a number of too many digits
        raise LedgerError(f"a ledger cannot keep this: {' '.join(str(error.orig).split())}") from error
    except sa.exc.DatabaseError as error:
        if type(error) is not sa.exc.DatabaseError:
            raise
        raise _reason(shown(url), str(error.orig)) from error


def _reason(where: str, said: str) -> LedgerError:
    said = " ".join(said.split())
    if any(passing in said for passing in _PASSING):
        return LedgerUnavailable(f"the PostgreSQL server at {where} does not answer now: {said}")
    if "onnection refused" in said or "could not translate host" in said or "timeout expired" in said:
        return LedgerUnavailable(f"no PostgreSQL server answers at {where}; start it, or check host and port")
    if "malformed" in said or "not a database" in said:
        return DamagedLedger(
            f"the ledger {where} is damaged ({said}): `arena db check` lists the damage, a backup mends it"
        )
    if "locked" in said or "busy" in said:
        return LedgerUnavailable(
            f"the ledger {where} is busy: another program wrote for {BUSY_S:.0f} seconds; try again"
        )
    return BrokenLedger(f"the ledger {where} cannot be used: {said}")


def _identify_file(path: Path) -> Identity:
    if not path.exists():
        return Identity("missing")
    try:
        return _read_identity(path)
    except sqlite3.DatabaseError as error:
        if path.is_dir() or not os.access(path, os.R_OK):
            why = os.strerror(errno.EISDIR if path.is_dir() else errno.EACCES)
            raise LedgerError(f"cannot read the ledger {path}: {why}") from error
        if "not a database" in str(error) and not _begins_as_database(path):
            raise LedgerError(
                f"{path} is not a database, so no ledger: name another file, or restore a backup"
            ) from error
        raise _reason(str(path), str(error)) from error


def _begins_as_database(path: Path) -> bool:
    """Only for a file that SQLite does not open: see `_options`."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _read_identity(path: Path) -> Identity:
    options = {"mode": "ro"} if _has_log(path) else _options(path, read_only=True)  # a log of others stays
    query = "&".join(f"{key}={value}" for key, value in options.items())
    with closing(sqlite3.connect(f"file:{_quoted(path)}?{query}", uri=True, timeout=BUSY_S)) as connection:
        connection.execute("pragma query_only = 1")
        tables = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
        if not tables:
            return Identity("empty")
        if revisions.name not in tables:
            raise LedgerError(_not_ours(str(path)))
        found = connection.execute(f"select version_num from {revisions.name}").fetchall()  # noqa: S608 - a constant
        return _ledger(str(path), [revision for (revision,) in found])


def _ledger(where: str, found: Sequence[object]) -> Identity:
    if len(found) != 1:
        raise DamagedLedger(f"the ledger {where} is damaged: it notes {len(found)} revisions; a backup mends it")
    return Identity("ledger", str(found[0]))


def _options(path: Path, *, read_only: bool) -> dict[str, str]:
    """How a file is opened.

    With locks and for writing by a reader too: the last one to leave removes the log. A process must not open the file in any
    other way while its ledger is open: POSIX takes all its locks on a file away when it closes the file once, and then another
    process, which believes itself the last, removes the log that this one still writes to.
    """
    if read_only and not os.access(path.parent, os.W_OK) and not _has_log(path):
        return {"mode": "ro", "immutable": "1"}  # SQLite could not put its log there, and no lock is held
    return {"mode": "rw"}


def _has_log(path: Path) -> bool:
    logs = [path.with_name(path.name + ending) for ending in ("-wal", "-journal")]
    return any(log.exists() and log.stat().st_size > 0 for log in logs)


def _not_ours(where: str) -> str:
    return f"{where} is the database of another application, no ledger of Arena; name another place"


def _create_file(path: Path) -> None:
    """Makes the ledger aside and moves it to its place whole: nobody ever sees half a ledger."""
    if not path.parent.is_dir():
        raise LedgerError(f"there is no folder {path.parent} for the ledger; make it, or name another place")
    try:
        with _locked(path.parent), tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
            if path.exists() and path.stat().st_size > 0:
                return  # another program was faster: its ledger is as good
            made = Path(folder) / path.name
            with closing(sqlite3.connect(made)) as plain:
                plain.execute("pragma journal_mode = wal")
            new = engine(sa.URL.create("sqlite", database=str(made)))
            with writing(new).begin() as connection:
                _create_all(connection)
            new.dispose()
            made.rename(path)
    except OSError as error:
        raise LedgerError(f"cannot make a ledger at {path}: {error.strerror}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _create_tables(url: sa.URL) -> None:
    new = engine(url)
    try:
        with explained(url), writing(new).begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATING)))
            if not sa.inspect(connection).has_table(revisions.name):
                _create_all(connection)
    finally:
        new.dispose()


def _create_all(connection: sa.Connection) -> None:
    metadata.create_all(connection)
    revisions.metadata.create_all(connection)
    connection.execute(revisions.insert().values(version_num=REVISION))


def _refuse_network_disk(path: Path) -> None:
    kind = filesystem(path)
    if kind in NETWORK_FILESYSTEMS:
        raise LedgerError(
            f"{path} is on a network disk ({kind}), where SQLite loses data: keep the ledger on a local disk, or use "
            "postgresql://..."
        )


def filesystem(path: Path) -> str:
    """The type of the file system that a path is on, as /proc/mounts has it; '' where that cannot be known."""
    try:
        lines = MOUNTS.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    place, best, kind = path.resolve(), -1, ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = Path(fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        if place.is_relative_to(mount) and len(mount.parts) >= best:
            best, kind = len(mount.parts), fields[2]  # of two on one place the later hides the earlier
    return kind


def _path(url: sa.URL) -> Path:
    return Path(str(url.database))


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")

"""A ledger as a database: brought up to this release's revision, copied while in use, searched for damage."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from arena.artifacts import ArtifactError, ArtifactStore
from arena.connection import (
    DamagedLedger,
    LedgerError,
    connect,
    engine,
    explained,
    identify,
    locate,
    newer,
    no_ledger,
    refuse_other_revision,
    shown,
    writing,
)
from arena.games.errors import ArenaError
from arena.jobs import all_jobs, job
from arena.judgements import problems_of
from arena.ledger import Ledger
from arena.ledger_matches import block_name, in_rows, read_results
from arena.ledger_rows import Tournament
from arena.ledger_schema import REVISION, blocks, lineup_seats, lineups, matches, tournaments
from arena.match_file_schema import match_files
from arena.polls.problems import problems_of_poll
from arena.results import NOBODY, Termination
from arena.rounds import read_rounds

MIGRATIONS = Path(__file__).parent / "migrations"
LIST_BYTES = 1 << 16
HASH = re.compile("[0-9a-f]{64}")
SHOWN = 10
"""How many problems of one kind are spelled out."""


def upgrade(url: str | Path | None = None) -> str:
    """Brings an older ledger to this release's revision, in one transaction; a sentence that says what was done.

    Raises:
        LedgerError: missing, damaged, another application's, or made by a newer release.
    """
    located = locate(url)
    found = _ledger_at(located)
    if found == REVISION:
        return f"the ledger {shown(located)} has revision {REVISION} already"
    if newer(found):
        refuse_other_revision(located, found)
    upgraded = engine(located)
    try:
        with explained(located), writing(upgraded).begin() as connection:
            migrate(connection)
    finally:
        upgraded.dispose()
    return f"the ledger {shown(located)} went from revision {found} to {REVISION}"


def migrate(connection: sa.Connection) -> None:
    """Runs the migrations that a database lacks, all of them for an empty one, in the caller's transaction."""
    from alembic import command  # late: only an upgrade needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)


def backup(url: str | Path | None, to: str | Path) -> Path:
    """A copy of the ledger as it is now, made while others read and write; the new file.

    Its artifacts go beside it, as ``TO.artifacts``. SQLite: a ledger that opens like any other. PostgreSQL: what
    ``pg_dump --format=custom`` writes, read back by ``pg_restore``. The copy is read through before it gets its name.

    Raises:
        LedgerError: no ledger there, a file of that name or no folder for it exists, or the copy cannot be written or read.
    """
    located, target = locate(url), Path(to).expanduser().absolute()
    _ledger_at(located)
    if target.exists():
        raise LedgerError(f"{target} exists already; name another file for the backup")
    if not target.parent.exists():  # a mistyped folder would be made, and the copy looked for elsewhere
        raise LedgerError(f"there is no folder {target.parent} for the backup; make it, or name another place")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            made = Path(folder) / target.name
            sqlite = located.get_backend_name() == "sqlite"
            copy, read_through = (_copy_file, _read_copy) if sqlite else (_dump, _read_dump)
            copy(located, made)
            read_through(made)
            kept = ArtifactStore.beside(target)
            for path in ArtifactStore.beside(located).files():
                kept.put(path)
            made.rename(target)
    except OSError as error:
        raise LedgerError(f"cannot write the backup {target}: {error.strerror}") from error
    return target


def check(url: str | Path | None = None) -> list[str]:
    """What is wrong with a ledger, a sentence each; empty = it is whole.

    Looked at: the database's own structure, references, every block (it unpacks, its borders, its matches against the
    rows), every round, every judgement, polls, counts, and `lost_artifacts`.

    Raises:
        LedgerError: there is no ledger, or not one of this release's revision.
    """
    located = locate(url)
    found: list[str] = []
    try:
        with Ledger(located, connect(located, create=False, read_only=True)) as ledger:
            for part in (_structure(ledger), lost_artifacts(ledger), _lineups(ledger), _tournaments(ledger)):
                found += part
    except DamagedLedger as error:  # the rest cannot be read
        found.append(str(error))
    except ValueError as error:
        found.append(f"the ledger {shown(located)} is damaged: a row cannot be read: {error}")
    return found


def lost_artifacts(ledger: Ledger, *, find: Callable[[str], Path] | None = None) -> Iterator[str]:
    """What the artifact store lacks, or has with another content, of agents, of the files of matches and of jobs: a sentence each.

    Args:
        ledger: whose store is looked at.
        find: the file of a hash, or an `ArtifactError`; None: `ArtifactStore.path`, which reads each file.
    """
    find = find or ledger.artifacts.path
    for agent in ledger.agents(include_retired=True):
        wanted = [] if agent.content_hash is None else [agent.content_hash]
        for content_hash in wanted:  # grows by the files of an agent that is made of several
            try:
                path = find(content_hash)
            except ArtifactError as error:
                yield f"agent {agent.label}: {error}"
            else:
                wanted += _files_listed(path) if content_hash == agent.content_hash else []
    of = sa.select(tournaments.c.key, match_files).join(match_files, match_files.c.tournament_id == tournaments.c.id)
    with ledger.reading() as connection:
        files = connection.execute(of.order_by(tournaments.c.key, match_files.c.number, match_files.c.name)).all()
    for file in files:
        try:
            find(file.artifact)
        except ArtifactError as error:
            yield f"file {file.name} of match {file.number} of tournament {file.key!r}: {error}"
    yield from _lost_of_jobs(ledger, find)


def _lost_of_jobs(ledger: Ledger, find: Callable[[str], Path]) -> Iterator[str]:
    """Of the policies that solver runs left, and of what work under way is gone on with."""
    from arena.columns import SOLVE_JOB  # late: they load the solvers
    from arena.solve_job import POLICY

    for row in all_jobs(ledger):
        policy = (row.result or {}).get(POLICY) if row.kind == SOLVE_JOB else None
        for what, content_hash in (("policy", policy), ("checkpoint", row.checkpoint)):
            if content_hash is None:
                continue
            try:
                find(str(content_hash))
            except ArtifactError as error:
                if (
                    what == "policy" or job(ledger, row.key).checkpoint == content_hash
                ):  # else a newer one is kept by now
                    yield f"{what} of job {row.key[:12]} ({row.kind} of {row.game}): {error}"


def _ledger_at(url: sa.URL) -> str:
    identity = identify(url)
    if identity.state != "ledger":
        raise no_ledger(url, identity)
    return identity.revision


def _copy_file(url: sa.URL, to: Path) -> None:
    source = engine(url, read_only=True)
    try:
        with explained(url), source.connect() as connection, closing(sqlite3.connect(to)) as target:
            connection.connection.driver_connection.backup(target)  # type: ignore[union-attr]  # SQLite's own driver
    finally:
        source.dispose()


def _read_copy(copy: Path) -> None:
    """Raises `LedgerError` where a page, a key or a reference of a copy is damaged."""
    with Ledger(locate(copy), engine(locate(copy), read_only=True)) as ledger:
        for problem in _structure(ledger):
            raise LedgerError(f"the copy is not whole: {problem}")


def _dump(url: sa.URL, to: Path) -> None:
    program = _postgres_program("pg_dump")
    password = url.password or url.query.get("password")
    plain = url.set(drivername="postgresql", password=None).difference_update_query(["password"])
    command = [program, "--format=custom", f"--file={to}", f"--dbname={plain.render_as_string()}"]
    secret = {"PGPASSWORD": str(password)} if password else {}  # not in the command, which everybody sees
    done = subprocess.run(command, env=os.environ | secret, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LedgerError(f"pg_dump could not copy {shown(url)}: {' '.join(done.stderr.split())}")


def _read_dump(dump: Path) -> None:
    """Raises `LedgerError` where a dump cannot be read to its end, as a restore would."""
    command = [_postgres_program("pg_restore"), "--file=/dev/null", str(dump)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise LedgerError(f"pg_restore cannot read the dump: {' '.join(done.stderr.split())}")


def _postgres_program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise LedgerError(f"a backup of PostgreSQL needs its program {name}: install the package postgresql-client")
    return program


def _structure(ledger: Ledger) -> Iterator[str]:
    """What SQLite itself finds; a PostgreSQL server keeps its keys and references itself."""
    if ledger.url.get_backend_name() != "sqlite":
        return
    with ledger.reading() as connection:
        for (line,) in connection.exec_driver_sql(f"pragma integrity_check({SHOWN})"):
            if line != "ok":
                yield f"the ledger {ledger.url_for_people} is damaged: {line}"
        for table, row, parent, _ in connection.exec_driver_sql("pragma foreign_key_check").fetchmany(SHOWN):
            yield f"table {table}, row {row}: what it refers to is not in table {parent}"


def _files_listed(path: Path) -> list[str]:
    """The content of an agent of several files is the list of their hashes, one a line."""
    if path.stat().st_size > LIST_BYTES:
        return []
    lines = path.read_bytes().decode(errors="replace").split("\n")
    return lines if all(HASH.fullmatch(line) for line in lines) else []


def _lineups(ledger: Ledger) -> Iterator[str]:
    with ledger.reading() as connection:
        seats: dict[int, dict[int, int]] = {}
        for row in connection.execute(sa.select(lineup_seats)):
            seats.setdefault(row.lineup_id, {})[row.seat] = row.agent_id
        for row in connection.execute(sa.select(lineups)):
            named = {seat: int(agent) for seat, agent in enumerate(row.key.split(",")) if agent != "0"}
            if seats.get(row.id, {}) != named:
                yield f"lineup {row.id} is called {row.key!r}, but its seats are {seats.get(row.id, {})}"


def _tournaments(ledger: Ledger) -> Iterator[str]:
    for tournament in ledger.tournaments():
        try:
            read_rounds(ledger, tournament)
            yield from problems_of(ledger, tournament)
            yield from problems_of_poll(ledger, tournament)
        except ArenaError as error:
            yield str(error)
        with ledger.reading() as connection:
            of = blocks.c.tournament_id == tournament.id
            borders = connection.execute(
                sa.select(blocks.c.first, blocks.c.last, blocks.c.matches).where(of).order_by(blocks.c.first)
            ).all()
            yield from _counts(connection, tournament, len(borders), sum(count for _, _, count in borders))
            before = -1
            for first, last, count in borders:
                if first <= before:
                    yield f"{block_name(tournament, first)} overlaps the block before it, which ends with match {before}"
                before = last
                try:
                    yield from _block(connection, tournament, first, last, count)
                except ArenaError as error:
                    yield str(error)


def _counts(connection: sa.Connection, tournament: Tournament, num_blocks: int, num_matches: int) -> Iterator[str]:
    noted = connection.execute(
        sa.select(tournaments.c.blocks, tournaments.c.matches).where(tournaments.c.id == tournament.id)
    ).one()
    if tuple(noted) != (num_blocks, num_matches):
        yield (
            f"tournament {tournament.key!r} notes {noted.blocks} blocks of {noted.matches} matches in all, "
            f"there are {num_blocks} of {num_matches}"
        )
    rows = connection.scalars(
        sa.select(sa.func.count()).select_from(matches).where(matches.c.tournament_id == tournament.id)
    ).one()
    expected = num_matches if in_rows(tournament) else 0
    if rows != expected:
        yield f"tournament {tournament.key!r} has {rows} rows of matches in place of {expected}"


def _block(connection: sa.Connection, tournament: Tournament, first: int, last: int, count: int) -> Iterator[str]:
    name = block_name(tournament, first)
    results = read_results(connection, tournament, first=first)
    index = results.specs.index
    if len(index) != count or index[0] != first or index[-1] != last:
        yield f"{name} should hold {count} matches from {first} to {last}; it holds {len(index)}, {index[0]} to {index[-1]}"
    strange = {fault.index for fault in results.faults} - set(index.tolist())
    if strange:
        yield f"{name}: a fault is noted for match {min(strange)}, which it does not hold"
    for fault in results.faults:
        nobody, infrastructure = fault.player == NOBODY, fault.termination is Termination.INFRASTRUCTURE
        if nobody != infrastructure:
            who = "nobody" if nobody else f"player {fault.player}"
            yield f"{name}: the fault of match {fault.index}, {fault.termination.name.lower()}, is noted as that of {who}"
        elif (
            infrastructure and fault.index != first and tournament.lane != "hosted"
        ):  # there single matches are begun again
            yield f"{name}: it is noted as played again from match {fault.index}, with which it does not begin"
    failed = {fault.index for fault in results.faults if fault.termination is Termination.INFRASTRUCTURE}
    unrated = index[results.termination == Termination.INFRASTRUCTURE].tolist()
    for number in sorted(set(unrated) - failed):
        yield f"{name}: match {number} is unrated, and no failure of the game is noted with it"
    if in_rows(tournament):
        plies = connection.scalars(
            sa.select(matches.c.plies)
            .where(matches.c.tournament_id == tournament.id, matches.c.number.between(first, last))
            .order_by(matches.c.number)
        ).all()
        if not np.array_equal(plies, results.actions.lengths()):
            yield f"{name}: its matches are not as long as their actions"

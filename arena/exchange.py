"""Ledgers that exchange what they have: what one holds, the part of it that another lacks, and taking such a part in.

A part is a ledger of its own, one SQLite file, made by merging: it holds agents, matches and answers of jobs, never accounts. Contents of
agents travel beside it, one by one, named by their hashes. Nothing of a part is run.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.artifacts import ArtifactStore
from arena.games import ArenaError
from arena.job_rows import JobRow
from arena.jobs import all_jobs
from arena.ledger import Ledger, LedgerError
from arena.ledger_part import LedgerPart
from arena.ledger_rows import AgentVersion, Tournament
from arena.merge import Merged, merge
from arena.solve_job import POLICY

MAGIC = b"SQLite format 3\0"


class BadPart(ArenaError):
    """What was sent as a part of a ledger and is none, or lacks contents of its agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many matches of a tournament a ledger holds; ``origin`` tells two tournaments of one key apart."""

    matches: int
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a ledger holds: tournaments by key; agents and answers of jobs by what tells them apart everywhere; artifacts by hash."""

    tournaments: Mapping[str, Held]
    agents: tuple[str, ...]
    jobs: tuple[str, ...]
    artifacts: tuple[str, ...]


def holdings(ledger: Ledger) -> Holdings:
    """What a ledger holds now."""
    return Holdings(
        tournaments={one.key: _held(ledger, one) for one in ledger.tournaments()},
        agents=tuple(_agent(one) for one in ledger.agents(include_retired=True)),
        jobs=tuple(_job(one) for one in all_jobs(ledger, status="finished")),
        artifacts=tuple(path.name[:64] for path in ledger.artifacts.files()),
    )


def lacking(ledger: Ledger, known: Holdings, folder: Path) -> Path | None:
    """The part of a ledger that one with these holdings lacks, written into a folder; None: it lacks nothing.

    A game in which anything is new travels as a whole: whether a column is of the newest matches shows only then.
    """
    behind = [one for one in ledger.tournaments() if _is_behind(known.tournaments.get(one.key), _held(ledger, one))]
    has_agents, has_jobs = set(known.agents), set(known.jobs)
    answers = [one for one in all_jobs(ledger, status="finished") if _job(one) not in has_jobs]
    agents = [one for one in ledger.agents(include_retired=True) if _agent(one) not in has_agents]
    if not (behind or answers or agents):
        return None
    file = folder / "part.db"
    with Ledger.open(file) as part:
        merge(part, _Part(ledger, {one.game for one in behind} | {one.game for one in answers}))
    return file


def contents_of(part: Path) -> list[str]:
    """The hashes of the contents that a part names: what its agents are made of, and policies that solvers found.

    Raises:
        BadPart: it is no ledger of this release.
    """
    with _opened(part) as ledger:
        named = [agent.content_hash for agent in ledger.agents(include_retired=True)]
        named += [str(one.result[POLICY]) for one in all_jobs(ledger) if one.result and one.result.get(POLICY)]
    return sorted({one for one in named if one is not None})


def take_in(ledger: Ledger, part: Path) -> Merged:
    """Merges a part that came from elsewhere.

    Raises:
        BadPart: it is no ledger of this release, or contents that it names are not here yet.
        LedgerError: a tournament stands in both with different content.
    """
    missing = [one for one in contents_of(part) if one not in ledger.artifacts]
    if missing:
        raise BadPart(f"contents of agents are missing here; send them first: {', '.join(missing[:10])}")
    with _opened(part) as other:
        return merge(ledger, other)


def _opened(part: Path) -> Ledger:
    _check_file(part)
    try:
        return Ledger.open(part, create=False, read_only=True)
    except LedgerError as error:
        said = str(error).replace(str(part), "it")
        raise BadPart(f"this is no part of a ledger of this release: {said}") from None


def _held(ledger: Ledger, one: Tournament) -> Held:
    return Held(matches=ledger.progress(one), origin=_short(one.created_at, one.seed))


def _is_behind(there: Held | None, here: Held) -> bool:
    """Whether the other ledger has fewer matches, or another tournament of this key, which merging refuses."""
    return there is None or there.origin != here.origin or there.matches < here.matches


def _agent(one: AgentVersion) -> str:
    return _short(one.name, one.specification, one.content_hash)


def _job(one: JobRow) -> str:
    return _short(one.kind, one.game, one.worker, one.finished_at)


def _short(*facts: object) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:20]


def _check_file(part: Path) -> None:
    """A file that is opened must be a database of plain tables: views and triggers would run what they say."""
    with part.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BadPart("this is no part of a ledger: not an SQLite file")
    try:
        connection = sqlite3.connect(f"file:{part}?mode=ro&immutable=1", uri=True)
        try:
            connection.execute("pragma trusted_schema = off")
            [(said,)] = connection.execute("pragma quick_check(1)").fetchall()
            odd = connection.execute("select name from sqlite_master where type in ('view', 'trigger')").fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BadPart(f"this is no part of a ledger: {error}") from None
    if said != "ok" or odd:
        raise BadPart("this is no part of a ledger: it is damaged, or more than tables")


class _Part(LedgerPart):
    """Some games of a ledger with all its agents, and no contents of them."""

    def agents(self, include_retired: bool = False) -> list[AgentVersion]:
        return Ledger.agents(self, include_retired)

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(Path("/nonexistent"))

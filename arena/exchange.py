"""Ledgers that exchange what they have: what one holds, the part of it that another lacks, and taking such a part in.

A part is a ledger of its own, one SQLite file, made by merging: it holds agents, matches and answers of jobs, never accounts. What a
ledger lacks is as many parts as it takes; each stands for itself, and the last one brings the answers of jobs, which tell of all
matches. Contents of agents travel beside it, one by one, named by their hashes. Nothing of a part is run.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from arena.artifacts import ArtifactStore
from arena.games import ArenaError
from arena.job_rows import JobRow
from arena.jobs import all_jobs
from arena.ledger import Ledger, LedgerError
from arena.ledger_rows import AgentVersion, Tournament
from arena.ledger_schema import blocks as blocks_table
from arena.ledger_schema import tournaments
from arena.match_file_schema import match_files
from arena.merge import Merged, merge
from arena.shown_origin import shown_lineage
from arena.solve_job import POLICY

MAGIC = b"SQLite format 3\0"
PART_BYTES = 8 << 20  # of a part as it is planned
MATCH_BYTES, TOURNAMENT_BYTES = 200, 4000  # about what takes a match, and a tournament, beside its packed columns


class BadPart(ArenaError):
    """What was sent as a part of a ledger and is none, or lacks contents of its agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many matches of a tournament a ledger holds; ``origin`` tells two tournaments of one key apart, ``imported`` two imports of
    one file: what that file is, '' for what was played."""

    matches: int
    origin: str
    imported: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What a ledger holds: tournaments by key; agents and answers of jobs by what tells them apart everywhere; artifacts by hash.
    ``most_bytes``: of a part that it takes; 0: any."""

    tournaments: Mapping[str, Held]
    agents: tuple[str, ...]
    jobs: tuple[str, ...]
    artifacts: tuple[str, ...]
    most_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPart:
    """What a part has: of each tournament by its number the blocks, by their first matches. ``whole``: tournaments of which nothing is
    left after it; ``last``: whether it brings the answers of jobs too, whose matches must all be there."""

    blocks: Mapping[int, frozenset[int]]
    whole: frozenset[int]
    last: bool


def holdings(ledger: Ledger, *, most_bytes: int = 0) -> Holdings:
    """What a ledger holds now."""
    imported = _imports(ledger)
    return Holdings(
        tournaments={one.key: _held(ledger, one, imported) for one in ledger.tournaments()},
        agents=tuple(_agent(one) for one in ledger.agents(include_retired=True)),
        jobs=tuple(_job(one) for one in all_jobs(ledger, status="finished")),
        artifacts=tuple(path.name[:64] for path in ledger.artifacts.files()),
        most_bytes=most_bytes,
    )


def others(mine: Holdings, theirs: Holdings) -> tuple[str, ...]:
    """The tournaments that cannot be taken there: another one has that key, or the file was imported there under another key."""
    held = {one.imported for one in theirs.tournaments.values()} - {""}
    return tuple(
        key
        for key, here in mine.tournaments.items()
        if (here.imported in held if (there := theirs.tournaments.get(key)) is None else there.origin != here.origin)
    )


def planned_parts(ledger: Ledger, known: Holdings, *, part_bytes: int = PART_BYTES) -> list[PlannedPart]:
    """What a ledger with these holdings lacks of this one and can take, in parts of about so many bytes, tournaments in the order in
    which they were made. The same ledger and holdings give the same parts."""
    mine = holdings(ledger)
    left_out = set(others(mine, known))
    behind = [one for one in ledger.tournaments() if one.key not in left_out and _is_behind(known, mine, one.key)]
    parts = _packed(ledger, behind, part_bytes)
    if parts or set(mine.agents) - set(known.agents) or set(mine.jobs) - set(known.jobs):
        last = parts.pop() if parts else PlannedPart(blocks={}, whole=frozenset(), last=True)
        parts.append(replace(last, last=True))
    return parts


def write_part(ledger: Ledger, planned: PlannedPart, known: Holdings, file: Path) -> None:
    """Writes a part into a file that is not there yet."""
    with Ledger.open(file) as part:
        merge(
            _PartFile(part, ledger),
            _Part(ledger, planned),
            wanted=lambda row: planned.last and _job(row) not in known.jobs,
        )


def halves(planned: PlannedPart) -> tuple[PlannedPart, PlannedPart]:
    """Two parts that have together what one has, which is too large.

    Raises:
        BadPart: it has one block of matches, or none.
    """
    every = [(number, first) for number, firsts in planned.blocks.items() for first in sorted(firsts)]
    if len(every) < 2:
        raise BadPart(
            "one block of matches with what belongs to it has more bytes than the server takes (upload_bytes)"
        )
    middle = len(every) // 2
    later = {number for number, _ in every[middle:]}
    return (
        PlannedPart(blocks=_by_tournament(every[:middle]), whole=planned.whole - later, last=False),
        PlannedPart(blocks=_by_tournament(every[middle:]), whole=planned.whole & later, last=planned.last),
    )


def contents_of(part: Path) -> list[str]:
    """The hashes of the contents that a part names: what its agents are made of, policies that solvers found, files of matches.

    Raises:
        BadPart: it is no ledger of this release.
    """
    with _opened(part) as ledger:
        named = [agent.content_hash for agent in ledger.agents(include_retired=True)]
        named += [str(one.result[POLICY]) for one in all_jobs(ledger) if one.result and one.result.get(POLICY)]
        with ledger.reading() as connection:
            named += connection.scalars(sa.select(match_files.c.artifact).distinct()).all()
    return sorted({one for one in named if one is not None})


def take_in(ledger: Ledger, part: Path) -> Merged:
    """Merges a part that came from elsewhere.

    Raises:
        BadPart: it is no ledger of this release, or contents that it names are not here yet.
        LedgerError: a tournament stands in both with different content.
    """
    missing = [one for one in contents_of(part) if one not in ledger.artifacts]
    if missing:
        raise BadPart(f"contents that it names are missing here; send them first: {', '.join(missing[:10])}")
    with _opened(part) as other:
        return merge(ledger, other)


def _opened(part: Path) -> Ledger:
    _check_file(part)
    try:
        return Ledger.open(part, create=False, read_only=True)
    except LedgerError as error:
        said = str(error).replace(str(part), "it")
        raise BadPart(f"this is no part of a ledger of this release: {said}") from None


def _is_behind(known: Holdings, mine: Holdings, key: str) -> bool:
    there = known.tournaments.get(key)
    return there is None or there.matches < mine.tournaments[key].matches


def _held(ledger: Ledger, one: Tournament, imported: Mapping[str, str]) -> Held:
    return Held(
        matches=ledger.progress(one), origin=_short(one.created_at, one.seed), imported=imported.get(one.key, "")
    )


def _imports(ledger: Ledger) -> dict[str, str]:
    """By key the tournaments that were imported: the game, and what the file is."""
    t = tournaments.c
    query = sa.select(t.key, t.game, t.source_hash).where(t.source_hash.is_not(None))
    with ledger.reading() as connection:
        return {row.key: _short(row.game, row.source_hash) for row in connection.execute(query)}


def _packed(ledger: Ledger, behind: Sequence[Tournament], part_bytes: int) -> list[PlannedPart]:
    """The blocks of these tournaments in parts, none of which is the last one yet."""
    parts: list[PlannedPart] = []
    blocks: dict[int, set[int]] = {}
    whole: set[int] = set()
    size = 0

    def close() -> None:
        nonlocal size
        if blocks:
            kept = {number: frozenset(firsts) for number, firsts in blocks.items()}
            parts.append(PlannedPart(blocks=kept, whole=frozenset(whole), last=False))
        blocks.clear()
        whole.clear()
        size = 0

    for one in behind:
        blocks[one.id] = set()
        for first, bytes_of_block in _blocks(ledger, one):
            if size + bytes_of_block > part_bytes and any(blocks.values()):
                close()
            blocks.setdefault(one.id, set()).add(first)
            size += bytes_of_block
        whole.add(one.id)
        size += TOURNAMENT_BYTES
    close()
    return parts


def _blocks(ledger: Ledger, one: Tournament) -> list[tuple[int, int]]:
    """(its first match, about how many bytes it takes) of each block."""
    b = blocks_table.c
    packed = sa.func.length(b.seconds) + sa.func.length(b.actions) + sa.func.coalesce(sa.func.length(b.columns), 0)
    query = sa.select(b.first, packed + MATCH_BYTES * b.matches).where(b.tournament_id == one.id).order_by(b.first)
    with ledger.reading() as connection:
        return [(int(first), int(size)) for first, size in connection.execute(query)]


def _by_tournament(every: Sequence[tuple[int, int]]) -> dict[int, frozenset[int]]:
    return {number: frozenset(first for other, first in every if other == number) for number, _ in every}


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


class _Part(Ledger):
    """What a planned part has of a ledger, with all its agents and no contents of them."""

    def __init__(self, ledger: Ledger, planned: PlannedPart):
        super().__init__(ledger._url, ledger._engine, ledger._state)
        self._whole, self._planned = ledger, planned

    def tournaments(self, game: str | None = None) -> list[Tournament]:
        found = super().tournaments(game)
        return [one if one.id in self._planned.whole else replace(one, status="interrupted") for one in found]

    def written(self, tournament: Tournament) -> set[int]:
        return super().written(tournament) & self._planned.blocks[tournament.id]

    def agents(self, include_retired: bool = False) -> list[AgentVersion]:
        every = self._whole.agents(include_retired)
        return [replace(one, lineage=shown_lineage(one.lineage)) for one in every]

    @property
    def artifacts(self) -> ArtifactStore:
        return ArtifactStore(Path("/nonexistent"))

    def _shown(self) -> sa.ColumnElement[bool]:
        return self._whole._shown() & tournaments.c.id.in_(self._planned.blocks)


class _PartFile(Ledger):
    """The file of a part while it is written: its answers are of the matches of the ledger that it is a part of."""

    def __init__(self, part: Ledger, whole: Ledger):
        super().__init__(part._url, part._engine, part._state)
        self._whole = whole

    def mark(self, game: str) -> int:
        return self._whole.mark(game)

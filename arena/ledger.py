"""The ledger: agents, tournaments and the append-only record of their matches, in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import sqlalchemy as sa

from arena import connection as db
from arena import ledger_schema as schema
from arena.artifacts import ArtifactStore
from arena.connection import LedgerError
from arena.games.game import GameInfo
from arena.games.seeds import seed_of
from arena.kept_columns import KeptColumns
from arena.kept_files import file_rows
from arena.kept_reads import KeptReads
from arena.ledger_entries import (
    find_agent,
    find_tournament,
    free_key,
    imported_key,
    insert_agent,
    insert_tournament,
    is_agent_name,
    now,
    read_agents,
    read_games,
    read_tournaments,
    versions_of,
)
from arena.ledger_matches import (
    Lineups,
    block_of,
    numbers_of,
    read_columns,
    read_faults,
    read_results,
    write_block,
)
from arena.ledger_rows import AgentVersion, GameRow, Played, Source, Status, Tournament
from arena.ledger_state import ALL, REST, LedgerState, count_change, note_read
from arena.match_file_schema import match_files
from arena.poll_schema import vote_reviews
from arena.results import Fault, MatchResult, MatchResults
from arena.rosters import Rosters
from arena.usage_record import AgentUsage, by_agent, read_usage

__all__ = ["AgentVersion", "GameRow", "Ledger", "LedgerError", "Played", "Tournament", "ledger_exists"]


class Ledger:
    """Agents, tournaments and matches at one address. Open it with `Ledger.open`; threads may share it."""

    def __init__(self, url: sa.URL, engine: sa.Engine, state: LedgerState | None = None):
        """``state``: of the ledger whose database this one shows in another way; who opened that one closes it."""
        self._url = url
        self._engine = engine
        self._writer = db.writing(engine)
        self._lineups: Lineups = {}  # as far as committed
        self._columns = KeptColumns()
        self._rosters = Rosters()
        self._state = LedgerState(engine) if state is None else state
        self._agents: tuple[int | None, list[AgentVersion]] | None = None  # as of that number of changes
        self.kept = KeptReads(self.changes)
        """What others read of this ledger again and again."""

    @classmethod
    def open(cls, url: str | Path | None = None, *, create: bool = True, read_only: bool = False) -> Ledger:
        """The ledger at a path or URL; None is $ARENA_DB or ./arena.db. A missing one is made, unless ``create`` is off.

        Raises:
            LedgerError: missing, damaged, of another application or revision, on a network disk, or unreachable;
                whatever is refused stays untouched.
        """
        located = db.locate(url)
        return cls(located, db.connect(located, create=create, read_only=read_only))

    def close(self) -> None:
        self._state.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({self.url_for_people!r})"

    @property
    def url(self) -> sa.URL:
        """Where the ledger is. Its text (`str`) hides the password."""
        return self._url

    @property
    def url_for_people(self) -> str:
        """The path, or the URL without secrets: what may be printed and what --db takes."""
        return db.shown(self._url)

    @property
    def is_default(self) -> bool:
        """Whether no --db is needed to open this ledger from here."""
        return self._url == db.locate(None)

    @property
    def artifacts(self) -> ArtifactStore:
        """The contents of agents, beside the ledger."""
        return ArtifactStore.beside(self._url)

    def state(self) -> Hashable:
        """A value that is another one after anything was committed by anybody: the key of what was made of the ledger."""
        with db.explained(self._url):
            return self._state.now()

    def changes(self) -> Mapping[str, int]:
        """How often each topic was changed by anybody (`arena.ledger_state.state_of`)."""
        with db.explained(self._url):
            return self._state.changes()

    # Agents

    def add_agent(
        self,
        name: str,
        *,
        specification: str,
        kind: str,
        content_hash: str | None = None,
        lineage: Mapping[str, object] | None = None,
        check: Callable[[Sequence[AgentVersion]], None] | None = None,
    ) -> AgentVersion:
        """The version of ``name`` that is this very agent, if one is and is not retired, else a new version.

        ``check``: is given the versions that there are before each attempt, the newest first, and raises where it may not be one more.

        Raises:
            LedgerError: a name that references could not tell from a version.
        """
        if not is_agent_name(name):
            raise LedgerError(
                f"an agent cannot be named {name!r}: printable characters, no space at the ends, no version (@1) after it"
            )
        while True:  # another writer may take the version number: then look again
            with self.reading(REST) as connection:
                versions = versions_of(connection, name)
            if check is not None:
                check(versions)
            for known in versions:
                if (known.specification, known.content_hash) == (specification, content_hash) and not known.retired:
                    return known
            version = versions[0].version + 1 if versions else 1
            row = {
                "name": name,
                "version": version,
                "specification": specification,
                "kind": kind,
                "content_hash": content_hash,
                "lineage": dict(lineage or {}),
                "created_at": now(),
            }
            with self.writing() as connection:
                added = insert_agent(connection, row)
            if added:
                return self.agent(f"{name}@{version}")

    def agents(self, include_retired: bool = False) -> list[AgentVersion]:
        """All versions of all agents, by name and version."""
        note_read(REST)
        changes = self.changes().get(REST)
        if self._agents is None or self._agents[0] != changes:
            with self.reading(REST) as connection:
                self._agents = changes, read_agents(connection)
        return [one for one in self._agents[1] if include_retired or not one.retired]

    def agent(self, reference: str) -> AgentVersion:
        """The version that ``name@2`` names; of ``name`` alone the newest, one in use before any retired one.

        Raises:
            UnknownName: no such agent.
        """
        with self.reading(REST) as connection:
            return find_agent(connection, reference)

    def forget_agent(self, agent: AgentVersion) -> bool:
        """Whether a version that has neither matches nor jobs is gone now; any other stays."""
        agents = schema.agents
        held = [table for table in schema.metadata.sorted_tables if "agent_id" in table.c]
        used = [sa.exists().where(table.c.agent_id == agents.c.id) for table in held]
        with self.writing() as connection:
            gone = connection.execute(agents.delete().where(agents.c.id == agent.id, ~sa.or_(*used)))
        return bool(gone.rowcount)

    def retire_agent(self, reference: str) -> AgentVersion:
        """Takes an agent out of the lists; its matches stay, and so does its rating."""
        agent = self.agent(reference)
        with self.writing() as connection:
            connection.execute(
                schema.agents.update()
                .where(schema.agents.c.id == agent.id, schema.agents.c.retired_at.is_(None))
                .values(retired_at=now())
            )
        return self.agent(agent.label)

    # Tournaments

    def add_tournament(
        self,
        *,
        name: str,
        game: GameInfo,
        agents: Sequence[AgentVersion],
        config: Mapping[str, object],
        seed: int | None,
        planned: int | None,
        source: Source = "play",
        versions: Mapping[str, object] | None = None,
        source_hash: str | None = None,
    ) -> Tournament:
        """A new tournament, running. Its key is the name in small letters, made unique: ``cup``, ``cup-2``.

        ``seed``: None makes one of the key. ``source_hash``: of the file that an import is made of; a second one of that game and hash is the first one.

        Raises:
            LedgerError: a name that no page can show, an agent that stands twice, or a seed of more than 64 bits.
        """
        if not name.isprintable():
            raise LedgerError(f"a tournament is called by printable characters; got {name!r:.80}")
        if len({agent.id for agent in agents}) != len(agents):
            raise LedgerError(
                "an agent stands twice in a tournament: register it under two names to rate it against itself"
            )
        if seed is not None and not -(1 << 63) <= seed < 1 << 63:
            raise LedgerError(f"the seed {seed} does not fit in 64 bits; take a smaller number")
        row = {
            "name": name,
            "game": game.specification,
            "game_title": game.title,
            "game_version": game.version,
            "utility": game.utility,
            "lane": game.lane,
            "num_players": game.num_players,
            "teams": [list(team) for team in game.teams] or None,
            "source": source,
            "source_hash": source_hash,
            "config": dict(config),
            "planned": planned,
            "status": "running",
            "versions": dict(versions or {}),
            "created_at": now(),
            "alive_at": now(),
            "blocks": 0,
            "matches": 0,
        }
        while True:  # another writer may take the key: then look again
            with self.reading() as connection:
                imported = source_hash and imported_key(connection, game.specification, source_hash)
                key = free_key(connection, name)
            if imported:
                return self.tournament(imported)
            with self.writing() as connection:
                drawn = seed_of(("tournament", key)) if seed is None else seed
                added = insert_tournament(connection, {**row, "key": key, "seed": drawn}, agents)
            if added:
                return self.tournament(key)

    def tournament(self, key: str) -> Tournament:
        """Raises `UnknownName`."""
        with self.reading(REST) as connection:
            return find_tournament(connection, key, self._rosters)

    def tournaments(self, game: str | None = None) -> list[Tournament]:
        """In the order in which they were made; of one game or of all."""
        which = sa.true() if game is None else schema.tournaments.c.game == game

        def read() -> list[Tournament]:
            with self.reading(REST) as connection:
                return read_tournaments(connection, which & self._shown(), self._rosters)

        def are_over(found: Iterable[Tournament]) -> bool:  # of others it is read how long they have been silent
            return all(one.status == "finished" for one in found)

        note_read(REST)
        return list(self.kept.of(("tournaments", game), REST, read, lasts=are_over))

    def set_status(self, tournament: Tournament, status: Status) -> Tournament:
        """The tournament with its new status; ``finished`` notes the time. One that runs must say so: see `keep_alive`.

        Who is interrupted late, after others finished it, changes nothing.
        """
        over = schema.tournaments.c.status == "finished" if status == "interrupted" else sa.false()
        with self.writing() as connection:
            connection.execute(
                schema.tournaments.update()
                .where(schema.tournaments.c.id == tournament.id, ~over)
                .values(status=status, finished_at=now() if status == "finished" else None, alive_at=now())
            )
        return self.tournament(tournament.key)

    def keep_alive(self, tournament: Tournament) -> None:
        """Says that the tournament is being played. One that runs and has been silent for a while reads as interrupted."""
        with self.writing(None) as connection:
            connection.execute(
                schema.tournaments.update().where(schema.tournaments.c.id == tournament.id).values(alive_at=now())
            )

    def games(self) -> list[GameRow]:
        """All games with a tournament, by title."""

        def read() -> list[GameRow]:
            with self.reading() as connection:
                return read_games(connection, self._shown())

        note_read(ALL)
        return list(self.kept.of("games", ALL, read))

    def has_game(self, game: str) -> bool:
        """Whether there is a tournament of a game."""

        def read() -> bool:
            t = schema.tournaments.c
            query = sa.select(t.id).where((t.game == game) & self._shown()).limit(1)
            with self.reading(REST) as connection:
                return connection.execute(query).first() is not None

        note_read(REST)
        return self.kept.of(("has", game), REST, read)

    # Matches

    def write(self, tournament: Tournament, results: MatchResults) -> int:
        """Writes one block of matches in one transaction; how many of them are new: all, or none on a second write.

        The tournament's lane decides whether they become rows or columns. Seats are indices into `Tournament.agents`,
        -1 an empty seat. What an agent said (`Fault`) is kept as text: NUL and lone surrogates become question marks.

        Raises:
            LedgerError: matches out of order, a seat without an agent, or a block whose borders cut another block:
                borders are fixed by the schedule, so that a block is written wholly or not at all.
        """
        if not len(results):
            return 0
        files = file_rows(self.artifacts, tournament, results.files)
        with self.writing(tournament.game) as connection:
            fresh = write_block(connection, tournament, results, self._lineups)
            if fresh is None:
                connection.rollback()
                return 0
            schema.insert_or_ignore(connection, match_files, files)
        self._lineups.update(fresh)
        return len(results)

    def write_together(
        self, tournament: Tournament, blocks: Sequence[MatchResults], beside: Callable[[sa.Connection], None]
    ) -> int:
        """Writes blocks, and what ``beside`` writes of these matches alone, in one transaction; how many matches are new.

        Blocks that are there already are passed over.

        Raises:
            LedgerError: as `write`.
        """
        fresh: Lineups = {}
        count = 0
        with self.writing(tournament.game) as connection:
            firsts = [int(block.specs.index[0]) for block in blocks if len(block)]
            span = schema.blocks.c.first.between(min(firsts, default=0), max(firsts, default=0))
            there: set[int] = set(connection.scalars(_starts(tournament).where(span)))
            for block in blocks:
                if len(block) and int(block.specs.index[0]) not in there:
                    fresh |= write_block(connection, tournament, block, self._lineups | fresh) or {}
                    count += len(block)
            beside(connection)
        self._lineups.update(fresh)
        return count

    def written(self, tournament: Tournament) -> set[int]:
        """The index of the first match of each block."""
        with self.reading(tournament.game) as connection:
            return set(connection.scalars(_starts(tournament)))

    def progress(self, tournament: Tournament) -> int:
        """How many matches are written."""
        query = sa.select(schema.tournaments.c.matches).where(schema.tournaments.c.id == tournament.id)
        with self.reading(tournament.game) as connection:
            return int(connection.scalars(query).one())

    def mark(self, game: str) -> int:
        """A number that grows whenever matches of the game are written, or it is decided whether votes count: the key of what was
        computed from them.
        """
        of_game = (schema.tournaments.c.game == game) & self._shown()
        reviews = (
            sa.select(sa.func.count()).join_from(vote_reviews, schema.tournaments).where(of_game).scalar_subquery()
        )
        query = sa.select(sa.func.sum(schema.tournaments.c.blocks), reviews).where(of_game)
        with self.reading(game) as connection:
            blocks, decided = connection.execute(query).one()
            return int(blocks or 0) + int(decided)

    def recorded(self, game: str) -> int:
        """How many matches of a game are written."""

        def read() -> int:
            t = schema.tournaments.c
            query = sa.select(sa.func.sum(t.matches)).where((t.game == game) & self._shown())
            with self.reading(game) as connection:
                return int(connection.scalars(query).one() or 0)

        note_read(game)
        return self.kept.of(("recorded", game), game, read)

    def played(self, tournament: Tournament) -> Played:
        """All matches without their actions, in arrays that cannot be written to."""
        with self.reading(tournament.game) as connection:
            return self._columns.played(connection, tournament)

    def results(self, tournament: Tournament) -> MatchResults:
        """All matches, in the order of their index.

        Raises:
            DamagedBlock: a block that does not unpack.
        """
        with self.reading(tournament.game) as connection:
            return read_results(connection, tournament)

    def result_blocks(self, tournament: Tournament) -> Iterator[MatchResults]:
        """All matches that are written now, block by block in the order of their index: never all in memory at once.

        Raises:
            DamagedBlock: a block that does not unpack.
        """
        for first in sorted(self.written(tournament)):
            with self.reading(tournament.game) as connection:
                block = read_results(connection, tournament, first=first)
            yield block

    def match(self, tournament: Tournament, number: int) -> MatchResult:
        """One match, by its index in the schedule.

        Raises:
            LedgerError: it is not written.
        """
        with self.reading(tournament.game) as connection:
            first = block_of(connection, tournament, number)
            if first is not None:
                block = read_results(connection, tournament, first=first)
                row = int(np.searchsorted(block.specs.index, number))
                if block.specs.index[row] == number:
                    return block[row]
            last = connection.scalars(
                sa.select(sa.func.max(schema.blocks.c.last)).where(schema.blocks.c.tournament_id == tournament.id)
            ).one()
        which = "none is written yet" if last is None else f"the last one is {last}"
        raise LedgerError(f"tournament {tournament.key!r} has no match {number}; {which}")

    def faults(self, tournament: Tournament) -> list[Fault]:
        """Why matches were forfeited, in the order of their index. Infrastructure faults: `arena.infrastructure`."""
        with self.reading(tournament.game) as connection:
            return [fault for fault in read_faults(connection, tournament) if fault.termination.is_forfeit]

    def usage(self, tournament: Tournament) -> list[AgentUsage]:
        """What the language models of a tournament used in its recorded matches, by agent."""
        with self.reading(tournament.game) as connection:
            used = read_usage(connection, tournament)
            if not used:
                return []
            specs = read_columns(connection, tournament).specs
        return by_agent(tournament, used, specs.index, specs.seats)

    def matches_of(self, agent_id: int, limit: int = 100) -> list[tuple[str, int]]:
        """The last matches in which an agent sat: (tournament's key, number), the newest first."""
        seats = schema.tournament_agents
        joined = sa.select(seats.c.tournament_id).where(seats.c.agent_id == agent_id)
        found: list[tuple[str, int]] = []
        with self.reading() as connection:
            for tournament in reversed(
                read_tournaments(connection, schema.tournaments.c.id.in_(joined) & self._shown(), self._rosters)
            ):
                numbers = numbers_of(connection, tournament, agent_id, limit - len(found))
                found += [(tournament.key, number) for number in numbers]
                if len(found) >= limit:
                    break
        return found

    def _shown(self) -> sa.ColumnElement[bool]:
        """Which tournaments there are for whoever asks: all of them."""
        return sa.true()

    @contextmanager
    def reading(self, topic: str = ALL) -> Iterator[sa.Connection]:
        """A connection that sees one state of the ledger throughout.

        Args:
            topic: what is read beside `arena.ledger_state.REST`: the matches of the game of this name, or another topic of its own.
        """
        note_read(topic)
        with db.explained(self._url), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, topic: str | None = REST) -> Iterator[sa.Connection]:
        """A connection whose changes are kept together at the end, or not at all.

        Args:
            topic: what is written and nothing else, of which all that depends on it is old afterwards; None: what no page shows that
                is kept, or only that somebody is still there.
        """
        with db.explained(self._url), self._writer.connect() as connection, connection.begin() as transaction:
            yield connection
            if topic is not None and transaction.is_active:
                count_change(connection, topic)


def _starts(tournament: Tournament) -> sa.Select[tuple[int]]:
    return sa.select(schema.blocks.c.first).where(schema.blocks.c.tournament_id == tournament.id)


def ledger_exists(url: str | Path | None = None) -> bool:
    """Whether a ledger can be opened at a path or URL, of whatever revision.

    Raises:
        LedgerError: what is there is damaged, another application's, or cannot be reached.
    """
    return db.identify(db.locate(url)).state == "ledger"

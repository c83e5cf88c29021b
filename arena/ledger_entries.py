"""Agents, tournaments and games on their way into the ledger's tables and out of them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from arena.games.errors import UnknownName
from arena.ledger_rows import AgentVersion, GameRow, Tournament
from arena.ledger_schema import agents, tournament_agents, tournaments
from arena.rosters import Rosters, agent_of

SILENT_S = 45.0  # a tournament whose player has not been heard of for so long is not being played
_VERSIONED = re.compile(r"(.+)@(\d+)")


def is_agent_name(name: str) -> bool:
    """Whether an agent can have this name: printable, no space at the ends, nothing that reads as a version."""
    return name != "" and name == name.strip() and name.isprintable() and not _VERSIONED.fullmatch(name)


def versions_of(connection: sa.Connection, name: str) -> list[AgentVersion]:
    """All versions of an agent, the newest first."""
    query = sa.select(agents).where(agents.c.name == name).order_by(agents.c.version.desc())
    return [agent_of(row) for row in connection.execute(query)]


def read_agents(connection: sa.Connection) -> list[AgentVersion]:
    """All versions, retired ones too, by name and version."""
    query = sa.select(agents).order_by(agents.c.name, agents.c.version)
    return [agent_of(row) for row in connection.execute(query)]


def find_agent(connection: sa.Connection, reference: str) -> AgentVersion:
    """The version ``name@2``; of ``name`` the newest, one in use before any retired one. Raises `UnknownName`."""
    query = sa.select(agents).order_by(agents.c.retired_at.is_not(None), agents.c.version.desc()).limit(1)
    versioned = _VERSIONED.fullmatch(reference)
    if versioned:
        query = query.where(agents.c.name == versioned[1], agents.c.version == int(versioned[2][:9]))
    else:
        query = query.where(agents.c.name == reference)
    row = connection.execute(query).first()
    if row is None:
        known = connection.execute(sa.select(agents.c.name, agents.c.version)).all()
        names = {name for name, _ in known}
        if versioned and versioned[1] in names:
            names = {f"{name}@{version}" for name, version in known if name == versioned[1]}
        raise UnknownName("agent", reference, names)
    return agent_of(row)


def read_tournaments(connection: sa.Connection, which: sa.ColumnElement[bool], rosters: Rosters) -> list[Tournament]:
    """In the order in which they were made."""
    rows = connection.execute(sa.select(tournaments).where(which).order_by(tournaments.c.id)).all()
    entered = rosters.of(connection, [row.id for row in rows])
    return [_tournament(row, entered[row.id]) for row in rows]


def find_tournament(connection: sa.Connection, key: str, rosters: Rosters) -> Tournament:
    """Raises `UnknownName`."""
    found = read_tournaments(connection, tournaments.c.key == key, rosters)
    if not found:
        raise UnknownName("tournament", key, connection.scalars(sa.select(tournaments.c.key)).all())
    return found[0]


def imported_key(connection: sa.Connection, game: str, source_hash: str) -> str | None:
    """The key of the tournament that was imported from a file of this hash."""
    query = sa.select(tournaments.c.key).where(tournaments.c.game == game, tournaments.c.source_hash == source_hash)
    return connection.scalars(query).first()


def free_key(connection: sa.Connection, name: str) -> str:
    """A key that no tournament has yet: the name in small letters, ``cup``, or ``cup-2`` and so on."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "tournament"
    taken = set(connection.scalars(sa.select(tournaments.c.key).where(tournaments.c.key.startswith(slug))))
    key, number = slug, 1
    while key in taken:
        number += 1
        key = f"{slug}-{number}"
    return key


def read_games(connection: sa.Connection, which: sa.ColumnElement[bool]) -> list[GameRow]:
    """All games with such a tournament, by title."""
    t, seats = tournaments.c, tournament_agents.c
    titles = sa.select(t.game, t.game_title, t.game_version).where(which).order_by(t.id)
    newest = {row.game: row for row in connection.execute(titles)}
    entered = (
        sa.select(t.game, sa.func.count(seats.agent_id.distinct()).label("agents"))
        .join(tournament_agents, seats.tournament_id == t.id)
        .where(which)
        .group_by(t.game)
    )
    entrants = {row.game: row.agents for row in connection.execute(entered)}
    counted = (
        sa.select(t.game, sa.func.count().label("tournaments"), sa.func.sum(t.matches).label("matches"))
        .where(which)
        .group_by(t.game)
    )
    rows = [
        GameRow(
            game=row.game,
            title=newest[row.game].game_title,
            version=newest[row.game].game_version,
            matches=int(row.matches),
            tournaments=row.tournaments,
            agents=entrants.get(row.game, 0),
        )
        for row in connection.execute(counted)
    ]
    return sorted(rows, key=lambda row: (row.title, row.game))


def insert_agent(connection: sa.Connection, row: Mapping[str, object]) -> bool:
    """Whether the agent is in; not where another writer took its version."""
    return insert_new(connection, agents, row) is not None


def insert_tournament(connection: sa.Connection, row: Mapping[str, object], entrants: Sequence[AgentVersion]) -> bool:
    """Whether the tournament and its agents are in; not where another writer took its key."""
    number = insert_new(connection, tournaments, row)
    if number is not None and entrants:
        rows = [{"tournament_id": number, "position": i, "agent_id": agent.id} for i, agent in enumerate(entrants)]
        connection.execute(tournament_agents.insert(), rows)
    return number is not None


def now(seconds: float = 0.0) -> str:
    """The time in UTC, or so many seconds from it; ISO 8601, to the millisecond, so that texts compare as times."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def insert_new(connection: sa.Connection, table: sa.Table, row: Mapping[str, object]) -> int | None:
    """The number of the new row; None where another row has its key."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(dict(row)).on_conflict_do_nothing().returning(table.c.id)
    number: int | None = connection.scalars(statement).first()
    return number


def _tournament(row: sa.Row[tuple[object, ...]], agents: tuple[AgentVersion, ...]) -> Tournament:
    return Tournament(
        id=row.id,
        key=row.key,
        name=row.name,
        game=row.game,
        game_title=row.game_title,
        game_version=row.game_version,
        utility=row.utility,
        lane=row.lane,
        num_players=row.num_players,
        source=row.source,
        config=row.config,
        seed=row.seed,
        agents=agents,
        planned=row.planned,
        status="interrupted" if _is_silent(row) else row.status,
        versions=row.versions,
        created_at=row.created_at,
        finished_at=row.finished_at,
        sides=tuple(map(tuple, row.teams or [[player] for player in range(row.num_players)])),
    )


def _is_silent(row: sa.Row[tuple[object, ...]]) -> bool:
    """Whether whoever plays a tournament that runs has not been heard of; a poll that is open waits for voters, and nobody plays it."""
    return bool(row.status == "running" and row.source != "vote" and row.alive_at < now(-SILENT_S))

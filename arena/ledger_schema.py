"""The tables of the ledger, one definition for SQLite and PostgreSQL. Every change of them is a file in `arena.migrations`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0010"
"""What this release reads and writes: the newest file in ``arena/migrations/versions``. Numbers, so that they are ordered."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
_ID = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only where the type is INTEGER

agents = Table(
    "agents",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("specification", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content_hash", Text),
    Column("lineage", JSON, nullable=False),
    Column("created_at", Text, nullable=False),  # ISO 8601 in UTC, here and below
    Column("retired_at", Text),
    UniqueConstraint("name", "version"),
)

tournaments = Table(
    "tournaments",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("game", Text, nullable=False, index=True),
    Column("game_title", Text, nullable=False),
    Column("game_version", Text, nullable=False),
    Column("utility", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("num_players", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_hash", Text),  # of an imported file; a second import of it is the same tournament
    Column("config", JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("planned", BigInteger),
    Column("status", Text, nullable=False),
    Column("versions", JSON, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("alive_at", Text, nullable=False),  # when whoever plays it last said so
    Column("blocks", BigInteger, nullable=False),  # how many blocks and matches are written: an aggregate, kept in
    Column("matches", BigInteger, nullable=False),  # the transaction of each block, that `database.check` counts again
    Column("teams", JSON),  # the players of each team; none where every player stands alone
    UniqueConstraint("game", "source_hash"),
)

tournament_agents = Table(
    "tournament_agents",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("agent_id", _ID, ForeignKey("agents.id"), nullable=False, index=True),
)

lineups = Table(
    "lineups",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # agents' ids by seat, "3,5"; 0 is an empty seat
)

lineup_seats = Table(
    "lineup_seats",
    metadata,
    Column("lineup_id", _ID, ForeignKey("lineups.id"), primary_key=True),
    Column("seat", Integer, primary_key=True),
    Column("agent_id", _ID, ForeignKey("agents.id"), nullable=False, index=True),
)

# Object and hosted lane: a row a match. Seeds are unsigned numbers of 64 bits, kept with their bits as signed ones.
matches = Table(
    "matches",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("lineup_id", _ID, ForeignKey("lineups.id"), nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("chance_seed", BigInteger, nullable=False),
    Column("returns", Text, nullable=False),  # a JSON list, one number a player
    Column("termination", SmallInteger, nullable=False),
    Column("forfeit", SmallInteger, nullable=False),
    Column("plies", Integer, nullable=False),  # recorded actions, chance outcomes included
    sqlite_with_rowid=False,
)

# One row a block of matches in every lane; in the tensor lane `columns` holds what otherwise are rows of `matches`.
# Actions stand last: a reader of the other columns does not page through them.
blocks = Table(
    "blocks",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("matches", Integer, nullable=False),
    Column("columns", LargeBinary),
    Column("seconds", LargeBinary, nullable=False),
    Column("actions", LargeBinary, nullable=False),
)

faults = Table(
    "faults",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("player", SmallInteger, primary_key=True, autoincrement=False),
    Column("termination", SmallInteger, nullable=False),
    Column("message", Text, nullable=False),
    Column("log", Text, nullable=False),
)

# Where the pairing looks at results: what was chosen for each round, before it was played. `lineups` and `propensities` are
# packed arrays; without propensities nothing was drawn.
rounds = Table(
    "rounds",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),  # the number of its first match
    Column("lineups", LargeBinary, nullable=False),
    Column("propensities", LargeBinary),
    Column("created_at", Text, nullable=False),
)

# Work whose answer is kept: what is asked (kind, game, agent, settings), who does it and where, what came out.
jobs = Table(
    "jobs",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # a hash of what is asked: asking twice is one job
    Column("kind", Text, nullable=False),
    Column("game", Text, nullable=False, index=True),
    Column("agent_id", _ID, ForeignKey("agents.id"), index=True),
    Column("settings", JSON, nullable=False),
    Column("device", Text, nullable=False),  # what it asks for: cpu, cuda
    Column("status", Text, nullable=False, index=True),
    Column("attempts", Integer, nullable=False),  # in a row, that recorded nothing
    Column("worker", Text),  # who has it, and the device it computes on
    Column("created_at", Text, nullable=False),
    Column("started_at", Text),
    Column("finished_at", Text),
    Column("alive_at", Text),
    Column("result", JSON),
    Column("error", Text),
    Column("checkpoint", Text),  # of work under way: the artifact that another worker goes on from
    # how often it was taken: who holds it knows its number
    Column("claims", Integer, nullable=False, server_default="0"),
    Column("done", BigInteger),  # how far it was when it was last heard of
    Column("planned", BigInteger),
    Column("cpus", Float(53), nullable=False, server_default="1"),  # what a worker must give it
    Column("gpus", Float(53), nullable=False, server_default="0"),
    Column("memory_bytes", BigInteger, nullable=False, server_default="0"),
)

# What a training told while it learned: losses, entropy, returns and what it is worth, after so many steps.
curves = Table(
    "curves",
    metadata,
    Column("job_id", _ID, ForeignKey("jobs.id"), primary_key=True),
    Column("steps", BigInteger, primary_key=True, autoincrement=False),
    Column("told", JSON, nullable=False),  # numbers by name
    sqlite_with_rowid=False,
)

# What was compared, in which context, by whom: of tournaments whose matches are votes or judgements. Candidates are the tournament's
# agents; contexts and judges are numbered within it. A match without a row here names neither.
contexts = Table(
    "contexts",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),  # what the source calls it
    Column("prompt", Text),  # unknown where votes name it alone
    UniqueConstraint("tournament_id", "key"),
)

judges = Table(
    "judges",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    UniqueConstraint("tournament_id", "name"),
)

answers = Table(
    "answers",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("context", Integer, primary_key=True, autoincrement=False),
    Column("candidate", Integer, primary_key=True, autoincrement=False),  # position among the tournament's agents
    Column("text", Text, nullable=False),
)

# Of the match of that number, whose seats are in the order shown.
judgements = Table(
    "judgements",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("context", Integer),  # positions; none where the source names none
    Column("judge", Integer),
    Column("score", Float(53), nullable=False),  # the share of the win that the first shown takes
    Column("both_bad", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    sqlite_with_rowid=False,
)

# A judge that gave no verdict: no match, and so no vote.
judge_failures = Table(
    "judge_failures",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

# What a language model's answers in a match took; `player` is -1 for the judge.
usage = Table(
    "usage",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("player", SmallInteger, primary_key=True, autoincrement=False),
    Column("requests", Integer, nullable=False),
    Column("prompt_tokens", BigInteger),  # unknown where the server does not say
    Column("completion_tokens", BigInteger),
    Column("seconds", Float(53), nullable=False),
    Column("cost", Float(53)),  # unknown without prices
)

# How often each topic was changed (`arena.ledger_state`), so that all processes know what is old of what they made of it.
changes = Table(
    "changes",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# Alembic's own table under Arena's name: a database that has it is a ledger, any other belongs to somebody else.
revisions = Table("arena_revision", MetaData(), Column("version_num", String(32), primary_key=True))


def insert_or_ignore(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """Inserts rows, each a tuple of all columns, and passes over those whose key is taken.

    Plain text for the driver, made for each dialect: SQLAlchemy's typed inserts cost four times as much a row on SQLite,
    and PostgreSQL wants one statement, not one a row.
    """
    if not rows:
        return
    statement = insert_or_ignore_text(table, connection.dialect)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.exec_driver_sql(statement, tuple(map(list, zip(*rows, strict=True))))


@cache
def insert_or_ignore_text(table: Table, dialect: Dialect) -> str:
    """SQL that takes a row on SQLite, and a list of each column on PostgreSQL."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    into = f'insert into "{table.name}" ({names})'
    if dialect.name == "sqlite":
        marks = ", ".join(["?"] * len(table.columns))
        return f"{into} values ({marks}) on conflict do nothing"
    arrays = ", ".join(f"%s::{column.type.compile(dialect)}[]" for column in table.columns)
    return f"{into} select * from unnest({arrays}) on conflict do nothing"  # noqa: S608 - our own names

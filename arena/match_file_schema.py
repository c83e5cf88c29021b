"""The table of files that hosted matches left behind: replays, logs, what else was noted. Their contents are artifacts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from arena.ledger_schema import metadata

_ID = BigInteger().with_variant(Integer(), "sqlite")

match_files = Table(
    "match_files",
    metadata,
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("artifact", Text, nullable=False),  # the SHA-256 of the content
    sqlite_with_rowid=False,
)

"""The table of answers that a server keeps, so that a request that comes twice is done once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from arena.ledger_schema import metadata

# Of a write with an Idempotency-Key: what was asked, and once it is done what was answered.
kept_answers = Table(
    "kept_answers",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # a hash of who asked and the key that he gave
    Column("request", Text, nullable=False),  # a hash of what was asked
    Column("status", Integer),  # of the answer; none while it is being done
    Column("media_type", Text),
    Column("body", LargeBinary),
    Column("created_at", Text, nullable=False, index=True),
)

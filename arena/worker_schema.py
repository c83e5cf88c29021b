"""The table of workers that are there now. It is about this moment alone: rows go with their workers, or are old."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Table, Text

from arena.ledger_schema import metadata

workers = Table(
    "workers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("devices", JSON, nullable=False),  # what it computes on
    Column("kinds", JSON, nullable=False),  # of jobs that it does
    Column("cpus", Float(53)),  # the most that a job can have of it, null: not counted
    Column("gpus", Float(53)),
    Column("memory_bytes", BigInteger),
    Column("alive_at", Text, nullable=False),
)

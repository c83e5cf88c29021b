"""The tables of the mailbox between the engine and agents elsewhere. What stands here is about matches under way: it goes with them.

Times are seconds since 1970 by the database's clock, so that processes of several machines agree on what came when.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, ForeignKey, Integer, SmallInteger, Table, Text

from arena.ledger_schema import metadata

_ID = BigInteger().with_variant(Integer(), "sqlite")

# Who is connected to play which game. The newest connection of an agent is the one that plays.
presences = Table(
    "presences",
    metadata,
    Column("agent_id", _ID, ForeignKey("agents.id"), primary_key=True),
    Column("game", Text, primary_key=True),
    Column("hello", JSON, nullable=False),  # what it said of itself, as the agent protocol has it
    Column("connection", Text, nullable=False),
    Column("here_until", Float(53), nullable=False),  # it counts as away afterwards, unless it is heard of again
)

# One player of one match under way that an agent elsewhere plays.
seats = Table(
    "seats",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # drawn: a number that ended never comes again
    Column("agent_id", _ID, ForeignKey("agents.id"), nullable=False, index=True),
    Column("game", Text, nullable=False),
    Column("engine", Text, nullable=False, index=True),  # who plays the match
    Column("match", BigInteger, nullable=False),
    Column("player", SmallInteger, nullable=False),
    Column("move_s", Float(53)),
    Column("match_s", Float(53)),
    Column("alive_at", Float(53), nullable=False),  # when the engine last said that it plays on
    Column("returns", Float(53)),  # once the match is over
)

# What an engine wants to know, and what came of it.
questions = Table(
    "questions",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # drawn, as a seat's
    Column("seat_id", BigInteger, ForeignKey("seats.id"), nullable=False, index=True),
    Column("ply", Integer, nullable=False),
    Column("observation", JSON, nullable=False),
    Column("history", JSON, nullable=False),  # all actions so far: never sent, for drawings of what a seat may see
    Column("limit_s", Float(53)),
    Column("asked_at", Float(53), nullable=False),
    Column("state", Text, nullable=False),  # open, answered, failed, withdrawn
    Column("answer", JSON),  # the action, or the sentence that says why there is none
    Column("waited_s", Float(53)),  # from when it was asked to when its answer arrived
)

"""The tables of polls: what voters are asked, who they are without their names, what they said, which votes wait for review."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from arena.ledger_schema import metadata

_ID = BigInteger().with_variant(Integer(), "sqlite")


def _poll() -> Column[int]:
    """The tournament that holds a poll's votes as matches."""
    return Column("tournament_id", _ID, ForeignKey("tournaments.id"), primary_key=True)


polls = Table(
    "polls",
    metadata,
    _poll(),
    Column("state", Text, nullable=False),  # draft, open, closed
    Column("settings", JSON, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # by which ballots and voters' cookies are sealed
    Column("votes", BigInteger, nullable=False),  # the number of the next match
    Column("created_at", Text, nullable=False),
)

# Candidates whose answers are asked for, by their position among the tournament's agents.
poll_endpoints = Table(
    "poll_endpoints",
    metadata,
    _poll(),
    Column("candidate", Integer, primary_key=True, autoincrement=False),
    Column("specification", Text, nullable=False),
)

# An answer that did not come; one that came is a row of `answers`.
answer_failures = Table(
    "answer_failures",
    metadata,
    _poll(),
    Column("context", Integer, primary_key=True, autoincrement=False),
    Column("candidate", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("message", Text, nullable=False),
    Column("created_at", Text, nullable=False),
)

# Whoever holds the text that a digest was made of may vote in a poll of invited voters.
poll_invitations = Table(
    "poll_invitations",
    metadata,
    _poll(),
    Column("digest", Text, primary_key=True),
)

# Who voted, numbered as the tournament's judges are. `key` and `address` are keyed hashes: of what a voter is known by, and of
# the network address on the day of the first vote, whose salt is thrown away with the day.
voters = Table(
    "voters",
    metadata,
    _poll(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    UniqueConstraint("tournament_id", "key"),
    Index("ix_voters_tournament_id_address", "tournament_id", "address"),
)

address_salts = Table(
    "address_salts",
    metadata,
    _poll(),
    Column("day", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
)

# What each voter was asked and said, in order; `match` is none where the ballot was skipped.
ballots = Table(
    "ballots",
    metadata,
    _poll(),
    Column("voter", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # of this voter's ballots, from 0
    Column("context", Integer, nullable=False),
    Column("low", Integer, nullable=False),  # the two candidates, the smaller position first
    Column("high", Integer, nullable=False),
    Column("low_first", SmallInteger, nullable=False),  # whether the smaller position was shown first
    Column("choice", Text, nullable=False),  # first, second, tie, both_bad, skip
    Column("propensity", Float(53), nullable=False),  # the probability with which the two candidates were drawn
    Column("seconds", Float(53), nullable=False),  # from the question to the answer
    Column("created_at", Text, nullable=False),
    Column("match", BigInteger),
    UniqueConstraint("tournament_id", "voter", "context", "low", "high"),
    sqlite_with_rowid=False,
)

# How often each two candidates were voted on in each order: an aggregate of `ballots`.
poll_pairs = Table(
    "poll_pairs",
    metadata,
    _poll(),
    Column("low", Integer, primary_key=True, autoincrement=False),
    Column("high", Integer, primary_key=True, autoincrement=False),
    Column("low_first", BigInteger, nullable=False),
    Column("high_first", BigInteger, nullable=False),
)

# Whether a judge's votes count, decision by decision; the last one holds. Matches stay where they are.
vote_reviews = Table(
    "vote_reviews",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("tournament_id", _ID, ForeignKey("tournaments.id"), nullable=False, index=True),
    Column("judge", Integer, nullable=False),
    Column("state", Text, nullable=False),  # held, counted, left out
    Column("reason", Text, nullable=False),
    Column("decided_by", Text, nullable=False),  # an account, or the server itself
    Column("created_at", Text, nullable=False),
)

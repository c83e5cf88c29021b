"""The tables of accounts: who may do what on a server, by which secrets, and who did what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, Table, Text

from arena.ledger_schema import metadata

_ID = BigInteger().with_variant(Integer(), "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", Text, nullable=False, unique=True),  # in small letters
    Column("password", Text, nullable=False),  # an argon2id hash with its salt and costs
    Column("scope", Text, nullable=False),  # the highest that its owner has
    Column("created_at", Text, nullable=False),
    Column("disabled_at", Text),
)

# What proves who somebody is: tokens of programs, sessions of browsers, invitations to sign up, browsers that are known. Of the secret only a hash is kept.
credentials = Table(
    "credentials",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("prefix", Text, nullable=False, unique=True),  # the public part, by which it is found and named
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),  # token, session, invitation, browser
    Column("account_id", _ID, ForeignKey("accounts.id"), index=True),  # whose it is; of an invitation, who made it
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("used_at", Text),
    Column("ended_at", Text),  # revoked, signed out, or an invitation that somebody accepted
    Column("made_by", Text),  # the prefix of the token that made this token, and with which it ends
)

# Who did what on a server, from where, and how it ended. Never a secret.
audit = Table(
    "audit",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("at", Text, nullable=False, index=True),
    Column("account", Text),  # a name, which outlives its account; none of a visitor who is not known
    Column("credential", Text),  # the prefix of what it was proved by
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("outcome", Text, nullable=False),
)

# How many attempts at a secret remain to somebody, or at one account. Rows go once they say nothing any longer.
attempts = Table(
    "attempts",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # a hash of who or what is counted
    Column("remaining", Float(53), nullable=False),  # at that time; it grows evenly
    Column("at", Float(53), nullable=False, index=True),  # seconds since 1970
)

"""The server for many people: accounts, what proves who somebody is, who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _answers()
    _work()
    _questions()
    _polls()
    _match_files()


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("disabled_at", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("name", name="uq_accounts_name"),
    )
    op.create_table(
        "credentials",
        sa.Column("id", _ID, nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", _ID, sa.ForeignKey("accounts.id", name="fk_credentials_account_id")),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("used_at", sa.Text()),
        sa.Column("ended_at", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.UniqueConstraint("prefix", name="uq_credentials_prefix"),
    )
    op.create_index("ix_credentials_account_id", "credentials", ["account_id"])
    op.create_table(
        "audit",
        sa.Column("id", _ID, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("credential", sa.Text()),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])


def _answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("media_type", sa.Text()),
        sa.Column("body", sa.LargeBinary()),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_kept_answers"),
        sa.UniqueConstraint("key", name="uq_kept_answers_key"),
    )
    op.create_index("ix_kept_answers_created_at", "kept_answers", ["created_at"])


def _work() -> None:
    """Who holds a job, how far it is, and what it needs of a machine."""
    for column in (
        sa.Column("claims", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("done", sa.BigInteger()),
        sa.Column("planned", sa.BigInteger()),
        sa.Column("cpus", sa.Float(53), nullable=False, server_default="1"),
        sa.Column("gpus", sa.Float(53), nullable=False, server_default="0"),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("jobs", column)
    op.execute("update jobs set claims = attempts")


def _questions() -> None:
    op.create_table(
        "presences",
        sa.Column("agent_id", _ID, sa.ForeignKey("agents.id", name="fk_presences_agent_id"), nullable=False),
        sa.Column("game", sa.Text(), nullable=False),
        sa.Column("hello", sa.JSON(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("here_until", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("agent_id", "game", name="pk_presences"),
    )
    op.create_table(
        "seats",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("agent_id", _ID, sa.ForeignKey("agents.id", name="fk_seats_agent_id"), nullable=False),
        sa.Column("game", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("match", sa.BigInteger(), nullable=False),
        sa.Column("player", sa.SmallInteger(), nullable=False),
        sa.Column("move_s", sa.Float(53)),
        sa.Column("match_s", sa.Float(53)),
        sa.Column("alive_at", sa.Float(53), nullable=False),
        sa.Column("returns", sa.Float(53)),
        sa.PrimaryKeyConstraint("id", name="pk_seats"),
    )
    op.create_index("ix_seats_agent_id", "seats", ["agent_id"])
    op.create_index("ix_seats_engine", "seats", ["engine"])
    op.create_table(
        "questions",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seat_id", sa.BigInteger(), sa.ForeignKey("seats.id", name="fk_questions_seat_id"), nullable=False),
        sa.Column("ply", sa.Integer(), nullable=False),
        sa.Column("observation", sa.JSON(), nullable=False),
        sa.Column("history", sa.JSON(), nullable=False),
        sa.Column("limit_s", sa.Float(53)),
        sa.Column("asked_at", sa.Float(53), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("answer", sa.JSON()),
        sa.Column("waited_s", sa.Float(53)),
        sa.PrimaryKeyConstraint("id", name="pk_questions"),
    )
    op.create_index("ix_questions_seat_id", "questions", ["seat_id"])


def _polls() -> None:
    op.create_table(
        "polls",
        _poll("polls"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("votes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", name="pk_polls"),
    )
    op.create_table(
        "poll_endpoints",
        _poll("poll_endpoints"),
        sa.Column("candidate", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("specification", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "candidate", name="pk_poll_endpoints"),
    )
    op.create_table(
        "answer_failures",
        _poll("answer_failures"),
        sa.Column("context", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidate", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "context", "candidate", "attempt", name="pk_answer_failures"),
    )
    op.create_table(
        "poll_invitations",
        _poll("poll_invitations"),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "digest", name="pk_poll_invitations"),
    )
    op.create_table(
        "voters",
        _poll("voters"),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "number", name="pk_voters"),
        sa.UniqueConstraint("tournament_id", "key", name="uq_voters_tournament_id_key"),
    )
    op.create_index("ix_voters_tournament_id_address", "voters", ["tournament_id", "address"])
    op.create_table(
        "address_salts",
        _poll("address_salts"),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "day", name="pk_address_salts"),
    )
    op.create_table(
        "ballots",
        _poll("ballots"),
        sa.Column("voter", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("context", sa.Integer(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("low_first", sa.SmallInteger(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("propensity", sa.Float(53), nullable=False),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("match", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tournament_id", "voter", "number", name="pk_ballots"),
        sa.UniqueConstraint(
            *("tournament_id", "voter", "context", "low", "high"),
            name="uq_ballots_tournament_id_voter_context_low_high",
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "poll_pairs",
        _poll("poll_pairs"),
        sa.Column("low", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("high", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("low_first", sa.BigInteger(), nullable=False),
        sa.Column("high_first", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "low", "high", name="pk_poll_pairs"),
    )
    op.create_table(
        "vote_reviews",
        sa.Column("id", _ID, nullable=False),
        _poll("vote_reviews"),
        sa.Column("judge", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vote_reviews"),
    )
    op.create_index("ix_vote_reviews_tournament_id", "vote_reviews", ["tournament_id"])


def _match_files() -> None:
    op.create_table(
        "match_files",
        _poll("match_files"),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "number", "name", name="pk_match_files"),
        sqlite_with_rowid=False,
    )


def _poll(table: str) -> sa.Column[int]:
    """The tournament that holds a poll's votes, as a column of this table."""
    reference = sa.ForeignKey("tournaments.id", name=f"fk_{table}_tournament_id")
    return sa.Column("tournament_id", _ID, reference, nullable=False)

"""The server for many people: accounts, what proves who somebody is, who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _work()
    _questions()


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

"""Votes and judges: contexts, answers, judgements and what failed; and what language models took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _table(
        "contexts",
        ["position"],
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text()),
        sa.UniqueConstraint("tournament_id", "key", name="uq_contexts_tournament_id_key"),
    )
    _table(
        "judges",
        ["position"],
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.UniqueConstraint("tournament_id", "name", name="uq_judges_tournament_id_name"),
    )
    _table(
        "answers",
        ["context", "candidate"],
        sa.Column("context", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("candidate", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
    )
    _table(
        "judgements",
        ["number"],
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("context", sa.Integer()),
        sa.Column("judge", sa.Integer()),
        sa.Column("score", sa.Float(53), nullable=False),
        sa.Column("both_bad", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    _table(
        "judge_failures",
        ["number", "attempt"],
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
    )
    _table(
        "usage",
        ["number", "player"],
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("player", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.BigInteger()),
        sa.Column("completion_tokens", sa.BigInteger()),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("cost", sa.Float(53)),
    )


def _table(name: str, keys: list[str], *columns: SchemaItem, **settings: bool) -> None:
    """A table of a tournament's facts, each with its own key within it."""
    to = sa.ForeignKey("tournaments.id", name=f"fk_{name}_tournament_id")
    op.create_table(
        name,
        sa.Column("tournament_id", _ID, to, nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("tournament_id", *keys, name=f"pk_{name}"),
        **settings,
    )

"""Workers that are there now, so that a job that nobody can do is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("cpus", sa.Float(53)),
        sa.Column("gpus", sa.Float(53)),
        sa.Column("memory_bytes", sa.BigInteger()),
        sa.Column("alive_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_workers"),
    )

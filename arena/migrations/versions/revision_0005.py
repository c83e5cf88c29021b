"""Trainings: what they told while they learned, and the checkpoint that another worker goes on from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("checkpoint", sa.Text()))
    op.create_table(
        "curves",
        sa.Column("job_id", _ID, sa.ForeignKey("jobs.id", name="fk_curves_job_id"), nullable=False),
        sa.Column("steps", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "steps", name="pk_curves"),
        sqlite_with_rowid=False,
    )

"""Which token made a token, so that it ends with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("credentials", sa.Column("made_by", sa.Text()))

"""Games of teams: which players of a tournament's game play together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("tournaments", sa.Column("teams", sa.JSON()))

"""The first ledger."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "agents",
        sa.Column("id", number, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("specification", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text()),
        sa.Column("lineage", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("retired_at", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
        sa.UniqueConstraint("name", "version", name="uq_agents_name_version"),
    )
    op.create_table(
        "tournaments",
        sa.Column("id", number, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("game", sa.Text(), nullable=False),
        sa.Column("game_title", sa.Text(), nullable=False),
        sa.Column("game_version", sa.Text(), nullable=False),
        sa.Column("utility", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("num_players", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_hash", sa.Text()),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("planned", sa.BigInteger()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("versions", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text()),
        sa.Column("alive_at", sa.Text(), nullable=False),
        sa.Column("blocks", sa.BigInteger(), nullable=False),
        sa.Column("matches", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tournaments"),
        sa.UniqueConstraint("key", name="uq_tournaments_key"),
        sa.UniqueConstraint("game", "source_hash", name="uq_tournaments_game_source_hash"),
    )
    op.create_index("ix_tournaments_game", "tournaments", ["game"])
    op.create_table(
        "tournament_agents",
        sa.Column("tournament_id", number, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("agent_id", number, nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "position", name="pk_tournament_agents"),
        sa.ForeignKeyConstraint(["tournament_id"], ["tournaments.id"], name="fk_tournament_agents_tournament_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_tournament_agents_agent_id"),
    )
    op.create_index("ix_tournament_agents_agent_id", "tournament_agents", ["agent_id"])
    op.create_table(
        "lineups",
        sa.Column("id", number, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lineups"),
        sa.UniqueConstraint("key", name="uq_lineups_key"),
    )
    op.create_table(
        "lineup_seats",
        sa.Column("lineup_id", number, nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("agent_id", number, nullable=False),
        sa.PrimaryKeyConstraint("lineup_id", "seat", name="pk_lineup_seats"),
        sa.ForeignKeyConstraint(["lineup_id"], ["lineups.id"], name="fk_lineup_seats_lineup_id"),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name="fk_lineup_seats_agent_id"),
    )
    op.create_index("ix_lineup_seats_agent_id", "lineup_seats", ["agent_id"])
    op.create_table(
        "matches",
        sa.Column("tournament_id", number, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lineup_id", number, nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("chance_seed", sa.BigInteger(), nullable=False),
        sa.Column("returns", sa.Text(), nullable=False),
        sa.Column("termination", sa.SmallInteger(), nullable=False),
        sa.Column("forfeit", sa.SmallInteger(), nullable=False),
        sa.Column("plies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "number", name="pk_matches"),
        sa.ForeignKeyConstraint(["tournament_id"], ["tournaments.id"], name="fk_matches_tournament_id"),
        sa.ForeignKeyConstraint(["lineup_id"], ["lineups.id"], name="fk_matches_lineup_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "blocks",
        sa.Column("tournament_id", number, nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.Column("columns", sa.LargeBinary()),
        sa.Column("seconds", sa.LargeBinary(), nullable=False),
        sa.Column("actions", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "first", name="pk_blocks"),
        sa.ForeignKeyConstraint(["tournament_id"], ["tournaments.id"], name="fk_blocks_tournament_id"),
    )
    op.create_table(
        "faults",
        sa.Column("tournament_id", number, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("player", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("termination", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tournament_id", "number", "player", name="pk_faults"),
        sa.ForeignKeyConstraint(["tournament_id"], ["tournaments.id"], name="fk_faults_tournament_id"),
    )

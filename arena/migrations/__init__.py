"""Alembic's migrations of the ledger, one numbered file a revision; `arena.database.upgrade` runs them."""

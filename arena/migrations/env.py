"""What Alembic runs: it gets its connection, inside a transaction, from `arena.database.upgrade`."""

from __future__ import annotations

from alembic import context

from arena.all_tables import metadata
from arena.ledger_schema import revisions

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=revisions.name,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

"""Whether anything was committed to a ledger, by whomever: a look that costs a few microseconds."""

from __future__ import annotations

import threading
from collections.abc import Hashable

import sqlalchemy as sa


class LedgerState:
    """The state of one database as a value that is another one after each commit, of any process."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine
        self._lock = threading.Lock()
        self._watcher: sa.PoolProxiedConnection | None = None

    def now(self) -> Hashable:
        """Two equal answers: nothing was committed between them.

        On SQLite its ``data_version``, as one connection sees it that writes nothing; on PostgreSQL the transactions that the
        next snapshot would see.
        """
        if self._engine.dialect.name != "sqlite":
            with self._engine.connect() as connection:
                return str(connection.scalar(sa.text("select pg_current_snapshot()::text")))
        with self._lock:
            if self._watcher is None:
                self._watcher = self._engine.raw_connection()  # which the pool does not give to others
                self._watcher.detach()
            cursor = self._watcher.cursor()
            cursor.execute("pragma data_version")
            [(version,)] = cursor.fetchall()
            return int(version)

    def close(self) -> None:
        with self._lock:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None

"""Whether anything was committed to a ledger, by whomever, and of what: so that what was made of it is kept until it is old.

A change is of a topic: the matches of one game, how far jobs are, and so on. Who writes says of which; who reads is noted with what he
read. Both may leave it open, and nothing that is shown grows old by that: such a change counts for everybody, such a reader depends on all.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

import sqlalchemy as sa

from arena.ledger_schema import changes

REST = ""
"""The topic of all that has none of its own: whatever is read depends on it. The matches of a game are a topic of its name."""
ALL = "all topics"
UNDER_WAY = "how far jobs are"
MAILBOX = "questions to agents elsewhere"

_read: ContextVar[set[str] | None] = ContextVar("_read", default=None)


class LedgerState:
    """The state of one database as a value that is another one after each commit, of any process; and the changes of each topic."""

    def __init__(self, engine: sa.Engine):
        self._engine = engine
        self._lock = threading.Lock()
        self._watcher: sa.PoolProxiedConnection | None = None
        self._changes: tuple[Hashable, Mapping[str, int]] = (None, {})  # as of that state

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

    def changes(self) -> Mapping[str, int]:
        """How often each topic was changed; one that is missing, never."""
        state, (before, kept) = self.now(), self._changes
        if state != before:  # which was looked up first: a commit in between makes it another one the next time
            with self._engine.connect() as connection:
                found = {str(topic): int(number) for topic, number in connection.execute(sa.select(changes))}
            kept = MappingProxyType(found)
            self._changes = state, kept
        return kept

    def close(self) -> None:
        with self._lock:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None


def count_change(connection: sa.Connection, topic: str) -> None:
    """Notes a change of a topic in the transaction that makes it: at its end, since other writers of the topic wait from here on."""
    connection.execute(_COUNT, {"topic": topic})


_COUNT = sa.text(
    "insert into changes (topic, number) values (:topic, 1) on conflict (topic) do update set number = changes.number + 1"
)


@contextmanager
def topics_read() -> Iterator[set[str]]:
    """The topics that are read of ledgers in the block, as far as it has come; whoever looks from outside of it hears of none."""
    found: set[str] = set()
    token = _read.set(found)
    try:
        yield found
    finally:
        _read.reset(token)


def note_read(*topics: str) -> None:
    """Says that what is being made depends on these topics."""
    found = _read.get()
    if found is not None:
        found.update(topics)


def state_of(topics: Collection[str], state: Mapping[str, Hashable]) -> Hashable:
    """The part of a state that what was made of these topics depends on: while it stays the same, so does what was made.

    Args:
        topics: that were read.
        state: `LedgerState.changes`, looked up before, and whatever else changes.
    """
    if ALL in topics:
        return frozenset(state.items())
    return tuple(state.get(topic) for topic in (REST, *sorted(topics)))

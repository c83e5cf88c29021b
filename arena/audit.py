"""The audit log of a server: each write and each sign-in, by whom, from where, and how it ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from arena.account_schema import audit
from arena.ledger import Ledger
from arena.ledger_entries import now


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What somebody did. ``account``: None of somebody unknown; ``credential``: the prefix of the token or session."""

    account: str | None
    credential: str | None
    address: str
    action: str
    subject: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Deed):
    """A deed as the log has it: with its number, and its time (ISO 8601, UTC)."""

    id: int
    at: str


def note(ledger: Ledger, deed: Deed) -> None:
    """Adds a deed to the log."""
    with ledger.writing(None) as connection:
        connection.execute(audit.insert().values(at=now(), **asdict(deed)))


def entries(ledger: Ledger, *, most: int, before: int | None = None, account: str | None = None) -> list[Entry]:
    """The newest entries first; those before an entry's number, those of an account."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(most)
    if before is not None:
        query = query.where(audit.c.id < before)
    if account is not None:
        query = query.where(audit.c.account == account)
    with ledger.reading() as connection:
        rows = connection.execute(query).mappings().all()
    return [Entry(**row) for row in rows]

"""Attempts at secrets, counted in the ledger: all servers of one ledger count together, and a restart forgets none.

Whoever is counted has a bucket that holds so many attempts at once and is filled again evenly. Of what is counted a hash is kept: people
type passwords where a name belongs.
"""

from __future__ import annotations

import hashlib
import time

import sqlalchemy as sa

from arena.account_schema import attempts
from arena.ledger import Ledger
from arena.ledger_entries import insert_new

LONGEST_S = 3600.0  # within so long every bucket is full again, and its row goes


def wait_s(ledger: Ledger, counted: str, *, most: int, within_s: float) -> float:
    """Takes one attempt and returns 0; where none is left nothing, and how long to wait for the next.

    Args:
        ledger: where it is counted.
        counted: who tries, or what is tried.
        most: attempts that a full bucket holds.
        within_s: how long an empty one takes to be full again, at most `LONGEST_S`.
    """
    at = time.time()
    key = _key(counted)
    with ledger.writing(None) as connection:
        connection.execute(attempts.delete().where(attempts.c.at < at - LONGEST_S))
        insert_new(connection, attempts, {"key": key, "remaining": most, "at": at})
        row = connection.execute(sa.select(attempts).where(attempts.c.key == key).with_for_update()).one()
        left, wait = drawn(row.remaining, at - row.at, most=most, within_s=within_s)
        connection.execute(attempts.update().where(attempts.c.key == key).values(remaining=left, at=max(at, row.at)))
    return wait


def give_back(ledger: Ledger, counted: str) -> None:
    """Gives back an attempt that was taken and does not count."""
    with ledger.writing(None) as connection:
        more = {"remaining": attempts.c.remaining + 1}
        connection.execute(attempts.update().where(attempts.c.key == _key(counted)).values(more))


def drawn(left: float, passed_s: float, *, most: float, within_s: float) -> tuple[float, float]:
    """(What a bucket holds after one more is asked of it, how long to wait for one: 0 where it was there and is taken).

    Args:
        left: what it held when it was last asked.
        passed_s: how long ago that was; clocks of two machines may differ.
        most, within_s: as of `wait_s`.
    """
    rate = most / within_s
    left = min(float(most), left + max(0.0, passed_s) * rate)
    return (left - 1, 0.0) if left >= 1 else (left, (1 - left) / rate)


def _key(counted: str) -> str:
    return hashlib.sha256(counted.encode(errors="surrogatepass")).hexdigest()

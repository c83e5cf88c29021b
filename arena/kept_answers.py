"""Answers to writes that may come twice: kept by the key that who asks gave, for a day.

A program that hears nothing, because a connection broke, asks again with the same key and gets the answer of the first time; nothing
is done twice, whichever server of the ledger it asks.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from arena.answer_schema import kept_answers
from arena.games import ArenaError
from arena.ledger import Ledger
from arena.ledger_entries import insert_new, now

KEPT_S = 24 * 3600
ABANDONED_S = 60  # a request of which nothing was heard for so long is done by nobody: its server died


class OtherRequest(ArenaError):
    """A key that was given with another request before."""


class StillAsked(ArenaError):
    """A key whose first request is being done at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """An answer as it was sent."""

    status: int
    media_type: str
    body: bytes


def begin(ledger: Ledger, *, asker: str, key: str, request: bytes, salt: bytes) -> tuple[str, KeptAnswer | None]:
    """(The name to keep the answer under, the answer if this was done before; None: do it now, with `going_on`, then `keep` or `forget`.)

    Args:
        ledger: where answers are kept.
        asker: whose key it is: two askers may give the same one.
        key: what the asker calls this request.
        request: all that is asked.
        salt: what the asker alone has, beside the key: who reads the ledger cannot try what was asked, a password perhaps.

    Raises:
        OtherRequest: the key stands for something else.
        StillAsked: it is being done.
    """
    name = hashlib.sha256(f"{asker}\n{key}".encode()).hexdigest()
    asked = hmac.new(salt + key.encode(), request, hashlib.sha256).hexdigest()
    row = {"key": name, "request": asked, "created_at": now()}
    with ledger.writing(None) as connection:
        connection.execute(kept_answers.delete().where(kept_answers.c.created_at < now(-KEPT_S)))
        stale = (kept_answers.c.status.is_(None), kept_answers.c.created_at < now(-ABANDONED_S))
        connection.execute(kept_answers.delete().where(*stale))
        if insert_new(connection, kept_answers, row) is not None:
            return name, None
        found = connection.execute(kept_answers.select().where(kept_answers.c.key == name)).one()
    if found.request != asked:
        raise OtherRequest("this Idempotency-Key was given with another request; give each request a key of its own")
    if found.status is None:
        raise StillAsked("the first request with this Idempotency-Key is being done; ask again in a moment")
    return name, KeptAnswer(status=found.status, media_type=found.media_type, body=found.body)


def going_on(ledger: Ledger, name: str) -> None:
    """Says that what was begun under this name is still being done."""
    with ledger.writing(None) as connection:
        mine = (kept_answers.c.key == name, kept_answers.c.status.is_(None))
        connection.execute(kept_answers.update().where(*mine).values(created_at=now()))


def keep(ledger: Ledger, name: str, answer: KeptAnswer) -> None:
    """Keeps the answer of what was begun under this name."""
    with ledger.writing(None) as connection:
        connection.execute(
            kept_answers.update()
            .where(kept_answers.c.key == name)
            .values(status=answer.status, media_type=answer.media_type, body=answer.body)
        )


def forget(ledger: Ledger, name: str) -> None:
    """Lets what was begun under this name be asked again: it was not done."""
    with ledger.writing(None) as connection:
        connection.execute(kept_answers.delete().where(kept_answers.c.key == name, kept_answers.c.status.is_(None)))

"""Who asks, and what he may do: ``Depends(allowed(Scope.RUN))`` before a route lets nobody else in.

Who asks is found by the gate (`arena.server.gate`), from a token (``Authorization: Bearer ...``) or from the session's cookie.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from arena.accounts import Scope

__all__ = ["Scope", "Visitor", "allowed", "require_form_token", "signed_in", "visitor_of"]

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
FORM_FIELD, FORM_HEADER = "csrf_token", "X-CSRF-Token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks. ``account``: a name, None of somebody who has not signed in; ``scope``: None may not even read.

    ``credential``: the prefix of the token or session; ``form_token``: what each form of a session must send back, '' without one.
    """

    account: str | None = None
    scope: Scope | None = Scope.READ
    credential: str | None = None
    form_token: str = ""

    def may(self, scope: Scope) -> bool:
        return self.scope is not None and self.scope.includes(scope)


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Who asks, of a request or a WebSocket that passed the gate."""
    return cast("Visitor", connection.state.visitor)


def allowed(scope: Scope) -> Callable[[HTTPConnection], Awaitable[Visitor]]:
    """What a route depends on that asks for a scope: returns the visitor who has it, else answers 401 or 403."""

    async def check(connection: HTTPConnection) -> Visitor:
        visitor = visitor_of(connection)
        if visitor.may(scope):
            return visitor
        if visitor.account is None:
            raise unknown_visitor()
        raise HTTPException(403, f"{visitor.account} may not do this: it asks for the scope {scope.value!r}")

    return check


async def signed_in(connection: HTTPConnection) -> Visitor:
    """What a route depends on that is about the visitor's own account, whatever it may do."""
    visitor = visitor_of(connection)
    if visitor.account is None:
        raise unknown_visitor()
    return visitor


def unknown_visitor() -> HTTPException:
    return HTTPException(401, "sign in, or send a token", {"WWW-Authenticate": "Bearer"})


def form_token(session: str) -> str:
    """What forms of a session carry: only who has seen a page of this session can know it."""
    return hmac.new(session.encode(), b"form token", hashlib.sha256).hexdigest()


async def require_form_token(connection: HTTPConnection) -> None:
    """What every route depends on: a write by a session's cookie must say the token that its pages carry.

    A foreign page can make a browser send the cookie, but cannot read the token.
    """
    if not isinstance(connection, Request) or connection.method in SAFE_METHODS:
        return
    expected = visitor_of(connection).form_token
    if not expected:
        return
    sent: object = connection.headers.get(FORM_HEADER)
    kind = connection.headers.get("content-type", "")
    if sent is None and kind.startswith(FORMS):
        if kind.startswith(FORMS[0]):
            with suppress(RuntimeError):  # the route's form was read already, and is kept
                await connection.body()  # which is kept then: the route may read it once more
        sent = (await connection.form()).get(FORM_FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise HTTPException(403, "this form is not of your session, or is too old: load its page again")

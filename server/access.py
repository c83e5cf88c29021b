"""Who asks, and what he may do: ``Depends(allowed(Scope.RUN))`` before a route lets nobody else in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from arena.accounts import Scope

__all__ = ["Scope", "Visitor", "allowed", "visitor_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks. ``account``: a name, None of somebody who has not signed in; ``scope``: None may not even read."""

    account: str | None = None
    scope: Scope | None = Scope.READ

    def may(self, scope: Scope) -> bool:
        return self.scope is not None and self.scope.includes(scope)


def visitor_of(connection: HTTPConnection) -> Visitor:
    """Who asks, of a request or a WebSocket."""
    return cast("Visitor", getattr(connection.state, "visitor", None)) or Visitor()


def allowed(scope: Scope) -> Callable[[Request], Awaitable[Visitor]]:
    """What a route depends on that asks for a scope: returns the visitor who has it, else answers 401 or 403."""

    async def check(request: Request) -> Visitor:
        visitor = visitor_of(request)
        if visitor.may(scope):
            return visitor
        if visitor.account is None:
            raise HTTPException(401, "sign in, or send a token", {"WWW-Authenticate": "Bearer"})
        raise HTTPException(403, f"{visitor.account} may not do this: it asks for the scope {scope.value!r}")

    return check

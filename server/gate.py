"""The gate before all routes: who asks, from where, how often and how much; and afterwards what was done.

Nothing here depends on which route it is: a route that forgets to ask is still behind the gate.
"""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from arena import attempts
from arena.accounts import Scope
from arena.audit import Deed, note
from arena.credentials import proved
from arena.games import ArenaError
from arena.ledger import Ledger
from arena.server import errors
from arena.server.access import SAFE_METHODS, Visitor, form_token, unknown_visitor, visitor_of
from arena.server.rates import Buckets, client_of
from arena.server.settings import ServerSettings
from arena.server.site import asked_path

OPEN = ("/static/", "/sign-in", "/sign-up", "/healthz", "/readyz", "/metrics", "/api/v1/seats")
"""What is open to somebody who may not even read: how to sign in, and what asks for itself who it is."""
SIGN_INS = ("/sign-in", "/sign-up")
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
UPLOADS = ("multipart/form-data", "application/octet-stream")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a client may ask this process at all, and write."""

    requests: Buckets
    writes: Buckets

    @staticmethod
    def of(settings: ServerSettings) -> Limits:
        return Limits(
            Buckets(settings.requests_per_minute),
            Buckets(settings.writes_per_minute),
        )


class Gate:
    """Wraps an application. ``connection.state.visitor`` says afterwards who asks."""

    def __init__(self, app: ASGIApp, ledger: Ledger, settings: ServerSettings):
        self.app = app
        self.ledger = ledger
        self.settings = settings
        self.limits = Limits.of(settings)

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        connection.state.visitor = stranger(self.settings)
        try:
            client = client_of(address_of(connection))
            self._limit(client, scope)
            if is_write(scope) and scope["path"] in SIGN_INS:
                await run_in_threadpool(self._limit_sign_ins, client)
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # PostgreSQL keeps no such text
                raise HTTPException(400, "an address has no character NUL")
            connection.state.visitor = visitor = await self._visitor(connection)
            if visitor.credential:
                self._limit(visitor.credential, scope)
            if visitor.scope is None and not scope["path"].startswith(OPEN):
                raise unknown_visitor()
            if not is_token(connection):
                refuse_foreign(connection, self.settings)
            if scope["type"] == "http":
                receive = self._measured(connection, receive)
        except HTTPException as error:
            await _refuse(error, scope, receive, send)
            return
        if is_write(scope):
            send = self._noted(connection, send)
        await self.app(scope, receive, send)

    def _limit(self, client: str, scope: Connection) -> None:
        for bucket in (self.limits.requests, self.limits.writes) if is_write(scope) else (self.limits.requests,):
            if wait := bucket.wait_s(client):
                raise too_often(wait)

    def _limit_sign_ins(self, client: str) -> None:
        """Counted in the ledger, since it guards passwords: who finds more servers of one ledger must not have more attempts."""
        most = self.settings.sign_ins_per_minute
        if wait := attempts.wait_s(self.ledger, f"address {client}", most=most, within_s=60):
            raise too_often(wait)

    async def _visitor(self, connection: HTTPConnection) -> Visitor:
        if is_token(connection):
            text = connection.headers["authorization"].split(" ", 1)[1].strip()
            found = await run_in_threadpool(proved, self.ledger, text, "token")
            if found is None:
                raise HTTPException(
                    401, "this token is not known, has expired or was revoked", {"WWW-Authenticate": "Bearer"}
                )
            return Visitor(account=found[1].name, scope=found[0].scope, credential=found[0].prefix)
        session = connection.cookies.get(own_cookie(connection, self.settings, "session"))
        found = await run_in_threadpool(proved, self.ledger, session, "session") if session else None
        if session is None or found is None:
            return stranger(self.settings)
        return Visitor(
            account=found[1].name,
            scope=found[0].scope,
            credential=found[0].prefix,
            form_token=form_token(session),
        )

    def _measured(self, connection: HTTPConnection, receive: Receive) -> Receive:
        """`receive`, that refuses more than the visitor may send, however it is sent."""
        upload = connection.headers.get("content-type", "").startswith(UPLOADS)
        most = self.settings.body_bytes
        if upload and visitor_of(connection).may(Scope.SUBMIT):
            most = self.settings.upload_bytes
        too_large = HTTPException(413, f"a request of this kind has at most {most:,} bytes", {"Connection": "close"})
        declared = connection.headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            raise too_large
        seen = 0

        async def measured() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise too_large
            return message

        return measured

    def _noted(self, connection: HTTPConnection, send: Send) -> Send:
        """`send`, that notes in the audit log what is answered to a write, before it is answered."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await run_in_threadpool(self._note, connection, message["status"])
            await send(message)

        return noted

    def _note(self, connection: HTTPConnection, status: int) -> None:
        if getattr(connection.state, "unnoted", False):  # a route's word that this must not be known of anybody
            return
        visitor = visitor_of(connection)
        deed = Deed(
            account=getattr(connection.state, "account", None) or visitor.account,
            credential=visitor.credential,
            address=address_of(connection),
            action=f"{connection.scope['method']} {route_of(connection)}",
            subject=getattr(connection.state, "subject", "") or asked_path(connection.scope)[:500],
            outcome=f"{status} {HTTPStatus(status).phrase}",
        )
        try:
            note(self.ledger, deed)
        except ArenaError as error:  # what was done is done; it must not be reported as failed
            logger.error("the audit log could not be written: %s (%s)", error, deed)


def stranger(settings: ServerSettings) -> Visitor:
    """Somebody who has not signed in."""
    return Visitor(scope=None if settings.visitors == "nothing" else Scope(settings.visitors))


def is_write(scope: Connection) -> bool:
    """Whether a request may change something."""
    return scope["type"] == "http" and scope["method"] not in SAFE_METHODS


def too_often(wait_s: float) -> HTTPException:
    """The refusal of what is asked too often."""
    seconds = math.ceil(wait_s)
    return HTTPException(429, f"too many requests: ask again in {seconds} s", {"Retry-After": str(seconds)})


def address_of(connection: HTTPConnection) -> str:
    """From where it is asked: behind a proxy that the operator trusts, where the proxy was asked from."""
    return connection.client.host if connection.client else "local"


def is_token(connection: HTTPConnection) -> bool:
    """Whether it says by a token who asks. No foreign page can make a browser do that."""
    return connection.headers.get("authorization", "").lower().startswith("bearer ")


def route_of(connection: HTTPConnection) -> str:
    """The route's path with its parameters' names, once it is known: one name for all agents' pages."""
    known: str = getattr(connection.scope.get("route"), "path", "")
    if not known:
        return "none"
    # a route may know its path within its router alone: what stands before the part that it matched is the router's
    given = {name: str(value) for name, value in connection.scope.get("path_params", {}).items()}
    matched = PARAMETER.sub(lambda found: given.get(found[1], found[0]), known)
    path = connection.scope["path"]
    return path.removesuffix(matched) + known if path.endswith(matched) else known


def is_encrypted(connection: HTTPConnection, settings: ServerSettings) -> bool:
    """Whether browsers reach this server by https."""
    return settings.public_url.startswith("https:") or connection.url.scheme in ("https", "wss")


def own_cookie(connection: HTTPConnection, settings: ServerSettings, kind: Literal["session", "browser"]) -> str:
    """The name of a cookie. With `__Host-` no other host of the domain, and nobody without encryption, can set it."""
    return f"__Host-arena-{kind}" if is_encrypted(connection, settings) else f"arena-{kind}"


def refuse_foreign(connection: HTTPConnection, settings: ServerSettings) -> None:
    """Refuses a write, or a WebSocket, that a page of another origin asks for. Raises `HTTPException`."""
    if connection.scope["type"] == "http" and connection.scope["method"] in SAFE_METHODS:
        return
    site = connection.headers.get("sec-fetch-site", "same-origin")
    origin = connection.headers.get("origin")
    if site not in ("same-origin", "none") or (origin is not None and origin not in own_origins(connection, settings)):
        raise HTTPException(
            403, "a page of another origin asks for this; if it is this server's, the operator sets `public_url`"
        )


def own_origins(connection: HTTPConnection, settings: ServerSettings) -> set[str]:
    """What browsers call the pages of this server."""
    scheme = connection.url.scheme.replace("ws", "http")
    own = {f"{scheme}://{connection.headers.get('host', '').lower()}"}
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        own.add(f"{parts.scheme}://{parts.netloc}".lower())
    return own


async def _refuse(error: HTTPException, scope: Connection, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await errors.refused_handshake(error)(scope, receive, send)
        return
    await errors.http_error(Request(scope), error)(scope, receive, send)

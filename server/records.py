"""What is known of each request: a number that its answer carries, a line in the log where that is wanted, and counts.

Also the last resort: what breaks down inside is answered as a mistake of ours, with the number to find it by.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import ExitStack

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arena.server import errors
from arena.server.gate import address_of, route_of
from arena.server.metrics import Counts
from arena.server.site import asked_path

REQUEST_ID = "X-Request-ID"

logger = logging.getLogger(__name__)


class Records:
    """Wraps an application."""

    def __init__(self, app: ASGIApp, counts: Counts, *, access_log: bool):
        self.app = app
        self.counts = counts
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        number = secrets.token_hex(8)  # ours, whatever the client sends: two requests never have one number
        connection = HTTPConnection(scope)
        status = 0
        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=number), ExitStack() as open_streams:
            if scope["type"] == "websocket":
                open_streams.enter_context(self.counts.stream())
                await self.app(scope, receive, send)
                return

            async def numbered(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    headers = MutableHeaders(scope=message)
                    headers[REQUEST_ID] = number
                    if headers.get("content-type", "").startswith("text/event-stream"):
                        open_streams.enter_context(self.counts.stream())
                await send(message)

            try:
                await self.app(scope, receive, numbered)
            except Exception as error:
                if status:
                    raise  # half an answer cannot become another one
                await errors.our_fault(Request(scope), error)(scope, receive, numbered)
            finally:
                seconds = time.perf_counter() - began
                self.counts.answered(scope["method"], route_of(connection), status, seconds)
                if self.access_log:
                    self._log(connection, status, seconds)

    def _log(self, connection: HTTPConnection, status: int, seconds: float) -> None:
        """The path without its query, which may hold what nobody else should read, quoted, so that it stays in its line."""
        path = asked_path(connection.scope)
        visitor = getattr(connection.state, "visitor", None)
        logger.info(
            "%s %s %d in %.1f ms",
            connection.scope["method"],
            path,
            status,
            1000 * seconds,
            extra={
                "method": connection.scope["method"],
                "path": path,
                "status": status,
                "seconds": round(seconds, 6),
                "address": address_of(connection),
                "account": visitor.account if visitor else None,
            },
        )

"""Pages and answers kept as they were sent, for everybody who has not signed in, as long as what they show stays the same."""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from arena.connection import LedgerError
from arena.ledger_state import state_of, topics_read
from arena.server.access import visitor_of
from arena.server.gate import OPEN

OLD_S = 10.0  # after which a page is made again whatever the ledger says: some words on it are of the time of day
MOST_BYTES = 64 * 2**20
MOST_OF_ONE = 2 * 2**20
MADE_AT_ONCE = max(2, os.cpu_count() or 1)  # pages are made by the processor: more at once only wait for each other
PACKING = 3  # of gzip: level 4 takes twice as long for a page that is a tenth smaller
SMALL = 1000  # bytes that are not worth compressing
KEPT_TYPES = ("text/html", "application/json")


@dataclass(slots=True)
class _Answer:
    headers: list[tuple[bytes, bytes]]
    body: bytes
    topics: frozenset[str]
    state: Hashable
    made: float
    route: object
    packed: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.packed = gzip.compress(self.body, PACKING, mtime=0) if len(self.body) >= SMALL else self.body


class PageCache:
    """Wraps an application.

    A page is kept only where the request says nothing of who asks (no account, no cookie but the theme's) and the answer
    has an entity tag and sets no cookie: it is then a function of the address, the theme and the topics of the ledger that were read
    for it (`arena.ledger_state`), whose state is told by ``state``.
    """

    def __init__(
        self, app: ASGIApp, state: Callable[[], Mapping[str, Hashable]], now: Callable[[], float] = time.monotonic
    ):
        self.app, self._state, self._now = app, state, now
        self._kept: OrderedDict[Hashable, _Answer] = OrderedDict()
        self._bytes = 0
        self._few = asyncio.Semaphore(MADE_AT_ONCE)
        self._making: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        making = self._making.setdefault(key, asyncio.Lock())
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(making)  # who asks for the same meanwhile is given the same
            try:
                state = await run_in_threadpool(self._state)
            except LedgerError:  # the answer says so itself
                await turn.aclose()
                await self.app(scope, receive, send)
                return
            kept = self._kept.get(key)
            if kept is None or kept.state != state_of(kept.topics, state) or self._now() - kept.made >= OLD_S:
                await turn.enter_async_context(self._few)
                kept = await self._made(key, state, turn, scope, receive, send)
            else:
                self._kept.move_to_end(key)
        if kept is not None:
            scope["route"] = kept.route
            await _sent(kept, scope)(scope, receive, send)

    async def _made(
        self,
        key: Hashable,
        state: Mapping[str, Hashable],
        turn: AsyncExitStack,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> _Answer | None:
        """The answer, kept and not sent yet; None where it is none to be kept, and was sent."""
        asked = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] != b"if-none-match"])
        start: Message | None = None
        parts: list[bytes] = []

        async def collected(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if not _may_be_kept(start):
                    await turn.aclose()  # it may be a stream that never ends
                    await send(start)
            elif start is not None and _may_be_kept(start):
                parts.append(message.get("body", b""))
            else:
                await send(message)

        made = self._now()
        with topics_read() as topics:
            await self.app(asked, receive, collected)
        scope["route"] = asked.get("route")
        if start is None or not _may_be_kept(start):
            return None
        answer = await run_in_threadpool(  # where packing holds up nobody else
            lambda: _Answer(
                headers=list(start["headers"]),
                body=b"".join(parts),
                topics=frozenset(topics),
                state=state_of(topics, state),
                made=made,
                route=asked.get("route"),
            )
        )
        self._keep(key, answer)
        return answer

    def _keep(self, key: Hashable, answer: _Answer) -> None:
        before = self._kept.pop(key, None)
        self._bytes -= _size(before) if before else 0
        if _size(answer) > MOST_OF_ONE:
            return
        self._kept[key] = answer
        self._bytes += _size(answer)
        while self._bytes > MOST_BYTES:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(answer: _Answer) -> int:
    return len(answer.body) + len(answer.packed)


def _key(scope: Scope) -> Hashable | None:
    """What the answer depends on besides the ledger; None where it may depend on more."""
    if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(OPEN):
        return None
    connection = HTTPConnection(scope)
    if visitor_of(connection).account is not None or not set(connection.cookies) <= {"theme"}:
        return None
    headers = connection.headers
    named = tuple(headers.get(name, "") for name in ("host", "accept", "hx-request"))
    return scope["path"], scope.get("raw_path"), scope["query_string"], connection.cookies.get("theme", ""), named


def _may_be_kept(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    kind = headers.get("content-type", "").partition(";")[0]
    private = {"no-store", "private"} & {part.strip() for part in headers.get("cache-control", "").split(",")}
    plain = "etag" in headers and "set-cookie" not in headers and not private
    return start["status"] == 200 and kind in KEPT_TYPES and plain


def _sent(kept: _Answer, scope: Scope) -> Response:
    asked = Headers(scope=scope)
    headers = MutableHeaders(raw=list(kept.headers))
    tags = [part.strip().removeprefix("W/") for part in asked.get("if-none-match", "").split(",")]
    unchanged = headers["etag"].removeprefix("W/") in tags
    zipped = "gzip" in asked.get("accept-encoding", "") and len(kept.packed) < len(kept.body)
    body = b"" if unchanged else kept.packed if zipped else kept.body
    answer = Response(body, status_code=304 if unchanged else 200)
    del headers["content-length"]
    if zipped and not unchanged:
        headers["Content-Encoding"] = "gzip"
    if "content-encoding" in headers or len(body) < SMALL:  # of others the middleware says it that packs
        headers.add_vary_header("Accept-Encoding")
    if unchanged:
        del headers["content-type"]
    else:
        headers["Content-Length"] = str(len(body))
    answer.raw_headers = headers.raw
    return answer

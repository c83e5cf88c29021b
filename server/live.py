"""A tournament's progress as server-sent events: the page changes its numbers in place while matches are written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from arena.ledger import Ledger
from arena.server.site import Site, SiteOf

LOOK_S = 0.5
HEARTBEAT_S = 15.0  # a comment now and then keeps proxies from closing a quiet stream
RETRY_MS = 2000

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a tournament is. ``per_second``: matches written since the last look, None at the first."""

    status: str
    done: int
    planned: int | None
    per_second: float | None


@router.get("/tournaments/{key}/events")
def events(request: Request, site: SiteOf, key: str) -> StreamingResponse:
    site.ledger.tournament(key)  # an unknown key is refused before the stream begins
    return StreamingResponse(
        stream(site, key, request),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def stream(site: Site, key: str, request: Request, *, look_s: float = LOOK_S) -> AsyncIterator[str]:
    """``progress`` events whenever something changed, and one ``end`` when the tournament no longer runs."""
    yield f"retry: {RETRY_MS}\n\n"
    last: Progress | None = None
    last_done, last_at, spoken = 0, time.monotonic(), time.monotonic()
    while not site.closing.is_set() and not await request.is_disconnected():
        now = await run_in_threadpool(_look, site.ledger, key)
        at = time.monotonic()
        if last is None or (now.done, now.status) != (last.done, last.status):
            rate = None if last is None else (now.done - last_done) / max(at - last_at, 1e-3)
            now = Progress(status=now.status, done=now.done, planned=now.planned, per_second=rate)
            yield f"event: progress\ndata: {json.dumps(asdict(now))}\n\n"
            last, last_done, last_at, spoken = now, now.done, at, at
        elif at - spoken > HEARTBEAT_S:
            yield ": still here\n\n"
            spoken = at
        if now.status != "running":
            yield "event: end\ndata: {}\n\n"
            return
        await asyncio.sleep(look_s)


def _look(ledger: Ledger, key: str) -> Progress:
    tournament = ledger.tournament(key)
    return Progress(
        status=tournament.status, done=ledger.progress(tournament), planned=tournament.planned, per_second=None
    )

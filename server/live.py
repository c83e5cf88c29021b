"""What happens while a page is open, as server-sent events: a tournament's progress, and new matches of a ladder."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from arena.games import UnknownName
from arena.ledger import Ledger
from arena.ledger_state import state_of
from arena.server.site import Site, SiteOf

LOOK_S = 0.5
HEARTBEAT_S = 15.0  # a comment now and then keeps proxies from closing a quiet stream
RETRY_MS = 2000

Look = Callable[[], list[str]]
"""The events since the last look, in the order in which they are told."""

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a tournament is. ``per_second``: matches written since the last look, None at the first."""

    status: str
    done: int
    planned: int | None
    per_second: float | None


@router.get("/tournaments/{key}/events")
def tournament_events(request: Request, site: SiteOf, key: str) -> StreamingResponse:
    site.ledger.tournament(key)  # an unknown key is refused before the stream begins
    return streamed(site, request, tournament_look(site.ledger, key))


@router.get("/ladder/events")
def ladder_events(request: Request, site: SiteOf, game: str) -> StreamingResponse:
    if not site.ledger.has_game(game):
        raise UnknownName("game in this ledger", game, [row.game for row in site.ledger.games()])
    return streamed(site, request, ladder_look(site.ledger, game))


def tournament_look(ledger: Ledger, key: str) -> Look:
    """``progress`` events whenever something changed, and one ``end`` when the tournament no longer runs."""
    last: Progress | None = None
    last_at = time.monotonic()

    def look() -> list[str]:
        nonlocal last, last_at
        tournament, at = ledger.tournament(key), time.monotonic()
        done = ledger.progress(tournament)
        said = []
        if last is None or (done, tournament.status) != (last.done, last.status):
            rate = None if last is None else (done - last.done) / max(at - last_at, 1e-3)
            last_at = at
            last = Progress(status=tournament.status, done=done, planned=tournament.planned, per_second=rate)
            said.append(event("progress", asdict(last)))
        return said if tournament.status == "running" else [*said, END]

    return look


def ladder_look(ledger: Ledger, game: str) -> Look:
    """``matches`` events that say how many matches of a game are recorded, at first and whenever there are more."""
    state: Hashable = None
    told = -1

    def look() -> list[str]:
        nonlocal state, told
        now = state_of((game,), ledger.changes())
        if now == state:
            return []
        state, before, told = now, told, ledger.recorded(game)
        return [event("matches", {"matches": told})] if told != before else []

    return look


def event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


END = event("end", {})


def streamed(site: Site, request: Request, look: Look) -> StreamingResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(site, request, look), media_type="text/event-stream", headers=headers)


async def _told(site: Site, request: Request, look: Look) -> AsyncIterator[str]:
    yield f"retry: {RETRY_MS}\n\n"
    spoken = time.monotonic()
    while not site.closing.is_set() and not await request.is_disconnected():
        said = await run_in_threadpool(look)
        if not said and time.monotonic() - spoken > HEARTBEAT_S:
            said = [": still here\n\n"]
        for event in said:
            yield event
            spoken = time.monotonic()
        if END in said:
            return
        await asyncio.sleep(LOOK_S)

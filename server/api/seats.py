"""Seats for agents elsewhere: a WebSocket over which a program, or a page of an author's own, plays for its account.

The messages are those of docs/reference/agent-protocol.md. Whatever a client says wrong costs its own matches, or its
connection, and nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from functools import partial
from typing import Any

from fastapi import APIRouter, WebSocket
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.websockets import WebSocketDisconnect, WebSocketState

from arena.accounts import Scope
from arena.agents.protocol import JsonObject, hello_message, read_hello, read_message, to_line
from arena.credentials import proved
from arena.games import ArenaError, Game, ProtocolError, UnknownName, load_game
from arena.ledger import Ledger
from arena.presence import arrive, leave, register_remote
from arena.questions import Verdict, answer, seats_of
from arena.server import errors
from arena.server.access import Visitor, visitor_of
from arena.server.gate import address_of
from arena.server.rates import Buckets, client_of
from arena.server.seat_hub import Seated, SeatHub
from arena.server.site import Site, playable_games

HELLO_S = 15.0  # for the first message
LONGEST_MESSAGE = 1 << 16  # bytes
LONGEST_REASON = 1000  # characters of why an agent gives up
MESSAGES_PER_MINUTE = 30_000
MOST_MISTAKES = 20  # of one connection
REFUSED = 1008  # a close code of RFC 6455
AGAIN = {"Retry-After": str(math.ceil(HELLO_S))}  # by then those that say nothing are gone
SAID: dict[Verdict, str] = {
    "late": "the answer to request {} came after its time",
    "closed": "request {} takes no answer any more",
    "unknown": "request {} is none of yours",
}

router = APIRouter()


class _Refused(ArenaError):
    """Why a connection ends."""


@router.websocket("/seats")
async def seats(socket: WebSocket) -> None:
    """One agent in one game, from its hello to the end of the connection."""
    site: Site = socket.app.state.site
    hub: SeatHub = socket.app.state.seats
    seated: Seated | None = None
    try:
        with hub.unknown(client_of(address_of(socket))):
            await socket.accept()
            seated = await _welcome(socket, site.ledger, hub)
        speaker = asyncio.create_task(_speak(socket, seated))
        listener = asyncio.create_task(_listen(socket, site.ledger, hub, seated))
        done, others = await asyncio.wait((speaker, listener), return_when=asyncio.FIRST_COMPLETED)
        for task in others:
            task.cancel()
        for task in done:
            task.result()
    except (ArenaError, TimeoutError) as error:
        said = str(error) or f"no hello within {HELLO_S:g} s"
        await _part(socket, said)
    except WebSocketDisconnect:
        return
    finally:
        if seated is not None:
            hub.leave(seated)
            await run_in_threadpool(leave, site.ledger, seated.id)


async def _welcome(socket: WebSocket, ledger: Ledger, hub: SeatHub) -> Seated:
    """The agent that the first message names, registered and connected."""
    message = await asyncio.wait_for(_received(socket), HELLO_S)
    hello = read_hello(message)
    shown = (visitor_of(socket), ledger, _token(socket, message.get("token")))
    account = await run_in_threadpool(_account, *shown)
    game = await run_in_threadpool(_game, ledger, message.get("game"))
    hub.require_room(account)
    name = hello.name or account
    agent = await run_in_threadpool(register_remote, ledger, name, account=account, version=hello.version)
    seated = Seated(agent=agent, account=account, game=game.info, allowed=partial(_still_allowed, *shown))
    await run_in_threadpool(arrive, ledger, agent, game.info.specification, hello, connection=seated.id)
    under_way, _ = await run_in_threadpool(seats_of, ledger, [(agent.id, game.info.specification)])
    matches = [seat.match for seat in under_way if seat.returns is None]
    hub.enter(seated)
    seated.tell({**hello_message(game.info), "agent": agent.label, "matches": matches})
    return seated


def _account(visitor: Visitor, ledger: Ledger, token: str | None) -> str:
    """Whose agent it is: of the token where one is said, else of whoever the gate knows. Raises `_Refused` for who may not play."""
    account, scope = visitor.account, visitor.scope
    if token is not None:
        found = proved(ledger, token, "token")
        if found is None:
            raise _Refused("this token is not known, has expired or was revoked")
        account, scope = found[1].name, found[0].scope
    if account is None or scope is None:
        raise _Refused('sign in, or say your "token" in the first message')
    if not scope.includes(Scope.PLAY):
        raise _Refused(f"{account} may not do this: it asks for the scope {Scope.PLAY.value!r}")
    return account


def _still_allowed(visitor: Visitor, ledger: Ledger, token: str | None) -> bool:
    try:
        _account(visitor, ledger, token)
    except _Refused:
        return False
    return True


def _token(socket: WebSocket, said: object) -> str | None:
    """The token of the first message, where no header can be set, or of the header."""
    if isinstance(said, str):
        return said
    kind, _, text = socket.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else None


def _game(ledger: Ledger, specification: object) -> Game:
    """The game of this name: one that the ledger has, or that is listed. Others may name files of this machine."""
    known = {row.game for row in ledger.games()} | {info.specification for info in playable_games()}
    if not isinstance(specification, str) or specification not in known:
        raise UnknownName("game", str(specification)[:200], known)
    return load_game(specification)


async def _speak(socket: WebSocket, seated: Seated) -> None:
    while (message := await seated.unsent.get()) is not None:
        await socket.send_text(to_line(message))
    await socket.close(REFUSED)


async def _listen(socket: WebSocket, ledger: Ledger, hub: SeatHub, seated: Seated) -> None:
    """What the agent says, one message after the other: who says more than can be taken is read later."""
    bucket, mistakes = Buckets(MESSAGES_PER_MINUTE), 0
    while True:
        try:
            message = await _received(socket)
            arrived = time.monotonic()
            if bucket.wait_s(seated.id):
                raise _Refused(f"more than {MESSAGES_PER_MINUTE:,} messages a minute")
            said = await _taken(message, ledger, seated, arrived)
        except ProtocolError as error:
            said = {"type": "error", "message": str(error)}
        if said is not None:
            mistakes += said["type"] == "error" and said.get("verdict") != "late"
            if mistakes > MOST_MISTAKES:
                raise _Refused(f"{mistakes} messages were wrong; the last one: {said['message']}")
            seated.tell(said)
        hub.wake()


async def _taken(message: JsonObject, ledger: Ledger, seated: Seated, arrived: float) -> JsonObject | None:
    """What is said to a message; None: nothing."""
    kind, request = message["type"], message.get("request")
    if kind == "ping":
        return {"type": "pong"}
    if kind not in ("action", "error") or type(request) is not int or not 0 <= request < 2**63:
        raise ProtocolError(
            'after hello, say an "action" or an "error" with the whole number "request" of a question, or "ping"'
        )
    failed = kind == "error"
    if failed:
        said: Any = str(message.get("message", "no reason"))[:LONGEST_REASON]
    elif "action" in message:
        said = message["action"]
    else:
        raise ProtocolError(f'the "action" of request {request} is missing')
    verdict = await run_in_threadpool(
        lambda: answer(ledger, [seated.agent.id], request, said, failed=failed, ago_s=time.monotonic() - arrived)
    )
    if verdict == "taken":
        return None
    return {"type": "error", "request": request, "verdict": verdict, "message": SAID[verdict].format(request)}


async def _received(socket: WebSocket) -> JsonObject:
    received = await socket.receive()
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code", 1000))
    text: str | bytes = received.get("text") or received.get("bytes") or ""
    if len(text) > LONGEST_MESSAGE:
        raise _Refused(f"a message has at most {LONGEST_MESSAGE:,} bytes")
    return read_message(text)


async def _part(socket: WebSocket, said: str) -> None:
    if socket.application_state is WebSocketState.CONNECTING:
        await socket.send_denial_response(errors.refused_handshake(HTTPException(429, said, AGAIN)))
        return
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # it has gone
        await socket.send_text(to_line({"type": "error", "fatal": True, "message": said}))
        await socket.close(REFUSED)

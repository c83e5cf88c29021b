"""Agents that are connected to this server process: each is told of its matches and asked its questions, as the mailbox has them.

One look at the mailbox serves all connections. It looks often while questions come and go, and seldom while nothing happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool

from arena.agents.heard import can_be_followed
from arena.agents.protocol import JsonObject, act_message, end_message, start_message
from arena.games import ArenaError, GameInfo
from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion
from arena.presence import HERE_S, stay
from arena.questions import OpenQuestion, OpenSeat, forget_seats, moves_of, played_so_far, seats_of

SHORTEST_LOOK_S, LOOK_S, IDLE_LOOK_S = 0.005, 0.04, 0.2
"""Between two looks: at most so long while somebody plays, and while nobody does."""
MOST_UNSENT = 1000  # messages that wait for one connection; who reads so slowly is cut
CHECK_S = 60.0  # how often it is looked whether who is connected may still play
MOST_CONNECTIONS, MOST_OF_ACCOUNT = 500, 16
MOST_UNKNOWN = 32  # connections of one address that have not said yet who they are

logger = logging.getLogger(__name__)


class Crowded(ArenaError):
    """Too many agents are connected already."""


@dataclass(eq=False, slots=True, kw_only=True)
class Seated:
    """One agent over one connection. ``unsent``: what is to be said to it; None ends it. ``allowed``: whether it may still play."""

    agent: AgentVersion
    account: str
    game: GameInfo
    allowed: Callable[[], bool]
    checked: float = field(default_factory=time.monotonic)
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    unsent: asyncio.Queue[JsonObject | None] = field(default_factory=lambda: asyncio.Queue(MOST_UNSENT))
    seats: dict[int, OpenSeat] = field(default_factory=dict)  # that it was told of
    asked: set[int] = field(default_factory=set)

    def tell(self, message: JsonObject | None) -> None:
        """Says something, as soon as it reads; who does not is told no more."""
        try:
            self.unsent.put_nowait(message)
        except asyncio.QueueFull:
            while not self.unsent.empty():
                self.unsent.get_nowait()
            self.unsent.put_nowait(None)

    def part(self, why: str) -> None:
        """Says why, and ends the connection."""
        self.tell({"type": "error", "fatal": True, "message": why})
        self.tell(None)


class SeatHub:
    """All agents that are connected to this process."""

    def __init__(self, ledger: Ledger):
        self.ledger = ledger
        self._seated: dict[str, Seated] = {}
        self._unknown: Counter[str] = Counter()  # connections of an address
        self._looker: asyncio.Task[None] | None = None
        self._woken = asyncio.Event()

    @contextlib.contextmanager
    def unknown(self, client: str) -> Iterator[None]:
        """Counts a connection of this address until it is known whose it is. Raises `Crowded` where it would be one too many."""
        if self._unknown[client] >= MOST_UNKNOWN:
            raise Crowded(f"{MOST_UNKNOWN} connections of this address have not said yet who they are: no more fit")
        self._unknown[client] += 1
        try:
            yield
        finally:
            self._unknown[client] -= 1
            self._unknown += Counter()  # keeps those that are above 0

    def require_room(self, account: str) -> None:
        """Raises `Crowded` where one more agent of this account would be too many."""
        mine = sum(one.account == account for one in self._seated.values())
        if len(self._seated) >= MOST_CONNECTIONS or mine >= MOST_OF_ACCOUNT:
            raise Crowded(f"{mine} agents of {account} are connected, {len(self._seated)} in all: no more fit")

    def enter(self, seated: Seated) -> None:
        """An agent whose presence is noted: it is told what concerns it from now on."""
        self._seated[seated.id] = seated
        if self._looker is None or self._looker.done():
            self._looker = asyncio.create_task(self._look_on())

    def leave(self, seated: Seated) -> None:
        self._seated.pop(seated.id, None)

    def wake(self) -> None:
        """Something is about to happen: look soon."""
        self._woken.set()

    async def _look_on(self) -> None:
        """Looks as long as somebody is connected."""
        pause, renewed = SHORTEST_LOOK_S, 0.0
        while self._seated:
            try:
                if time.monotonic() - renewed > HERE_S / 3:
                    await self._renew()
                    renewed = time.monotonic()
                happened = await self._look()
            except ArenaError as error:
                logger.warning("the agents that are connected cannot be asked now: %s", error)
                happened = False
            longest = LOOK_S if any(one.seats for one in self._seated.values()) else IDLE_LOOK_S
            pause = SHORTEST_LOOK_S if happened else min(1.3 * pause, longest)
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), pause)
                pause = SHORTEST_LOOK_S

    async def _renew(self) -> None:
        connected = list(self._seated.values())  # more may enter while these are looked up
        newest = await run_in_threadpool(stay, self.ledger, [one.id for one in connected])
        for one in [one for one in connected if one.id not in newest]:
            self.leave(one)
            one.part(f"another connection plays as {one.agent.label} now")
        for one in [one for one in self._seated.values() if time.monotonic() - one.checked > CHECK_S]:
            one.checked = time.monotonic()
            if not await run_in_threadpool(one.allowed):
                self.leave(one)
                one.part("its token has expired, or was revoked")

    async def _look(self) -> bool:
        """Whether there was anything to say."""
        by_agent = {(one.agent.id, one.game.specification): one for one in self._seated.values()}
        seats, questions = await run_in_threadpool(seats_of, self.ledger, list(by_agent))
        ended: list[int] = []
        happened = False
        for seat in seats:
            one = by_agent[seat.agent_id, seat.game]
            if seat.returns is not None:
                one.seats.pop(seat.id, None)
                one.tell(end_message(match=seat.match, player=seat.player, returns=seat.returns))
                ended.append(seat.id)
            elif seat.id not in one.seats:
                await self._start(one, seat)
                happened = True
        owner = {seat.id: (by_agent[seat.agent_id, seat.game], seat) for seat in seats}
        for question in questions:
            one, seat = owner[question.seat]
            if question.id not in one.asked and question.seat in one.seats:
                await self._ask(one, seat, question)
                happened = True
        if ended:
            await run_in_threadpool(forget_seats, self.ledger, ended)
        self._forget(by_agent.values(), {seat.id for seat in seats}, {question.id for question in questions})
        return happened or bool(ended)

    async def _start(self, one: Seated, seat: OpenSeat) -> None:
        one.seats[seat.id] = seat
        begun = start_message(match=seat.match, player=seat.player, move_s=seat.move_s, match_s=seat.match_s)
        one.tell({**begun, "history": await run_in_threadpool(played_so_far, self.ledger, seat.id)})

    async def _ask(self, one: Seated, seat: OpenSeat, question: OpenQuestion) -> None:
        one.asked.add(question.id)
        observation = {**question.observation, "match": seat.match}
        asked = act_message(request=question.id, observation=observation, limit_s=question.left_s)
        if can_be_followed(one.game):
            asked["moves"] = await run_in_threadpool(moves_of, self.ledger, question.id)
        one.tell(asked)

    def _forget(self, connected: Collection[Seated], seats: set[int], questions: set[int]) -> None:
        """What is over is asked no more; a match whose engine fell silent is broken off, and begun again when it speaks."""
        for one in connected:
            one.asked &= questions
            for gone in one.seats.keys() - seats:
                seat = one.seats.pop(gone)
                one.tell(end_message(match=seat.match, player=seat.player, returns=None))

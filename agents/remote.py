"""``remote:NAME``: a program or a person elsewhere, asked through a mailbox that a server and the engine share.

The agent's own connection may break and come back; what is asked waits in the mailbox, and only the clock decides. Where
there is no clock, an agent that is away for longer than `AWAY_S` has lost.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import Message, observations
from arena.agents.protocol import Hello, action_column, match_numbers, observation_messages, read_action
from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentInfo,
    AgentTimeout,
    Answer,
    ArenaError,
    GameInfo,
    ObservationBatch,
    ProtocolError,
)

AWAY_S = 60.0  # how long a match without a clock waits for an agent that is not connected; and so long an engine waits at its begin
RETURN_LOOK_S = 0.05  # between two looks whether it is back
DELIVERY_S = 0.25  # an answer that came in time may be found so much later
FIRST_LOOK_S, LONGEST_LOOK_S = 0.004, 0.5  # between two looks for answers, a twentieth of the time waited
ALIVE_S = 5.0  # how often the mailbox hears that matches go on
RETRY_S = 1.0  # after the mailbox could not be read

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What an agent said of itself when it came last, and for how many seconds it has been away; 0 while it is here."""

    hello: Hello
    away_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatTaken:
    """A match that begins for an agent elsewhere, as `start` of the agent protocol says it."""

    match: int
    player: int
    move_s: float | None
    match_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One decision of a seat. ``history``: all actions of the match so far, chance included; no agent is told them."""

    seat: int
    ply: int
    observation: Message
    history: Sequence[object]
    limit_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of a question: an action, not yet checked, or why there is none; and after how many seconds it arrived."""

    action: object
    failure: str | None
    waited_s: float


class Mailbox(Protocol):
    """Where questions to one agent in one game wait for answers. Raises `ArenaError` where it cannot be reached."""

    def presence(self) -> Presence | None:
        """None where the agent never came."""
        ...

    def take_seats(self, seats: Sequence[SeatTaken]) -> list[int]:
        """A number for each, which names it below."""
        ...

    def ask(self, question: Question) -> int:
        """The number of the question."""
        ...

    def replies(self, questions: Collection[int]) -> dict[int, Reply]:
        """Those of the questions that are answered."""
        ...

    def withdraw(self, question: int) -> None:
        """Takes no answer any more."""
        ...

    def still_play(self) -> None:
        """Says that the matches of all seats go on."""
        ...

    def leave_seats(self, returns: Mapping[int, float]) -> None:
        """The matches of these seats are over, with these returns; their questions are withdrawn."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Open:
    """A ticket that waits for a reply."""

    ticket: int
    seat: tuple[int, int]
    inbox: queue.SimpleQueue[Answer]
    sent: float
    until: float  # infinite without a limit


class RemoteAgent:
    """A `ClockedAgent` that asks through a mailbox. Each decision is a request of its own, with its own clock.

    ``wait_s``: how long its first match waits for an agent that is away: where a server was away itself, it begins again before those
    who were connected are back.
    """

    def __init__(self, mailbox: Mailbox, *, game: GameInfo, name: str, wait_s: float = AWAY_S):
        self.game, self.name = game, name
        self._wait_s = wait_s
        self._mailbox = mailbox
        self._changed = threading.Condition()  # guards all below
        self._hello: Hello | None = None
        self._move_s: float | None = None
        self._match_s: float | None = None
        self._seats: dict[tuple[int, int], int] = {}
        self._open: dict[int, _Open] = {}  # by question
        self._closed = False
        self._watcher: threading.Thread | None = None

    @property
    def info(self) -> AgentInfo:
        hello = self._greeting()
        return AgentInfo(
            name=self.name,
            deterministic=hello.deterministic,
            remembers=True,
            tables_at_once=hello.matches,
            separate=True,
            delivery_s=DELIVERY_S,
        )

    @property
    def log(self) -> str:
        """It keeps its own."""
        return ""

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        self._move_s, self._match_s = move_s, match_s

    def require_started(self) -> None:
        """Raises `AgentCrashed` unless the agent is connected now."""
        presence = self._mailbox.presence()
        if presence is None or presence.away_s > 0:
            since = "has never been" if presence is None else f"was last {presence.away_s:,.0f} s ago"
            raise AgentCrashed(
                f"{self.name} is not connected for {self.game.specification}, where it {since}; "
                "its author starts it with: arena join URL --token ... --game ..."
            )

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        self._await_return(time.monotonic() + self._wait_s)
        self._wait_s = 0.0  # the first match alone waits
        at = list(zip(table.tolist(), player.tolist(), strict=True))
        seats = [
            SeatTaken(match=number, player=seat, move_s=self._move_s, match_s=self._match_s)
            for number, (_, seat) in zip(match_numbers(seed, player), at, strict=True)
        ]
        taken = self._mailbox.take_seats(seats)
        with self._changed:
            self._seats.update(zip(at, taken, strict=True))
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name=f"agent {self.name}", daemon=True)
                self._watcher.start()
            self._changed.notify_all()

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        sent = time.monotonic()
        seat = (int(batch.table[0]), int(batch.player[0]))
        limit = math.inf if batch.limit_s is None else float(batch.limit_s[0])
        question = Question(
            seat=self._seats[seat],
            ply=int(batch.ply[0]),
            observation=observation_messages(observations(batch), self._greeting())[0],
            history=batch.tables.history(batch.table).row(0).tolist(),
            limit_s=limit if math.isfinite(limit) else None,
        )
        number = self._mailbox.ask(question)
        with self._changed:
            self._open[number] = _Open(ticket, seat, inbox, sent, sent + limit)
            self._changed.notify_all()

    def timed_out(self, ticket: int) -> None:
        with self._changed:
            late = [number for number, one in self._open.items() if one.ticket == ticket]
        for number in late:
            self._mailbox.withdraw(number)
        self._answer(late, AgentTimeout(f"{self.name} did not answer in time"))

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        at = list(zip(table.tolist(), player.tolist(), strict=True))
        with self._changed:
            left = {self._seats.pop(seat): value for seat, value in zip(at, returns.tolist(), strict=True)}
            off = [number for number, one in self._open.items() if one.seat in at]
        self._mailbox.leave_seats(left)
        self._answer(off, AgentTimeout("the match is over"))

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._watcher is not None:
            self._watcher.join()
        self._mailbox.close()

    def _await_return(self, until: float) -> None:
        while time.monotonic() < until and (presence := self._mailbox.presence()) is not None and presence.away_s > 0:
            time.sleep(RETURN_LOOK_S)

    def _greeting(self) -> Hello:
        if self._hello is None:
            presence = self._mailbox.presence()
            self._hello = Hello() if presence is None else presence.hello
        return self._hello

    def _watch(self) -> None:
        """The thread: looks for replies while there are questions, and says that matches go on while there are some."""
        looked = said = 0.0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._closed or bool(self._open), timeout=ALIVE_S if self._seats else None
                )
                if self._closed:
                    return
                asked = dict(self._open)
            now = time.monotonic()
            try:
                if now - said >= ALIVE_S:
                    self._mailbox.still_play()
                    said = now
                found = self._mailbox.replies(asked) if asked else {}
                if now - looked >= RETRY_S and math.inf in (one.until for one in asked.values()):
                    self._give_up_if_away(asked)
                    looked = now
            except ArenaError as error:
                logger.warning("%s cannot be asked now: %s", self.name, error)
                time.sleep(RETRY_S)
                continue
            for number, reply in found.items():
                self._answer([number], self._read(reply), waited_s=reply.waited_s)
            with self._changed:
                if self._open:
                    until_next_look_s = _until_next_look(self._open.values(), time.monotonic())
                    self._changed.wait_for(partial(self._must_look, asked), timeout=until_next_look_s)

    def _must_look(self, asked: Collection[int]) -> bool:
        """Whether more is asked than was looked for: that is not kept waiting by what has waited for long."""
        return self._closed or any(number not in asked for number in self._open)

    def _give_up_if_away(self, asked: Mapping[int, _Open]) -> None:
        presence = self._mailbox.presence()
        if presence is not None and presence.away_s > AWAY_S:
            untimed = [number for number, one in asked.items() if one.until == math.inf]
            for number in untimed:
                self._mailbox.withdraw(number)
            self._answer(untimed, AgentTimeout(f"{self.name} left, and was away for {presence.away_s:.0f} s"))

    def _read(self, reply: Reply) -> NDArray[np.generic] | AgentFault:
        if reply.failure is not None:
            return AgentCrashed(f"{self.name} gave the match up: {reply.failure}")
        try:
            _, action = read_action({"type": "action", "request": 0, "action": reply.action}, self.game.action_space)
        except ProtocolError as error:
            return ProtocolError(f"{self.name} broke the protocol: {error}")
        return action_column([action], self.game.action_space)

    def _answer(
        self, numbers: Sequence[int], answer: NDArray[np.generic] | AgentFault, *, waited_s: float | None = None
    ) -> None:
        """Answers those of the questions that are still open, as of when the reply arrived; None: now."""
        for number in numbers:
            with self._changed:
                one = self._open.pop(number, None)
            if one is not None:
                one.inbox.put((one.ticket, answer, time.monotonic() if waited_s is None else one.sent + waited_s))


def _until_next_look(asked: Collection[_Open], now: float) -> float:
    """Seconds until replies are looked for again: by how long the newest question has waited, and not after the end of a limit, so that who
    answers at once is heard at once, and who thinks for minutes costs next to nothing."""
    waited_s = now - max(one.sent for one in asked)
    left_s = min(one.until for one in asked) - now
    return max(FIRST_LOOK_S, min(waited_s / 20, left_s, LONGEST_LOOK_S))

"""Somebody else's program as an agent, in a child process (see docs/reference/agent-protocol.md)."""

from __future__ import annotations

import math
import queue
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import observations
from arena.agents.process import Child, Limits
from arena.agents.protocol import (
    Hello,
    JsonObject,
    act_message,
    action_column,
    end_message,
    hello_message,
    match_numbers,
    observation_messages,
    quit_message,
    read_action,
    read_hello,
    read_message,
    start_message,
    to_line,
)
from arena.agents.sandbox import Confined
from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentInfo,
    AgentTimeout,
    Answer,
    GameInfo,
    ObservationBatch,
    ProtocolError,
)

MAX_START_FAILURES = 3  # in a row; afterwards the program is not tried again


@dataclass(slots=True, kw_only=True)
class _Request:
    """One open ticket: the seats asked, which row each question is, and the actions so far."""

    ticket: int
    inbox: queue.SimpleQueue[Answer]
    seats: set[tuple[int, int]]
    rows: dict[int, int]
    actions: list[int | list[float]]
    limit_s: float
    overdue: bool = False

    def answer(self, answer: NDArray[Any] | Exception, arrival: float) -> None:
        self.inbox.put((self.ticket, answer, arrival))


class ProgramAgent:
    """A `ClockedAgent` whose answers come from a child process.

    The program starts when first needed, and again at the next match after it failed; ``info``, ``start`` and ``send``
    wait for its hello, up to `Limits.start_s`, so that no move's clock pays for it. A fault forfeits the request that
    was out, or, when none was, the next one; other matches in progress are announced to the new process by `start`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        game: GameInfo,
        name: str,
        limits: Limits | None = None,
        confine: Callable[[], Confined] | None = None,
    ):
        """``confine``: the command as each of its runs is confined; None: as it stands."""
        self.command, self.game, self.name = tuple(command), game, name
        self._confine = confine or (lambda: Confined(command=self.command))
        self.limits = limits or Limits()
        self.move_s: float | None = None
        self.match_s: float | None = None
        self.quit_in_time: bool | None = None
        self._state = threading.Condition()  # guards all below; the child's thread changes them too
        self._child: Child | None = None
        self._greeted = False  # this child said hello
        self._hello: Hello | None = None  # the latest
        self._matches: dict[tuple[int, int], int] = {}
        self._request: _Request | None = None
        self._owed: _Request | None = None  # overdue; answered when the program is ready for the next
        self._fault: AgentFault | None = None  # what the next request gets
        self._start_failures = 0
        self._start_fault: AgentFault | None = None
        self._late_hello: AgentFault | None = None
        self._next_request = 1

    @property
    def info(self) -> AgentInfo:
        """Starts the program, which alone knows; one that does not start plays one match at a time, and loses it."""
        with self._state:
            if self._hello is None:
                self._ensure_running()
            hello = self._hello or Hello()
        return AgentInfo(
            name=self.name, deterministic=hello.deterministic, remembers=True, tables_at_once=hello.matches
        )

    @property
    def hello(self) -> Hello | None:
        """What the program last said of itself; None before."""
        return self._hello

    @property
    def log(self) -> str:
        """The last of the running program's standard error; '' when none runs: then its fault has it."""
        child = self._child
        return "" if child is None else child.log

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        """The clocks that following `start` messages tell the program, in seconds; None = none."""
        self.move_s, self.match_s = move_s, match_s

    def require_started(self) -> None:
        """Starts the program, if it does not run, and waits for its hello, up to `Limits.start_s`.

        Raises:
            AgentFault: it ended, or said something else or nothing; one sentence says so, with its last words.
        """
        with self._state:
            if self._ensure_running():
                return
            fault = self._take_fault()
        command = shlex.join(self.command)
        raise type(fault)(f"{fault}; mend it, or see what it prints when you run it by hand: {command}", fault.log)

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        seats = list(zip(table.tolist(), player.tolist(), strict=True))
        numbers = match_numbers(seed, player)
        with self._state:
            if not self._matches:
                if self._child is not None and self._child.has_exited:
                    self._state.wait_for(lambda: self._child is None)
                self._fault = None  # what went wrong between matches harms none
            self._matches.update(zip(seats, numbers, strict=True))
            if self._greeted:
                self._announce(seats)
            elif self._fault is None:
                self._ensure_running()

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        with self._state:
            # only when an earlier game ended before its overdue answer came
            self._state.wait_for(lambda: self._owed is None and (self._request is None or not self._request.overdue))
            if self._fault is not None or not self._ensure_running():
                inbox.put((ticket, self._take_fault(), time.monotonic()))
                return
            child, hello = self._child, self._hello or Hello()
        rows = observations(batch)
        messages = observation_messages(rows, hello)
        limits = [math.inf] * len(rows) if batch.limit_s is None else batch.limit_s.tolist()
        first = self._next_request
        self._next_request += len(rows)
        lines = [
            to_line(act_message(request=first + row, observation=message, limit_s=limit))
            for row, (message, limit) in enumerate(zip(messages, limits, strict=True))
        ]
        request = _Request(
            ticket=ticket,
            inbox=inbox,
            seats=set(zip(batch.table.tolist(), batch.player.tolist(), strict=True)),
            rows={first + row: row for row in range(len(rows))},
            actions=[0] * len(rows),
            limit_s=min(limits),
        )
        with self._state:
            if child is None or self._child is not child:  # it ended while the question was made
                inbox.put((ticket, self._take_fault(), time.monotonic()))
                return
            self._request = request
            child.expect_answer()
            child.write("".join(lines))

    def timed_out(self, ticket: int) -> None:
        """Leaves the program a grace for a late answer, which keeps it alive; then kills it."""
        with self._state:
            request = self._request
            if self._child is None or request is None or request.ticket != ticket:
                return  # the answer is in the inbox
            request.overdue = True
            fault = AgentTimeout(f"{self.name} did not answer within {request.limit_s:g} s")
            self._child.condemn(fault, after_s=self.limits.grace_s)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        seats = zip(table.tolist(), player.tolist(), strict=True)
        with self._state:
            for seat, value in zip(seats, returns.tolist(), strict=True):
                match = self._matches.pop(seat, None)
                if match is not None and self._greeted:
                    self._write(end_message(match=match, player=seat[1], returns=value))

    def close(self) -> None:
        """Says quit, waits for the grace, then kills the program and all that it started."""
        with self._state:
            self._matches.clear()
            child = self._child
            self._write(quit_message())
        if child is not None:
            child.close()
            self.quit_in_time = child.exited_by_itself

    def _ensure_running(self) -> bool:
        """Whether the program runs and said hello; starts it where it does not. The state is held."""
        self._launch()
        self._state.wait_for(lambda: self._greeted or self._child is None)
        return self._greeted

    def _launch(self) -> None:
        if self._child is not None:
            return
        if self._start_failures >= MAX_START_FAILURES:
            last = self._start_fault or AgentCrashed(self.name)
            self._fault = AgentCrashed(f"{self.name} is not tried again, since it does not start: {last}", last.log)
            return
        run = self._confine()
        self._child = Child(
            self.name,
            run.command,
            limits=self.limits,
            on_line=self._on_line,
            on_end=self._on_end,
            rules=run.rules,
            environment=run.environment,
            own_folder=run.own_folder,
        )
        self._write(hello_message(self.game))
        self._late_hello = AgentCrashed(f"{self.name} did not say hello within {self.limits.start_s:g} s")
        self._child.condemn(self._late_hello, after_s=self.limits.start_s)

    def _take_fault(self) -> AgentFault:
        fault, self._fault = self._fault, None
        return fault or AgentCrashed(f"{self.name} has ended")

    def _announce(self, seats: Iterable[tuple[int, int]]) -> None:
        for seat in seats:
            match = self._matches[seat]
            self._write(start_message(match=match, player=seat[1], move_s=self.move_s, match_s=self.match_s))

    def _write(self, message: JsonObject) -> None:
        if self._child is not None:
            self._child.write(to_line(message))

    def _on_line(self, line: bytes, arrival: float) -> None:
        """One line of the program, on its thread."""
        if not line.strip():
            return
        try:
            message = read_message(line)
            with self._state:
                if self._greeted:
                    self._take(*read_action(message, self.game.action_space), arrival)
                else:
                    self._hello = read_hello(message)
                    self._greet()
        except ProtocolError as error:
            raise ProtocolError(f"{self.name} broke the protocol: {error}") from None

    def _greet(self) -> None:
        self._greeted, self._start_failures = True, 0
        if self._child is not None:
            self._child.spare()
        self._announce(self._matches)
        self._settle()

    def _take(self, number: int, action: int | list[float], arrival: float) -> None:
        request = self._request
        row = None if request is None else request.rows.pop(number, None)
        if request is None or row is None:
            unanswered = "none" if request is None else ", ".join(map(str, sorted(request.rows)))
            raise ProtocolError(f"it answered request {number}; open: {unanswered}")
        request.actions[row] = action
        if not request.rows:
            self._request = None
            if self._child is not None:
                self._child.spare()
            request.answer(action_column(request.actions, self.game.action_space), arrival)
            self._state.notify_all()

    def _settle(self) -> None:
        """The program is ready, or will not be: answers what is owed, and wakes who waits."""
        if self._owed is not None:
            self._owed.answer(AgentTimeout(f"{self.name} did not answer in time"), time.monotonic())
            self._owed = None
        self._state.notify_all()

    def _on_end(self, fault: AgentFault | None, at: float) -> None:
        """The program is over, on its thread."""
        with self._state:
            request, self._request = self._request, None
            if not self._greeted and fault is not None:
                self._note_start_failure(fault)
            self._child, self._greeted = None, False
            if request is None:
                self._fault = self._start_fault if self._start_failures else fault
            elif request.overdue and self._matches:
                self._owed = request  # the engine asks no more until it is answered: time for a new start
                self._launch()
            else:
                request.answer(fault or AgentCrashed(f"{self.name} was closed"), at)
                if self._matches.keys() - request.seats:
                    self._launch()
            if self._child is None:
                self._settle()

    def _note_start_failure(self, fault: AgentFault) -> None:
        if fault is self._late_hello:  # not waited for again: it would hold up every other match
            self._start_failures, self._start_fault = MAX_START_FAILURES, fault
        else:
            self._start_failures += 1
            self._start_fault = type(fault)(f"{fault} (before it said hello)", fault.log)

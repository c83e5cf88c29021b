"""Somebody else's program as an agent: ``exec:COMMAND`` and ``python:MODULE:CLASS`` (see docs/reference/agent-protocol.md)."""

from __future__ import annotations

import math
import queue
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import observations
from arena.agents.process import Child, Limits
from arena.agents.protocol import (
    Hello,
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
from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentInfo,
    AgentTimeout,
    Answer,
    Game,
    GameInfo,
    ObservationBatch,
    ProtocolError,
    SpecificationError,
)

MAX_START_FAILURES = 3  # in a row; afterwards the program is not tried again
HOST_MODULE = "arena.agents.host"


def load_exec(rest: str, *, game: Game, name: str) -> ProgramAgent:
    """The agent of ``exec:COMMAND``: split as a shell would, run without one.

    Raises:
        SpecificationError: no command, an open quote, or no such program.
    """
    try:
        command = shlex.split(rest)
    except ValueError as error:
        raise SpecificationError(f"cannot read the command {rest!r}: {error}") from None
    if not command:
        raise SpecificationError("exec: needs a command; write exec:COMMAND, for example exec:node my_agent.js")
    if shutil.which(command[0]) is None:
        raise SpecificationError(f"there is no program {command[0]!r} to run; exec: takes a file or a name on the PATH")
    return ProgramAgent(command, game=game.info, name=name)


def load_python(rest: str, *, game: Game, name: str) -> ProgramAgent:
    """The agent of ``python:MODULE:CLASS`` or ``python:path/to/file.py:CLASS``, in a process of its own.

    Raises:
        SpecificationError: not of that form, or no such file.
    """
    where, _, attribute = rest.rpartition(":")
    if not where or not attribute.isidentifier():
        raise SpecificationError(
            f"cannot read python:{rest}; write python:MODULE:CLASS or python:path/to/file.py:CLASS"
        )
    if where.endswith(".py") and not Path(where).is_file():
        raise SpecificationError(f"there is no file {where!r}; python: takes a module or a file, then :CLASS")
    return ProgramAgent([sys.executable, "-m", HOST_MODULE, rest], game=game.info, name=name)


@dataclass(slots=True)
class _Request:
    """One open ticket: which row each question was, and the actions so far."""

    ticket: int
    inbox: queue.SimpleQueue[Answer]
    rows: dict[int, int]
    actions: list[int | list[float]]
    limit_s: float


class ProgramAgent:
    """A `ClockedAgent` whose answers come from a child process.

    The program starts when first needed, and again at the next match after it failed; ``start``, ``send`` and ``info``
    wait for its hello, up to `Limits.start_s`, so that no match's clock pays for it. A fault forfeits the request that
    was out, or, when none was, the next one; other matches in progress are announced to the new process by `start`.
    """

    def __init__(self, command: Sequence[str], *, game: GameInfo, name: str, limits: Limits | None = None):
        self.command, self.game, self.name = tuple(command), game, name
        self.limits = limits or Limits()
        self.move_s: float | None = None
        self.match_s: float | None = None
        self.quit_in_time: bool | None = None
        self._lock = threading.Lock()
        self._ready = threading.Event()  # it said hello, or it is over
        self._child: Child | None = None
        self._hello: Hello | None = None
        self._greeted = False
        self._matches: dict[tuple[int, int], int] = {}
        self._request: _Request | None = None
        self._fault: AgentFault | None = None
        self._start_failures = 0
        self._start_fault: AgentFault | None = None
        self._next_request = 1

    @property
    def info(self) -> AgentInfo:
        """Starts the program, which alone knows; one that does not start plays one match at a time, and loses it."""
        if self._hello is None:
            self._ensure_running()
        hello = self._hello or Hello()
        return AgentInfo(
            name=self.name,
            deterministic=hello.deterministic,
            remembers=True,
            tables_at_once=hello.matches,
        )

    @property
    def hello(self) -> Hello | None:
        """What the program last said of itself; None before."""
        return self._hello

    @property
    def log(self) -> str:
        """The last of the running program's standard error; '' when none runs (then the fault has it)."""
        child = self._child
        return "" if child is None else child.log

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        """The clocks that following `start` messages tell the program, in seconds; None = none."""
        self.move_s, self.match_s = move_s, match_s

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        with self._lock:
            if not self._matches:
                self._fault = None  # what went wrong between matches harms none
        numbers = match_numbers(seed, player)
        seats = list(zip(table.tolist(), player.tolist(), strict=True))
        runs = self._running()
        self._matches.update(zip(seats, numbers, strict=True))
        if runs:
            self._announce(seats)
        elif self._fault is None:
            self._ensure_running()

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        with self._lock:
            fault, self._fault = self._fault, None
        if fault is None and not self._ensure_running():
            with self._lock:
                fault = self._fault or AgentCrashed(f"{self.name} does not run")
        hello, child = self._hello, self._child
        if fault is not None or hello is None or child is None:
            inbox.put((ticket, fault or AgentCrashed(f"{self.name} ended"), time.monotonic()))
            return
        rows = observations(batch)
        messages = observation_messages(rows, hello)
        limits = [None] * len(rows) if batch.limit_s is None else batch.limit_s.tolist()
        first = self._next_request
        self._next_request += len(rows)
        lines = [
            to_line(act_message(request=first + row, observation=message, limit_s=limit))
            for row, (message, limit) in enumerate(zip(messages, limits, strict=True))
        ]
        request = _Request(
            ticket=ticket,
            inbox=inbox,
            rows={first + row: row for row in range(len(rows))},
            actions=[0] * len(rows),
            limit_s=min((limit for limit in limits if limit is not None), default=math.inf),
        )
        child.expect_answer()
        with self._lock:
            if self._child is child:
                self._request = request
            else:  # it ended while the question was made
                fault, self._fault = self._fault, None
                inbox.put((ticket, fault or AgentCrashed(f"{self.name} ended"), time.monotonic()))
                return
        child.write("".join(lines))

    def timed_out(self, ticket: int) -> None:
        """Gives the program a grace for a late answer, which keeps it alive; then kills it."""
        with self._lock:
            child, request = self._child, self._request
            if child is None or request is None or request.ticket != ticket:
                return  # the answer is in the inbox
            late = AgentTimeout(f"{self.name} did not answer within {request.limit_s:g} s")
            child.condemn(late, after_s=self.limits.grace_s)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        lines = []
        for key, value in zip(zip(table.tolist(), player.tolist(), strict=True), returns.tolist(), strict=True):
            match = self._matches.pop(key, None)
            if match is not None:
                lines.append(to_line(end_message(match=match, player=key[1], returns=value)))
        if self._running():
            self._write("".join(lines))

    def close(self) -> None:
        """Says quit, waits for the grace, then kills the program and all that it started."""
        child = self._child
        if child is not None:
            child.write(to_line(quit_message()))
            child.close()
            self.quit_in_time = child.exited_by_itself
        self._matches.clear()

    def _running(self) -> bool:
        with self._lock:
            return self._child is not None and self._greeted

    def _ensure_running(self) -> bool:
        """Whether the program runs and said hello; starts it if it does not, and tells it its matches."""
        if self._running():
            return True
        with self._lock:
            if self._start_failures >= MAX_START_FAILURES:
                self._fault = self._given_up()
                return False
            self._greeted = False
            self._ready.clear()
            child = Child(self.name, self.command, limits=self.limits, on_line=self._on_line, on_end=self._on_end)
            self._child = child
        child.write(to_line(hello_message(self.game)))
        if not self._ready.wait(self.limits.start_s):
            late = AgentCrashed(f"{self.name} did not say hello within {self.limits.start_s:g} s")
            self._start_failures = MAX_START_FAILURES  # waiting that long again would hold up every other match
            child.condemn(late, after_s=0.0)
            self._ready.wait()
        if not self._running():
            return False
        self._announce(list(self._matches))
        return True

    def _given_up(self) -> AgentFault:
        last = self._start_fault or AgentCrashed(self.name)
        return AgentCrashed(f"{self.name} is not tried again, since it does not start: {last}", last.log)

    def _announce(self, seats: Sequence[tuple[int, int]]) -> None:
        self._write(
            "".join(
                to_line(
                    start_message(match=self._matches[seat], player=seat[1], move_s=self.move_s, match_s=self.match_s)
                )
                for seat in seats
            )
        )

    def _write(self, text: str) -> None:
        child = self._child
        if child is not None and text:
            child.write(text)

    def _on_line(self, line: bytes, arrival: float) -> None:
        """One line of the program, on its thread."""
        if not line.strip():
            return
        try:
            message = read_message(line)
            with self._lock:
                if not self._greeted:
                    self._hello = read_hello(message)
                    self._greeted, self._start_failures = True, 0
                    self._ready.set()
                    return
                self._take(read_action(message, self.game.action_space), arrival)
        except ProtocolError as error:
            raise ProtocolError(f"{self.name} broke the protocol: {error}") from None

    def _take(self, answer: tuple[int, int | list[float]], arrival: float) -> None:
        number, action = answer
        request = self._request
        row = None if request is None else request.rows.pop(number, None)
        if request is None or row is None:
            open_requests = [] if request is None else sorted(request.rows)
            raise ProtocolError(f"it answered request {number}; open are {open_requests or 'none'}")
        request.actions[row] = action
        if not request.rows:
            self._request = None
            if self._child is not None:
                self._child.spare()
            request.inbox.put((request.ticket, action_column(request.actions, self.game.action_space), arrival))

    def _on_end(self, fault: AgentFault | None, at: float) -> None:
        """The program is over, on its thread."""
        with self._lock:
            self._child = None
            request, self._request = self._request, None
            if not self._greeted and fault is not None:
                self._start_failures += 1
                fault = self._start_fault = _at_start(fault)
            if request is not None:
                request.inbox.put((request.ticket, fault or AgentCrashed(f"{self.name} was closed"), at))
            else:
                self._fault = fault
            self._greeted = False
            self._ready.set()


def _at_start(fault: AgentFault) -> AgentFault:
    """The fault of a program that ended before its hello, saying so."""
    if type(fault) is not AgentCrashed or "hello" in str(fault):
        return fault
    return AgentCrashed(f"{fault} (before it said hello)", fault.log)

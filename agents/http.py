"""A program behind a URL as an agent: ``http://HOST/PATH`` and ``https://...``, one message a POST.

The messages are those of docs/reference/agent-protocol.md, save `quit`: a server outlives its matches.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from arena.agents.bounded_http import BoundedClients
from arena.agents.observation import observations
from arena.agents.process import Limits
from arena.agents.protocol import (
    Hello,
    JsonObject,
    act_message,
    action_column,
    end_message,
    hello_message,
    match_numbers,
    observation_messages,
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
    OutputFlood,
    ProtocolError,
    SpecificationError,
)

CONNECT_S = 5.0
MAX_START_FAILURES = 3  # in a row; afterwards the server is not asked again
HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}


def load(rest: str, *, game: Game, name: str) -> HttpAgent:
    """The agent of ``http://HOST/PATH``, or of ``http:https://HOST/PATH``.

    Raises:
        SpecificationError: no URL of a server.
    """
    return HttpAgent(_url("http", rest), game=game.info, name=name)


def load_https(rest: str, *, game: Game, name: str) -> HttpAgent:
    """The agent of ``https://HOST/PATH``.

    Raises:
        SpecificationError: no URL of a server.
    """
    return HttpAgent(_url("https", rest), game=game.info, name=name)


def _url(scheme: str, rest: str) -> str:
    text = f"{scheme}:{rest}" if rest.startswith("//") else rest
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise SpecificationError(f"cannot read the URL {text!r}: {error}") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise SpecificationError(f"{text!r} is no URL of an agent; write http://HOST:PORT/PATH")
    return text


@dataclass(slots=True)
class _Match:
    """One match that was announced: its number, and whether the server has taken it."""

    number: int
    announced: threading.Event = field(default_factory=threading.Event)
    fault: AgentFault | None = None


@dataclass(slots=True, kw_only=True)
class _Request:
    """One open ticket: the actions so far, None where one is missing."""

    ticket: int
    inbox: queue.SimpleQueue[Answer]
    actions: list[int | list[float] | None]
    limit_s: float
    over: bool = False


class HttpAgent:
    """A `ClockedAgent` that asks a server; each message is posted from a thread of its own.

    The server's `hello` is asked when first needed. A fault forfeits the request that it answers, and no more.
    """

    def __init__(self, url: str, *, game: GameInfo, name: str, limits: Limits | None = None):
        self.url, self.game, self.name = url, game, name
        self.limits = limits or Limits()
        self.move_s: float | None = None
        self.match_s: float | None = None
        self._clients = BoundedClients(headers=HEADERS, trust_env=True)
        self._state = threading.Condition()
        self._posting = 0
        self._hello: Hello | None = None
        self._start_failures = 0
        self._start_fault: AgentFault | None = None
        self._matches: dict[tuple[int, int], _Match] = {}
        self._request: _Request | None = None
        self._next_request = 1

    @property
    def info(self) -> AgentInfo:
        """Asks the server, which alone knows; one that does not answer plays one match at a time, and loses it."""
        hello = self._greeting() or Hello()
        return AgentInfo(
            name=self.name, deterministic=hello.deterministic, remembers=True, tables_at_once=hello.matches
        )

    @property
    def hello(self) -> Hello | None:
        """What the server said of itself; None before."""
        return self._hello

    @property
    def log(self) -> str:
        """A server keeps its own."""
        return ""

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        """The clocks that following `start` messages tell the server, in seconds; None = none."""
        self.move_s, self.match_s = move_s, match_s

    def require_started(self) -> None:
        """Asks the server for its hello, if it has not said it, and waits for it, up to `Limits.start_s`.

        Raises:
            AgentFault: it cannot be reached, or said something else or nothing; one sentence says so.
        """
        if self._greeting() is None:
            fault = self._start_fault or AgentCrashed(f"{self.name} does not answer")
            raise type(fault)(f"{fault}; start the server before the match, or mend the URL", fault.log)

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        greeted = self._greeting() is not None
        for number, seat in zip(
            match_numbers(seed, player), zip(table.tolist(), player.tolist(), strict=True), strict=True
        ):
            match = self._matches[seat] = _Match(number)
            message = start_message(match=number, player=seat[1], move_s=self.move_s, match_s=self.match_s)
            if greeted:
                self._in_background(self._announce, match, message)

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        hello = self._greeting()
        if hello is None:
            inbox.put((ticket, self._start_fault or AgentCrashed(f"{self.name} does not answer"), time.monotonic()))
            return
        rows = observations(batch)
        messages = observation_messages(rows, hello)
        limits = [math.inf] * len(rows) if batch.limit_s is None else batch.limit_s.tolist()
        request = _Request(ticket=ticket, inbox=inbox, actions=[None] * len(rows), limit_s=min(limits))
        self._request = request
        seats = zip(batch.table.tolist(), batch.player.tolist(), strict=True)
        for row, (seat, message, limit) in enumerate(zip(seats, messages, limits, strict=True)):
            question = act_message(request=self._next_request, observation=message, limit_s=limit)
            self._next_request += 1
            self._in_background(self._ask, request, row, self._matches.get(seat), question, limit)

    def timed_out(self, ticket: int) -> None:
        """Waits for the answer no more; the server may go on."""
        request = self._request
        if request is not None and request.ticket == ticket:
            late = AgentTimeout(f"{self.name} did not answer within {request.limit_s:g} s")
            self._finish(request, late, time.monotonic())

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        seats = zip(table.tolist(), player.tolist(), strict=True)
        for seat, value in zip(seats, returns.tolist(), strict=True):
            match = self._matches.pop(seat, None)
            if match is not None and self._hello is not None:
                message = end_message(match=match.number, player=seat[1], returns=value)
                self._in_background(self._tell_end, match, message)

    def close(self) -> None:
        """Waits a grace for messages that are still out, then leaves the server."""
        with self._state:
            self._state.wait_for(lambda: self._posting == 0, timeout=self.limits.grace_s)
        self._clients.close()

    def _greeting(self) -> Hello | None:
        """The server's hello, asked for once; None while it gives none."""
        if self._hello is None and self._start_failures < MAX_START_FAILURES:
            try:
                self._hello = read_hello(read_message(self._post(hello_message(self.game), self.limits.start_s)[0]))
            except AgentFault as fault:
                hangs = isinstance(fault, AgentTimeout)  # not waited for again: it would hold up every other match
                self._start_failures = MAX_START_FAILURES if hangs else self._start_failures + 1
                kind = AgentCrashed if hangs else type(fault)
                said = f"{self.name} broke the protocol: {fault}" if isinstance(fault, ProtocolError) else str(fault)
                self._start_fault = kind(f"{said} (it was asked for its hello)", fault.log)
        return self._hello

    def _in_background(self, job: Callable[..., None], *arguments: object) -> None:
        with self._state:
            self._posting += 1

        def work() -> None:
            try:
                job(*arguments)
            finally:
                with self._state:
                    self._posting -= 1
                    self._state.notify_all()

        threading.Thread(target=work, name=f"agent {self.name}", daemon=True).start()

    def _announce(self, match: _Match, message: JsonObject) -> None:
        try:
            self._post(message, self.limits.start_s)
        except AgentFault as fault:
            match.fault = fault
        match.announced.set()

    def _tell_end(self, match: _Match, message: JsonObject) -> None:
        match.announced.wait()
        try:
            self._post(message, self.limits.start_s)
        except AgentFault:
            return  # the match is over: its result stands

    def _ask(self, request: _Request, row: int, match: _Match | None, question: JsonObject, limit_s: float) -> None:
        answer: int | list[float] | AgentFault
        arrival = time.monotonic()
        try:
            if match is not None:
                match.announced.wait()
                if match.fault is not None:
                    raise match.fault
            body, arrival = self._post(question, limit_s)
            number, answer = read_action(read_message(body), self.game.action_space)
            if number != question["request"]:
                raise ProtocolError(f"it answered request {number}; asked was {question['request']}")
        except ProtocolError as error:
            answer = ProtocolError(f"{self.name} broke the protocol: {error}", error.log)
        except AgentFault as fault:
            answer, arrival = fault, time.monotonic()
        self._note(request, row, answer, arrival)

    def _note(self, request: _Request, row: int, answer: int | list[float] | AgentFault, arrival: float) -> None:
        if isinstance(answer, AgentFault):
            self._finish(request, answer, arrival)
            return
        with self._state:
            request.actions[row] = answer
            actions = [action for action in request.actions if action is not None]
        if len(actions) == len(request.actions):
            self._finish(request, action_column(actions, self.game.action_space), arrival)

    def _finish(self, request: _Request, answer: NDArray[Any] | AgentFault, arrival: float) -> None:
        with self._state:
            if request.over:
                return
            request.over = True
        request.inbox.put((request.ticket, answer, arrival))

    def _post(self, message: JsonObject, limit_s: float) -> tuple[bytes, float]:
        """(body, its time of arrival) of the server's answer.

        Raises:
            AgentCrashed: no connection, or the server says that it failed.
            AgentTimeout: no answer within the limit and the grace.
            ProtocolError: the server sends elsewhere.
            OutputFlood: the answer is too long.
        """
        patience = limit_s + self.limits.grace_s
        body = b""
        try:
            with (
                self._clients.one() as client,
                client.stream(
                    "POST", self.url, content=to_line(message).encode(), seconds=patience, connect_s=CONNECT_S
                ) as response,
            ):
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > self.limits.line_bytes:
                        raise OutputFlood(
                            f"{self.name} answered over {self.limits.line_bytes:,} bytes; an answer is short"
                        )
        except httpx.ConnectTimeout:
            raise AgentCrashed(f"{self.name} cannot be reached at {self.url}: no connection in time") from None
        except httpx.TimeoutException:
            raise AgentTimeout(f"{self.name} did not answer within {limit_s:g} s") from None
        except httpx.HTTPError as error:
            raise AgentCrashed(f"{self.name} at {self.url} failed: {error}") from None
        arrival = time.monotonic()
        self._check_status(response, body)
        return body, arrival

    def _check_status(self, response: httpx.Response, body: bytes) -> None:
        if response.is_success:
            return
        log = body[: self.limits.log_bytes].decode("utf-8", "replace")
        said = f"{response.status_code} {response.reason_phrase}".strip()
        if response.is_redirect:
            where = response.headers.get("location", "elsewhere")
            raise ProtocolError(f"it sent us to {where!r} ({said}); give the URL that answers", log)
        raise AgentCrashed(f"{self.name} at {self.url} answered {said}; a message is answered with 200", log)

"""Joining a server: an agent on this machine plays the matches that a server elsewhere has for it.

The server asks over a WebSocket and never gets the agent's code. A connection that breaks is made again, with pauses that
grow; matches under way go on where their clocks allow it.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection, connect

from arena.agents.heard import Heard
from arena.agents.heard_player import HeardPlayer
from arena.agents.observation import Observation
from arena.agents.protocol import PROTOCOL_VERSION, action_message, parts_of, read_message, to_line
from arena.games import AgentFault, ArenaError, Game, ProtocolError, SpecificationError

PATH = "/api/v1/seats"
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
CONNECT_S = 10.0
LONGEST_MESSAGE = 16 << 20  # bytes
REFUSED = (401, 403, 404)  # trying again would not help

Reply = int | list[float] | AgentFault


class JoinRefused(ArenaError):
    """The server does not let this agent play, or no longer over this connection; trying again would not help."""

    work_failed = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """Who joins what. ``matches``: how many at once; ``version``: what the agent says of itself, so that its ratings are its own."""

    url: str
    token: str
    game: Game
    specification: str
    name: str
    matches: int = 8
    version: str = ""


@dataclass(slots=True, kw_only=True)
class _Seat:
    """A match under way. ``replies``: of each of its questions the reply, None while the agent thinks."""

    number: int
    player: int
    played_by: HeardPlayer
    table: int
    replies: dict[int, Reply | None] = field(default_factory=dict)


def join(
    joining: Joining,
    *,
    say: Callable[[str], None],
    stop: threading.Event | None = None,
    first_pause_s: float = FIRST_PAUSE_S,
) -> int:
    """Plays until `stop` is set or somebody interrupts; how many matches were played.

    Args:
        joining: who joins what.
        say: hears a line of whatever happens.
        stop: ends it between two messages.
        first_pause_s: before a broken connection is tried again; it doubles up to 30 s.

    Raises:
        SpecificationError: a URL of no server, or an agent that does not fit the game.
        JoinRefused: the server refuses the token, the name or the game, or another connection took over.
    """
    address = seats_address(joining.url)
    client = _Client(joining, say)
    pause_s = first_pause_s
    over = stop or threading.Event()
    try:
        while not over.is_set():
            said = "the connection was closed"
            try:
                headers = {"Authorization": f"Bearer {joining.token}"}
                with connect(
                    address, additional_headers=headers, max_size=LONGEST_MESSAGE, open_timeout=CONNECT_S
                ) as connection:
                    pause_s = first_pause_s
                    client.live(connection, over)
            except InvalidStatus as error:
                status = error.response.status_code
                if status in REFUSED:
                    why = (
                        "is the token right, and still valid?"
                        if status != 404
                        else "is this the address of an Arena server?"
                    )
                    raise JoinRefused(f"{joining.url} refused the connection ({status}): {why}") from None
                said = f"the server answered {status}"
            except InvalidURI as error:
                raise SpecificationError(f"{joining.url!r} is no URL of a server: {error}") from None
            except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
                said = str(error) or type(error).__name__
            if not over.is_set():
                wait_s = pause_s * random.uniform(0.7, 1.3)  # noqa: S311  # so that not all come back at once
                say(f"not connected ({said}); trying again in {wait_s:.1f} s")
                over.wait(wait_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    finally:
        client.close()
    return client.played


def seats_address(url: str) -> str:
    """The WebSocket's address of a server's URL. Raises `SpecificationError`."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    schemes = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.username or parts.password:
        raise SpecificationError(f"{url!r} is no URL of a server; write for example https://arena.example.org")
    return f"{schemes[parts.scheme]}://{parts.netloc}{parts.path.rstrip('/')}{PATH}"


class _Client:
    """What outlives a connection: instances of the agent, the matches under way, replies that could not be sent."""

    def __init__(self, joining: Joining, say: Callable[[str], None]):
        self.joining, self.say, self.played = joining, say, 0
        self._lock = threading.Lock()  # guards the seats' replies and the connection: agents answer from their threads
        self._connection: ClientConnection | None = None
        self._seats: dict[int, _Seat] = {}
        self._players = [self._player()]  # at once: an agent that does not start is told before anybody waits for it

    def live(self, connection: ClientConnection, over: threading.Event) -> None:
        """One connection, from hello to its end."""
        connection.send(to_line(self._hello()))
        try:
            for text in _messages(connection, over):
                self._take(connection, read_message(text))
        finally:
            with self._lock:
                self._connection = None

    def close(self) -> None:
        for player in self._players:
            player.close()

    def _hello(self) -> dict[str, object]:
        info = self._players[0].info
        return {
            "type": "hello",
            "protocol": PROTOCOL_VERSION,
            "token": self.joining.token,
            "game": self.joining.game.info.specification,
            "name": self.joining.name,
            "version": self.joining.version,
            "wants": list(parts_of(self.joining.game.info)),
            "matches": self.joining.matches,
            "deterministic": info.deterministic,
        }

    def _player(self) -> HeardPlayer:
        joining = self.joining
        return HeardPlayer(joining.specification, joining.game, name=joining.name, say=self._reply)

    def _take(self, connection: ClientConnection, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "hello":
                self._greet(connection, message)
            case "start":
                self._start(message)
            case "act":
                self._ask(message)
            case "end":
                self._end(int(message["match"]), message["returns"])
            case "error":
                if message.get("fatal"):
                    raise JoinRefused(str(message.get("message")))
                self.say(f"the server says: {message.get('message')}")

    def _greet(self, connection: ClientConnection, message: Mapping[str, Any]) -> None:
        with self._lock:
            self._connection = connection
        here, there = self.joining.game.info, message["game"]
        self.say(f"connected as {message['agent']}; waiting for matches of {here.title}")
        if there["version"] != here.version:
            self.say(f"the server plays {here.title} {there['version']}, here is {here.version}")
        for match in self._seats.keys() - set(message["matches"]):
            self._end(match, None)

    def _start(self, message: Mapping[str, Any]) -> None:
        match, player = int(message["match"]), int(message["player"])
        if match in self._seats:
            self.say(f"match {self._seats[match].number} goes on")
            return
        played_by = next((one for one in self._players if one.has_room), None)
        if played_by is None:
            played_by = self._player()
            self._players.append(played_by)
        table = played_by.begin(player, match, move_s=message["move_s"], match_s=message["match_s"])
        number = self.played + len(self._seats) + 1
        self._seats[match] = _Seat(number=number, player=player, played_by=played_by, table=table)
        self.say(f"match {number} begins; {self.joining.name} is player {player}")

    def _ask(self, message: Mapping[str, Any]) -> None:
        observation = Observation.from_message(message["observation"])
        seat, question = self._seats.get(observation.match), int(message["request"])
        if seat is None:
            raise ProtocolError(f"the server asks about match {observation.match}, which has not begun")
        with self._lock:
            known, reply = question in seat.replies, seat.replies.get(question)
            seat.replies[question] = reply
        if not known:
            heard = Heard(
                table=seat.table, observation=observation, limit_s=message["limit_s"], moves=message.get("moves")
            )
            seat.played_by.ask(question, heard)
        elif reply is not None:  # the connection broke before the server had it
            self._send(question, reply)

    def _end(self, match: int, returns: float | None) -> None:
        seat = self._seats.pop(match, None)
        if seat is None:
            return
        self.played += 1
        seat.played_by.end(seat.table, seat.player, math.nan if returns is None else returns)
        said = (
            "is over; the server tells no return" if returns is None else f"ends; {self.joining.name} gets {returns:g}"
        )
        self.say(f"match {seat.number} {said}")

    def _reply(self, question: int, reply: Reply) -> None:
        """What the agent says, on its thread."""
        with self._lock:
            for seat in list(self._seats.values()):
                if question in seat.replies:
                    seat.replies[question] = reply
        self._send(question, reply)

    def _send(self, question: int, reply: Reply) -> None:
        connection = self._connection
        if connection is None:
            return  # it is asked again over the next one
        if isinstance(reply, AgentFault):
            self.say(f"{self.joining.name} failed: {reply}")
            message: dict[str, object] = {"type": "error", "request": question, "message": str(reply)[:1000]}
        else:
            message = action_message(request=question, action=reply)
        try:
            connection.send(to_line(message))
        except (ConnectionClosed, OSError):
            return  # as above


def _messages(connection: ClientConnection, over: threading.Event) -> Iterator[str | bytes]:
    """What the server says, until it or we end the connection."""
    while not over.is_set():
        try:
            yield connection.recv(timeout=0.5)
        except TimeoutError:
            continue

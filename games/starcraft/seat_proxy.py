"""A player's way to the game: what it may ask is handed on, what would cheat is not, and its time is taken.

The player connects here as it would to the game. It may neither create nor change matches, nor debug, nor see through fog;
its name and its ports are put right when it joins. Its clock runs from each answer until its next request.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import DecodeError
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from arena.games.errors import GameFailed
from arena.games.starcraft.assignment import Rules
from arena.games.starcraft.game_process import GameProcess
from arena.games.starcraft.protocol import common_pb2
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb

HANDED_ON = (
    "ping",
    "join_game",
    "game_info",
    "observation",
    "action",
    "obs_action",
    "step",
    "data",
    "query",
    "save_replay",
)
JoinError = sc_pb.ResponseJoinGame.Error
ASKED_WRONGLY = (JoinError.MissingParticipation, JoinError.MissingOptions, JoinError.FeatureUnsupported)
"""Why the game refuses a player for what it asked; the ports and the place are the host's."""
EMPTY = ("debug", "save_map")
"""What is answered as if it were done."""
NOT_YET = "a replay shows what fog hides: it can be saved when the match is over"
PASS_RANGE = 10  # clients derive several ports from the one they are given
HIDDEN = "opponent"

End = Literal["left", "closed", "garbage", "failed"]


@dataclass(slots=True)
class StepTimes:
    """What a player took for its steps, in seconds."""

    steps: int = 0
    total_s: float = 0.0
    slowest_s: float = 0.0
    current_s: float = 0.0  # of the step that it is thinking about

    def spend(self, seconds: float) -> None:
        self.current_s += seconds
        self.total_s += seconds

    def step(self) -> None:
        self.steps += 1
        self.slowest_s = max(self.slowest_s, self.current_s)
        self.current_s = 0.0


class SeatProxy:
    """The seat of one player. ``ended``: set when the player is gone, with why; ``results``: of all, once the match is over."""

    def __init__(self, name: str, game: GameProcess, rules: Rules, *, ports: list[int], start_port: int):
        self.name, self.game, self.rules = name, game, rules
        self.ports, self.start_port = ports, start_port
        self.times = StepTimes()
        self.player: int | None = None
        self.loop = 0
        self.score = 0
        self.results: dict[int, int] = {}
        self.ended: asyncio.Future[tuple[End, str]] = asyncio.get_running_loop().create_future()
        self.changed = asyncio.Event()  # something happened that may decide the match
        self.joining = False
        self.thinks_since: float | None = None
        self._serving: asyncio.Task[None] | None = None

    async def attend(self, connection: ServerConnection) -> None:
        """Serves the player's connection; there is one."""
        if self._serving is not None:
            await connection.close(1008, "this seat is taken")
            return
        self._serving = asyncio.current_task()
        try:
            while not self.ended.done():
                message = await connection.recv(decode=False)  # some clients send bytes as text
                self._stop_clock()
                told = await self.respond(sc_pb.Request.FromString(message))
                await connection.send(told.SerializeToString())
                self.thinks_since = time.monotonic()
        except ConnectionClosed:
            self._end("closed", f"{self.name} closed its connection before the match was over")
        except DecodeError:
            self._end("garbage", f"{self.name} sent what is no message of the protocol")
        except GameFailed as failure:
            self._end("failed", str(failure))
        finally:
            self.thinks_since = None

    def release(self) -> None:
        """Serves the player no longer, whatever it waits for."""
        if self._serving is not None:
            self._serving.cancel()

    def thinking_s(self) -> float:
        """How long the player has been silent, where it is its turn to speak."""
        return 0.0 if self.thinks_since is None else time.monotonic() - self.thinks_since

    async def respond(self, request: sc_pb.Request) -> sc_pb.Response:
        """The answer to a request of the player."""
        kind = request.WhichOneof("request")
        told = sc_pb.Response(id=request.id, status=self.game.status)
        if kind in ("leave_game", "quit"):
            getattr(told, kind).SetInParent()
            told.status = sc_pb.quit if kind == "quit" else sc_pb.launched
            self._end("left", f"{self.name} left")
        elif kind in EMPTY:
            getattr(told, kind).SetInParent()
        elif kind == "save_replay" and not self.results:
            told.error.append(NOT_YET)
        elif kind == "join_game" and (refusal := self._admit(request.join_game)):
            told.error.append(refusal)
        elif kind in HANDED_ON:
            told = await self._hand_on(kind, request)
        else:
            told.error.append(f"{kind} is the host's, not a player's")
        return told

    def _joined(self, told: sc_pb.Response) -> None:
        """Notes what came of joining.

        Raises:
            GameFailed: nobody can join, for nothing that the player asked.
        """
        error = told.join_game.error
        if error and error not in ASKED_WRONGLY:
            raise GameFailed(
                f"the game lets nobody join: {JoinError.Name(error)} {told.join_game.error_details}".rstrip()
            )
        self.player = told.join_game.player_id or None
        self.joining = self.player is not None  # else it may ask again, in better words
        self.times = StepTimes()  # nobody is judged by how it starts
        self.changed.set()

    async def look(self) -> None:
        """Asks the game itself how the match stands for this player."""
        self._note(await self.game.ask(sc_pb.Request(observation=sc_pb.RequestObservation())))

    async def _hand_on(self, kind: str, request: sc_pb.Request) -> sc_pb.Response:
        if kind == "step":
            self.times.step()
            wanted = max(request.step.count, self.rules.step_loops)
            request.step.count = max(1, min(wanted, self.rules.max_loops - self.loop))
        elif kind == "observation":
            request.observation.disable_fog = False
        told = await self.game.ask(request)
        if kind == "join_game":
            self._joined(told)
        elif kind == "game_info":
            self._hide_others(told.game_info)
        elif kind == "step":
            self.loop = told.step.simulation_loop or self.loop + request.step.count
            if self.loop >= self.rules.max_loops:
                self.changed.set()
        self._note(told)
        if told.status == sc_pb.ended and not self.results:
            await self.look()
        return told

    def _note(self, told: sc_pb.Response) -> None:
        if not told.HasField("observation"):
            return
        self.loop = told.observation.observation.game_loop
        self.score = told.observation.observation.score.score
        if told.observation.player_result and not self.results:
            self.results = {one.player_id: one.result for one in told.observation.player_result}
            self.changed.set()

    def _admit(self, asked: sc_pb.RequestJoinGame) -> str:
        """Puts a request to join right; why it is refused, or ''."""
        if self.joining:
            return f"{self.name} has joined already"
        given = asked.server_ports.game_port
        if given and not 0 <= given - self.start_port < PASS_RANGE:
            return f"port {given} is not of this match: its StartPort is {self.start_port}"
        if asked.HasField("observed_player_id"):
            return "a player does not observe"
        self.joining = True
        asked.player_name = self.name
        if asked.options.HasField("feature_layer"):
            asked.options.feature_layer.allow_cheating_layers = False
        if self.rules.interface == "feature":
            asked.options.raw = False
        asked.ClearField("client_ports")
        asked.ClearField("server_ports")
        if self.ports:
            asked.server_ports.game_port, asked.server_ports.base_port = self.ports[:2]
            asked.client_ports.add(game_port=self.ports[2], base_port=self.ports[3])
        asked.shared_port = 0
        asked.host_ip = ""
        return ""

    def _hide_others(self, told: sc_pb.ResponseGameInfo) -> None:
        for one in told.player_info:
            if one.player_id != self.player:
                one.player_name = HIDDEN
                one.race_actual = common_pb2.NoRace

    def _stop_clock(self) -> None:
        self.times.spend(self.thinking_s())
        self.thinks_since = None

    def _end(self, how: End, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result((how, why))
            self.changed.set()

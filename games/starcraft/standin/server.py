"""The stand-in as a program: the game's WebSocket, the states of a client, and how two of its processes play one match.

The process whose client creates the match holds it. The other one hands its client's requests on, through the port that the
game keeps for this; every message there is its length in four bytes, then the message.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections.abc import Sequence
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path

from s2clientprotocol import sc2api_pb2 as sc_pb
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from arena.games.starcraft.standin.maps import NoStandinMap, read_map
from arena.games.starcraft.standin.match import Match

logger = logging.getLogger(__name__)

VERSION, BUILD = "5.0.14.94137", 94137  # what clients know; the names of games say that this is the stand-in
HOST_WAIT_S, HOST_EVERY_S = 30.0, 0.05


async def run(host: str, port: int, folder: Path) -> None:
    """Serves clients until one of them says quit. ``folder``: where the game's folder ``Maps`` is."""
    saved: dict[str, bytes] = {}
    over = asyncio.Event()

    async def attend(connection: ServerConnection) -> None:
        client = _Client(folder, saved)
        try:
            while True:
                message = await connection.recv(decode=False)  # pysc2 sends its bytes as text, which they are not
                told = await client.respond(sc_pb.Request.FromString(message))
                await connection.send(told.SerializeToString())
                if told.status == sc_pb.quit:
                    break
        except ConnectionClosed:
            pass
        except Exception:
            logger.exception("the stand-in failed")
            os._exit(1)  # a program that crashes shows it; one that only falls silent is waited for
        finally:
            client.gone()
        if client.said_quit:
            await connection.close()
            over.set()

    async with serve(
        attend, host, port, process_request=_only_the_api, compression=None, max_size=None, ping_interval=None
    ):
        await over.wait()
    os._exit(0)  # as the game does: whoever still waits in here is not waited for


def _only_the_api(connection: ServerConnection, request: Request) -> Response | None:
    return None if request.path == "/sc2api" else connection.respond(HTTPStatus.NOT_FOUND, "only /sc2api\n")


class _Client:
    """One client: nothing, then a match that it created, then one in which it plays, here or in another process."""

    def __init__(self, folder: Path, saved: dict[str, bytes]):
        self.folder, self.saved = folder, saved
        self.match: Match | None = None
        self.player: int | None = None
        self.link: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.linked_status = int(sc_pb.launched)
        self.said_quit = False

    @property
    def status(self) -> int:
        if self.link is not None:
            return self.linked_status
        if self.match is None:
            return int(sc_pb.launched)
        return int(sc_pb.init_game) if self.player is None else self.match.status

    async def respond(self, request: sc_pb.Request) -> sc_pb.Response:
        kind = request.WhichOneof("request")
        told = sc_pb.Response(id=request.id)
        match kind:
            case "ping":
                told.ping.game_version, told.ping.data_version = VERSION, ""
                told.ping.data_build = told.ping.base_build = BUILD
            case "available_maps":
                told.available_maps.SetInParent()
            case "save_map":
                self.saved[request.save_map.map_path] = request.save_map.map_data
                told.save_map.SetInParent()
            case "create_game":
                self._create(request.create_game, told)
            case "join_game":
                await self._join(request, told)
            case "quit":
                told.quit.SetInParent()
                told.status = sc_pb.quit
                self.said_quit = True
                return told
            case _ if self.link is not None:
                return await self._hand_on(request)
            case "leave_game" if self.match is not None and self.player is not None:
                self.match.leave(self.player)
                self.match = self.player = None
                told.leave_game.SetInParent()
            case _ if self.match is not None and self.player is not None:
                return await self.match.respond(self.player, request)
            case _:
                told.error.append(f"not supported in this state: {kind}")
        told.status = self.status
        return told

    def gone(self) -> None:
        """The client's connection is lost: it has left."""
        if self.match is not None and self.player is not None:
            self.match.leave(self.player)
        if self.link is not None:
            self.link[1].close()

    def _create(self, asked: sc_pb.RequestCreateGame, told: sc_pb.Response) -> None:
        told.create_game.SetInParent()
        self.match = self.player = None
        try:
            self.match = Match(asked, read_map(asked.local_map.map_data or self._map_at(asked.local_map.map_path)))
        except OSError as error:
            told.create_game.error = sc_pb.ResponseCreateGame.InvalidMapPath
            told.create_game.error_details = str(error)
        except NoStandinMap as error:
            told.create_game.error = sc_pb.ResponseCreateGame.InvalidMapData
            told.create_game.error_details = str(error)

    def _map_at(self, path: str) -> bytes:
        if path in self.saved:
            return self.saved[path]
        return (self.folder / "Maps" / path).read_bytes()  # an absolute path stays what it is

    async def _join(self, request: sc_pb.Request, told: sc_pb.Response) -> None:
        asked = request.join_game
        try:
            if self.match is None:
                await self._join_elsewhere(request, told)
                return
            self.player = self.match.join(asked)
            if len(self.match.slots) > 1:
                await _await_guests(self.match, asked.server_ports.game_port)
            told.join_game.player_id = self.player
        except OSError as error:  # a port that is taken, or nobody who listens
            told.join_game.error = sc_pb.ResponseJoinGame.LaunchError
            told.join_game.error_details = str(error)

    async def _join_elsewhere(self, request: sc_pb.Request, told: sc_pb.Response) -> None:
        asked = request.join_game
        deadline = asyncio.get_running_loop().time() + HOST_WAIT_S
        while True:
            try:
                self.link = await asyncio.open_connection(asked.host_ip or "127.0.0.1", asked.server_ports.game_port)
                break
            except OSError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(HOST_EVERY_S)
        told.CopyFrom(await self._hand_on(request))

    async def _hand_on(self, request: sc_pb.Request) -> sc_pb.Response:
        assert self.link is not None
        reader, writer = self.link
        try:
            _write(writer, request.SerializeToString())
            told = sc_pb.Response.FromString(await _read(reader))
        except (asyncio.IncompleteReadError, OSError):
            os._exit(1)  # the process that holds the match is gone, and this one is of no use without it
        self.linked_status = told.status
        if request.HasField("leave_game"):
            writer.close()
            self.link = None
        return told


async def _await_guests(match: Match, port: int) -> None:
    """Returns when all others have joined; each is then served by a task of his own."""
    everybody = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = sc_pb.Request.FromString(await _read(reader))
        player = match.join(request.join_game)
        if len(match.joined) == len(match.slots):
            everybody.set()
        await everybody.wait()
        told = sc_pb.Response(id=request.id, status=sc_pb.in_game)
        told.join_game.player_id = player
        try:
            _write(writer, told.SerializeToString())
            while True:
                request = sc_pb.Request.FromString(await _read(reader))
                if request.HasField("leave_game"):
                    break
                _write(writer, (await match.respond(player, request)).SerializeToString())
            told = sc_pb.Response(id=request.id, status=sc_pb.launched)
            told.leave_game.SetInParent()
            _write(writer, told.SerializeToString())
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            match.leave(player)
            writer.close()

    server = await asyncio.start_server(attend, "127.0.0.1", port)
    try:
        await everybody.wait()
    finally:
        server.close()


def _write(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(struct.pack("<I", len(message)) + message)


async def _read(reader: asyncio.StreamReader) -> bytes:
    (length,) = struct.unpack("<I", await reader.readexactly(4))
    return await reader.readexactly(length)


def arguments_of(words: Sequence[str]) -> dict[str, str]:
    """``-port 5000 -listen 127.0.0.1`` by name; flags without a value are passed over, as the game passes over them."""
    return {word: value for word, value in pairwise(words) if word.startswith("-") and value[:1] != "-"}

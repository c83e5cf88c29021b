"""A process of the game: started, connected to, asked one request after the other, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from arena.games.errors import GameFailed
from arena.games.starcraft.ports import LOCALHOST
from arena.games.starcraft.protocol import sc2api_pb2 as sc_pb

LISTENS_S, LOOK_EVERY_S = 90.0, 0.05
"""How long the game may take until it listens, and how often that is tried."""
ENDS_S = 1.0


class GameProcess:
    """Use it in ``async with``: the program runs from there on and is gone afterwards, with all that it wrote."""

    def __init__(self, program: Path, base: Path, *, port: int, data_version: str = ""):
        self.program, self.base, self.port, self.data_version = program, base, port, data_version
        self.status = int(sc_pb.launched)
        self._lock = asyncio.Lock()
        self._process: Process | None = None
        self._connection: ClientConnection | None = None
        self._folder = tempfile.mkdtemp(prefix="arena-sc2-")

    async def __aenter__(self) -> Self:
        version = ("-dataVersion", self.data_version) if self.data_version else ()
        data, temporary = f"{self.base}{os.sep}", f"{self._folder}{os.sep}"
        try:
            self._process = await asyncio.create_subprocess_exec(
                self.program, "-listen", LOCALHOST, "-port", str(self.port), "-dataDir", data, "-tempDir", temporary,
                *version, stdin=DEVNULL, stdout=DEVNULL, start_new_session=True,
                env={**os.environ, "LD_LIBRARY_PATH": f"{os.environ.get('LD_LIBRARY_PATH', '')}:{self.base / 'Libs'}"},
            )  # fmt: skip
        except OSError as error:
            raise GameFailed(f"{self.program} could not be started: {error.strerror}") from None
        try:
            self._connection = await self._connect()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with contextlib.suppress(GameFailed, TimeoutError):
                await asyncio.wait_for(self.ask(sc_pb.Request(quit=sc_pb.RequestQuit())), ENDS_S)
            self._connection.transport.abort()
        if self._process is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), ENDS_S if kind is None else 0)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def ask(self, request: sc_pb.Request) -> sc_pb.Response:
        """The game's answer.

        Raises:
            GameFailed: it is gone.
        """
        assert self._connection is not None
        async with self._lock:
            try:
                await self._connection.send(request.SerializeToString())
                told = sc_pb.Response.FromString(await self._connection.recv(decode=False))
            except ConnectionClosed:
                code = None if self._process is None else self._process.returncode
                ended = "" if code is None else f"; it ended with exit code {code}"
                raise GameFailed(f"the game closed its connection{ended}") from None
        self.status = told.status
        return told

    async def _connect(self) -> ClientConnection:
        """Tries until the program listens.

        Raises:
            GameFailed: it ended, or does not listen in time.
        """
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + LISTENS_S
        while self._process.returncode is None and asyncio.get_running_loop().time() < deadline:
            try:
                return await connect(
                    f"ws://{LOCALHOST}:{self.port}/sc2api",
                    compression=None, max_size=None, ping_interval=None, open_timeout=LISTENS_S, proxy=None,
                )  # fmt: skip
            except (OSError, InvalidHandshake):
                await asyncio.sleep(LOOK_EVERY_S)
        if self._process.returncode is not None:
            raise GameFailed(f"{self.program.name} ended with exit code {self._process.returncode} before it listened")
        raise GameFailed(f"{self.program.name} did not listen on port {self.port} within {LISTENS_S:g} s")

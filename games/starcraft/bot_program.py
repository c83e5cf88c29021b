"""A player's program in a match: started with the arguments that ladders give, its words kept in a file, ended with the match."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from pathlib import Path
from types import TracebackType
from typing import Self

from arena.games.errors import GameFailed
from arena.games.starcraft.assignment import Seat
from arena.games.starcraft.ports import LOCALHOST

DATA_FOLDER, SEED = "ARENA_DATA", "ARENA_SEED"
"""Environment variables of a program: a folder, which keeps what it writes for its next match; and a seed for its draws."""
LAST_BYTES, LAST_CHARACTERS = 4096, 200


class BotProgram:
    """Use it in ``async with``: the program runs from there on and is gone afterwards."""

    def __init__(self, seat: Seat, *, log: Path, port: int, start_port: int, opponent: str):
        self.seat, self.log = seat, log
        self._arguments = ("--GamePort", str(port), "--LadderServer", LOCALHOST, "--StartPort", str(start_port))
        self._opponent = ("--OpponentId", opponent)
        self._process: Process | None = None
        self._refused = ""

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        if self._refused:
            return 127
        return None if self._process is None else self._process.returncode

    async def __aenter__(self) -> Self:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", SEED: str(self.seat.seed)}
        if self.seat.data:
            try:
                Path(self.seat.data).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise GameFailed(f"there can be no data folder {self.seat.data}: {error.strerror}") from None
            environment[DATA_FOLDER] = self.seat.data
        with self.log.open("wb") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self.seat.command, *self._arguments, *self._opponent,
                    stdin=DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                log.write(f"cannot run {self.seat.command[0]!r}: {error.strerror}\n".encode())
                self._refused = str(error)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    async def ended(self) -> None:
        """Returns when the program has ended."""
        if self._process is not None:
            await self._process.wait()

    def last_words(self) -> str:
        """The last line that it printed, as a part of a sentence; '' where there is none."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LAST_BYTES))
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        return f"; its last line: {last[:LAST_CHARACTERS]!r}" if last else ""

"""A process of its own for one policy or network, confined as a tier says: it is asked line by line, and ended where it does not answer."""

from __future__ import annotations

import base64
import itertools
import queue
import sys
import threading
import weakref
from dataclasses import dataclass
from typing import Any

from arena.agents.batch_message import ASKED_FOR, Line, tell_game, tell_part, to_line
from arena.agents.process import Child, Limits
from arena.agents.program_kinds import arena_itself
from arena.agents.protocol import read_message
from arena.agents.sandbox import FILE_BYTES, Program, SandboxUnavailable, Tier, confined, require_tier
from arena.games import (
    AgentCrashed,
    AgentFault,
    AgentTimeout,
    GameInfo,
    ObservationBatch,
    ProtocolError,
    SpecificationError,
)

HOST_MODULE = "arena.agents.confined_host"
ANSWER_S = 60.0
"""For one answer, however many tables it is for."""
MOST_FAULTS = 3
"""In a row; afterwards it is not asked again."""
LIMITS = Limits(start_s=300.0, line_bytes=64 << 20, output_bytes=65 << 20)
LONGEST_WORDS = 2000  # characters of what is said in an error
MOST_ALIVE = 16
"""Of one process of Arena at once, as far as they have no match under way: each takes 75 to 200 MB. See `_make_room`."""
REST_S = 300.0
"""After which one that has no match under way ends, until it is asked again."""
PAUSE_S = 3600.0
"""After which one ends that has: longer than anybody thinks about a move, so that a match whose end nobody told keeps none."""

_alive: weakref.WeakSet[ConfinedProcess] = weakref.WeakSet()
_alive_lock = threading.RLock()
_clock = itertools.count()


class BrokenReader(SpecificationError):
    """Reading a file ended the process that read it: by what is in the file, or because the machine had no more to give just then."""


class _Rested(AgentCrashed):
    """It ended because nobody had asked it for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """What an agent is made of: the kind that reads it, the file's name for people, and its content."""

    scheme: str
    name: str
    content: bytes


class ConfinedProcess:
    """Starts when it is made, and again when it is asked after a fault, a rest, or after it made room for others. Threads may share it.

    ``loaded``: what it said of its agent; ``lives``: how often it started; ``under_way``: whether it is in a match, and makes no room.
    """

    def __init__(
        self,
        file: DataFile,
        *,
        game: GameInfo | str | None,
        name: str,
        tier: Tier,
        command: tuple[str, ...] = (sys.executable, "-m", HOST_MODULE),
        limits: Limits = LIMITS,
        answer_s: float = ANSWER_S,
    ):
        """Args:
        file: of the agent.
        game: what it must play: its facts, or a specification that the process itself loads; None: nothing is played, and the file read.
        name: of the agent, for people.
        tier: see `arena.agents.sandbox`.
        command, limits, answer_s: what is run, what it may use, and how long it may take for an answer.

        Raises:
            SpecificationError: the file cannot be read or does not fit the game.
            BrokenReader: it breaks the process that reads it.
            SandboxUnavailable: the tier does not hold here, or the process that should read it did not begin.
        """
        require_tier(tier)
        self.name, self.lives = name, 0
        self._file, self._game, self._tier = file, game, tier
        self._command, self._limits, self._answer_s = command, limits, answer_s
        self._child: Child | None = None
        self._lock = threading.RLock()
        self._under_way = False
        self._asked_at = next(_clock)
        self._reads: set[str] = set()
        self._faults = 0
        try:
            self.loaded = self._start()
        except AgentFault as fault:
            raise BrokenReader(f"reading the agent's file broke the process that read it: {fault}") from None
        except BaseException:
            self.close()
            raise
        self._rest()

    @property
    def under_way(self) -> bool:
        return self._under_way

    @under_way.setter
    def under_way(self, is_so: bool) -> None:
        with self._lock:
            self._under_way = is_so
            self._rest()

    def ask(self, question: Line, batch: ObservationBatch | None = None) -> dict[str, Any]:
        """The answer to a question, about a batch whose parts are told when they are asked for.

        Raises:
            AgentFault: there is none.
            SandboxUnavailable: as of `revive`.
        """
        with self._lock:
            self._asked_at = next(_clock)
            self.revive()
            try:
                return self._answer(question, batch)
            except _Rested:  # just when it was asked
                self.revive()
                return self._answer(question, batch)
            finally:
                self._rest()

    def revive(self) -> None:
        """Starts it again where it has ended.

        Raises:
            AgentFault: that fails by what is in the file, or failed too often.
            SandboxUnavailable: the process did not begin, which is no fault of the agent.
        """
        with self._lock:
            if self._child is not None:
                return
            if self._faults >= MOST_FAULTS:
                raise AgentCrashed(f"{self.name} is not asked again: it failed {MOST_FAULTS} times in a row")
            try:
                self._start()
            except SandboxUnavailable:
                raise
            except SpecificationError as refused:
                self._faults += 1
                self.close()
                raise AgentCrashed(f"{self.name} could not be started again: {refused}") from None

    def close(self) -> None:
        with self._lock:
            if self._child is not None:
                self._child.close()
                self._child = None

    def _answer(self, question: Line, batch: ObservationBatch | None) -> dict[str, Any]:
        told = {part: tell_part(batch, part) for part in ASKED_FOR if batch is not None and part in self._reads}
        message = self._exchange({**question, "parts": told}, self._answer_s)
        while message["type"] == "need":
            part = next((part for part in ASKED_FOR if part == message.get("part")), None)
            if batch is None or part is None or part in told:
                raise self._broken(f"it asked for {message.get('part')!r:.80}")
            self._reads.add(part)
            told[part] = tell_part(batch, part)
            message = self._exchange({"type": "part", "told": told[part]}, self._answer_s)
        self._faults = 0
        if message["type"] == "fault":
            raise AgentCrashed(str(message.get("why"))[:LONGEST_WORDS])
        return message

    def _rest(self) -> None:
        """It was asked for now, and ends where it is not asked again for long."""
        if self._child is not None:
            rested = _Rested(f"{self.name} was not asked for long")
            self._child.condemn(rested, after_s=PAUSE_S if self._under_way else REST_S)

    def _make_room(self) -> None:
        """Ends those that were not asked for longest, so that no more than `MOST_ALIVE` are left with this one."""
        with _alive_lock:
            _alive.add(self)
            others = [one for one in _alive if one is not self and one._child is not None]
            spare = len(others) + 1 - MOST_ALIVE
            for one in sorted(others, key=lambda other: other._asked_at):
                if spare > 0 and one._lock.acquire(blocking=False):  # else it is being asked
                    try:
                        if not one.under_way:
                            one.close()
                            spare -= 1
                    finally:
                        one._lock.release()

    def _start(self) -> dict[str, Any]:
        """What it says of its agent."""
        self._make_room()
        room = max(FILE_BYTES, 2 * len(self._file.content))
        program = Program(
            command=self._command,
            runtime=tuple(arena_itself()),
            environment={"OMP_NUM_THREADS": "1"},
            cpu_s=None,  # each answer is timed
            file_bytes=room,
        )
        run = confined(program, self._tier)
        inbox: queue.SimpleQueue[bytes | AgentFault] = queue.SimpleQueue()
        self._inbox = inbox
        self._child = Child(
            self.name,
            run.command,
            limits=self._limits,
            on_line=lambda line, _: inbox.put(line),
            on_end=lambda fault, _: inbox.put(fault or AgentCrashed(f"{self.name} was closed")),
            rules=run.rules,
            environment=run.environment,
            own_folder=True,
        )
        try:
            said = self._heard(self._limits.start_s)
        except AgentFault as fault:
            self._faults -= 1  # the machine's, who has not been given the file yet
            raise SandboxUnavailable(
                f"the process that reads the file of {self.name} in {self._tier!r} did not begin: {fault}"
            ) from None
        assert said["type"] == "ready", said
        self.lives += 1
        game = self._game
        message = self._exchange(
            {
                "type": "load",
                "scheme": self._file.scheme,
                "file": self._file.name,
                "content": base64.b64encode(self._file.content).decode("ascii"),
                "name": self.name,
                "game": tell_game(game) if isinstance(game, GameInfo) else game,
            },
            self._limits.start_s,
        )
        if message["type"] != "loaded":
            raise SpecificationError(str(message.get("why"))[:LONGEST_WORDS])
        return message

    def _exchange(self, message: Line, limit_s: float) -> dict[str, Any]:
        """What it says to this."""
        child = self._child
        assert child is not None
        child.expect_answer()
        child.spare()
        child.write(to_line(message))
        return self._heard(limit_s)

    def _heard(self, limit_s: float) -> dict[str, Any]:
        """What it says next."""
        child = self._child
        assert child is not None
        try:
            heard = self._inbox.get(timeout=limit_s)
        except queue.Empty:
            child.condemn(AgentTimeout(f"{self.name} did not answer within {limit_s:g} s"), after_s=0)
            heard = self._inbox.get()
            while isinstance(heard, bytes):  # too late
                heard = self._inbox.get()
        if isinstance(heard, AgentFault):
            self._child = None
            self._faults += not isinstance(heard, _Rested)
            raise heard
        try:
            return read_message(heard)
        except ProtocolError as error:
            raise self._broken(str(error)) from None

    def _broken(self, said: str) -> ProtocolError:
        """Ends a process that says what nobody asked it."""
        self._faults += 1
        self.close()
        return ProtocolError(f"{self.name} broke off: {said}")

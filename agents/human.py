"""``human``: a person at the terminal, asked one decision at a time.

A person is slow and never holds up the others: questions are asked on a thread, answers arrive in the engine's inbox.
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.agents.registry import read_settings
from arena.games import (
    ActionSpace,
    AgentCrashed,
    AgentFault,
    AgentInfo,
    AgentTimeout,
    Answer,
    Game,
    ObservationBatch,
    VectorLegal,
)

QUIT = "quit"

_terminal = threading.Lock()  # two people at one keyboard are asked one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One decision, with all that must be shown: the batch is gone when the person reads it."""

    player: int
    text: str
    names: dict[int, str]  # legal action -> its name in the game's notation; empty for vectors
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    space: ActionSpace

    def shown(self) -> str:
        if not self.names:
            bounds = ", ".join(f"{low:g}..{high:g}" for low, high in zip(self.low, self.high, strict=True))
            return f"\n{self.text}\nYou are player {self.player}. Choose {len(self.low)} numbers within: {bounds}\n"
        moves = "  ".join(f"{a}" if name == str(a) else f"{a}: {name}" for a, name in self.names.items())
        return f"\n{self.text}\nYou are player {self.player}. Legal moves: {moves}\n"

    def read(self, line: str) -> int | list[float] | None:
        """The action that the line names by number or by text; None if it names none."""
        if not self.names:
            try:
                numbers = [float(word) for word in line.replace(",", " ").split()]
            except ValueError:
                return None
            inside = len(numbers) == len(self.low) and all(
                low <= number <= high and (self.space.kind == "box" or number == int(number))
                for low, number, high in zip(self.low, numbers, self.high, strict=True)
            )
            return numbers if inside else None
        for action in self.names:
            if line == str(action):
                return action
        for same in (str, str.casefold):
            named = [action for action, name in self.names.items() if same(name.strip()) == same(line)]
            if len(named) == 1:
                return named[0]
        return None


class HumanAgent:
    """A `ClockedAgent` that asks a person.

    Args:
        name: what results call the person.
        read: the next line, with its end; '' when the input is over.
        write: shows a text, at once.
    """

    def __init__(
        self,
        *,
        name: str = "human",
        read: Callable[[], str] | None = None,
        write: Callable[[str], None] | None = None,
    ):
        self.info = AgentInfo(name=name, deterministic=False, remembers=True, tables_at_once=1)
        self._read = read or (lambda: sys.stdin.readline())
        self._write = write or _write
        self._changed = threading.Condition()  # guards all below
        self._open: tuple[int, list[_Question], queue.SimpleQueue[Answer]] | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    @property
    def log(self) -> str:
        """A person leaves none."""
        return ""

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None: ...

    def require_started(self) -> None:
        """Does nothing: a person is there."""

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        questions = _questions(batch)
        with self._changed:
            self._open = (ticket, questions, inbox)
            if self._thread is None:
                self._thread = threading.Thread(target=self._ask_on, name=self.info.name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def timed_out(self, ticket: int) -> None:
        if self._answer(ticket, AgentTimeout(f"{self.info.name} did not answer in time")):
            self._write("The time for this move is over.\n")

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        for seat, value in zip(player.tolist(), returns.tolist(), strict=True):
            self._write(f"\nThe match is over: player {seat} gets {value:g}.\n")

    def close(self) -> None:
        """Asks nothing more. A read that waits for the keyboard ends with the process, or with the next line."""
        with self._changed:
            self._closed, self._open = True, None
            self._changed.notify_all()

    def _ask_on(self) -> None:
        """The thread: one request after the other."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._open is not None or self._closed)
                if self._open is None:
                    return
                ticket, questions, _ = self._open
            try:
                with _terminal:
                    actions = [self._ask(ticket, question) for question in questions]
            except _TooLate:
                continue
            except AgentFault as fault:
                self._answer(ticket, fault)
            else:
                self._answer(ticket, np.array(actions, questions[0].space.dtype))

    def _ask(self, ticket: int, question: _Question) -> int | list[float]:
        """Asks until the line names a legal action."""
        self._write(question.shown())
        while True:
            self._write(f"{self.info.name}> ")
            try:
                line = self._read()
            except (OSError, ValueError) as error:  # a closed or broken terminal
                raise AgentCrashed(f"{self.info.name} cannot be asked: {error}") from None
            with self._changed:
                if self._open is None or self._open[0] != ticket:
                    raise _TooLate
            if not line:
                raise AgentCrashed(f"{self.info.name} left: the input ended")
            if line.strip().casefold() == QUIT:
                raise AgentCrashed(f"{self.info.name} quit")
            action = question.read(line.strip())
            if action is not None:
                return action
            self._write(f"{line.strip()!r} is no legal move. Type one of those shown, by number or name, or {QUIT}.\n")

    def _answer(self, ticket: int, answer: NDArray[Any] | AgentFault) -> bool:
        """Answers the request, if it is still open; says whether it was."""
        with self._changed:
            if self._open is None or self._open[0] != ticket:
                return False
            inbox, self._open = self._open[2], None
        inbox.put((ticket, answer, time.monotonic()))
        return True


class _TooLate(Exception):  # no error: the line came after its question was withdrawn
    """The line answers a question that is no longer open."""


def load(rest: str, *, game: Game, name: str) -> HumanAgent:  # noqa: ARG001  # every loader takes the game
    """The agent of ``human``; a person plays every game."""
    read_settings("human", rest, {})
    return HumanAgent(name=name)


def _questions(batch: ObservationBatch) -> list[_Question]:
    texts = batch.text() if batch.game.has_text else [""] * len(batch)
    players, space, legal = batch.player.tolist(), batch.game.action_space, batch.legal
    if isinstance(legal, VectorLegal):
        bounds = zip(legal.low.tolist(), legal.high.tolist(), strict=True)
        return [
            _Question(player=player, text=text, names={}, low=tuple(low), high=tuple(high), space=space)
            for player, text, (low, high) in zip(players, texts, bounds, strict=True)
        ]
    return [
        _Question(
            player=player,
            text=text,
            names={action: batch.action_text(row, action) for action in actions},
            space=space,
        )
        for row, (player, text, actions) in enumerate(zip(players, texts, legal.lists(), strict=True))
    ]


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

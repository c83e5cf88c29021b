"""An agent on a thread of its own, for matches that are played elsewhere: it hears of decisions, and says what it would do."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from arena.agents.heard import Heard, HeardGame, HeardTables
from arena.agents.registry import load_agent
from arena.games import AgentFault, AgentTimeout, Answer, ArenaError, ClockedAgent, Game, ObservationBatch
from arena.games.agent import is_clocked
from arena.games.policy import take_rows

MOST_MATCHES = 64  # of one instance of an agent that takes any number

Say = Callable[[int, "int | list[float] | AgentFault"], None]
"""Called with a question's number and the action, or why there is none."""


@dataclass(frozen=True, slots=True)
class _Asked:
    question: int
    heard: Heard


class HeardPlayer:
    """One instance of an agent, in up to ``capacity`` matches at once. What it is told happens in that order, on its thread."""

    def __init__(self, specification: str, game: Game, *, name: str, say: Say):
        """Raises `ArenaError` where the agent does not fit the game, or does not start."""
        self._agent = load_agent(specification, game=HeardGame(game), name=name)
        try:
            if is_clocked(self._agent):
                self._agent.require_started()
            self.info = self._agent.info
        except BaseException:
            self._agent.close()
            raise
        self.capacity = min(self.info.tables_at_once or MOST_MATCHES, MOST_MATCHES)
        self._say = say
        self._tables = HeardTables(game, self.capacity)
        self._free = list(range(self.capacity))
        self._told: queue.SimpleQueue[_Asked | Callable[[], None] | None] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._tickets = itertools.count(1)
        self._thread = threading.Thread(target=self._live, name=f"agent {name}", daemon=True)
        self._thread.start()

    @property
    def has_room(self) -> bool:
        return bool(self._free)

    def begin(self, player: int, match: int, *, move_s: float | None, match_s: float | None) -> int:
        """The table of a match that begins, or that was under way before this instance heard of it."""
        table = self._free.pop()
        self._told.put(partial(self._begin, table, player, match, move_s, match_s))
        return table

    def ask(self, question: int, heard: Heard) -> None:
        self._told.put(_Asked(question, heard))

    def end(self, table: int, player: int, returns: float) -> None:
        self._told.put(partial(self._end, table, player, returns))
        self._free.append(table)

    def close(self) -> None:
        self._told.put(None)
        self._agent.close()  # at once: a program that thinks must not hold up who leaves
        self._thread.join(timeout=1.0)

    def _begin(self, table: int, player: int, match: int, move_s: float | None, match_s: float | None) -> None:
        self._tables.begin(table)
        if is_clocked(self._agent):
            self._agent.announce_clock(move_s=move_s, match_s=match_s)
        if self.info.remembers:
            self._agent.start(np.array([table]), np.array([player]), np.array([match], np.uint64))

    def _end(self, table: int, player: int, returns: float) -> None:
        if self.info.remembers:
            self._agent.end(np.array([table]), np.array([player]), np.array([returns]))

    def _live(self) -> None:
        while True:
            told = [self._told.get()]
            while not self._told.empty():
                told.append(self._told.get())
            asked: list[_Asked] = []
            for one in told:
                if isinstance(one, _Asked):
                    asked.append(one)
                    continue
                self._answer_all(asked)
                asked = []
                if one is None:
                    return
                one()
            self._answer_all(asked)

    def _answer_all(self, asked: Sequence[_Asked]) -> None:
        if not asked:
            return
        size = 1 if self.info.separate else len(asked)
        parts = [asked[begin : begin + size] for begin in range(0, len(asked), size)]
        try:
            batch = self._tables.batch([one.heard for one in asked])
            if is_clocked(self._agent):
                self._send(self._agent, batch, parts)
            else:
                self._say_actions(asked, self._agent.act(batch))
        except AgentFault as fault:
            self._say_fault(asked, fault)
        except ArenaError as error:  # whoever asked must hear of it: its match waits
            self._say_fault(asked, AgentFault(str(error)))

    def _send(self, agent: ClockedAgent, batch: ObservationBatch, parts: Sequence[Sequence[_Asked]]) -> None:
        """Asks for each part, all at once, and waits for the answers, each as long as its limit says."""
        out: dict[int, tuple[Sequence[_Asked], float]] = {}
        first = 0
        for part in parts:
            rows, ticket = np.arange(first, first + len(part)), next(self._tickets)
            first += len(part)
            limits = batch.limit_s
            patience = np.inf if limits is None else float(limits[rows].max())
            out[ticket] = (part, time.monotonic() + patience)
            agent.send(ticket, take_rows(batch, rows), self._inbox)
        overdue: set[int] = set()
        while out:
            soon = min((until for ticket, (_, until) in out.items() if ticket not in overdue), default=np.inf)
            try:
                wait = None if np.isinf(soon) else max(0.0, soon - time.monotonic())
                ticket, answer, _ = self._inbox.get(timeout=wait)
            except queue.Empty:
                for ticket, (_, until) in out.items():
                    if ticket not in overdue and time.monotonic() >= until:
                        overdue.add(ticket)
                        agent.timed_out(ticket)
                continue
            part, _ = out.pop(ticket, ((), 0.0))
            if isinstance(answer, Exception):
                self._say_fault(part, answer if isinstance(answer, AgentFault) else AgentFault(str(answer)))
            elif ticket in overdue:
                self._say_fault(part, AgentTimeout("it did not answer in time"))
            else:
                self._say_actions(part, answer)

    def _say_actions(self, asked: Sequence[_Asked], actions: NDArray[np.generic]) -> None:
        for one, action in zip(asked, actions.tolist(), strict=True):
            self._say(one.question, action)

    def _say_fault(self, asked: Sequence[_Asked], fault: AgentFault) -> None:
        for one in asked:
            self._say(one.question, fault)

"""Agents that answer in their own time, asked as those that answer at once: every batch waits for its answers, without a clock."""

from __future__ import annotations

import itertools
import queue

import numpy as np
from numpy.typing import NDArray

from arena.games import AgentFault, Answer, ClockedAgent, ObservationBatch
from arena.games.policy import take_rows

NO_ACTION = -1
"""Of a row whose request ended in a fault: allowed nowhere, so that the match is forfeited as the engine does it."""


class Awaited:
    """A `ClockedAgent` as an `Agent` for games with listed actions; it stays open for its owner to close."""

    def __init__(self, agent: ClockedAgent):
        self.agent, self.info = agent, agent.info
        self._inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._tickets = itertools.count(1)
        agent.announce_clock(move_s=None, match_s=None)

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        self.agent.start(table, player, seed)

    def act(self, batch: ObservationBatch) -> NDArray[np.int64]:
        """One action a row, `NO_ACTION` where its request ended in a fault.

        Requests are those of the engine: all rows together, as many as the agent takes at once, or where its decisions are
        separate each by itself, as many at once as it takes.
        """
        most = self.info.tables_at_once or len(batch)
        size, at_once = (1, most) if self.info.separate else (most, 1)
        waiting = [np.arange(begin, min(begin + size, len(batch))) for begin in range(0, len(batch), size)]
        action = np.full(len(batch), NO_ACTION)
        out: dict[int, NDArray[np.int64]] = {}
        while waiting or out:
            while waiting and len(out) < at_once:
                ticket, rows = next(self._tickets), waiting.pop(0)
                out[ticket] = rows
                self.agent.send(ticket, take_rows(batch, rows), self._inbox)
            ticket, answer, _ = self._inbox.get()
            rows = out.pop(ticket)
            if isinstance(answer, AgentFault):
                continue
            if isinstance(answer, Exception):
                raise answer
            action[rows] = answer
        return action

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        self.agent.end(table, player, returns)

    def close(self) -> None: ...

"""Agents that answer in their own time, asked as those that answer at once: every batch waits for its answers, each so long at most."""

from __future__ import annotations

import itertools
import logging
import queue
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from arena.games import AgentFault, AgentTimeout, Answer, ClockedAgent, ObservationBatch
from arena.games.policy import take_rows

NO_ACTION = -1
"""Of a row whose request ended in a fault: allowed nowhere, so that the match is forfeited as the engine does it."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Request:
    rows: NDArray[np.int64]
    deadline: float
    overdue: bool = False


class Awaited:
    """A `ClockedAgent` as an `Agent` for games with listed actions; it stays open for its owner to close.

    An answer that took more than ``move_s`` seconds counts as a fault, and is told in the log.
    """

    def __init__(self, agent: ClockedAgent, *, move_s: float):
        self.agent, self.info, self.move_s = agent, agent.info, move_s
        self._inbox: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._tickets = itertools.count(1)
        agent.announce_clock(move_s=move_s, match_s=None)

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
        out: dict[int, _Request] = {}
        while waiting or out:
            while waiting and len(out) < at_once:
                ticket, rows = next(self._tickets), waiting.pop(0)
                asked = replace(take_rows(batch, rows), limit_s=np.full(len(rows), self.move_s))
                out[ticket] = _Request(rows, time.monotonic() + self.move_s)
                self.agent.send(ticket, asked, self._inbox)
            ticket, answer, arrived = self._next(out)
            request = out.pop(ticket)
            if isinstance(answer, Exception) and not isinstance(answer, AgentFault):
                raise answer
            if isinstance(answer, AgentTimeout) or arrived > request.deadline:
                logger.warning(
                    "%s did not answer in time; the matches that waited for it are forfeited", self.info.name
                )
            elif not isinstance(answer, AgentFault):
                action[request.rows] = answer
        return action

    def _next(self, out: dict[int, _Request]) -> Answer:
        """The next answer. Agents are told once that their time is over, and then free themselves with an answer."""
        while True:
            soon = min((one.deadline for one in out.values() if not one.overdue), default=None)
            try:
                return self._inbox.get(timeout=None if soon is None else max(0.0, soon - time.monotonic()))
            except queue.Empty:
                moment = time.monotonic()
                for ticket, one in out.items():
                    if moment >= one.deadline and not one.overdue:
                        one.overdue = True
                        self.agent.timed_out(ticket)

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        self.agent.end(table, player, returns)

    def close(self) -> None: ...

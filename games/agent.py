"""The two kinds of agent that the engine asks: those that answer at once, and those on a clock."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.observation import ObservationBatch

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Answer = tuple[int, "NDArray[Any] | Exception", float]
"""(ticket, actions or an `AgentFault`, time of arrival on the clock of `time.monotonic`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """What an engine must know of an agent.

    ``deterministic``: the same seeds give the same answers. ``remembers``: keeps something by table, so `start` and
    `end` are called. ``tables_at_once``: how many matches it can sit in at once, None = any number. ``separate``: of a
    clocked agent, that each decision is a request of its own, with its own clock and its own fault, and as many are out at
    once as there are tables; else one request is out, with all decisions that were waiting. ``delivery_s``: how much later
    than it arrived an answer may reach the engine, which waits so much longer before it calls it missing.
    """

    name: str
    deterministic: bool = True
    remembers: bool = False
    tables_at_once: int | None = None
    separate: bool = False
    delivery_s: float = 0.0


class Agent(Protocol):
    """Answers at once, in the engine's process: Arena's own agents, and objects that a caller hands in."""

    @property
    def info(self) -> AgentInfo: ...

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        """Matches begin at these tables; called only where `AgentInfo.remembers`."""
        ...

    def act(self, batch: ObservationBatch) -> NDArray[Any]:
        """One action a row (see `arena.games.actions` for its form). An `AgentFault` forfeits all rows of the batch."""
        ...

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        """Matches ended, with this player's returns [R]; called only where `AgentInfo.remembers`."""
        ...

    def close(self) -> None: ...


class ClockedAgent(Protocol):
    """Answers later, judged by the clock: programs, servers, people. Otherwise as `Agent`.

    ``send`` reads what it needs of the batch before it returns, and later puts one `Answer` into the inbox, from any
    thread; the engine sends the next request only after the answer, save to an agent whose decisions are `separate`, and
    raises an answer that is an exception and no `AgentFault`: nobody's match is lost by it. ``timed_out`` tells it that its open request is
    lost: it must free itself (answer late, or kill its program and answer with a fault).
    """

    @property
    def info(self) -> AgentInfo: ...

    @property
    def log(self) -> str:
        """What it said last besides its answers, kept with a match that it loses by the clock; '' where there is nothing."""
        ...

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        """The limits of the matches that follow, in seconds; None = no limit."""
        ...

    def require_started(self) -> None:
        """Waits until the agent is ready to play, within its start limit; called before the first match.

        Raises:
            AgentFault: it cannot start; one sentence says why, its last words, and what to do.
        """
        ...

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None: ...

    def timed_out(self, ticket: int) -> None:
        """The request's time is over: free the agent within a grace and put any answer into the inbox."""
        ...

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def is_clocked(agent: Agent | ClockedAgent) -> TypeIs[ClockedAgent]:
    """Whether an agent answers later, judged by the clock."""
    return hasattr(agent, "send")

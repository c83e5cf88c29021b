"""Agents that do what a test says: scripted opponents of the engine."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games import AgentCrashed, AgentInfo, Answer, ObservationBatch


class Plain:
    """Answers by `choose(batch)`; random legal actions by default."""

    def __init__(self, name: str = "plain", choose: Callable[[ObservationBatch], Any] | None = None):
        self.info = AgentInfo(name=name)
        self.choose = choose or (lambda batch: batch.legal.sample(batch.seed()))
        self.asked: list[int] = []

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        raise AssertionError("not called where an agent does not remember")

    def act(self, batch: ObservationBatch) -> NDArray[Any]:
        self.asked.append(len(batch))
        answer: NDArray[Any] = self.choose(batch)
        return answer

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        raise AssertionError("not called where an agent does not remember")

    def close(self) -> None: ...


class Counting:
    """Remembers by table and player: plays its k-th decision's action number k, counted from a start of its own."""

    def __init__(self, capacity: int, players: int, *, name: str = "counting"):
        self.info = AgentInfo(name=name, remembers=True)
        self.decisions = np.full((capacity, players), -1)
        self.matches = 0

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None:
        assert (self.decisions[table, player] == -1).all(), "a table starts only after it ended"
        self.decisions[table, player] = (seed % np.uint64(3)).astype(np.int64)

    def act(self, batch: ObservationBatch) -> NDArray[Any]:
        count = self.decisions[batch.table, batch.player]
        self.decisions[batch.table, batch.player] += 1
        return np.array([legal[k % len(legal)] for legal, k in zip(batch.legal.lists(), count, strict=True)])

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None:
        assert (self.decisions[table, player] >= 0).all(), "a table ends only after it started"
        self.decisions[table, player] = -1
        self.matches += len(table)

    def close(self) -> None: ...


class Clocked:
    """Answers when `answer` says so: it gets (agent, ticket, batch's random actions, inbox)."""

    def __init__(
        self,
        answer: Callable[[Clocked, int, NDArray[Any], queue.SimpleQueue[Answer]], None],
        *,
        name: str = "clocked",
        tables_at_once: int | None = None,
    ):
        self.info = AgentInfo(name=name, tables_at_once=tables_at_once)
        self.answer = answer
        self.lost: list[int] = []
        self.sent: list[int] = []
        self.batches: list[NDArray[np.int64]] = []

    log = "the last words"

    def announce_clock(self, *, move_s: float | None, match_s: float | None) -> None:
        self.clock = (move_s, match_s)

    def require_started(self) -> None: ...

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def send(self, ticket: int, batch: ObservationBatch, inbox: queue.SimpleQueue[Answer]) -> None:
        self.sent.append(ticket)
        self.batches.append(batch.table.copy())
        self.inbox = inbox
        self.answer(self, ticket, batch.legal.sample(batch.seed()), inbox)

    def timed_out(self, ticket: int) -> None:
        self.lost.append(ticket)
        self.inbox.put((ticket, AgentCrashed("killed after its time"), time.monotonic()))

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def at_once(agent: Clocked, ticket: int, actions: NDArray[Any], inbox: queue.SimpleQueue[Answer]) -> None:
    """A clocked agent that takes no time."""
    inbox.put((ticket, actions, time.monotonic()))


def never(agent: Clocked, ticket: int, actions: NDArray[Any], inbox: queue.SimpleQueue[Answer]) -> None:
    """A clocked agent that does not answer until its time is over."""

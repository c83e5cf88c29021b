"""Who carries the work: this process, or supervised worker processes. What is not in the ledger has not happened."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from arena.agents import load_agent
from arena.agents.sandbox import Tier
from arena.block_tasks import BlockTask, next_task, with_deaths
from arena.failing_games import play_tables
from arena.frozen_heap import frozen_heap
from arena.games import Agent, AgentFault, ArenaError, ClockedAgent, Game, SpecificationError, load_game
from arena.games.worker_process import WorkerProcess
from arena.hosted import play_hosted
from arena.match import Clock
from arena.results import MatchResults, MatchSpecs

MAX_ATTEMPTS = 3  # a block whose worker dies this often is given up

logger = logging.getLogger(__name__)


class WorkFailed(ArenaError):
    """The work could not be done; nobody's usage was wrong: the command line exits with 1 in place of 2."""

    work_failed = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSetup:
    """What every block of a tournament shares: the game, the agents as (name, specification), the clocks.

    ``common_chance``: whether matches of different lineups share their chance, see `arena.schedule`.
    ``sandbox``: the tier in which programs are confined.
    """

    game: str
    agents: tuple[tuple[str, str], ...]
    clock: Clock = field(default_factory=Clock)
    common_chance: bool = False
    sandbox: Tier = "none"


class Executor(Protocol):
    """Plays blocks of matches, in any order; each comes back whole."""

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        """The results of each block, as they finish. `on_finished` hears of matches, for progress alone.

        `blocks` is asked when somebody is free to play. None in it says that what comes next depends on results that are
        still out: it is asked again when the caller has had some.
        """
        ...


class Troupe:
    """The agents of a setup and tables to play at, kept from block to block.

    Where a game has chance, the matches of a rotation share it, so that an agent that remembers one knows what is hidden
    in the next: each seat of the rotation gets an instance of its own of every agent that could remember. Where all lineups
    share it, as many matches would each need their own: such agents are refused.
    """

    def __init__(self, setup: MatchSetup):
        self.game: Game = load_game(setup.game)
        self.clock = setup.clock
        self.turns = 1
        self.agents: list[Agent | ClockedAgent] = []
        self._instance = [list(range(len(setup.agents)))]  # [turn][agent]: index into `agents`
        try:
            for name, specification in setup.agents:
                self.agents.append(load_agent(specification, game=self.game, name=name, sandbox=setup.sandbox))
                if setup.common_chance:
                    require_forgetful(self.agents[-1])
            if self.game.info.chance and any(map(_may_remember, self.agents)):
                self.turns = len(self.game.info.sides)
            for _ in range(1, self.turns):
                self._instance.append(self._another_turn(setup))
        except BaseException:
            self.close()
            raise
        self._tables = None if self.game.info.lane == "hosted" else self.game.tables(1)

    def play(self, specs: MatchSpecs, *, on_finished: Callable[[int], None] | None = None) -> MatchResults:
        if self._tables is None:
            return play_hosted(self.game, self.agents, specs, clock=self.clock, on_finished=on_finished)
        wanted = min(self.game.info.tables_at_once, len(specs))
        if self._tables.capacity < wanted:
            self._tables = self.game.tables(wanted)
        if self.turns == 1:
            return play_tables(self._tables, self.agents, specs, clock=self.clock, on_finished=on_finished)
        turn = specs.index % self.turns
        instances = np.array(self._instance, np.int64)[turn[:, None], specs.seats]
        played = play_tables(
            self._tables,
            self.agents,
            dataclasses.replace(specs, seats=instances),
            clock=self.clock,
            on_finished=on_finished,
        )
        return dataclasses.replace(played, specs=specs)

    def _another_turn(self, setup: MatchSetup) -> list[int]:
        """Fresh instances of those agents that could remember, for another match of each rotation."""
        row = []
        for number, (name, specification) in enumerate(setup.agents):
            if _may_remember(self.agents[number]):
                self.agents.append(load_agent(specification, game=self.game, name=name, sandbox=setup.sandbox))
                row.append(len(self.agents) - 1)
            else:
                row.append(number)
        return row

    def close(self) -> None:
        close_agents(self.agents)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _may_remember(agent: Agent | ClockedAgent) -> bool:
    """Whether an agent could carry something from one match to another: programs, and agents that keep notes."""
    return hasattr(agent, "send") or agent.info.remembers


def require_forgetful(agent: Agent | ClockedAgent) -> None:
    """Raises `SpecificationError` for an agent that might know the cards of a match from another one of the same chance."""
    if _may_remember(agent):
        raise SpecificationError(
            f"common_chance deals the same cards to many matches, and {agent.info.name} could remember them from one to another: "
            "it is for agents of Arena's own that keep nothing; leave it out where programs, people or scripts play"
        )


def require_started(agent: Agent | ClockedAgent) -> None:
    """Waits until an agent can play.

    Raises:
        SpecificationError: it cannot; a program that does not start is no agent that loses.
    """
    start = getattr(agent, "require_started", None)  # clocked agents alone have it
    if start is not None:
        try:
            start()
        except AgentFault as fault:
            raise SpecificationError(str(fault)) from None


def close_agents(agents: Sequence[Agent | ClockedAgent]) -> None:
    """Closes every agent, also when closing one of them fails."""
    for agent in agents:
        try:
            agent.close()
        except ArenaError as error:
            logger.warning("%s did not close: %s", agent.info.name, error)


class InProcess:
    """Plays one block after the other, here."""

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        with Troupe(setup) as troupe, frozen_heap():
            for specs in blocks:
                if specs is not None:
                    yield troupe.play(specs, on_finished=on_finished)


class ProcessPool:
    """Plays blocks in `workers` processes. A worker that dies is replaced, and its block is played again and says so in its faults."""

    def __init__(self, workers: int):
        if workers < 1:
            raise ValueError(f"workers must be at least 1; got {workers}")
        self.workers = workers

    def run(
        self,
        setup: MatchSetup,
        blocks: Iterable[MatchSpecs | None],
        *,
        on_finished: Callable[[int], None] | None = None,
    ) -> Iterator[MatchResults]:
        todo = iter(blocks)
        again: deque[BlockTask] = deque()
        busy: list[_Worker] = []
        idle: list[_Worker] = []  # kept for what the results of the others decide
        try:
            while True:
                while len(busy) < self.workers and (task := next_task(again, todo)) is not None:
                    busy.append(idle.pop() if idle else _Worker(setup))
                    busy[-1].give(task)
                if not busy:
                    return
                for worker in _speaking(busy):
                    results = worker.receive()
                    if results is None:
                        busy.remove(worker)
                        again.append(_lost(worker.task, worker.stop()))
                        continue
                    results = with_deaths(results, worker.task)
                    task = next_task(again, todo)
                    if task is None:
                        busy.remove(worker)
                        idle.append(worker)
                    else:
                        worker.give(task)
                    if on_finished:
                        on_finished(len(results))
                    yield results
        finally:
            for worker in busy + idle:
                worker.stop()


class _Worker(WorkerProcess):
    """One process and the block it plays."""

    task: BlockTask

    def __init__(self, setup: MatchSetup):
        super().__init__(_work, setup, daemon=False)  # agents may have processes of their own

    def give(self, task: BlockTask) -> None:
        self.task = task
        try:
            self.connection.send(task.specs)
        except (BrokenPipeError, ConnectionResetError):
            logger.debug("worker %s is gone; its sentinel will say so", self.process.pid)

    def receive(self) -> MatchResults | None:
        """What the worker says; None where it died."""
        try:
            answer = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return None
        if isinstance(answer, MatchResults):
            return answer
        kind, message = answer
        raise (ArenaError if kind == "usage" else WorkFailed)(message)


def _speaking(crew: list[_Worker]) -> list[_Worker]:
    ready = set(wait([worker.connection for worker in crew]))
    return [worker for worker in crew if worker.connection in ready]


def _lost(task: BlockTask, exit_code: int | None) -> BlockTask:
    """The task again, of a worker that died."""
    task = task.after(f"exit code {exit_code}")
    if len(task.deaths) == MAX_ATTEMPTS:
        raise WorkFailed(
            f"the worker process died {MAX_ATTEMPTS} times at the block of match {task.first} "
            f"(exit code {exit_code}); look for memory limits and at the agents that run inside Arena"
        )
    logger.warning("a worker died (exit code %s); its block of match %d is played again", exit_code, task.first)
    return task


def _work(connection: Connection, setup: MatchSetup) -> None:
    """The life of a worker process: plays blocks until its engine closes the connection or dies."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # leave through `finally`, so that agents' programs end
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with Troupe(setup) as troupe, frozen_heap():
            while True:
                try:
                    specs = connection.recv()
                except EOFError:
                    return
                connection.send(troupe.play(specs))
    except (BrokenPipeError, ConnectionResetError):
        return
    except ArenaError as error:
        connection.send(("failed" if getattr(error, "work_failed", False) else "usage", str(error)))
    except Exception as error:
        logger.exception("a worker failed")
        connection.send(("bug", f"{type(error).__name__}: {error}"))

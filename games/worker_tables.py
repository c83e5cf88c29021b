"""Games whose tables live in worker processes: for environments in Python, of which one process steps too few.

Whatever plays there finds a `Game` and a `TableBatch` like any other, and the same matches: a match follows from its table's
seeds and actions, wherever the table stands. One message a step and worker carries moves there and ends back; what is legal and
what is observed stands in shared memory.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import MaskedLegal
from arena.games.errors import ArenaError, NotProvided, SpecificationError
from arena.games.game import Game, GameInfo, SearchState, Turn
from arena.games.observation import Reads, reads_of, width_of
from arena.games.ragged import Ragged
from arena.games.worker_keeper import keep_tables
from arena.games.worker_process import WorkerProcess
from arena.games.worker_rows import SharedRows

DEATH_S = 1.0
"""For a worker whose connection closed to have an exit code."""


class WorkerDied(ArenaError):
    """A worker process that ended by itself. Nobody's usage was wrong: the command line exits with 1 in place of 2."""

    work_failed = True


@contextlib.contextmanager
def in_workers(game: Game, workers: int) -> Iterator[Game]:
    """The game with its tables in so many worker processes, which end with the context; as it is where that is one.

    Raises:
        NotProvided: its actions are vectors, or its specification does not load the same game in another process.
        SpecificationError: `workers` is below 1.
    """
    if workers < 1:
        raise SpecificationError(f"workers must be a whole number from 1 on; got {workers!r}")
    if workers == 1:
        yield game
        return
    with WorkerGame(game, workers) as spread:
        yield spread


class WorkerGame:
    """See `in_workers`. Batches of tables share the workers, each of which keeps a part of every batch."""

    def __init__(self, game: Game, workers: int):
        self.info: GameInfo = game.info
        if self.info.action_space.kind != "discrete":
            raise NotProvided(
                f"{self.info.specification} has actions that are vectors; workers play games of listed ones"
            )
        self._count, self._batches = workers, 0
        self._workers: list[_Worker] = []

    def tables(self, capacity: int) -> WorkerTables:
        """Room for `capacity` matches; the first to be asked for starts the workers. Errors as of `in_workers`."""
        if not self._workers:
            self._start()
        self._batches += 1
        return WorkerTables(self.info, self._workers[:capacity], self._batches, capacity)

    def _start(self) -> None:
        self._workers = [_Worker(self.info.specification) for _ in range(self._count)]
        try:
            if any(info != self.info for info in _without_errors([worker.receive() for worker in self._workers])):
                raise NotProvided(
                    f"worker processes load another game by the name {self.info.specification}: it has to be one that "
                    "load_game gives in every process"
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class WorkerTables:
    """A `TableBatch`, see there; worker k keeps the tables from ``edges[k]`` to ``edges[k + 1]``."""

    def __init__(self, info: GameInfo, workers: Sequence[_Worker], number: int, capacity: int):
        self.info, self.capacity = info, capacity
        self._workers, self._number = workers, number
        self._edges = np.linspace(0, capacity, len(workers) + 1).astype(np.int64)
        self._rows = SharedRows(info, capacity)
        weakref.finalize(self, _drop, workers, number, self._rows)
        self._due = np.zeros((capacity, info.num_players), np.bool_)
        self._answers(
            [
                (k, "open", (capacity, self._rows.name, first, end))
                for k, (first, end) in enumerate(zip(self._edges[:-1].tolist(), self._edges[1:].tolist(), strict=True))
            ]
        )

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        return self._moved("start", table, chance_seed)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        return self._moved("step", table, player, action)

    def history(self, table: NDArray[np.int64]) -> Ragged:
        parts = self._spread("history", table)
        return Ragged.scattered([part for _, _, part in parts], [rows for _, rows, _ in parts])

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._observed("observation", "tensor", table, player)

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._observed("information_state", "information_state_tensor", table, player)

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return self._listed("text", table, player)

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return self._listed("information_state", table, player)

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        state: SearchState = self._at("search_state", table, player, seed)
        return state

    def render(self, table: int) -> str:
        return str(self._at("render", table))

    def action_text(self, table: int, player: int, action: Any) -> str:
        return str(self._at("action_text", table, player, action))

    def _moved(self, name: str, table: NDArray[np.int64], *columns: NDArray[Any]) -> Turn:
        parts = [(self._edges[k], moved) for k, _, moved in self._spread(name, table, *columns)]
        due, finished = (np.concatenate([first + moved[column] for first, moved in parts]) for column in (0, 2))
        player, returns, truncated = (np.concatenate([moved[column] for _, moved in parts]) for column in (1, 3, 4))
        self._due[table] = False
        self._due[due, player] = True
        return Turn(due, player, MaskedLegal(self._rows.legal[due, player]), finished, returns, truncated)

    def _observed(
        self, reads: Reads, name: str, table: NDArray[np.int64], player: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        ready = reads == reads_of(self.info) and width_of(self.info, reads) is not None
        if ready and self._due[table, player].all():
            return self._rows.observed[table, player]
        parts = self._spread(name, table, player)
        observed = np.empty((len(table), parts[0][2].shape[1]), np.float32)
        for _, rows, part in parts:
            observed[rows] = part
        return observed

    def _listed(self, name: str, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        texts = [""] * len(table)
        for _, rows, part in self._spread(name, table, player):
            for row, text in zip(rows.tolist(), part, strict=True):
                texts[row] = text
        return texts

    def _at(self, name: str, table: int, *given: Any) -> Any:
        """What the worker of one table answers."""
        k = int(np.searchsorted(self._edges, table, side="right")) - 1
        return self._answers([(k, name, (int(table - self._edges[k]), *given))])[0]

    def _spread(
        self, name: str, table: NDArray[np.int64], *columns: NDArray[Any]
    ) -> list[tuple[int, NDArray[np.int64], Any]]:
        """(worker, its rows, its answer) of those whose tables are concerned, or of the first where there are none."""
        keeper = np.searchsorted(self._edges, table, side="right") - 1
        parts = [(k, np.flatnonzero(keeper == k)) for k in np.unique(keeper).tolist() or [0]]
        answers = self._answers(
            [(k, name, (table[rows] - self._edges[k], *(column[rows] for column in columns))) for k, rows in parts]
        )
        return [(k, rows, answer) for (k, rows), answer in zip(parts, answers, strict=True)]

    def _answers(self, questions: Sequence[tuple[int, str, tuple[Any, ...]]]) -> list[Any]:
        """Asks all before it waits for any."""
        for k, name, given in questions:
            self._workers[k].send((self._number, name, given))
        return _without_errors([self._workers[k].receive() for k, _, _ in questions])


class _Worker(WorkerProcess):
    """A process that keeps tables."""

    def __init__(self, specification: str):
        super().__init__(keep_tables, specification, daemon=True)

    def send(self, message: tuple[int, str, tuple[Any, ...]]) -> None:
        try:
            self.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            raise self._died() from None

    def receive(self) -> Any:
        """What it answers, an exception where it is one."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError):
            raise self._died() from None

    def _died(self) -> WorkerDied:
        self.process.join(timeout=DEATH_S)
        return WorkerDied(
            f"a worker process that keeps tables died (exit code {self.process.exitcode}); look for memory limits, "
            "of shared memory too, and at the game's own code"
        )


def _without_errors(answers: list[Any]) -> list[Any]:
    """The answers of several workers, all of which have answered, so that none is left behind; raises the first error."""
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _drop(workers: Sequence[_Worker], number: int, rows: SharedRows) -> None:
    """Lets workers forget tables that nobody holds any more."""
    for worker in workers:
        with contextlib.suppress(OSError, WorkerDied):  # closed, or gone
            worker.send((number, "drop", ()))
    rows.unlink()

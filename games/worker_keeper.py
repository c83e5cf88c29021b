"""The life of a worker process that keeps tables: it loads the game, makes tables, and does at them what it is told."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game, TableBatch, Turn
from arena.games.observation import reads_of, width_of
from arena.games.registry import load_game
from arena.games.worker_rows import SharedRows

Moved = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]
"""A `Turn` without what is legal, which stands in shared memory: table, player, finished, returns, truncated."""


def keep_tables(connection: Connection, specification: str) -> None:
    """Tells the game's facts, then answers each message (number of tables, what to do, with what), until the connection closes.

    An answer that is an exception is an error, with the trace of this process as a note.
    """
    try:
        try:
            game = load_game(specification)
        except Exception as error:  # noqa: BLE001  # the other end raises it
            connection.send(_to_send(error))
            return
        connection.send(game.info)
        kept: dict[int, _Kept] = {}
        while True:
            number, name, given = connection.recv()
            if name == "drop":  # nobody waits for an answer
                kept.pop(number).rows.close()
                continue
            try:
                if name == "open":
                    kept[number] = _Kept(game, *given)
                    said: object = None
                else:
                    said = kept[number].answer(name, given)
            except Exception as error:  # noqa: BLE001  # the other end raises it
                said = _to_send(error)
            connection.send(said)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class _Kept:
    """Tables `first` to `end` - 1 of some whose rows are shared."""

    def __init__(self, game: Game, capacity: int, name: str, first: int, end: int):
        self.tables: TableBatch = game.tables(end - first)
        self.rows = SharedRows(game.info, capacity, name)
        self._own = slice(first, end)
        reads, info = reads_of(game.info), game.info
        self._observe: Callable[..., NDArray[np.float32]] | None = None
        if width_of(info, reads) is not None:
            self._observe = getattr(self.tables, "tensor" if reads == "observation" else "information_state_tensor")

    def answer(self, name: str, given: tuple[Any, ...]) -> object:
        said = getattr(self.tables, name)(*given)
        return self._written(said) if isinstance(said, Turn) else said

    def _written(self, turn: Turn) -> Moved:
        """Writes down what the decisions that are due now need."""
        at = turn.table, turn.player
        legal = self.rows.legal[self._own]
        legal[at] = turn.legal.mask(legal.shape[-1])
        if self._observe is not None:
            self.rows.observed[self._own][at] = self._observe(*at)
        truncated = np.zeros(len(turn.finished), np.bool_) if turn.truncated is None else turn.truncated
        return turn.table, turn.player, turn.finished, turn.returns, truncated


def _to_send(error: Exception) -> Exception:
    """The error with its trace; in words where it cannot be sent as it is."""
    note = f"in a worker process:\n{traceback.format_exc()}"
    try:
        error.add_note(note)
        pickle.loads(pickle.dumps(error))  # noqa: S301  # our own, to see whether the other end will be able to
    except Exception:  # noqa: BLE001  # whatever other people's errors do when they are pickled
        error = RuntimeError(f"{type(error).__name__}: {error}")
        error.add_note(note)
    return error

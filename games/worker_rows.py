"""What is due at tables of worker processes, in memory that they share with the process that plays there."""

from __future__ import annotations

from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from arena.games.game import GameInfo
from arena.games.observation import reads_of, width_of

FLOAT = np.dtype(np.float32).itemsize


class SharedRows:
    """Of each table and player [capacity, P], right where a decision is due: what is legal, and the tensor that `reads_of` names."""

    def __init__(self, info: GameInfo, capacity: int, name: str | None = None):
        """``name``: of the memory that another process has made; None makes it, and whoever does so must `unlink` it."""
        width = width_of(info, reads_of(info)) or 0
        self._observed = (capacity, info.num_players, width)
        self._legal = (capacity, info.num_players, info.num_actions)
        self._at = FLOAT * capacity * info.num_players * width
        size = self._at + capacity * info.num_players * info.num_actions
        self._memory = SharedMemory(name=name, create=name is None, size=size)

    @property
    def name(self) -> str:
        return self._memory.name

    @property
    def observed(self) -> NDArray[np.float32]:
        """[capacity, P, D]; D = 0 where the game has no tensors. A view, not to be kept: memory in use cannot be closed."""
        return np.ndarray(self._observed, np.float32, self._memory.buf)

    @property
    def legal(self) -> NDArray[np.bool_]:
        """[capacity, P, A]. A view, not to be kept."""
        return np.ndarray(self._legal, np.bool_, self._memory.buf, self._at)

    def close(self) -> None:
        self._memory.close()

    def unlink(self) -> None:
        self._memory.close()
        self._memory.unlink()

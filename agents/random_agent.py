"""``random``: any legal action, each with the same chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.agents.registry import read_settings
from arena.games import AgentInfo, Game, ObservationBatch


class RandomAgent:
    """Draws from the legal actions with each decision's own word: of lists and masks uniformly, vectors within bounds."""

    def __init__(self, *, name: str = "random"):
        self.info = AgentInfo(name=name)

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NDArray[Any]:
        return batch.legal.sample(batch.seed())

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def load(rest: str, *, game: Game, name: str) -> RandomAgent:  # noqa: ARG001  # every loader takes the game
    """The agent of ``random``; it plays every game."""
    read_settings("random", rest, {})
    return RandomAgent(name=name)

"""Nim: take any number from one pile; who takes the last one wins. A whole game of a third party in one module."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games import (
    ActionSpace,
    GameInfo,
    MaskedLegal,
    NotProvided,
    Ragged,
    SearchState,
    Turn,
    UnknownName,
)

PILES = np.array([3, 4, 5])
MOST = 5  # action a takes a % MOST + 1 from pile a // MOST

INFO = GameInfo(
    specification="demo_plugin:nim",
    title="Nim",
    version="1",
    num_players=2,
    action_space=ActionSpace(size=len(PILES) * MOST),
    min_utility=-1.0,
    max_utility=1.0,
    lane="tensor",
    tables_at_once=4096,
    max_length=int(PILES.sum()),
    tensor_width=len(PILES),
)


class Nim:
    """The rules."""

    @property
    def info(self) -> GameInfo:
        return INFO

    def tables(self, capacity: int) -> NimTables:
        return NimTables(capacity)


class NimTables:
    """Piles left [capacity, 3], and the moves so far."""

    info = INFO

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.piles = np.zeros((capacity, len(PILES)), np.int64)
        self.moves: list[list[int]] = [[] for _ in range(capacity)]

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        self.piles[table] = PILES
        for t in table.tolist():
            self.moves[t] = []
        return self._turn(table)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        self.piles[table, action // MOST] -= action % MOST + 1
        for t, a in zip(table.tolist(), action.tolist(), strict=True):
            self.moves[t].append(a)
        return self._turn(table)

    def _turn(self, table: NDArray[np.int64]) -> Turn:
        over = self.piles[table].sum(axis=1) == 0
        due, finished = table[~over], table[over]
        last = np.array([len(self.moves[t]) + 1 for t in finished.tolist()], np.int64) % 2
        takes = np.arange(INFO.num_actions) % MOST + 1
        return Turn(
            due,
            np.array([len(self.moves[t]) % 2 for t in due.tolist()], np.int64),
            MaskedLegal(np.repeat(self.piles[due], MOST, axis=1) >= takes),
            finished,
            np.where(np.arange(2) == last[:, None], 1.0, -1.0),
        )

    def history(self, table: NDArray[np.int64]) -> Ragged:
        return Ragged.of_lists([self.moves[t] for t in table.tolist()])

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.piles[table].astype(np.float32)

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return [self.render(t) for t in table.tolist()]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        raise NotProvided("the piles are all there is to know")

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        raise NotProvided("nim has a formula; nobody needs to search")

    def render(self, table: int) -> str:
        return " ".join(map(str, self.piles[table].tolist()))

    def action_text(self, table: int, player: int, action: Any) -> str:
        return f"{action % MOST + 1} of pile {action // MOST}"


def load(rest: str) -> Nim:
    """What the entry point names: it takes the text behind ``demo_plugin:``."""
    if rest != "nim":
        raise UnknownName("game of the demo plug-in", rest, ["nim"])
    return Nim()


def list_infos() -> list[GameInfo]:
    """Found beside `load`; what ``arena game list`` shows."""
    return [INFO]

"""Legal actions as bits, for games of few actions: one small number a decision, drawn from by looking it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.seeds import unit

MAX_ACTIONS = 9  # of tic-tac-toe; the tables of all 2^9 sets of actions take 5 KB and stay in the fastest cache


def _ordered(sets: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    count = np.zeros(sets, np.uint8)
    nth = np.zeros((sets, size), np.uint8)
    for bits in range(sets):
        actions = [action for action in range(size) if bits >> action & 1]
        count[bits] = len(actions)
        nth[bits, : len(actions)] = actions
    return count, nth


COUNT, NTH = _ordered(1 << MAX_ACTIONS, MAX_ACTIONS)
"""``COUNT[bits]``: how many actions a set has; ``NTH[bits, k]``: its k-th action, ascending."""


@dataclass(frozen=True, slots=True)
class BitLegal:
    """Legal actions of R decisions: bit a of ``rows`` (uint16 [R]) is 1 where action a < ``size`` is legal.

    See `LegalActions` for the methods; draws are those of lists and masks.
    """

    rows: NDArray[np.uint16]
    size: int

    def take(self, rows: NDArray[np.int64]) -> BitLegal:
        return BitLegal(self.rows[rows], self.size)

    def joined(self, other: BitLegal) -> BitLegal:
        return BitLegal(np.concatenate((self.rows, other.rows)), self.size)

    def sample(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        chosen: NDArray[np.int64] = _sample(self.rows, unit(words), COUNT, NTH)
        return chosen

    def contains(self, actions: NDArray[Any]) -> NDArray[np.bool_]:
        legal: NDArray[np.bool_] = _contains(self.rows, actions)
        return legal

    def mask(self, num_actions: int) -> NDArray[np.bool_]:
        bits = self.rows[:, None] >> np.arange(num_actions, dtype=np.uint16)
        mask: NDArray[np.bool_] = (bits & np.uint16(1)).astype(np.bool_)
        return mask

    def lists(self) -> list[list[int]]:
        return [NTH[bits, : COUNT[bits]].tolist() for bits in self.rows.tolist()]

    def __len__(self) -> int:
        return len(self.rows)


@nb.njit(cache=True)
def _sample(rows, draws, count, nth):  # type: ignore[no-untyped-def]  # numba kernel
    actions = np.empty(len(rows), np.int64)
    for row in range(len(rows)):
        bits = rows[row]
        actions[row] = nth[bits, np.uint64(draws[row] * count[bits])]
    return actions


@nb.njit(cache=True)
def _contains(rows, actions):  # type: ignore[no-untyped-def]  # numba kernel
    legal = np.empty(len(rows), np.bool_)
    for row in range(len(rows)):
        action = actions[row]
        legal[row] = 0 <= action < 16 and (rows[row] >> np.uint64(action)) & np.uint64(1) == 1
    return legal

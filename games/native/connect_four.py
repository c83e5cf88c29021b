"""``arena:connect_four``: two bitboards a table.

Column c holds bits 7c..7c+5, bottom first; bit 7c+6 stays empty, so that no line runs over a column's end. The shifts
that find four in a line are those of J. Tromp, "The Fhourstones Benchmark" (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace
from arena.games.game import GameInfo, SearchState, Turn
from arena.games.native.bit_legal import BitLegal
from arena.games.native.histories import history_rows
from arena.games.native.spiel_states import true_state
from arena.games.ragged import Ragged

ROWS, COLUMNS = 6, 7
CELLS = ROWS * COLUMNS
COLUMN_BITS = ROWS + 1

INFO = GameInfo(
    specification="arena:connect_four",
    title="Connect Four",
    version="1",
    num_players=2,
    action_space=ActionSpace(size=COLUMNS),
    min_utility=-1.0,
    max_utility=1.0,
    lane="tensor",
    tables_at_once=16384,
    max_length=CELLS,
    tensor_width=3 * CELLS,
    has_information_state=True,
    has_simulator=True,
)

_ALL_LEGAL = (1 << COLUMNS) - 1
_COLUMN = np.uint64((1 << ROWS) - 1)
_TOPS = np.uint64(sum(1 << (COLUMN_BITS * c + ROWS - 1) for c in range(COLUMNS)))
_GATHER = np.uint64(sum(1 << (CELLS - (COLUMN_BITS - 1) * c) for c in range(COLUMNS)))
"""Multiplied with bits 7c, puts bit c at ``CELLS + c``; no two products meet below or inside, so nothing is carried."""


@dataclass(frozen=True, slots=True)
class ConnectFour:
    """Connect four on seven columns of six; the first of four in a line wins 1, a full board is 0."""

    info: GameInfo = INFO

    def tables(self, capacity: int) -> ConnectFourTables:
        return ConnectFourTables(capacity)


class ConnectFourTables:
    """Matches of connect four as arrays. See `TableBatch` for the methods.

    Tensors are three planes [6, 7], bottom row first, the same for both players: first player's, second player's, empty.
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._stones = np.zeros((capacity, 2), np.uint64)
        self._ply = np.zeros(capacity, np.uint8)
        self._moves = np.zeros((capacity, CELLS), np.uint8)

    @property
    def info(self) -> GameInfo:
        return INFO

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        self._stones[table], self._ply[table] = 0, 0
        legal = BitLegal(np.full(len(table), _ALL_LEGAL, np.uint16), COLUMNS)
        return Turn(table.copy(), np.zeros(len(table), np.int64), legal, np.empty(0, np.int64), np.empty((0, 2)))

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        rows = len(table)
        due, mover, finished = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
        legal, returns = np.empty(rows, np.uint16), np.empty((rows, 2))
        n, over = _step(
            self._stones, self._ply, self._moves, table, action, due, mover, legal, finished, returns
        )  # fmt: skip
        return Turn(due[:n], mover[:n], BitLegal(legal[:n], COLUMNS), finished[:over], returns[:over])

    def history(self, table: NDArray[np.int64]) -> Ragged:
        return history_rows(self._moves, self._ply, table)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        planes: NDArray[np.float32] = _tensor(self._stones, table)
        return planes.reshape(len(table), 3 * CELLS)

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The board, top row first: x the first player's, o the second's."""
        return [self.render(t) for t in table.tolist()]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """All moves so far."""
        return [", ".join(map(str, self._played(t))) for t in table.tolist()]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        return true_state("connect_four", self._played(table))

    def render(self, table: int) -> str:
        first, second = self._stones[table].tolist()
        cells = [
            "x" if first >> bit & 1 else "o" if second >> bit & 1 else "."
            for row in reversed(range(ROWS))
            for bit in range(row, COLUMN_BITS * COLUMNS, COLUMN_BITS)
        ]
        return "".join("".join(cells[at : at + COLUMNS]) + "\n" for at in range(0, CELLS, COLUMNS))

    def action_text(self, table: int, player: int, action: int) -> str:
        return f"{'xo'[player]}{int(action)}"

    def _played(self, table: int) -> list[int]:
        played: list[int] = self._moves[table, : self._ply[table]].tolist()
        return played


@nb.njit(cache=True)
def _four(stones):  # type: ignore[no-untyped-def]  # numba kernel
    found = np.uint64(0)
    for shift in (1, COLUMN_BITS - 1, COLUMN_BITS, COLUMN_BITS + 1):
        pairs = stones & (stones >> np.uint64(shift))
        found |= pairs & (pairs >> np.uint64(2 * shift))
    return found != 0


@nb.njit(cache=True)
def _step(stones, ply, moves, table, action, due, player, legal, finished, returns):  # type: ignore[no-untyped-def]  # numba kernel
    """Plays one move a table; fills beginnings of the last five columns; returns (rows due, rows finished)."""
    rows, over = np.uint64(0), np.uint64(0)
    for i in range(len(table)):
        t, column = np.uint64(table[i]), np.uint64(action[i])
        n = np.uint64(ply[t])
        mover = n & np.uint64(1)
        taken = stones[t, 0] | stones[t, 1]
        bottom = np.uint64(1) << (np.uint64(COLUMN_BITS) * column)
        stone = (taken + bottom) & (_COLUMN * bottom)  # the carry lands on the first empty cell of the column
        mine = stones[t, mover] | stone
        stones[t, mover] = mine
        moves[t, n] = column
        ply[t] = n + np.uint64(1)
        won = _four(mine)
        if won or n == CELLS - 1:
            finished[over] = t
            returns[over, mover] = 1.0 if won else 0.0
            returns[over, np.uint64(1) - mover] = -1.0 if won else 0.0
            over += np.uint64(1)
        else:
            full = ((taken | stone) & _TOPS) >> np.uint64(ROWS - 1)
            full = (full * _GATHER) >> np.uint64(CELLS)
            due[rows], player[rows] = t, np.uint64(1) - mover
            legal[rows] = ~full & np.uint64(_ALL_LEGAL)
            rows += np.uint64(1)
    return rows, over


@nb.njit(cache=True)
def _tensor(stones, table):  # type: ignore[no-untyped-def]  # numba kernel
    planes = np.zeros((len(table), 3, ROWS, COLUMNS), np.float32)
    for i in range(len(table)):
        first, second = stones[table[i], 0], stones[table[i], 1]
        for row in range(ROWS):
            for column in range(COLUMNS):
                bit = np.uint64(COLUMN_BITS * column + row)
                plane = 2 - 2 * (first >> bit & np.uint64(1)) - (second >> bit & np.uint64(1))
                planes[i, plane, row, column] = 1
    return planes

"""``arena:tic_tac_toe``: two sets of nine bits a table. Cell ``3 row + column`` is action and bit alike."""

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

SIDE = 3
CELLS = SIDE * SIDE
LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))

INFO = GameInfo(
    specification="arena:tic_tac_toe",
    title="Tic Tac Toe",
    version="1",
    num_players=2,
    action_space=ActionSpace(size=CELLS),
    min_utility=-1.0,
    max_utility=1.0,
    lane="tensor",
    tables_at_once=16384,
    max_length=CELLS,
    tensor_width=3 * CELLS,
    has_information_state=True,
    has_simulator=True,
)

_ALL_LEGAL = (1 << CELLS) - 1
_WON = np.array([any(all(stones >> c & 1 for c in line) for line in LINES) for stones in range(1 << CELLS)])
"""Whether a player who has this set of cells has a line: bool [512]."""


@dataclass(frozen=True, slots=True)
class TicTacToe:
    """Tic-tac-toe; the first of three in a line wins 1, a full board is 0."""

    info: GameInfo = INFO

    def tables(self, capacity: int) -> TicTacToeTables:
        return TicTacToeTables(capacity)


class TicTacToeTables:
    """Matches of tic-tac-toe as arrays. See `TableBatch` for the methods.

    Tensors are three planes [3, 3], the same for both players: empty, second player's (o), first player's (x).
    """

    def __init__(self, capacity: int):
        self._capacity = capacity
        self._stones = np.zeros((capacity, 2), np.uint16)
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
        legal = BitLegal(np.full(len(table), _ALL_LEGAL, np.uint16), CELLS)
        return Turn(table.copy(), np.zeros(len(table), np.int64), legal, np.empty(0, np.int64), np.empty((0, 2)))

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        rows = len(table)
        due, mover, finished = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
        legal, returns = np.empty(rows, np.uint16), np.empty((rows, 2))
        n, over = _step(
            self._stones, self._ply, self._moves, table, action, due, mover, legal, finished, returns, _WON
        )  # fmt: skip
        return Turn(due[:n], mover[:n], BitLegal(legal[:n], CELLS), finished[:over], returns[:over])

    def history(self, table: NDArray[np.int64]) -> Ragged:
        return history_rows(self._moves, self._ply, table)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        first, second = self._stones[table].T
        sets = np.stack((~(first | second), second, first), axis=1)
        bits = sets[:, :, None] >> np.arange(CELLS, dtype=np.uint16) & np.uint16(1)
        return bits.astype(np.float32).reshape(len(table), 3 * CELLS)

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The board: x the first player's, o the second's."""
        return [self.render(t) for t in table.tolist()]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """All moves so far."""
        return [", ".join(map(str, self._played(t))) for t in table.tolist()]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        return true_state("tic_tac_toe", self._played(table))

    def render(self, table: int) -> str:
        first, second = self._stones[table].tolist()
        cells = ["x" if first >> cell & 1 else "o" if second >> cell & 1 else "." for cell in range(CELLS)]
        return "\n".join("".join(cells[at : at + SIDE]) for at in range(0, CELLS, SIDE))

    def action_text(self, table: int, player: int, action: int) -> str:
        row, column = divmod(int(action), SIDE)
        return f"{'xo'[player]}({row},{column})"

    def _played(self, table: int) -> list[int]:
        played: list[int] = self._moves[table, : self._ply[table]].tolist()
        return played


@nb.njit(cache=True)
def _step(stones, ply, moves, table, action, due, player, legal, finished, returns, winning):  # type: ignore[no-untyped-def]  # numba kernel
    """Plays one move a table; fills beginnings of five columns; returns (rows due, rows finished)."""
    rows, over = np.uint64(0), np.uint64(0)
    for i in range(len(table)):
        t, cell = np.uint64(table[i]), np.uint64(action[i])
        n = np.uint64(ply[t])
        mover = n & np.uint64(1)
        mine = np.uint64(stones[t, mover]) | np.uint64(1) << cell
        stones[t, mover] = mine
        moves[t, n] = cell
        ply[t] = n + np.uint64(1)
        won = winning[mine]
        if won or n == CELLS - 1:
            finished[over] = t
            returns[over, mover] = 1.0 if won else 0.0
            returns[over, np.uint64(1) - mover] = -1.0 if won else 0.0
            over += np.uint64(1)
        else:
            due[rows], player[rows] = t, np.uint64(1) - mover
            legal[rows] = ~(np.uint64(stones[t, 0]) | np.uint64(stones[t, 1])) & np.uint64(_ALL_LEGAL)
            rows += np.uint64(1)
    return rows, over

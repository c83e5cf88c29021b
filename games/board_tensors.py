"""Matches of tic-tac-toe and connect four as tensors: the stones of both players on every cell, on any device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.games.game import Game, GameInfo
from arena.games.native.connect_four import COLUMNS, ROWS, ConnectFour
from arena.games.native.tic_tac_toe import LINES, TicTacToe
from arena.games.tensor_due import Due, kept_tensor

FIRST, SECOND, EMPTY = range(3)
DIRECTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))
IN_A_LINE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """``lines``: the cells of each line that wins; ``planes``: whose stones each plane of the tensor shows.

    ``drops``: an action is a column whose lowest free cell is taken (cell = row · columns + column), else it is the cell.
    """

    lines: tuple[tuple[int, ...], ...]
    planes: tuple[int, ...]
    drops: bool


TIC_TAC_TOE = Board(lines=LINES, planes=(EMPTY, SECOND, FIRST), drops=False)
CONNECT_FOUR = Board(
    lines=tuple(
        tuple((row + k * down) * COLUMNS + column + k * right for k in range(IN_A_LINE))
        for row in range(ROWS)
        for column in range(COLUMNS)
        for down, right in DIRECTIONS
        if row + (IN_A_LINE - 1) * down < ROWS and 0 <= column + (IN_A_LINE - 1) * right < COLUMNS
    ),
    planes=(FIRST, SECOND, EMPTY),
    drops=True,
)


def board_tensors(game: Game, tables: int, device: torch.device) -> BoardTensors | None:
    """Tables of a native board game; None of other games."""
    board = TIC_TAC_TOE if isinstance(game, TicTacToe) else CONNECT_FOUR if isinstance(game, ConnectFour) else None
    return None if board is None else BoardTensors(game.info, board, tables, device)


class BoardTensors:
    """See `TensorTables`. Nothing is drawn."""

    seats = 1

    def __init__(self, info: GameInfo, board: Board, tables: int, device: torch.device):
        self.info, self.board = info, board
        self._cells = (info.tensor_width or 0) // len(board.planes)
        self._lines = torch.tensor(board.lines, device=device)
        self._planes = torch.tensor(board.planes, device=device)
        self._stones = torch.zeros(tables, 2, self._cells, dtype=torch.bool, device=device)
        self._rows = torch.arange(tables, device=device)

    def start(self, which: Tensor, seed: Tensor) -> None:
        self._stones = self._stones & ~which[:, None, None]

    def due(self) -> Due:
        player = (self._stones.flatten(1).sum(-1) % 2)[:, None]
        free = ~self._stones.any(1)
        legal = free[:, -self.info.num_actions :] if self.board.drops else free  # a column's top cell
        return Due(player=player, legal=legal[:, None], acting=torch.ones_like(player, dtype=torch.bool))

    def observed(self) -> Tensor:
        whose = torch.cat((self._stones, ~self._stones.any(1, keepdim=True)), 1)
        return whose[:, self._planes].flatten(1).float()[:, None]

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        cell, player = action[:, 0], self._stones.flatten(1).sum(-1) % 2
        if self.board.drops:
            columns = self.info.num_actions
            height = self._stones.any(1).reshape(len(cell), -1, columns).sum(1).gather(1, action)[:, 0]
            cell = height * columns + cell
        stones = self._stones.clone()
        stones[self._rows, player, cell] = True
        self._stones = stones
        won = stones[self._rows, player][:, self._lines].all(-1).any(-1)
        first = torch.where(won, 1.0 - 2.0 * player, 0.0).double()
        return torch.stack((first, -first), 1), won | stones.any(1).all(-1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"stones": self._stones.cpu().numpy().copy()}

    def restore(self, arrays: dict[str, NDArray[Any]], seed: Tensor) -> None:
        stones = kept_tensor(arrays, "stones", self._stones)
        count = stones.sum(-1)
        fair = (count[:, 0] - count[:, 1]).clamp(0, 1) == count[:, 0] - count[:, 1]
        if not bool((fair & ~stones.all(1).any(-1) & ~stones.any(1).all(-1)).all()):
            raise SpecificationError("'stones' of the matches must be boards on which a player is to move")
        if self.board.drops:
            taken = stones.any(1).reshape(len(stones), -1, self.info.num_actions)
            if bool((taken[:, 1:] & ~taken[:, :-1]).any()):
                raise SpecificationError("'stones' of the matches must lie on one another")
        self._stones = stones

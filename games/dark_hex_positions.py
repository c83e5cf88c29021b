"""Decisions at information sets of dark hex, without the matches that lead there: what a policy is asked on to be measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import MaskedLegal
from arena.games.dark_hex_index import DarkHexIndex
from arena.games.errors import NotProvided
from arena.games.game import GameInfo
from arena.games.observation import ObservationBatch
from arena.games.registry import load_game

STATES = 9
"""What OpenSpiel's tensors tell of a cell; nothing but these three is ever told."""
EMPTY, BLACK, WHITE = 4, 5, 3


def dark_hex_positions(index: DarkHexIndex, player: int, rows: NDArray[np.int64]) -> ObservationBatch:
    """One decision of a player at each of these information sets [R], as in `openspiel:dark_hex`.

    Tensors and texts are OpenSpiel's. Its information-state strings are too; in the classical game they tell the fewest moves
    that can have been made.
    """
    return ObservationBatch(
        table=rows,
        player=np.full(len(rows), player, np.int64),
        legal=MaskedLegal(index.open_cells(player, rows)),
        match_seed=np.zeros(len(rows), np.uint64),
        ply=index.plies(player, rows),
        tables=DarkHexDecisions(index, _info(index)),
    )


def information_state_tensors(index: DarkHexIndex, player: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """OpenSpiel's information-state tensors of a player's information sets, float32 [R, 9 cells + cells²].

    What he knows of each cell, and then the cell of each of his moves in order, all as indicators.
    """
    cells, count = index.cells, len(rows)
    moves, _ = index.histories(player, rows)
    told = moves[:, :, None] == np.arange(cells, dtype=np.int8)
    return np.concatenate(
        (observation_tensors(index, player, rows), told.reshape(count, cells * cells)), axis=1, dtype=np.float32
    )


def observation_tensors(index: DarkHexIndex, player: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """OpenSpiel's observation tensors of a player's information sets, float32 [R, 9 cells]: what he knows of each cell."""
    sets, bits = index.players[player], np.arange(index.cells)
    filled = np.zeros((len(rows), index.cells, STATES), np.float32)
    filled[:, :, EMPTY] = index.open_cells(player, rows)
    filled[:, :, (BLACK, WHITE)[player]] = sets.own[rows][:, None] >> bits & 1
    filled[:, :, (WHITE, BLACK)[player]] = sets.hit[rows][:, None] >> bits & 1
    return filled.reshape(len(rows), STATES * index.cells)


@dataclass(frozen=True, slots=True)
class DarkHexDecisions:
    """The information sets of both players as tables that stand still: a `TableBatch` of which only decisions can be read."""

    index: DarkHexIndex
    info: GameInfo

    @property
    def capacity(self) -> int:
        return max(sets.num_sets for sets in self.index.players)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        filled = np.empty((len(table), STATES * self.index.cells), np.float32)
        for p in (0, 1):
            mine = player == p
            filled[mine] = observation_tensors(self.index, p, table[mine])
        return filled

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        filled = np.empty((len(table), (STATES + self.index.cells) * self.index.cells), np.float32)
        for p in (0, 1):
            mine = player == p
            filled[mine] = information_state_tensors(self.index, p, table[mine])
        return filled

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        rows = self.index.rows
        return ["\n".join(name.split("\n")[:rows]) for name in self.information_state(table, player)]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return [self.index.names(p, t)[0] for t, p in zip(table.tolist(), player.tolist(), strict=True)]

    def action_text(self, table: int, player: int, action: int) -> str:
        row, column = divmod(int(action), self.index.columns)
        return f"{chr(ord('a') + column)}{row + 1}"

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> NoReturn:
        raise self._no_match()

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> NoReturn:
        raise self._no_match()

    def history(self, table: NDArray[np.int64]) -> NoReturn:
        raise self._no_match()

    def search_state(self, table: int, player: int, seed: int) -> NoReturn:
        raise self._no_match()

    def render(self, table: int) -> NoReturn:
        raise self._no_match()

    def _no_match(self) -> NotProvided:
        return NotProvided(f"no match of {self.info.specification} is played here: a policy is asked what it would do")


def _info(index: DarkHexIndex) -> GameInfo:
    return load_game(
        f"openspiel:dark_hex(num_rows={index.rows},num_cols={index.columns},gameversion={index.version})"
    ).info

"""The tree of dark hex from its rules: hex in which nobody sees the other's stones, on small boards.

A player who tries a cell that the other holds learns so; then he tries again (classical) or has lost his turn (abrupt).
Player 0 connects top and bottom, player 1 left and right. In OpenSpiel's version, whose information states this names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree
from arena.games.level_tree import Level, Texts, level_tree
from arena.games.tree_size import TERMINAL
from arena.games.tree_walk import CompileProgress

FEWEST_CELLS = 6
MOST_CELLS = 15  # a player's tries are packed into one number, four bits each; larger boards are too large anyway
STONES, KNOWN, TURN, TRIES, MOVERS, OWN, PACKED, FACTS = 0, 2, 4, 5, 6, 7, 9, 11
"""Facts: both players' stones, and the cells that they know of, as bits; whose turn, how many tries so far, by whom as
bits; how many of each player's own, and which."""


def dark_hex_tree(
    parameters: Mapping[str, Any], specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree | None:
    """The tree of OpenSpiel's dark_hex with these parameters, None of those that are not written from rules.

    Not of boards of four cells, whose few hundred histories are walked sooner. Not of classical dark hex that reveals
    nothing on larger ones: there OpenSpiel's information states, which count all tries but not when they were made, forget
    what a player knew, and its tree is refused.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    rows, columns = int(parameters["num_rows"]), int(parameters["num_cols"])
    abrupt, told = parameters["gameversion"] == "adh", parameters["obstype"] == "reveal-numturns"
    if min(rows, columns) < 2 or not FEWEST_CELLS <= rows * columns <= MOST_CELLS or not (abrupt or told):
        return None
    game = DarkHex(
        height=rows,
        width=columns,
        abrupt=abrupt,
        told=told,
        wins=np.stack([_connections(rows, columns), _connections(columns, rows)[_transposed(rows, columns)]]),
    )
    return level_tree(game, specification, max_nodes=max_nodes, progress=progress)


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkHex:
    """Rules over levels of histories. ``told``: players learn when others have tried; ``wins`` [2, 2^cells]: by stones."""

    height: int
    width: int
    abrupt: bool
    told: bool
    wins: NDArray[np.bool_] = field(repr=False)

    @property
    def num_players(self) -> int:
        return 2

    def start(self) -> Level:
        return np.zeros((FACTS, 1), np.int64)

    def mover(self, level: Level) -> NDArray[np.int64]:
        won = self.wins[0][level[STONES]] | self.wins[1][level[STONES + 1]]
        return np.where(won, TERMINAL, level[TURN])

    def legal(self, level: Level) -> NDArray[np.bool_]:
        known = np.where(level[TURN] == 0, level[KNOWN], level[KNOWN + 1])
        legal: NDArray[np.bool_] = (known[:, None] >> np.arange(self.height * self.width)) & 1 == 0
        return legal

    def seen(self, level: Level, player: int) -> NDArray[np.int64]:
        met = level[KNOWN + player] & level[STONES + 1 - player]
        met = met * (2 * self.height * self.width) + level[TRIES]
        return np.asarray(met, np.int64)

    def names(self, level: Level, player: int) -> list[str]:
        def board(cells: tuple[int, int]) -> str:
            known, stones = cells
            text = "".join(
                "." if not known >> cell & 1 else "ox"[stones >> cell & 1] for cell in range(self.height * self.width)
            )
            return "".join(text[begin : begin + self.width] + "\n" for begin in range(0, len(text), self.width))

        def past(tries: tuple[int, int, int, int]) -> str:
            number, movers, own, packed = tries
            if number == 0:
                return ""
            bit = 1 << number - 1
            if (movers & bit != 0) == player:
                cell = packed >> 4 * (own - 1)
                return f"{pasts[number - 1, movers & ~bit, own - 1, packed & ~(15 << 4 * (own - 1))]}{player},{cell} "
            return pasts[number - 1, movers & ~bit, own, packed] + (f"{1 - player},? " if self.told else "")

        boards, pasts = Texts(board), Texts(past)
        facts = (KNOWN + player, STONES, TRIES, MOVERS, OWN + player, PACKED + player)
        return [
            f"{boards[known, stones & known]}{number}\n{pasts[number, movers, own, packed]}"
            for known, stones, number, movers, own, packed in level[facts, :].T.tolist()
        ]

    def after(self, level: Level, actions: NDArray[np.int64]) -> Level:
        index, player, cell = np.arange(level.shape[1]), level[TURN].copy(), np.int64(1) << actions
        met = level[STONES + 1 - player, index] & cell != 0
        level[STONES + player, index] |= np.where(met, 0, cell)
        level[KNOWN + player, index] |= cell
        level[PACKED + player, index] |= actions << (4 * level[OWN + player, index])
        level[OWN + player, index] += 1
        level[MOVERS] |= player << level[TRIES]
        level[TRIES] += 1
        level[TURN] = np.where(met & (not self.abrupt), player, 1 - player)
        return level

    def returns(self, level: Level) -> NDArray[np.float64]:
        first = np.where(self.wins[0][level[STONES]], 1.0, -1.0)
        return np.stack((first, -first))

    def histories(self, level: Level) -> int:
        return len(level[TURN])


def _connections(height: int, width: int) -> NDArray[np.bool_]:
    """Whether stones connect top and bottom [2^cells]."""
    cells = np.arange(height * width)
    stones = np.arange(1 << len(cells), dtype=np.int64)
    row, column = cells // width, cells % width
    near = [
        int(sum(1 << int(other) for other in cells if (row[other] - r, column[other] - c) in _STEPS))
        for r, c in zip(row, column, strict=True)
    ]
    reached = stones & ((1 << width) - 1)
    for _ in cells:
        spread = reached.copy()
        for cell, around in enumerate(near):
            spread |= np.where(reached & around != 0, stones & (1 << cell), 0)
        reached = spread
    connected: NDArray[np.bool_] = reached >> (width * (height - 1)) != 0
    return connected


_STEPS = frozenset(((-1, 0), (-1, 1), (0, 1), (1, 0), (1, -1), (0, -1)))


def _transposed(height: int, width: int) -> NDArray[np.int64]:
    """The stones of the board with rows and columns exchanged [2^cells]."""
    stones = np.arange(1 << (height * width), dtype=np.int64)
    result = np.zeros_like(stones)
    for cell in range(height * width):
        result |= (stones >> cell & 1) << ((cell % width) * height + cell // width)
    return result

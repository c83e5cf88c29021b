"""Which positions of dark hex are won, and what a player who must move may know: the rules behind its information sets.

Player 0 connects the first row with the last, player 1 the first column with the last; cells touch along rows, columns and
one diagonal. In the classical game (`cdh`) who hits a stone of the opponent moves again, in the abrupt game (`adh`) his turn
is over.

Stones are numbers, one bit a cell.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

CLASSICAL, ABRUPT = "cdh", "adh"
MAX_CELLS = 9


def check_board(rows: int, columns: int, version: str) -> None:
    """ValueError: no board or version that can be indexed."""
    if rows < 2 or columns < 2 or rows * columns > MAX_CELLS:
        raise ValueError(
            f"dark hex is indexed on boards of 2 and more rows and columns, at most {MAX_CELLS} cells; got {rows} x {columns}"
        )
    if version not in (CLASSICAL, ABRUPT):
        raise ValueError(f"the version of dark hex is {CLASSICAL!r} or {ABRUPT!r}; got {version!r}")


def connected(rows: int, columns: int) -> NDArray[np.bool_]:
    """Whether stones [2^cells], one bit a cell, connect the sides of each player [2]."""
    cells = rows * columns
    steps = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, -1), (-1, 1))
    neighbours = [
        sum(
            1 << (r + down) * columns + c + right
            for down, right in steps
            if 0 <= r + down < rows and 0 <= c + right < columns
        )
        for r in range(rows)
        for c in range(columns)
    ]
    row = (1 << columns) - 1
    column = sum(1 << r * columns for r in range(rows))
    sides = ((row, row << (rows - 1) * columns), (column, column << (columns - 1)))
    wins = np.zeros((2, 1 << cells), np.bool_)
    for player, (start, goal) in enumerate(sides):
        for stones in range(1 << cells):
            reached, grown = 0, stones & start
            while grown != reached:
                reached = grown
                for cell in range(cells):
                    if reached >> cell & 1:
                        grown |= neighbours[cell] & stones
            wins[player, stones] = bool(reached & goal)
    wins.setflags(write=False)
    return wins


def decisions(wins: NDArray[np.bool_], player: int, version: str) -> NDArray[np.bool_]:
    """Whether a player with these stones, who hit those of the opponent, may have to move [2^cells, 2^cells].

    The order of his moves does not matter. Neither side has won, and the opponent has had room for enough stones:

    - classical: turns end with a stone, so he has as many as the player, one more if he began;
    - abrupt: he moved as often as the player, once more if he began, and may have hit each of the player's stones once. So
      he needs a stone for each that was hit, and one more if he began, for his first move hit nothing.
    """
    size = wins.shape[1]
    cells = size.bit_length() - 1
    found = np.zeros((size, size), np.bool_)
    for own in np.flatnonzero(~wins[player]).tolist():
        free = [cell for cell in range(cells) if not own >> cell & 1]
        for hits in range(len(free) + 1):
            stones = (hits if version == ABRUPT else own.bit_count()) + player
            if stones < hits or (hits and not player and not own):  # whoever begins places his first stone
                continue
            for chosen in combinations(free, hits):
                hit = sum(1 << cell for cell in chosen)
                rest = [cell for cell in free if not hit >> cell & 1]
                found[own, hit] = any(
                    not wins[1 - player, hit | sum(1 << cell for cell in unseen)]
                    for unseen in combinations(rest, stones - hits)
                )
    return found

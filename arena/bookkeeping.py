"""What the engine notes of every decision, a pass over the rows each; ``[T, P]`` columns lie flat, players within tables."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True)
def ask_columns(table, player, players, seeds, ply):  # type: ignore[no-untyped-def]  # numba kernel
    """(match seeds, plies) of the rows that are asked now; each player's count of decisions goes up by one."""
    rows = len(table)
    seed, count = np.empty(rows, np.uint64), np.empty(rows, np.int64)
    for row in range(rows):
        cell = table[row] * players + player[row]
        seed[row], count[row] = seeds[table[row]], ply[cell]
        ply[cell] += 1
    return seed, count


@nb.njit(cache=True)
def add_seconds(table, player, players, spent, seconds):  # type: ignore[no-untyped-def]  # numba kernel
    """Notes that each row took so long."""
    for row in range(len(table)):
        spent[table[row] * players + player[row]] += seconds


@nb.njit(cache=True)
def owners(table, player, players, seats):  # type: ignore[no-untyped-def]  # numba kernel
    """(the agent of each row, whether it is one agent throughout)."""
    owner = np.empty(len(table), np.int64)
    alone = True
    for row in range(len(table)):
        owner[row] = seats[table[row] * players + player[row]]
        alone &= owner[row] == owner[0]
    return owner, alone

"""What each player of dark hex can know, numbered without walking through the histories: 3x3 has 2e10 of them.

An information set is a player's own moves in order, and which of them placed a stone; the others hit a stone of the
opponent. Whether it can be reached depends on two sets of cells alone, his own stones and those that he hit
(`arena.games.dark_hex_rules`), so that all are found by adding moves one by one.

Rows are ordered by number of moves, then move by move: by cell, and a hit before a stone. OpenSpiel's information-state
tensor shows the same; its string also shows how many moves were made in all. In the classical game that tells how often the
opponent hit a stone, so that several strings name one set here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.dark_hex_rules import ABRUPT, CLASSICAL, check_board, connected, decisions
from arena.games.errors import SpecificationError
from arena.games.game_tree import Index

NONE = 2**32 - 1
"""In ``parent`` and ``child``: there is none."""
HIT, STONE = 0, 1
_STATE = re.compile(r"([.xo\n]+)\n(\d+)\n((?:[01],\d+ )*)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DarkHexSets:
    """One player's information sets [I] and his moves there, the sequences [S]. Arrays are read-only.

    ``own``, ``hit`` [I]: his stones, and those of the opponent that he hit, one bit a cell. ``parent`` [I]: the sequence
    that led there, `NONE` for the first. The sequences of set j are ``first[j]`` .. ``first[j + 1] - 1``, one a cell that
    is neither in ``own`` nor in ``hit``, in order; ``first`` [I + 1]. ``child`` [S, 2]: the set that follows when the move
    hits a stone, and when it places one; `NONE` where that cannot be or ends the game.
    """

    own: NDArray[np.uint16] = field(repr=False)
    hit: NDArray[np.uint16] = field(repr=False)
    parent: Index = field(repr=False)
    first: Index = field(repr=False)
    child: Index = field(repr=False)

    @property
    def num_sets(self) -> int:
        return len(self.own)

    @property
    def num_sequences(self) -> int:
        return len(self.child)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DarkHexIndex:
    """The information sets of both players. ``wins`` [2, 2^cells]: whether stones, one bit a cell, connect a player's sides."""

    rows: int
    columns: int
    version: str
    players: tuple[DarkHexSets, DarkHexSets]
    wins: NDArray[np.bool_] = field(repr=False)

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def open_cells(self, player: int, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Where a player may move at his information sets [R, cells]."""
        sets = self.players[player]
        known: NDArray[np.uint16] = sets.own[rows] | sets.hit[rows]
        unknown: NDArray[np.bool_] = known[:, None] >> np.arange(self.cells, dtype=np.uint16) & 1 == 0
        return unknown

    def plies(self, player: int, rows: NDArray[np.integer]) -> NDArray[np.int64]:
        """How often he has moved before them [R]."""
        sets = self.players[player]
        moves: NDArray[np.int64] = _bit_counts(self.cells)[sets.own[rows] | sets.hit[rows]]
        return moves

    def moves(self, player: int, row: int) -> list[tuple[int, bool]]:
        """(cell, whether a stone was placed) of each move before an information set."""
        sets, found = self.players[player], []
        while row:
            above = int(np.searchsorted(sets.first, sets.parent[row], side="right")) - 1
            stone = int(sets.own[row] ^ sets.own[above])
            found.append(((stone | int(sets.hit[row] ^ sets.hit[above])).bit_length() - 1, stone > 0))
            row = above
        return found[::-1]

    def histories(self, player: int, rows: NDArray[np.integer]) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
        """The moves before many information sets [R]: cells [R, cells], -1 after the last, and whether each placed a stone."""
        sets = self.players[player]
        at, count = np.asarray(rows, np.int64).copy(), len(rows)
        left = self.plies(player, at)
        cells, placed = np.full((count, self.cells), -1, np.int8), np.zeros((count, self.cells), np.bool_)
        while (active := np.flatnonzero(left)).size:
            here = at[active]
            above = np.searchsorted(sets.first, sets.parent[here], side="right") - 1
            stone = sets.own[here] ^ sets.own[above]
            bit = (stone | (sets.hit[here] ^ sets.hit[above])).astype(np.int64)
            left[active] -= 1
            cells[active, left[active]] = np.log2(bit).astype(np.int8)
            placed[active, left[active]] = stone != 0
            at[active] = above
        return cells, placed

    def names(self, player: int, row: int) -> list[str]:
        """OpenSpiel's information-state strings of a set: one in the abrupt game, in the classical one for each number of hits."""
        moves = self.moves(player, row)
        marks = "xo"
        board = ["."] * self.cells
        for cell, placed in moves:
            board[cell] = marks[player] if placed else marks[1 - player]
        view = "".join("".join(board[r * self.columns : (r + 1) * self.columns]) + "\n" for r in range(self.rows))
        told = "".join(f"{player},{cell} " for cell, _ in moves)
        stones = sum(placed for _, placed in moves)
        if self.version == ABRUPT:
            numbers = range(2 * len(moves) + player, 2 * len(moves) + player + 1)
        else:
            others = stones + player
            numbers = range(len(moves) + others, len(moves) + others + stones + 1)
        return [f"{view}{number}\n{told}" for number in numbers]

    def find(self, information_state: str) -> tuple[int, int]:
        """(player, row) of one of OpenSpiel's information-state strings.

        Raises:
            SpecificationError: nobody comes to know this.
        """
        read = _STATE.fullmatch(information_state)
        try:
            if read is None:
                raise ValueError
            board, told = read[1].replace("\n", ""), [part.split(",") for part in read[3].split()]
            player = int(told[0][0]) if told else min(int(read[2]), 1)
            row = 0
            for _, cell in told:
                row = self._after(player, row, int(cell), board[int(cell)] == "xo"[player])
            if information_state not in self.names(player, row):
                raise ValueError
        except (IndexError, ValueError):
            raise SpecificationError(
                f"{information_state!r} is no information state of dark_hex(num_rows={self.rows},num_cols={self.columns},"
                f"gameversion={self.version})"
            ) from None
        return player, row

    def _after(self, player: int, row: int, cell: int, placed: bool) -> int:
        """The row after one more move. ValueError where there is none."""
        sets = self.players[player]
        known = int(sets.own[row] | sets.hit[row])
        if known >> cell & 1:
            raise ValueError
        before = cell - (known & ((1 << cell) - 1)).bit_count()
        after = int(sets.child[sets.first[row] + before, STONE if placed else HIT])
        if after == NONE:
            raise ValueError
        return after


def dark_hex_index(*, rows: int = 3, columns: int = 3, version: str = CLASSICAL) -> DarkHexIndex:
    """The information sets of dark hex; on 3x3 a second of work (classical) or five (abrupt).

    Args:
        rows, columns: of the board, at least 2 each, at most 9 cells.
        version: ``cdh`` (classical) or ``adh`` (abrupt), as in OpenSpiel.

    Raises:
        ValueError: no such board or version.
    """
    check_board(rows, columns, version)
    wins = connected(rows, columns)
    players = [_enumerated(decisions(wins, player, version), rows * columns) for player in (0, 1)]
    return DarkHexIndex(rows=rows, columns=columns, version=version, players=(players[0], players[1]), wins=wins)


def _enumerated(decides: NDArray[np.bool_], cells: int) -> DarkHexSets:
    """All sets of a player, level by level: each level is counted, then written."""
    own, hit = [np.zeros(1, np.uint16)], [np.zeros(1, np.uint16)]
    parent = [np.full(1, NONE, np.uint32)]
    sequences = 0
    while len(own[-1]):
        count = _count_level(own[-1], hit[-1], decides, cells)
        level = np.zeros(count, np.uint16), np.zeros(count, np.uint16), np.zeros(count, np.uint32)
        sequences = _write_level(own[-1], hit[-1], decides, cells, sequences, *level)
        own.append(level[0])
        hit.append(level[1])
        parent.append(level[2])
    return linked_sets(
        own=np.concatenate(own), hit=np.concatenate(hit), parent=np.concatenate(parent), decides=decides, cells=cells
    )


def linked_sets(
    *, own: NDArray[np.uint16], hit: NDArray[np.uint16], parent: Index, decides: NDArray[np.bool_], cells: int
) -> DarkHexSets:
    """A player's sets with what follows from them. ``decides``: of `decisions`.

    Raises:
        ValueError: they are not what the rules say.
    """
    if not len(own) == len(hit) == len(parent) > 0 or own[0] or hit[0] or (own | hit).max() >= 1 << cells:
        raise ValueError("its arrays do not fit together")
    counts = cells - _bit_counts(cells)[own | hit]
    first = np.concatenate((np.zeros(1, np.uint32), np.cumsum(counts, dtype=np.uint32)))
    child = np.full((int(first[-1]), 2), NONE, np.uint32)
    if not _link(own, hit, parent, decides, cells, child):
        raise ValueError("its information sets are not those of the rules")
    for values in (own, hit, parent, first, child):
        values.setflags(write=False)
    return DarkHexSets(own=own, hit=hit, parent=parent, first=first, child=child)


def _bit_counts(cells: int) -> NDArray[np.int64]:
    return np.array([stones.bit_count() for stones in range(1 << cells)])


@nb.njit(cache=True, error_model="numpy")
def _count_level(own, hit, decides, cells):  # type: ignore[no-untyped-def]  # numba kernel
    """How many sets lie one move behind those of a level."""
    count = 0
    for j in range(len(own)):
        for cell in range(cells):
            bit = 1 << cell
            if (own[j] | hit[j]) & bit == 0:
                count += decides[own[j], hit[j] | bit] + decides[own[j] | bit, hit[j]]
    return count


@nb.njit(cache=True, error_model="numpy")
def _write_level(own, hit, decides, cells, sequences, next_own, next_hit, next_parent):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes them down; ``sequences``: how many came before this level. Returns how many came until its end."""
    count = 0
    for j in range(len(own)):
        for cell in range(cells):
            bit = 1 << cell
            if (own[j] | hit[j]) & bit:
                continue
            for outcome in range(2):
                after_own, after_hit = own[j], hit[j]
                if outcome:
                    after_own |= bit
                else:
                    after_hit |= bit
                if decides[after_own, after_hit]:
                    next_own[count], next_hit[count], next_parent[count] = after_own, after_hit, sequences
                    count += 1
            sequences += 1
    return sequences


@nb.njit(cache=True, error_model="numpy")
def _link(own, hit, parent, decides, cells, child):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills in the child of each sequence; False where the sets, in their order, are not all that the rules say."""
    at, sequence = 1, 0
    for j in range(len(own)):
        for cell in range(cells):
            bit = 1 << cell
            if (own[j] | hit[j]) & bit:
                continue
            for outcome in range(2):
                after_own, after_hit = own[j], hit[j]
                if outcome:
                    after_own |= bit
                else:
                    after_hit |= bit
                if decides[after_own, after_hit]:
                    if at >= len(own) or own[at] != after_own or hit[at] != after_hit or parent[at] != sequence:
                        return False
                    child[sequence, outcome] = at
                    at += 1
            sequence += 1
    return at == len(own)

"""Trees written out from their rules with all histories of one length at a time, in numpy: one step a level, none a history.

A level holds its histories as rows of whole numbers, in the order of their moves, so that information sets come out in the
order in which a walk through the tree would first visit them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree, PlayerColumns, assemble, reordered
from arena.games.tree_walk import CHANCE, TERMINAL, CompileProgress, TooLarge, require_memory

Key = TypeVar("Key")
Rows = NDArray[np.int64]
"""Histories of one length [M, any number of columns]; what the columns mean is the game's affair."""


class LevelGame(Protocol):
    """Rules over rows of histories. Chance draws evenly; moves at the same time are made one after the other, unseen."""

    @property
    def num_players(self) -> int: ...

    def start(self) -> Rows:
        """The history of length 0, a single row."""
        ...

    def mover(self, rows: Rows) -> NDArray[np.int64]:
        """Who moves [M]: a player, `CHANCE`, or `TERMINAL` at the end."""
        ...

    def legal(self, rows: Rows) -> NDArray[np.bool_]:
        """What may be done next [M, num_actions], by players or by chance."""
        ...

    def seen(self, rows: Rows, player: int) -> NDArray[np.int64]:
        """A number [M], at least 0: rows of equal number and the same moves of this player are the same to him."""
        ...

    def names(self, rows: Rows, player: int) -> list[str]:
        """The information state of the player who moves in each row [M]."""
        ...

    def after(self, rows: Rows, actions: NDArray[np.int64]) -> Rows:
        """One move further; the rows given may be changed."""
        ...

    def returns(self, rows: Rows) -> NDArray[np.float64]:
        """[M, n], at the end."""
        ...

    def histories(self, rows: Rows) -> int:
        """How many of the rows count: not those in which only a part of simultaneous moves is made."""
        ...


class Texts(dict[Key, str]):
    """Parts of names, each made when it is first asked for: there are far fewer of them than names."""

    def __init__(self, make: Callable[[Key], str]):
        super().__init__()
        self.make = make

    def __missing__(self, key: Key) -> str:
        self[key] = text = self.make(key)
        return text


@dataclass(slots=True)
class _Own:
    """A player's information sets so far. ``places``: (level, row) in which they were first seen, one part a level."""

    columns: PlayerColumns = field(default_factory=PlayerColumns)
    places: list[tuple[int, NDArray[np.int64]]] = field(default_factory=list)

    def first_visits(self, visits: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.concatenate([visits[level][rows] for level, rows in self.places] or [np.zeros(0, np.int64)])


def level_tree(
    game: LevelGame, specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree:
    """The tree of a game of levels, array for array what `walk` makes of the same game.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    players = [_Own() for _ in range(game.num_players)]
    rows = game.start()
    sequences, chance = np.zeros((1, game.num_players), np.int64), np.ones(1)
    origins: list[NDArray[np.int64]] = []
    ends: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
    nodes, stay = 0, np.zeros(1, np.int64)  # the row before of each row
    while True:
        origins.append(stay)
        nodes += game.histories(rows)
        if progress is not None:
            progress(nodes)
        mover = game.mover(rows)
        over = np.flatnonzero(mover == TERMINAL)
        if len(over):
            ends.append((sequences[over], chance[over], game.returns(rows[over])))
            if len(over) == len(rows):
                break
        mask = game.legal(rows)
        mask[over] = False
        counts = np.count_nonzero(mask, axis=1)
        if nodes + int(counts.sum()) > max_nodes:
            raise TooLarge(specification, max_nodes)
        require_memory(specification, nodes + int(counts.sum()))
        begins = np.zeros(len(rows), np.int64)
        due = [player for player in range(len(players)) if (mover == player).any()]
        for player in due:
            at = np.flatnonzero(mover == player)
            begins[at] = _sets(game, player, players[player], rows, sequences[:, player], mask, at, len(origins) - 1)
        stay, actions = np.nonzero(mask)
        choice = begins[stay] + np.arange(len(stay)) - (np.cumsum(counts) - counts)[stay]
        by = mover[stay]
        sequences = sequences[stay]
        for player in due:
            sequences[:, player] = np.where(by == player, choice, sequences[:, player])
        chance = (chance / np.where(mover == CHANCE, counts, 1))[stay]
        rows = game.after(rows[stay], actions)
    visited = _preorder(origins)
    columns, renumbered = zip(
        *(reordered(own.columns, np.argsort(own.first_visits(visited))) for own in players), strict=True
    )
    joint = np.concatenate([part for part, _, _ in ends])
    return assemble(
        specification,
        columns,
        sequences=np.stack([renumbered[p][joint[:, p]] for p in range(len(players))], axis=1),
        chance=np.concatenate([part for _, part, _ in ends]),
        returns=np.concatenate([part for _, _, part in ends]),
        num_nodes=nodes,
    )


def _sets(
    game: LevelGame,
    player: int,
    own: _Own,
    rows: Rows,
    sequences: NDArray[np.int64],
    mask: NDArray[np.bool_],
    at: NDArray[np.int64],
    level: int,
) -> NDArray[np.int64]:
    """The first sequence of the information set of each row in ``at``; a forced move has that of the move before."""
    seen, before = game.seen(rows[at], player), sequences[at]
    _, first, which = np.unique(before * (int(seen.max()) + 1) + seen, return_index=True, return_inverse=True)
    members = at[first]
    parents, legal = sequences[members], mask[members]
    counts = legal.sum(axis=1)
    free = np.flatnonzero(counts > 1)
    columns, sizes = own.columns, counts[free]
    begins = parents.copy()
    begins[free] = len(columns.actions) + np.cumsum(sizes) - sizes
    columns.keys += game.names(rows[members[free]], player)
    depth = np.asarray(columns.depth_of, np.int64)[parents[free]]
    columns.extend(parents[free], depth, sizes, np.nonzero(legal[free])[1])
    own.places.append((level, members[free]))
    return begins[which]


def _preorder(origins: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """When a walk, depth first and in the order of moves, visits each row of each level."""
    sizes = [np.ones(len(origin), np.int64) for origin in origins]
    for level in range(len(origins) - 1, 0, -1):
        behind = np.cumsum(sizes[level])
        ends = np.searchsorted(origins[level], np.arange(len(origins[level - 1])), "right")
        sizes[level - 1] += np.diff(np.concatenate(([0], np.concatenate(([0], behind))[ends])))
    visits = [np.zeros(1, np.int64)]
    for level in range(1, len(origins)):
        origin = origins[level]
        before = np.cumsum(sizes[level]) - sizes[level]
        first = np.searchsorted(origin, origin)  # the first row with the same row before it
        visits.append(visits[-1][origin] + 1 + before - before[first])
    return visits

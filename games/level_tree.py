"""Trees written out from their rules with all histories of one length at a time, in numpy: one step a level, none a history.

A level holds its histories as columns of whole numbers, in the order of their moves, so that information sets come out in the
order in which a walk through the tree would first visit them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree, PlayerColumns, assemble, reordered
from arena.games.tree_size import CHANCE, TERMINAL
from arena.games.tree_walk import PROGRESS_NODES, CompileProgress, TooLarge, require_memory

Key = TypeVar("Key")
Level = NDArray[np.int64]
"""M histories of one length [any number of facts, M], a fact a row; what the facts are is the game's affair."""


class LevelGame(Protocol):
    """Rules over levels of histories. Chance draws evenly; moves at the same time are made one after the other, unseen."""

    @property
    def num_players(self) -> int: ...

    def start(self) -> Level:
        """The history of length 0 [facts, 1]."""
        ...

    def mover(self, level: Level) -> NDArray[np.int64]:
        """Who moves [M]: a player, `CHANCE`, or `TERMINAL` at the end."""
        ...

    def legal(self, level: Level) -> NDArray[np.bool_]:
        """What may be done next [M, num_actions], by players or by chance."""
        ...

    def seen(self, level: Level, player: int) -> NDArray[np.int64]:
        """A number [M], at least 0: histories of equal number and the same moves of this player are the same to him."""
        ...

    def names(self, level: Level, player: int) -> list[str]:
        """The information state of the player who moves in each history [M]."""
        ...

    def after(self, level: Level, actions: NDArray[np.int64]) -> Level:
        """One move further; what is given may be changed."""
        ...

    def returns(self, level: Level) -> NDArray[np.float64]:
        """[n, M], at the end."""
        ...

    def histories(self, level: Level) -> int:
        """How many count: not those in which only a part of simultaneous moves is made."""
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
    """A player's information sets so far. ``places``: (length, number) of histories that first met them."""

    columns: PlayerColumns = field(default_factory=PlayerColumns)
    places: list[tuple[int, NDArray[np.int64]]] = field(default_factory=list)

    def first_visits(self, visits: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.concatenate([visits[depth][found] for depth, found in self.places] or [np.zeros(0, np.int64)])


def level_tree(
    game: LevelGame, specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree:
    """The tree of a game of levels, array for array what `walk` makes of the same game.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    players = [_Own() for _ in range(game.num_players)]
    level = game.start()
    sequences, chance = np.zeros((game.num_players, 1), np.int64), np.ones(1)
    origins = [np.zeros(1, np.int64)]  # of each history of each level, the one before
    ends: list[tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]] = []
    nodes = 0
    while True:
        nodes += game.histories(level)
        if progress is not None:
            progress(nodes)
        mover = game.mover(level)
        over = np.flatnonzero(mover == TERMINAL)
        if len(over):
            ends.append((sequences[:, over], chance[over], game.returns(level[:, over])))
            if len(over) == len(mover):
                break
        mask = game.legal(level)
        mask[over] = False
        counts = np.count_nonzero(mask, axis=1)
        ahead = nodes + int(counts.sum())
        if ahead > max_nodes:
            raise TooLarge(specification, max_nodes)
        if ahead > PROGRESS_NODES:
            require_memory(specification, ahead)
        begins = np.zeros(len(mover), np.int64)
        due = [player for player in range(len(players)) if (mover == player).any()]
        for player in due:
            at = np.flatnonzero(mover == player)
            begins[at] = _sets(game, player, players[player], level, sequences[player], mask, at, len(origins) - 1)
        before, actions = np.nonzero(mask)
        choice = begins[before] + np.arange(len(before)) - (np.cumsum(counts) - counts)[before]
        by, sequences = mover[before], sequences[:, before]
        for player in due:
            sequences[player] = np.where(by == player, choice, sequences[player])
        chance = (chance / np.where(mover == CHANCE, counts, 1))[before]
        level = game.after(level[:, before], actions)
        origins.append(before)
    visited = _preorder(origins)
    columns, renumbered = zip(
        *(reordered(own.columns, np.argsort(own.first_visits(visited))) for own in players), strict=True
    )
    joint = np.concatenate([part for part, _, _ in ends], axis=1)
    return assemble(
        specification,
        columns,
        sequences=np.stack([renumbered[p][joint[p]] for p in range(len(players))]).T,
        chance=np.concatenate([part for _, part, _ in ends]),
        returns=np.concatenate([part for _, _, part in ends], axis=1).T,
        num_nodes=nodes,
    )


def _sets(
    game: LevelGame,
    player: int,
    own: _Own,
    level: Level,
    sequences: NDArray[np.int64],
    mask: NDArray[np.bool_],
    at: NDArray[np.int64],
    depth: int,
) -> NDArray[np.int64]:
    """The first sequence of the information set of each history in ``at``; a forced move has that of the move before."""
    seen, before = game.seen(level[:, at], player), sequences[at]
    _, first, which = np.unique(before * (int(seen.max()) + 1) + seen, return_index=True, return_inverse=True)
    members = at[first]
    parents, legal = sequences[members], mask[members]
    counts = legal.sum(axis=1)
    free = np.flatnonzero(counts > 1)
    columns, sizes = own.columns, counts[free]
    begins = parents.copy()
    begins[free] = len(columns.actions) + np.cumsum(sizes) - sizes
    columns.keys += game.names(level[:, members[free]], player)
    decisions = np.asarray(columns.depth_of, np.int64)[parents[free]]
    columns.extend(parents[free], decisions, sizes, np.nonzero(legal[free])[1])
    own.places.append((depth, members[free]))
    return begins[which]


def _preorder(origins: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """When a walk, depth first and in the order of moves, visits each history of each level."""
    sizes = [np.ones(len(origin), np.int64) for origin in origins]
    for level in range(len(origins) - 1, 0, -1):
        behind = np.cumsum(sizes[level])
        ends = np.searchsorted(origins[level], np.arange(len(origins[level - 1])), "right")
        sizes[level - 1] += np.diff(np.concatenate(([0], np.concatenate(([0], behind))[ends])))
    visits = [np.zeros(1, np.int64)]
    for level in range(1, len(origins)):
        origin = origins[level]
        before = np.cumsum(sizes[level]) - sizes[level]
        first = np.searchsorted(origin, origin)  # the first with the same one before it
        visits.append(visits[-1][origin] + 1 + before - before[first])
    return visits

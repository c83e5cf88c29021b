"""Matches of a game that is written out: each table stands at a node of its `HistoryTree`, on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.compile_tree import MAX_NODES
from arena.games.errors import NotProvided, SpecificationError
from arena.games.game import Game, GameInfo
from arena.games.game_tree import steps
from arena.games.history_tree import HistoryTree, history_tree
from arena.games.observation import reads_of, width_of
from arena.games.positions import positions
from arena.games.tensor_due import Due, kept_tensor
from arena.games.tensor_words import unit, words
from arena.games.tree_size import CHANCE, TERMINAL

MOST_EDGES = 1 << 24
"""Numbers of the table of chance, its nodes times the most outcomes of one: 128 MiB."""
MOST_SEEN = 1 << 27
"""Numbers of all that is seen and allowed at its information sets: a gigabyte."""


def tree_tensors(game: Game, tables: int, device: torch.device) -> TreeTensors:
    """Tables of a game of at most `MAX_NODES` histories.

    Raises:
        NotProvided: it cannot be written out, a match may end without a decision, or chance has too many outcomes.
        TooLarge: more histories.
    """
    tree = history_tree(game, max_nodes=MAX_NODES)
    return TreeTensors(game, tree, tables, device)


class TreeTensors:
    """See `TensorTables`. The n-th outcome of chance in a match is a function of its seed and n, as at OpenSpiel's tables."""

    seats = 1

    def __init__(self, game: Game, tree: HistoryTree, tables: int, device: torch.device):
        """Errors as of `tree_tensors`."""
        self.info: GameInfo = game.info
        self.device = device
        sets, mover, reads = tree.tree, tree.mover.astype(np.int64), reads_of(game.info)
        if sets.num_sets * (2 * game.info.num_actions + (width_of(game.info, reads) or 0)) > MOST_SEEN:
            raise NotProvided(
                f"{game.info.specification} has too many information sets for tables of what is seen there"
            )
        owner = np.repeat(np.arange(sets.num_players), steps(sets.set_begin))
        batch = positions(game, list(zip(owner.tolist(), sets.keys, strict=True)))
        first = sets.first.astype(np.int64)
        legal = np.zeros((sets.num_sets, game.info.num_actions), np.bool_)
        legal[np.repeat(np.arange(sets.num_sets), sets.num_actions), sets.actions[first[0] :]] = True
        edges, deepest = _chance(tree)
        self._draws = deepest
        self._mover = torch.from_numpy(mover).to(device)
        self._place = torch.from_numpy(tree.place.astype(np.int64)).to(device)
        self._child = torch.from_numpy(tree.child.astype(np.int64)).to(device)
        self._returns = torch.tensor(tree.returns, device=device)
        self._edges = torch.from_numpy(edges).to(device)
        self._chance_row = torch.from_numpy(np.cumsum(mover == CHANCE) - 1).clamp(min=0).to(device)
        self._legal = torch.from_numpy(legal).to(device)
        self._rank = self._legal.cumsum(-1) - 1
        self._seen = torch.from_numpy(batch.read(reads)).to(device)
        self._node = torch.zeros(tables, dtype=torch.int64, device=device)
        self._drawn, self._seed = torch.zeros_like(self._node), torch.zeros_like(self._node)

    def start(self, which: Tensor, seed: Tensor) -> None:
        self._seed = torch.where(which, seed, self._seed)
        self._drawn = self._drawn.masked_fill(which, 0)
        self._node = self._node.masked_fill(which, 0)
        self._draw()

    def due(self) -> Due:
        place, player = self._place[self._node], self._mover[self._node][:, None]
        return Due(player=player, legal=self._legal[place][:, None], acting=torch.ones_like(player, dtype=torch.bool))

    def observed(self) -> Tensor:
        return self._seen[self._place[self._node]][:, None]

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        rank = self._rank[self._place[self._node]].gather(1, action)[:, 0]
        self._node = self._child[self._node] + rank
        self._draw()
        over = self._child[self._node] == 0
        return self._returns[torch.where(over, self._place[self._node], 0)], over

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"node": self._node.cpu().numpy().copy(), "drawn": self._drawn.cpu().numpy().copy()}

    def restore(self, arrays: dict[str, NDArray[Any]], seed: Tensor) -> None:
        node = kept_tensor(arrays, "node", self._node, below=len(self._mover))
        drawn = kept_tensor(arrays, "drawn", self._drawn, below=len(self._mover))
        if bool((self._mover[node] < 0).any()):
            raise SpecificationError("'node' of the matches must be decisions of the game's tree")
        self._node, self._drawn, self._seed = node, drawn, seed

    def _draw(self) -> None:
        """Past the nodes of chance, as many times as one may follow the other: no device is waited for."""
        for _ in range(self._draws):
            chance = self._mover[self._node] == CHANCE
            share = unit(words(self._seed, self._drawn))
            outcome = (share[:, None] >= self._edges[self._chance_row[self._node]]).sum(-1)
            self._node = torch.where(chance, self._child[self._node] + outcome, self._node)
            self._drawn = self._drawn + chance


def _chance(tree: HistoryTree) -> tuple[NDArray[np.float64], int]:
    """(the ``edge`` of each outcome of each node of chance [C, K], 2 where there is none; how many follow one another at most).

    Errors as of `tree_tensors`.
    """
    mover, child = tree.mover, tree.child.astype(np.int64)
    chance, inner = mover == CHANCE, np.flatnonzero(child)
    if not len(inner):
        raise NotProvided(f"{tree.tree.specification} has no decision")
    inner = inner[np.argsort(child[inner])]  # the children of nodes stand side by side
    sizes = np.diff(np.append(child[inner], len(mover)))
    parent = np.concatenate(([0], np.repeat(inner, sizes)))
    widest = int(sizes[chance[inner]].max(initial=1))
    row, drawn = np.cumsum(chance) - 1, np.flatnonzero(chance[parent])[int(chance[0]) :]
    if int(chance.sum()) * widest > MOST_EDGES:
        raise NotProvided(f"{tree.tree.specification} has too many outcomes of chance to be drawn as tensors")
    edges = np.full((int(chance.sum()), widest), 2.0)
    edges[row[parent[drawn]], drawn - child[parent[drawn]]] = tree.edge[drawn]
    deepest, reached, undecided = 0, chance.copy(), np.zeros(len(mover), np.bool_)
    undecided[0] = True
    while reached.any():
        deepest += 1
        undecided = undecided[parent] & chance[parent]
        undecided[0] = False
        if (undecided & (mover == TERMINAL)).any():
            raise NotProvided(f"{tree.tree.specification} may end before anybody decides")
        reached = chance & reached[parent]
        reached[0] = False
    return edges if len(edges) else np.full((1, 1), 2.0), deepest

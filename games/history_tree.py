"""A finite game with its histories kept apart, node by node: what methods that sample histories run on.

A `GameTree` merges histories with the same sequences of all players, and chance with them; here each one stands for itself.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import MAX_NODES, compile_tree, payoffs_of, spiel_rules
from arena.games.game import Game
from arena.games.game_tree import GameTree, Index
from arena.games.tree_size import CHANCE, SIMULTANEOUS, TERMINAL
from arena.games.tree_walk import CompileProgress, TooLarge


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HistoryTree:
    """The histories of a game, H of them, T terminal. Arrays are read-only.

    Node 0 is the start. What is neither decided nor drawn, having one outcome, is left out, and the moves of a simultaneous
    node come one after the other, none of them seen. Children of a node stand side by side.

    ``tree``: the same game in sequence form; information sets and sequences are counted as there. ``mover`` [H]: the
    player to move, -1 chance, -4 the end. ``place`` [H]: the information set of a player's node, the row of ``returns``
    [T, n] of an end. ``child`` [H]: the first child; the children of a player's node are in order of its sequences.
    ``edge`` [H]: of the children of a chance node, the probability of it and of those before it, so that a draw u in
    [0, 1) leads to the first with u < edge; 1 for others.
    """

    tree: GameTree
    mover: NDArray[np.int8] = field(repr=False)
    place: Index = field(repr=False)
    child: Index = field(repr=False)
    edge: NDArray[np.float64] = field(repr=False)
    returns: NDArray[np.float64] = field(repr=False)

    @property
    def num_nodes(self) -> int:
        return len(self.mover)


def history_tree(game: Game, *, max_nodes: int | None = None, progress: CompileProgress | None = None) -> HistoryTree:
    """The histories of a game that `compile_tree` takes, and its tree.

    Args:
        max_nodes, progress: as of `compile_tree`.

    Raises:
        As `compile_tree`.
    """
    tree = compile_tree(game, max_nodes=max_nodes, progress=progress)
    payoffs = payoffs_of(game)
    if payoffs is not None:
        return _of_payoffs(tree, payoffs)
    nodes = _Nodes(tree, MAX_NODES if max_nodes is None else max_nodes)
    nodes.walk(spiel_rules(game).new_initial_state())
    return nodes.histories()


class _Nodes:
    """Histories depth first; what waits is (node, state before a move, the move, choices of a joint move still to be made)."""

    def __init__(self, tree: GameTree, max_nodes: int):
        self.tree, self.max_nodes = tree, max_nodes
        self.set_of = [{tree.keys[j]: j for j in tree.sets(player)} for player in range(tree.num_players)]
        self.mover, self.place, self.child = array("b"), array("I"), array("I")
        self.edge, self.returns = array("d"), array("d")
        self.ends = 0

    def walk(self, start: Any) -> None:
        waiting: list[tuple[int, Any, tuple[int, ...]]] = [(self._add(1), start, ())]
        while waiting:
            node, state, joint = waiting.pop()
            player = state.current_player()
            while True:  # past all that nobody decides
                if player == SIMULTANEOUS:
                    joint, legal = _forced(state, joint, self.tree.num_players)
                    if len(joint) < self.tree.num_players:
                        break
                    state = state.clone()
                    state.apply_actions(list(joint))
                    joint = ()
                else:
                    legal = _ways(state, player)
                    if len(legal) != 1:
                        break
                    state = state.child(legal[0])
                player = state.current_player()
            if player == TERMINAL:
                self.mover[node], self.place[node] = TERMINAL, self.ends
                self.returns.extend(state.returns())
                self.ends += 1
                continue
            if len(self.mover) + len(legal) > self.max_nodes:
                raise TooLarge(self.tree.specification, self.max_nodes)
            first = self._add(len(legal))
            self.child[node] = first
            if player == CHANCE:
                self.mover[node] = CHANCE
                edges = accumulate(share for _, share in state.chance_outcomes())
                self.edge[first:] = array("d", edges)
                self.edge[-1] = 1.0  # whatever the rounding of the sum
            else:
                own = len(joint) if player == SIMULTANEOUS else player
                self.mover[node] = own
                self.place[node] = self.set_of[own][state.information_state_string(own)]
            for i, action in enumerate(legal):
                if player == SIMULTANEOUS:
                    waiting.append((first + i, state, (*joint, action)))
                else:
                    waiting.append((first + i, state.child(action), ()))

    def histories(self) -> HistoryTree:
        return _read_only(
            self.tree,
            mover=np.asarray(self.mover, np.int8),
            place=np.asarray(self.place, np.uint32),
            child=np.asarray(self.child, np.uint32),
            edge=np.asarray(self.edge, np.float64),
            returns=np.asarray(self.returns, np.float64).reshape(-1, self.tree.num_players),
        )

    def _add(self, count: int) -> int:
        """So many nodes, to be filled later; returns the first."""
        first = len(self.mover)
        self.mover.extend([TERMINAL] * count)
        self.place.extend([0] * count)
        self.child.extend([0] * count)
        self.edge.extend([1.0] * count)
        return first


def _ways(state: Any, player: int) -> list[int]:
    if player == CHANCE:
        return [action for action, _ in state.chance_outcomes()]
    return [] if player == TERMINAL else state.legal_actions()


def _forced(state: Any, joint: tuple[int, ...], players: int) -> tuple[tuple[int, ...], list[int]]:
    """(the joint move as far as it is made, with all that has no alternative; what the next player may do)."""
    legal: list[int] = []
    while len(joint) < players:
        legal = state.legal_actions(len(joint))
        if len(legal) > 1:
            break
        joint = (*joint, legal[0] if legal else 0)  # who has nothing to do plays 0
    return joint, legal


def _of_payoffs(tree: GameTree, payoffs: NDArray[np.float64]) -> HistoryTree:
    """One player after the other, also those of a single action, which have an information set in the tree."""
    sizes = payoffs.shape[1:]
    layers = [1, *accumulate(sizes, lambda nodes, size: nodes * size)]
    begins = np.cumsum(layers)
    mover = np.repeat(np.array([*range(len(sizes)), TERMINAL]), layers)
    place = np.concatenate((np.repeat(np.arange(len(sizes)), layers[:-1]), np.arange(layers[-1])))
    child = np.concatenate(
        [begins[player] + np.arange(layers[player]) * size for player, size in enumerate(sizes)]
        + [np.zeros(layers[-1], np.int64)]
    )
    return _read_only(
        tree,
        mover=mover.astype(np.int8),
        place=place.astype(np.uint32),
        child=child.astype(np.uint32),
        edge=np.ones(len(mover)),
        returns=np.ascontiguousarray(payoffs.reshape(len(payoffs), -1).T, np.float64),
    )


def _read_only(
    tree: GameTree,
    *,
    mover: NDArray[np.int8],
    place: Index,
    child: Index,
    edge: NDArray[np.float64],
    returns: NDArray[np.float64],
) -> HistoryTree:
    for values in (mover, place, child, edge, returns):
        values.setflags(write=False)
    return HistoryTree(tree=tree, mover=mover, place=place, child=child, edge=edge, returns=returns)

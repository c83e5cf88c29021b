"""A finite game of perfect recall as flat arrays in sequence form: what tabular solvers and exact measures run on.

A sequence of a player is one of his actions at one of his information sets, and with it all that he did before; the empty
sequence stands for having done nothing. With r[s] = the product of a player's own probabilities along s, everybody's
expected return is a sum over terminal histories of chance · payoff · Π r, so that histories with the same sequences of all
players are one entry.

Source: von Stengel, Efficient computation of behavior strategies, Games and Economic Behavior 14, 1996, section 3.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from arena.games.constant_sums import constant_sum
from arena.games.errors import NotProvided, SpecificationError
from arena.games.policy import TabularPolicy

Scalar = TypeVar("Scalar", bound=np.generic)
Index = NDArray[np.uint32]  # unsigned: compiled loops need not ask whether an index counts from the end


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GameTree:
    """A compiled game with n players, I information sets, S sequences and N payoff entries. Arrays are read-only.

    Information states with a single action are no decisions and are left out: a policy need not name them.

    Sequence p < n is the empty one of player p; the sequences of information set j are ``first[j]`` .. ``first[j + 1] - 1``,
    one a legal action. Information sets are ordered by player, a player's own by first visit, so that those behind a
    sequence come after it: a loop backwards goes from the last decisions to the first.

    ``constant_sum``: what all players' returns add up to at every end, None where that varies.
    ``keys``: the information-state string of each set [I]. ``set_begin`` [n + 1]: player p's sets are ``set_begin[p]`` ..
    ``set_begin[p + 1] - 1``. ``depth`` [I]: the player's own decisions before a set; sets of one depth are a level.
    ``first`` [I + 1]; ``parent`` [I]: the player's sequence that leads to a set. ``actions`` [S]: the action that each
    sequence ends with, -1 for empty ones. The payoffs of sequence s to its own player: for e in ``row_begin[s]`` ..
    ``row_begin[s + 1] - 1``, ``weights[e]`` = payoff · chance, reached when the others play the sequences ``others[e]``
    [n - 1], in order of players; ``row_begin`` [S + 1], ``others`` [N, n - 1], ``weights`` [N].
    """

    specification: str
    num_players: int
    num_nodes: int
    num_terminals: int
    constant_sum: float | None
    keys: tuple[str, ...] = field(repr=False)
    set_begin: Index = field(repr=False)
    depth: Index = field(repr=False)
    first: Index = field(repr=False)
    parent: Index = field(repr=False)
    actions: NDArray[np.int64] = field(repr=False)
    row_begin: Index = field(repr=False)
    others: Index = field(repr=False)
    weights: NDArray[np.float64] = field(repr=False)

    @property
    def num_sets(self) -> int:
        return len(self.parent)

    @property
    def num_sequences(self) -> int:
        return len(self.actions)

    @property
    def num_actions(self) -> NDArray[np.int64]:
        """Of each information set [I]."""
        return steps(self.first)

    def sets(self, player: int) -> range:
        """The information sets of a player."""
        return range(int(self.set_begin[player]), int(self.set_begin[player + 1]))

    def sequences(self, player: int) -> slice:
        """The sequences of a player, the empty one apart."""
        return slice(int(self.first[self.set_begin[player]]), int(self.first[self.set_begin[player + 1]]))

    def require_names(self) -> None:
        """Makes sure that a table by information-state strings can hold a policy.

        Raises:
            NotProvided: two players have an information state of the same name.
        """
        if len(set(self.keys)) < len(self.keys):
            raise NotProvided(
                f"two players of {self.specification} have information states of the same name; no table can hold a policy"
            )

    def policy(self, strategy: NDArray[np.float64]) -> TabularPolicy:
        """A strategy [S], the probability of each sequence's last action, as a policy by information-state strings.

        Raises:
            NotProvided: two players have an information state of the same name, so that no table can hold both.
        """
        self.require_names()
        table: dict[str, dict[int, float]] = {}
        first, actions, probabilities = self.first.tolist(), self.actions.tolist(), strategy.tolist()
        for index, key in enumerate(self.keys):
            span = slice(first[index], first[index + 1])
            table[key] = dict(zip(actions[span], probabilities[span], strict=True))
        return TabularPolicy(self.specification, table)


class PlayerColumns:
    """What is collected of one player while a game is written out. Sequence 0 is the empty one."""

    __slots__ = ("actions", "depth", "depth_of", "keys", "num_actions", "parent")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.parent, self.depth, self.num_actions = array("Q"), array("Q"), array("Q")
        self.actions, self.depth_of = array("q", (-1,)), array("Q", (0,))

    def add(self, key: str, parent: int, legal: Sequence[int]) -> int:
        """A new information set; returns the first of its sequences."""
        begin, depth = len(self.actions), self.depth_of[parent]
        self.keys.append(key)
        self.parent.append(parent)
        self.depth.append(depth)
        self.num_actions.append(len(legal))
        self.actions.extend(legal)
        self.depth_of.extend([depth + 1] * len(legal))
        return begin

    def extend(
        self,
        parent: NDArray[np.int64],
        depth: NDArray[np.int64],
        num_actions: NDArray[np.int64],
        actions: NDArray[np.int64],
    ) -> None:
        """Many information sets at once, but for their keys: [k], [k], [k] and the actions of all of them."""
        for column, values in ((self.parent, parent), (self.depth, depth), (self.num_actions, num_actions)):
            column.frombytes(values.astype(np.uint64).tobytes())
        self.actions.frombytes(actions.astype(np.int64).tobytes())
        self.depth_of.frombytes(np.repeat(depth + 1, num_actions).astype(np.uint64).tobytes())


def reordered(player: PlayerColumns, order: NDArray[np.int64]) -> tuple[PlayerColumns, NDArray[np.int64]]:
    """A player's information sets in another order, and the new number of each of his sequences.

    Args:
        order: the information sets as they shall stand, each behind the one that leads to it.
    """
    parent, depth, counts = (
        np.asarray(column, np.int64) for column in (player.parent, player.depth, player.num_actions)
    )
    sizes = counts[order]
    begins, places = 1 + np.cumsum(counts) - counts, np.cumsum(sizes) - sizes
    old = np.repeat(begins[order] - places, sizes) + np.arange(len(player.actions) - 1)
    renumbered = np.zeros(len(player.actions), np.int64)
    renumbered[old] = 1 + np.arange(len(old))
    result = PlayerColumns()
    result.keys = [player.keys[j] for j in order.tolist()]
    result.extend(renumbered[parent[order]], depth[order], sizes, np.asarray(player.actions, np.int64)[old])
    return result, renumbered


def assemble(
    specification: str,
    players: Sequence[PlayerColumns],
    *,
    sequences: NDArray[np.int64],
    chance: NDArray[np.float64],
    returns: NDArray[np.float64],
    num_nodes: int,
    num_terminals: int | None = None,
) -> GameTree:
    """The tree of collected columns.

    Args:
        players: the information sets of each player.
        sequences: [T, n], each player's own sequence at each terminal history, counted by player.
        chance: [T], the product of the probabilities of chance.
        returns: [T, n].
        num_terminals: how many terminal histories these stand for; by default T.

    Raises:
        NotProvided: there is no terminal history.
        SpecificationError: a return is no finite number.
    """
    count = len(players)
    if not len(returns):
        raise NotProvided(f"{specification} has no end; exact computations need a game that ends")
    if not np.isfinite(returns).all():
        raise SpecificationError(f"{specification} has returns that are no finite numbers; payoffs must be finite")
    offsets = np.cumsum([count, *(len(player.actions) - 1 for player in players)])
    joint, payoffs = _merged(
        [sequences[:, p] for p in range(count)],
        [returns[:, p] * chance for p in range(count)],
        [len(player.actions) for player in players],
    )
    joint = [_shifted(column, p, int(offsets[p])) for p, column in enumerate(joint)]
    num_sequences, rows, others, weights = int(offsets[-1]), [], [], []
    for p in range(count):
        kept = np.flatnonzero(payoffs[p])
        if p > 0:  # by his own sequence; they are in the order of the first player's
            kept = kept[np.argsort(joint[p][kept] * len(kept) + np.arange(len(kept)))]
        rows.append(joint[p][kept])
        others.append(np.empty((len(kept), count - 1), np.uint32))
        for i, q in enumerate(q for q in range(count) if q != p):
            others[p][:, i] = joint[q][kept]
        weights.append(payoffs[p][kept])
    # the empty sequences stand before all others
    ends = [int(np.searchsorted(rows[p], p, "right")) for p in range(count)]
    parts = [(p, slice(end)) for p, end in enumerate(ends)] + [(p, slice(end, None)) for p, end in enumerate(ends)]
    row = np.concatenate([rows[p][part] for p, part in parts])
    num_actions = np.concatenate([np.asarray(player.num_actions, np.int64) for player in players])
    parents = [_shifted(np.asarray(player.parent, np.int64), p, int(offsets[p])) for p, player in enumerate(players)]
    return GameTree(
        specification=specification,
        num_players=count,
        num_nodes=num_nodes,
        num_terminals=len(returns) if num_terminals is None else num_terminals,
        constant_sum=constant_sum(returns.T),
        keys=tuple(key for player in players for key in player.keys),
        set_begin=index_array(np.cumsum([0, *(len(player.keys) for player in players)])),
        depth=index_array(np.concatenate([np.asarray(player.depth, np.int64) for player in players])),
        first=index_array(count + np.concatenate(([0], np.cumsum(num_actions)))),
        parent=index_array(np.concatenate(parents)),
        actions=frozen(
            np.concatenate([np.full(count, -1), *(np.asarray(player.actions, np.int64)[1:] for player in players)])
        ),
        row_begin=index_array(np.concatenate(([0], np.cumsum(np.bincount(row, minlength=num_sequences))))),
        others=index_array(np.concatenate([others[p][part] for p, part in parts])),
        weights=frozen(np.concatenate([weights[p][part] for p, part in parts])),
    )


def _shifted(sequences: NDArray[np.int64], player: int, offset: int) -> NDArray[np.int64]:
    """Sequences counted over all players."""
    return np.where(sequences == 0, player, sequences + (offset - 1))


def _merged(
    joint: list[NDArray[np.int64]], payoffs: list[NDArray[np.float64]], sizes: list[int]
) -> tuple[list[NDArray[np.int64]], list[NDArray[np.float64]]]:
    """Each joint sequence once, in order, with the sum of its payoffs; one column a player, his numbers below ``sizes``."""
    if math.prod(sizes) < 2**63:
        key = joint[0]
        for column, size in zip(joint[1:], sizes[1:], strict=True):
            key = key * size + column
        order = np.argsort(key)
        new = key[order][1:] != key[order][:-1]
        if not new.all():  # sums must not depend on how a machine sorts
            order = np.argsort(key, kind="stable")
    else:
        order = np.lexsort(joint[::-1])
        new = np.logical_or.reduce([column[order][1:] != column[order][:-1] for column in joint])
    begins = np.flatnonzero(np.concatenate(([True], new)))
    if len(begins) == len(order):
        return [column[order] for column in joint], [column[order] for column in payoffs]
    return [column[order[begins]] for column in joint], [np.add.reduceat(column[order], begins) for column in payoffs]


def steps(ends: Index) -> NDArray[np.int64]:
    """The differences of neighbours: how many there are between one end and the next."""
    counted = ends.astype(np.int64)
    return counted[1:] - counted[:-1]


def index_array(values: NDArray[np.integer[Any]]) -> Index:
    """Indices as the arrays of a tree hold them: unsigned, read-only."""
    index = np.ascontiguousarray(values, np.uint32)
    index.setflags(write=False)
    return index


def frozen(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """The same array, read-only."""
    values.setflags(write=False)
    return values

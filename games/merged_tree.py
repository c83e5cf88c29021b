"""Strategically equal information sets of a tree, found and played as one: the same equilibria on a smaller tree.

Two information sets of a player are equal if swapping them changes nothing that anybody can gain or lose, such as hands that
differ only in their suits. They are found as the coarsest equitable partition of the tree's sequence form. Merged are
information sets of one player with as many actions, action by action in their order, such that

- the sequences before them are merged too,
- from each of two merged sequences, the payoffs against every combination of classes of the others' sequences add up to the
  same, and
- behind each of them lie as many information sets of every class.

By the last two, whatever the others do by classes, merged sequences are worth the same to their player, from the last
decisions to the first: against such play some best response is by classes. So expected returns, values of best responses
and NashConv of a strategy of the quotient are those of the strategy that it stands for. A class's payoffs are added up over
its members, hence a regret of it is as many times its members' as there are members: regret matching, which looks at
proportions, does on the quotient what it does on the whole tree.

Sources: Gilpin and Sandholm, Lossless abstraction of imperfect information games, JACM 54(5), 2007 (merging that keeps
equilibria); Paige and Tarjan, Three partition refinement algorithms, SIAM J. Comput. 16(6), 1987 (coarsest equitable
partitions by refinement).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree, Index, frozen, index_array, steps
from arena.games.policy import TabularPolicy

TOLERANCE = 1e-9
"""Of two sums of payoffs that count as equal, relative to what a sequence's payoffs come to without their signs: sums of
a million terms round by less than 1e-12 of that, payoffs in decimals by less than this; merging changes no return by more."""

Classes = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MergedTree:
    """``full``: the tree as it was; ``tree``: its quotient, or `full` itself where no two information sets are equal.

    ``set_class`` [I]: which information set of the quotient each of `full` is in; ``sequence_class`` [S]: the same of
    sequences. An information set of the quotient bears the name and the actions of its first member.
    """

    full: GameTree
    tree: GameTree
    set_class: Index = field(repr=False)
    sequence_class: Index = field(repr=False)

    def lift(self, strategy: NDArray[np.float64]) -> NDArray[np.float64]:
        """The strategy [S] of the full tree that a strategy of the quotient, [its S], stands for.

        Raises:
            ValueError: it is no strategy of the quotient.
        """
        if strategy.shape != (self.tree.num_sequences,):
            raise ValueError(f"a strategy of {self.tree.num_sequences} sequences is needed; got {strategy.shape}")
        return strategy[self.sequence_class]

    def lift_policy(self, policy: TabularPolicy) -> TabularPolicy:
        """The policy of the full tree that a policy of the quotient stands for: what is not named stays unnamed.

        Raises:
            SpecificationError: it plays an action that is not legal.
        """
        table: dict[str, dict[int, float]] = {}
        full, tree = self.full, self.tree
        for j, (key, merged) in enumerate(zip(full.keys, self.set_class.tolist(), strict=True)):
            found = policy.table.get(tree.keys[merged])
            if found is not None:
                theirs = tree.actions[tree.first[merged] : tree.first[merged + 1]].tolist()
                ours = full.actions[full.first[j] : full.first[j + 1]].tolist()
                named = dict(zip(theirs, ours, strict=True))
                if not found.keys() <= named.keys():
                    raise SpecificationError(
                        f"the policy plays {dict(found)} at {tree.keys[merged]!r}, where {theirs} are legal"
                    )
                table[key] = {named[action]: share for action, share in found.items()}
        return TabularPolicy(full.specification, table)


def merge_equal(tree: GameTree) -> MergedTree:
    """A tree in which strategically equal information sets are one, with the way back: lossless, see the module.

    Solve ``merge_equal(tree).tree`` in place of `tree`; ``lift`` or ``lift_policy`` gives the solution for the whole game,
    with the same returns and NashConv. Trees without symmetry come back unchanged.

    Args:
        tree: any compiled tree. Actions are matched by their place in their information set, whatever they are called.
    """
    unmoved = index_array(np.arange(tree.num_sequences))
    as_it_is = MergedTree(full=tree, tree=tree, set_class=unmoved[: tree.num_sets], sequence_class=unmoved)
    if not tree.num_sets:
        return as_it_is
    classes = _refined(tree, _first_classes(tree))
    while (broken := _broken(tree, classes)).any():  # what random play did not tell apart, which hardly happens
        alone = np.flatnonzero(broken[classes])
        classes[alone] = len(classes) + np.arange(len(alone))
        classes = _refined(tree, np.unique(classes, return_inverse=True)[1])
    if classes.max() + 1 == tree.num_sets:
        return as_it_is
    first_member = np.unique(classes, return_index=True)[1]
    order = np.argsort(first_member)
    classes = np.argsort(order)[classes]
    return _quotient(tree, classes, first_member[order])


def _first_classes(tree: GameTree) -> Classes:
    """Information sets by player, depth and number of actions."""
    players = np.repeat(np.arange(tree.num_players), steps(tree.set_begin))
    return _numbered(players, tree.depth.astype(np.int64), tree.num_actions)


def _refined(tree: GameTree, classes: Classes) -> Classes:
    """Splits classes until all of their members earn the same however the others play by classes.

    The others play at random by classes: a sequence's payoff is then a polynomial in their random weights, one term a
    combination of classes, and two polynomials that are not the same almost surely differ at a random point.
    """
    rng = np.random.default_rng(0)  # the same draws for the same tree
    begins = tree.first[:-1].astype(np.int64) - tree.num_players
    places = np.arange(tree.num_sequences - tree.num_players) - np.repeat(begins, tree.num_actions)
    rows, sizes = _rows(tree), np.abs(tree.weights)
    while True:
        sequences = _sequence_classes(tree, classes)
        played = rng.uniform(1, 2, sequences.max() + 1)[sequences]
        product = played[tree.others].prod(axis=1)
        behind = rng.uniform(1, 2, classes.max() + 1)[classes]
        share = rng.uniform(1, 2, places.max() + 1)[places]

        found = (
            np.bincount(rows, tree.weights * product, tree.num_sequences),
            np.bincount(rows, sizes * product, tree.num_sequences),
            np.bincount(tree.parent, behind, tree.num_sequences),
        )
        # an information set's sequences are added up in random proportions by place
        payoff, size, children = (np.add.reduceat(share * values[tree.num_players :], begins) for values in found)
        finer = _numbered(classes, sequences[tree.parent])
        finer = _split(finer, payoff, size)
        finer = _split(finer, children, children)
        if finer.max() == classes.max():
            break
        classes = finer
    return classes


def _split(classes: Classes, values: NDArray[np.number], sizes: NDArray[np.number]) -> Classes:
    """Classes within which values, in order, differ from one to the next by no more than rounding."""
    order = np.lexsort((values, classes))
    ahead, behind = order[1:], order[:-1]
    new = (classes[ahead] != classes[behind]) | (
        values[ahead] - values[behind] > TOLERANCE * np.maximum(sizes[ahead], sizes[behind])
    )
    finer = np.empty_like(classes)
    finer[order] = np.concatenate(([0], np.cumsum(new)))
    return finer


def _broken(tree: GameTree, classes: Classes) -> NDArray[np.bool_]:
    """The classes that break a condition of the module, combination by combination; none where the partition is proven."""
    found = np.zeros(classes.max() + 1, bool)
    members = np.bincount(classes, minlength=len(found))
    set_of = np.concatenate((np.full(tree.num_players, -1), np.repeat(np.arange(tree.num_sets), tree.num_actions)))
    sequences = _sequence_classes(tree, classes)
    rows = _rows(tree)
    own = set_of[rows]
    kept = np.flatnonzero((own >= 0) & (members[classes[own]] > 1))
    against = _numbered(np.zeros(len(kept), np.int64), *sequences[tree.others[kept]].T)
    size = np.bincount(rows, np.abs(tree.weights), tree.num_sequences)
    for rows_of, what, values, limits in (
        (rows[kept], against, tree.weights[kept], TOLERANCE * size),
        (tree.parent.astype(np.int64), classes, np.ones(tree.num_sets), np.zeros(tree.num_sequences)),
    ):
        inside = np.flatnonzero(set_of[rows_of] >= 0)
        sums, row, pair = _sums(rows_of[inside], what[inside], values[inside], sequences)
        if not len(sums):
            continue
        order = np.argsort(pair, kind="stable")
        begins = np.flatnonzero(np.concatenate(([True], np.diff(pair[order]) > 0)))
        group = classes[set_of[row[order][begins]]]
        whole = np.diff(np.append(begins, len(order))) == members[group]
        low, high = np.minimum.reduceat(sums[order], begins), np.maximum.reduceat(sums[order], begins)
        low, high = np.where(whole, low, np.minimum(low, 0)), np.where(whole, high, np.maximum(high, 0))
        # twice: neighbours that were told equal one by one, and sums that round where sizes differ
        found[group[high - low > 2 * np.maximum.reduceat(limits[row[order]], begins)]] = True
    above = sequences[tree.parent]
    first_member = np.unique(classes, return_index=True)[1]
    found[classes[above != above[first_member][classes]]] = True
    return found


def _sums(
    rows: NDArray[np.int64], what: Classes, values: NDArray[np.float64], sequences: Classes
) -> tuple[NDArray[np.float64], NDArray[np.int64], Classes]:
    """(sums of the values of each row and what, the row, a number for the row's class and what)."""
    order = np.lexsort((what, rows))
    rows, what = rows[order], what[order]
    begins = np.flatnonzero(np.concatenate(([True], (np.diff(rows) != 0) | (np.diff(what) != 0))))[: len(rows)]
    rows, what = rows[begins], what[begins]
    sums = np.add.reduceat(values[order], begins) if len(begins) else values
    return sums, rows, _numbered(sequences[rows], what)


def _quotient(tree: GameTree, classes: Classes, first_member: NDArray[np.int64]) -> MergedTree:
    """The tree with one information set a class; classes stand in the order of their first members."""
    sequences = _sequence_classes(tree, classes)
    counts, begins = tree.num_actions[first_member], tree.first[first_member].tolist()
    spans = [tree.actions[begin : begin + count] for begin, count in zip(begins, counts.tolist(), strict=True)]
    own, others = sequences[_rows(tree)], sequences[tree.others]
    order = np.lexsort((*others.T[::-1], own))
    own, others = own[order], others[order]
    new = np.concatenate(([True], (np.diff(own) != 0) | (np.diff(others, axis=0) != 0).any(axis=1)))[: len(own)]
    starts = np.flatnonzero(new)
    weights = np.add.reduceat(tree.weights[order], starts) if len(starts) else tree.weights
    sizes = np.add.reduceat(np.abs(tree.weights[order]), starts) if len(starts) else tree.weights
    kept = np.abs(weights) > TOLERANCE * sizes  # the others cancel
    starts, weights = starts[kept], weights[kept]
    num_sequences = tree.num_players + int(counts.sum())
    quotient = replace(
        tree,
        specification=f"{tree.specification}, equal states merged",  # its policies do not name all states of the game
        keys=tuple(tree.keys[j] for j in first_member.tolist()),
        set_begin=index_array(np.searchsorted(first_member, tree.set_begin)),
        depth=index_array(tree.depth[first_member]),
        first=index_array(tree.num_players + np.concatenate(([0], np.cumsum(counts)))),
        parent=index_array(sequences[tree.parent[first_member]]),
        actions=frozen(np.concatenate((tree.actions[: tree.num_players], *spans))),
        row_begin=index_array(np.concatenate(([0], np.cumsum(np.bincount(own[starts], minlength=num_sequences))))),
        others=index_array(others[starts]),
        weights=frozen(weights),
    )
    return MergedTree(full=tree, tree=quotient, set_class=index_array(classes), sequence_class=index_array(sequences))


def _sequence_classes(tree: GameTree, classes: Classes) -> Classes:
    """The class of each sequence [S], by the class of its information set and its place there; empty ones are alone."""
    counts = tree.num_actions
    size = np.zeros(classes.max() + 1, np.int64)
    size[classes] = counts
    begins = tree.num_players + np.cumsum(size) - size
    places = np.arange(tree.num_sequences - tree.num_players) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.concatenate((np.arange(tree.num_players), np.repeat(begins[classes], counts) + places))


def _rows(tree: GameTree) -> NDArray[np.int64]:
    """The sequence that each payoff entry belongs to [N]."""
    return np.repeat(np.arange(tree.num_sequences), steps(tree.row_begin))


def _numbered(*columns: NDArray[np.int64]) -> Classes:
    """Numbers 0, 1, ... for the different rows of some columns, in their order."""
    found = np.unique(columns[0], return_inverse=True)[1]
    for column in columns[1:]:
        width = int(column.max(initial=0)) + 1
        found = np.unique(found * width + column, return_inverse=True)[1]
    return found

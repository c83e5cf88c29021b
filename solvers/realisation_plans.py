"""Realisation plans: strategies of a compiled tree as what can be mixed, and what such mixtures earn against each other.

A realisation plan holds for each sequence of a player the product of his own probabilities along it. Plans mix as what they
are: the average of plans is the plan of a behavioural strategy that nobody can tell from drawing one of the strategies
before the match (realisation equivalence; Kuhn 1953). Averages of probabilities at information sets are not that.

Plans of all players are one array [S], ordered as the tree's sequences; a population of K plans of one player is an array
[K, S_p]: S_p = 1 + his sequences, the empty one first.

Source: von Stengel, Efficient computation of behavior strategies, Games and Economic Behavior 14, 1996, section 3;
Kuhn, Extensive games and the problem of information, 1953.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree
from arena.solvers.tree_kernels import fill_reach

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

REACHED = 1e-12
"""Realisation weights up to here are what rounding leaves of 0: solvers of linear programs know no exact nought."""


def realisation_plan(tree: GameTree, strategy: NDArray[np.float64]) -> NDArray[np.float64]:
    """The realisation plans [S] of all players' behavioural strategies [S]."""
    plan = np.ones(tree.num_sequences)
    fill_reach(0, tree.num_sets, tree.first, tree.parent, strategy, plan)
    return plan


def behaviour(tree: GameTree, plan: NDArray[np.float64], *, reached: float = REACHED) -> NDArray[np.float64]:
    """The behavioural strategies [S] of realisation plans [S]: weight over weight before it.

    Where a player's own play never comes to a set (weights up to `reached`), the plan says nothing of it: uniform.
    """
    counts = tree.num_actions
    strategy = np.ones(tree.num_sequences)
    if len(counts):
        own = np.where(plan[tree.num_players :] > reached, plan[tree.num_players :], 0.0)
        total = np.repeat(np.add.reduceat(own, tree.first[:-1].astype(np.int64) - tree.num_players), counts)
        strategy[tree.num_players :] = np.repeat(1 / counts, counts)
        np.divide(own, total, out=strategy[tree.num_players :], where=total > 0)
    return strategy


def pure_plan(tree: GameTree, choice: NDArray[np.uint32]) -> NDArray[np.float64]:
    """The realisation plans [S], of noughts and ones, of the strategies that play sequence ``choice[j]`` at each set j [I]."""
    strategy = np.zeros(tree.num_sequences)
    strategy[: tree.num_players] = 1.0
    strategy[choice] = 1.0
    return realisation_plan(tree, strategy)


def num_own(tree: GameTree, player: int) -> int:
    """S_p, how many sequences a player has, the empty one among them."""
    span = tree.sequences(player)
    return 1 + int(span.stop - span.start)


def own_part(tree: GameTree, plan: NDArray[np.float64], player: int) -> NDArray[np.float64]:
    """One player's plan [S_p] out of all players' [S]."""
    return np.concatenate((plan[player : player + 1], plan[tree.sequences(player)]))


def joined(plans: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """All players' plans [S] of one plan [S_p] a player."""
    return np.concatenate([*(plan[:1] for plan in plans), *(plan[1:] for plan in plans)])


def expected_payoffs(tree: GameTree, populations: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """What every joint choice of plans earns, exactly: payoffs [n, K_0, K_1, ...] of populations [K_p, S_p]."""
    order = sorted(range(tree.num_players), key=lambda player: len(populations[player]))  # the short loops outside
    tables = []
    for player in range(tree.num_players):
        sequences, weights = entries(tree, player)
        table = _contracted(sequences[:, order], weights, [populations[p] for p in order])
        tables.append(np.moveaxis(table, range(len(order)), order))
    return np.stack(tables)


def grown_payoffs(
    tree: GameTree, populations: Sequence[NDArray[np.float64]], payoffs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`expected_payoffs` of populations whose first members have the payoffs [n, k_0, k_1, ...]: only what is new is computed."""
    before, sizes = payoffs.shape[1:], tuple(map(len, populations))
    grown = np.zeros((tree.num_players, *sizes))
    grown[(slice(None), *map(slice, before))] = payoffs
    for player, (old, size) in enumerate(zip(before, sizes, strict=True)):
        if old < size:  # new members of this player, with all of those before him and the old ones of those behind
            spans = [
                *(slice(s) for s in sizes[:player]),
                slice(old, size),
                *(slice(s) for s in before[player + 1 :]),
            ]
            if all(before[player + 1 :]):
                part = expected_payoffs(tree, [plans[span] for plans, span in zip(populations, spans, strict=True)])
                grown[(slice(None), *spans)] = part
    return grown


def entries(tree: GameTree, player: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A player's payoffs as a sparse table: (each player's own sequence [E, n], counted as in [S_p]; payoff · chance [E])."""
    span = tree.sequences(player)
    rows = np.concatenate(([player], np.arange(span.start, span.stop)))
    begin, end = tree.row_begin[rows].astype(np.int64), tree.row_begin[rows + 1].astype(np.int64)
    kept = np.concatenate((np.arange(begin[0], end[0]), np.arange(*tree.row_begin[[span.start, span.stop]])))
    own = np.repeat(rows, end - begin)
    joint = np.insert(tree.others[kept].astype(np.int64), player, own, axis=1)
    for p in range(tree.num_players):
        joint[:, p] = np.where(joint[:, p] == p, 0, joint[:, p] - (tree.sequences(p).start - 1))
    return joint, tree.weights[kept]


def payoff_matrix(tree: GameTree, player: int) -> csr_matrix[np.float64]:
    """A player's payoffs in a two-player game, [S_p, S of the other]: plan · matrix · other plan is his expected return."""
    from scipy.sparse import csr_matrix

    joint, weights = entries(tree, player)
    shape = num_own(tree, player), num_own(tree, 1 - player)
    return csr_matrix((weights, (joint[:, player], joint[:, 1 - player])), shape=shape)


def plan_constraints(tree: GameTree, player: int) -> csr_matrix[np.float64]:
    """F [1 + I_p, S_p]: x ≥ 0 is a realisation plan of the player exactly if F x = (1, 0, 0, ...)."""
    from scipy.sparse import csr_matrix

    sets, span = tree.sets(player), tree.sequences(player)
    begin = tree.first[sets.start : sets.stop + 1].astype(np.int64)
    counts, own = begin[1:] - begin[:-1], num_own(tree, player) - 1
    parents = tree.parent[sets.start : sets.stop].astype(np.int64)
    behind = np.where(parents == player, 0, parents - (span.start - 1))
    number = 1 + np.arange(len(sets))
    return csr_matrix(
        (
            np.concatenate(([1.0], np.ones(own), -np.ones(len(sets)))),
            (
                np.concatenate((np.zeros(1, np.int64), np.repeat(number, counts), number)),
                np.concatenate((np.arange(1 + own), behind)),
            ),
        ),
        shape=(1 + len(sets), 1 + own),
    )


def _contracted(
    sequences: NDArray[np.int64], weights: NDArray[np.float64], populations: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Σ_e weights[e] Π_p plan_p[sequences[e, p]] for each joint choice of plans, one player summed out after the other.

    Most entries fall out at the first pure plan, so that the inner sums are short.
    """
    if len(populations) == 1:
        gradient = np.bincount(sequences[:, 0], weights, minlength=populations[0].shape[1])
        last: NDArray[np.float64] = populations[0] @ gradient
        return last
    found = np.empty([len(plans) for plans in populations])
    for k, plan in enumerate(populations[0]):
        reached = weights * plan[sequences[:, 0]]
        kept = np.flatnonzero(reached)
        found[k] = _contracted(sequences[kept, 1:], reached[kept], populations[1:])
    return found

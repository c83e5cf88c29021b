"""Full-width fictitious play on compiled trees (XFP): averages of realisation weights, answered by exact best responses.

A mixture of plans, each played from the start to the end, has the average of their realisation weights, not of their
probabilities at information sets; so sums of weights are all that is kept, and a strategy is made of them when it is asked for.

Source: Heinrich, Lanctot and Silver, Fictitious self-play in extensive-form games, ICML 2015, section 3.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State
from arena.solvers.tree_kernels import best_response, fill_payoffs, fill_reach
from arena.solvers.tree_measures import uniform_strategy

CALL_WORK = 20_000_000
"""Payoff entries and sequences that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""


def start(tree: GameTree) -> State:
    """The state before the first round: ``clock`` [1], and ``plan`` [S], the sum of all realisation weights, of uniform play."""
    plan = np.ones(tree.num_sequences)
    fill_reach(0, tree.num_sets, tree.first, tree.parent, uniform_strategy(tree), plan)
    return {"clock": np.zeros(1, np.int64), "plan": plan}


def advance(tree: GameTree, state: State, rounds: int) -> None:
    """Does so many more rounds, in place."""
    a_call = CALL_WORK // (len(tree.weights) + tree.num_sequences) + 1
    last = int(state["clock"][0]) + rounds
    while state["clock"][0] < last:
        _play(
            min(a_call, last - int(state["clock"][0])),
            state["clock"],
            tree.set_begin,
            tree.first,
            tree.parent,
            tree.row_begin,
            tree.others,
            tree.weights,
            state["plan"],
        )


@nb.njit(cache=True, error_model="numpy")
def _play(  # type: ignore[no-untyped-def]  # numba kernel
    rounds, clock, set_begin, first, parent, row_begin, others, weights, plan
):
    """Sums of realisation weights stand for averages: a best response is the same against either."""
    players = len(set_begin) - 1
    payoff, answer = np.zeros(len(plan)), np.ones(len(plan))
    choice = np.zeros(len(parent), np.uint32)
    for _ in range(rounds):
        for p in range(players):
            begin, end = set_begin[p], set_begin[p + 1]
            fill_payoffs(first[begin], first[end], row_begin, others, weights, plan, payoff)
            best_response(begin, end, first, parent, payoff, choice)
        for p in range(players):
            plan[p] += 1.0
        for j in range(len(parent)):
            own = answer[parent[j]]
            for s in range(first[j], first[j + 1]):
                answer[s] = own if s == choice[j] else 0.0
                plan[s] += answer[s]
        clock[0] += 1

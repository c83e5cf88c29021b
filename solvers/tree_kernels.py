"""Compiled loops over the arrays of a `GameTree`: realisation weights, payoffs of sequences, best responses.

No fast-math options: results are the same on every machine that rounds as IEEE 754 says. Unsigned indices are what makes
them fast.
"""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(cache=True, error_model="numpy")
def fill_reach(begin, end, first, parent, strategy, reach):  # type: ignore[no-untyped-def]  # numba kernel
    """Each sequence's realisation weight, of the information sets begin .. end - 1: the product of a player's own choices."""
    for j in range(begin, end):
        own = reach[parent[j]]
        for s in range(first[j], first[j + 1]):
            reach[s] = own * strategy[s]


@nb.njit(cache=True, error_model="numpy")
def fill_payoffs(begin, end, row_begin, others, weights, reach, payoff):  # type: ignore[no-untyped-def]  # numba kernel
    """What the sequences begin .. end - 1 earn at the ends right behind them, the others playing by ``reach``."""
    opponents = others.shape[1]
    if opponents == 1:
        for s in range(begin, end):
            total = 0.0
            for e in range(row_begin[s], row_begin[s + 1]):
                total += weights[e] * reach[others[e, 0]]
            payoff[s] = total
    else:
        for s in range(begin, end):
            total = 0.0
            for e in range(row_begin[s], row_begin[s + 1]):
                product = weights[e]
                for i in range(opponents):
                    product *= reach[others[e, i]]
                total += product
            payoff[s] = total


@nb.njit(cache=True, error_model="numpy")
def best_response(begin, end, first, parent, payoff, choice):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds to each sequence of ``payoff`` what a best response earns behind it; ``choice``: the best sequence of each set."""
    for j in range(np.int64(end) - 1, np.int64(begin) - 1, -1):
        best = first[j]
        for s in range(first[j] + 1, first[j + 1]):
            if payoff[s] > payoff[best]:
                best = s
        choice[j] = best
        payoff[parent[j]] += payoff[best]


@nb.njit(cache=True, error_model="numpy")
def measure(set_begin, first, parent, row_begin, others, weights, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """(expected returns [n], values of best responses [n], best sequences [I], realisation weights [S]) of a strategy."""
    players = len(set_begin) - 1
    reach = np.ones(len(strategy))
    payoff = np.zeros(len(strategy))
    choice = np.zeros(len(parent), np.uint32)
    returns, responses = np.zeros(players), np.zeros(players)
    fill_reach(0, len(parent), first, parent, strategy, reach)
    for p in range(players):
        begin, end = first[set_begin[p]], first[set_begin[p + 1]]
        fill_payoffs(p, p + 1, row_begin, others, weights, reach, payoff)
        fill_payoffs(begin, end, row_begin, others, weights, reach, payoff)
        total = payoff[p]
        for s in range(begin, end):
            total += reach[s] * payoff[s]
        returns[p] = total
        best_response(set_begin[p], set_begin[p + 1], first, parent, payoff, choice)
        responses[p] = payoff[p]
    return returns, responses, choice, reach

"""Compiled iterations of Monte Carlo counterfactual regret minimisation on the arrays of a `HistoryTree`.

In an iteration one player after the other is the updating one. What the others and chance do is decided by a word for each
information set and each chance node, a hash of (seed, iteration and updating player, that set or node): an information set
that is met at several histories chooses the same at all of them, so that a pure strategy of each is what is sampled.

Averages: of two players the one who does not update plays as sampled, so that he comes to his information sets as often as
his own choices r lead there, and his average grows by his strategy at each history that is met, divided by the probability
of what the other tried. Its expectation is r · strategy · what chance leads there, the average strategy but for a
constant. Of more players those who do not update hide one another's sets by what they do not play, in another way each
iteration; there each player has a history of its own, on which he plays by his strategy and all others uniformly.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.games.seeds import counter_hash, unit


@nb.njit(cache=True, error_model="numpy")
def external_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    seed, iterations, clock, first, mover, place, child, edge, returns, regret, average
):
    """So many iterations of external sampling after number ``clock[0]``: all actions of the updating player are tried.

    It comes to each of its information sets by one history at most: others would differ from it in what was sampled.
    """
    players, num_sets = returns.shape[1], len(first) - 1
    strategy, value = np.ones(len(regret)), np.zeros(len(regret))
    met = np.zeros(num_sets + 1, np.uint32)  # the updating player's nodes on the way to h,
    trying = np.zeros(num_sets + 1, np.uint32)  # and the sequence that is being tried at each of them
    for _ in range(iterations):
        for p in range(players):
            stream = clock[0] * players + p
            h, depth = np.uint32(0), 0
            while True:
                m = mover[h]
                if m == -1:
                    h = outcome(h, seed, stream, num_sets, child, edge)
                    continue
                if m >= 0:
                    j = place[h]
                    a, b = first[j], first[j + 1]
                    match(a, b, regret, strategy)
                    if m == p:
                        met[depth], trying[depth] = h, a
                        depth += 1
                        h = child[h]
                        continue
                    if players == 2:
                        for s in range(a, b):
                            average[s] += strategy[s]
                    h = child[h] + (drawn(a, b, strategy, unit(counter_hash(seed, stream, j))) - a)
                    continue
                returned = returns[place[h], p]
                while depth > 0:  # back to where something is left to try
                    h = met[depth - 1]
                    j, s = place[h], trying[depth - 1]
                    a, b = first[j], first[j + 1]
                    value[s] = returned
                    if s + 1 < b:
                        break
                    returned = 0.0
                    for s in range(a, b):
                        returned += strategy[s] * value[s]
                    for s in range(a, b):
                        regret[s] += value[s] - returned
                    depth -= 1
                if depth == 0:
                    break
                trying[depth - 1] += np.uint32(1)
                h = child[h] + (trying[depth - 1] - a)
        if players != 2:
            add_to_averages(seed, clock[0], first, mover, place, child, edge, players, regret, average, strategy)
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def outcome_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    seed, exploration, iterations, clock, first, mover, place, child, edge, returns, regret, average
):
    """So many iterations of outcome sampling after number ``clock[0]``: one history for each updating player.

    At each of its sets that player plays uniformly with probability ``exploration``, else by its strategy.
    """
    players, num_sets = returns.shape[1], len(first) - 1
    strategy = np.ones(len(regret))
    decided = np.zeros(num_sets + 1, np.uint32)  # the updating player's sets on the way,
    played = np.zeros(num_sets + 1, np.uint32)  # and its sequences
    for _ in range(iterations):
        for p in range(players):
            stream = clock[0] * players + p
            h, depth, explored = np.uint32(0), 0, 1.0  # explored: the probability of what the updating player tries
            while mover[h] != -4:
                m = mover[h]
                if m == -1:
                    h = outcome(h, seed, stream, num_sets, child, edge)
                    continue
                j = place[h]
                a, b = first[j], first[j + 1]
                match(a, b, regret, strategy)
                word = unit(counter_hash(seed, stream, j))
                if m == p:
                    s = explored_draw(a, b, strategy, exploration, word)
                    explored *= exploration / (b - a) + (1 - exploration) * strategy[s]
                    decided[depth], played[depth] = j, s
                    depth += 1
                else:
                    if players == 2:
                        for s in range(a, b):
                            average[s] += strategy[s] / explored
                    s = drawn(a, b, strategy, word)
                h = child[h] + (s - a)
            weight = returns[place[h], p] / explored
            after = 1.0  # the updating player's own probability of what follows
            while depth > 0:
                depth -= 1
                j, own_action = decided[depth], played[depth]
                through = strategy[own_action] * after
                for s in range(first[j], first[j + 1]):
                    regret[s] -= weight * through
                regret[own_action] += weight * after
                after = through
        if players != 2:
            add_to_averages(seed, clock[0], first, mover, place, child, edge, players, regret, average, strategy)
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def add_to_averages(  # type: ignore[no-untyped-def]  # numba kernel
    seed, iteration, first, mover, place, child, edge, players, regret, average, strategy
):
    """One history for each player, who plays by his strategy, chance by its probabilities and all others uniformly."""
    num_sets = len(first) - 1
    for p in range(players):
        stream = -1 - (iteration * players + p)  # words that no update uses
        h = np.uint32(0)
        while mover[h] != -4:
            m = mover[h]
            if m == -1:
                h = outcome(h, seed, stream, num_sets, child, edge)
                continue
            j = place[h]
            a, b = first[j], first[j + 1]
            word = unit(counter_hash(seed, stream, j))
            if m == p:
                match(a, b, regret, strategy)
                for s in range(a, b):
                    average[s] += strategy[s]
                s = drawn(a, b, strategy, word)
            else:
                s = a + np.uint32(word * (b - a))
            h = child[h] + (s - a)


@nb.njit(cache=True, error_model="numpy")
def match(a, b, regret, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """Regret matching at one information set: in proportion to regrets above 0, uniform where there are none."""
    total = 0.0
    for s in range(a, b):
        r = max(regret[s], 0.0)
        strategy[s] = r
        total += r
    if total > 0:
        for s in range(a, b):
            strategy[s] /= total
    else:
        for s in range(a, b):
            strategy[s] = 1.0 / (b - a)


@nb.njit(cache=True, error_model="numpy")
def drawn(a, b, strategy, word):  # type: ignore[no-untyped-def]  # numba kernel
    """The sequence that a word in [0, 1) chooses; never one of probability 0."""
    last = a
    for s in range(a, b):
        if strategy[s] > 0:
            last = s
            word -= strategy[s]
            if word < 0:
                break
    return last


@nb.njit(cache=True, error_model="numpy")
def explored_draw(a, b, strategy, exploration, word):  # type: ignore[no-untyped-def]  # numba kernel
    """The same where the choice is uniform with probability ``exploration``: the rest of the word is a word again."""
    if word < exploration:
        return min(a + np.uint32(word / exploration * (b - a)), b - np.uint32(1))
    return drawn(a, b, strategy, (word - exploration) / (1 - exploration))


@nb.njit(cache=True, error_model="numpy")
def outcome(h, seed, stream, num_sets, child, edge):  # type: ignore[no-untyped-def]  # numba kernel
    """The child of a chance node that its word chooses; the last one's edge is 1."""
    word = unit(counter_hash(seed, stream, num_sets + h))
    h = child[h]
    while edge[h] <= word:
        h += np.uint32(1)
    return h

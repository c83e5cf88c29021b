"""Compiled loops of AIVAT over the histories of a game: what players of unknown probabilities can tell apart, and estimates."""

from __future__ import annotations

import numba as nb
import numpy as np

CHANCE, TERMINAL = -1, -4


@nb.njit(cache=True, error_model="numpy")
def gather(mover, place, child, edge, first, unknown):  # type: ignore[no-untyped-def]  # numba kernel
    """(region [H], situation [H], region before [U], information set [U], first region behind [U], number of regions).

    A situation is a region with an information set of a player of ``unknown`` [n]; -1 stands for no situation.
    """
    size = len(mover)
    region = np.zeros(size, np.int64)
    situation = np.full(size, -1, np.int64)
    before, reached = np.empty(size, np.int64), np.empty(size, np.int64)
    behind = np.empty(size, np.int64)
    number_of = {np.int64(-1): np.int64(-1)}
    sets = np.int64(len(first))
    count, regions = 0, np.int64(1)
    for h in range(size):
        by = mover[h]
        if by == TERMINAL:
            continue
        here = region[h]
        if by == CHANCE:
            c = child[h]
            region[c] = here
            while edge[c] < 1.0:
                c += 1
                region[c] = here
            continue
        j = np.int64(place[h])
        actions = np.int64(first[j + 1]) - np.int64(first[j])
        if not unknown[by]:
            for i in range(actions):
                region[child[h] + i] = here
            continue
        key = here * sets + j
        if key not in number_of:
            number_of[key] = np.int64(count)
            before[count], reached[count], behind[count] = here, j, regions
            count += 1
            regions += actions
        u = number_of[key]
        situation[h] = u
        for i in range(actions):
            region[child[h] + i] = behind[u] + i
    return region, situation, before[:count], reached[:count], behind[:count], regions


@nb.njit(cache=True, error_model="numpy")
def known_reach(mover, place, child, edge, first, unknown, strategy):  # type: ignore[no-untyped-def]  # numba kernel
    """The probability of each history [H] as far as chance and players of known probabilities decide it."""
    reach = np.zeros(len(mover))
    reach[0] = 1.0
    for h in range(len(mover)):
        by = mover[h]
        if by == TERMINAL:
            continue
        if by == CHANCE:
            c, below = child[h], 0.0
            while True:
                reach[c] = reach[h] * (edge[c] - below)
                below = edge[c]
                if below >= 1.0:
                    break
                c += 1
            continue
        j = place[h]
        for i in range(first[j + 1] - first[j]):
            reach[child[h] + i] = reach[h] if unknown[by] else reach[h] * strategy[first[j] + i]
    return reach


@nb.njit(cache=True, error_model="numpy")
def estimate(  # type: ignore[no-untyped-def]  # numba kernel
    mover, place, returns, first, reach, region, situation, before, reached, behind, regions, strategy, given, use_given
):
    """(estimates [R, n], values of situations [U, n], how likely known players let each come about [U]).

    ``given`` [U, n]: values of situations where ``use_given``, else they follow from ``strategy`` [S].
    """
    players = returns.shape[1]
    ahead = np.zeros((regions, players))  # what is earned behind a region, times its reach
    mass = np.zeros(len(before))
    for h in range(len(mover)):
        if mover[h] == TERMINAL:
            for p in range(players):
                ahead[region[h], p] += reach[h] * returns[place[h], p]
        elif situation[h] >= 0:
            mass[situation[h]] += reach[h]
    valued = np.zeros((len(before), players))
    for k in range(len(before)):
        u = len(before) - 1 - k
        j = reached[u]
        for p in range(players):
            if use_given:
                total = mass[u] * given[u, p]
            else:
                total = 0.0
                for i in range(first[j + 1] - first[j]):
                    total += strategy[first[j] + i] * ahead[behind[u] + i, p]
            valued[u, p] = total
            ahead[before[u], p] += total
    estimates = np.empty((regions, players))
    values = np.empty((len(before), players))
    estimates[0] = ahead[0]
    for u in range(len(before)):
        j = reached[u]
        for p in range(players):
            values[u, p] = valued[u, p] / mass[u] if mass[u] > 0 else np.nan
            for i in range(first[j + 1] - first[j]):
                gained = (ahead[behind[u] + i, p] - valued[u, p]) / mass[u] if mass[u] > 0 else np.nan
                estimates[behind[u] + i, p] = estimates[before[u], p] + gained
    return estimates, values, mass


@nb.njit(cache=True, error_model="numpy")
def count_sequences(mover, place, child, edge, first, ended, counts):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds to ``counts`` [S] how often each sequence was played in matches of which ``ended`` [H] ended at each node."""
    passed = ended.copy()
    for k in range(len(mover)):
        h = len(mover) - 1 - k
        by = mover[h]
        if by == TERMINAL:
            continue
        if by == CHANCE:
            c = child[h]
            passed[h] += passed[c]
            while edge[c] < 1.0:
                c += 1
                passed[h] += passed[c]
            continue
        j = place[h]
        for i in range(first[j + 1] - first[j]):
            passed[h] += passed[child[h] + i]
            counts[first[j] + i] += passed[child[h] + i]

"""Compiled loops over all of dark hex's histories at once: what each move of each player earns against the other's policy.

Once it is known which stones were placed when (and, in the abrupt game, which moves hit something), what the players tried
in vain no longer hangs together: every move sequence of player 0 that fits meets every one of player 1 that fits. So the
loops walk through histories of stones, of which there are few, and carry along the two lists of sequences that fit. At an
end each sequence of a list earns payoff · (sum of the other list's realisation weights): |list 0| + |list 1| steps for
|list 0| · |list 1| histories.
"""

from __future__ import annotations

import numba as nb
import numpy as np

MOVE = np.dtype([("after_hit", np.uint64), ("after_stone", np.uint64), ("reach", np.float64), ("payoff", np.float64)])
"""What the walk needs of a sequence, side by side, for it jumps about in memory: the decision that follows when the move hits
a stone, and when it places one, its realisation weight, and what it has earned so far. A decision is packed: the first of its
sequences in the upper half of the bits, the cells that are open in the lower."""


@nb.njit(cache=True, error_model="numpy", nogil=True)
def fill_reach(first, parent, probabilities):  # type: ignore[no-untyped-def]  # numba kernel
    """Turns the probability of each sequence's last move into its realisation weight, in place."""
    for j in range(1, len(parent)):
        own = probabilities[parent[j]]
        for s in range(first[j], first[j + 1]):
            probabilities[s] *= own


@nb.njit(cache=True, error_model="numpy", nogil=True)
def fill_payoffs(  # type: ignore[no-untyped-def]  # numba kernel
    opening,
    abrupt,
    cells,
    wins,
    ranks,
    start,
    moves_0,
    moves_1,
    capacity,
):
    """Adds to each sequence what it earns at the ends right behind it, in all histories that open with one stone.

    ``moves`` [S]: a `MOVE` a sequence. ``start``: the first decision of either player, packed. ``ranks`` [2^cells]: number of
    bits. ``capacity``: more sequences than any list can hold. Returns the number of histories of stones.

    A level of the stack is one turn, the players' by turns from level 2 on; levels 0 and 1 stand for having done nothing.
    ``stones`` of both lie before it. ``lists``: the sequences that the mover may have played when it is over, ``weight`` the
    sum of their realisation weights, ``outcome`` whether they placed a stone. ``here``: the decisions that he may be at,
    packed, which follow from the list two levels below. ``step``: the cell that comes next; -1 is hitting something in the
    abrupt game.
    """
    levels = 2 * cells + 3
    lists, size = np.zeros((levels, capacity), np.uint32), np.zeros(levels, np.int64)
    here, places = np.zeros((levels, capacity), np.uint64), np.zeros(levels, np.int64)
    weight, outcome = np.ones(levels), np.zeros(levels, np.int64)
    earned = np.zeros(levels)  # by the mover's winning moves, and lost by each sequence of the other
    stones, step = np.zeros((levels, 2), np.int64), np.zeros(levels, np.int64)
    histories = 0
    level, entered = 2, True
    while level >= 2:
        player, other = level & 1, 1 - (level & 1)
        before, facing = level - 2, level - 1  # where he and the other moved last
        if player == 0:
            moves, other_moves = moves_0, moves_1
        else:
            moves, other_moves = moves_1, moves_0
        hidden = stones[level, other]
        at = here[level]
        if entered:
            entered = False
            histories += 1
            count = 1
            at[0] = start
            if before >= 2:
                count = size[before]
                if outcome[before]:
                    for i in range(count):
                        at[i] = moves[lists[before, i]].after_stone
                else:
                    for i in range(count):
                        at[i] = moves[lists[before, i]].after_hit
            if not abrupt:  # whoever hits a stone moves again, as often as there are stones that he does not know
                i = 0
                while i < count:
                    found = at[i]
                    free = np.int64(found & np.uint64(0xFFFFFFFF))
                    rest = free & hidden
                    while rest:
                        bit = rest & -rest
                        rest ^= bit
                        at[count] = moves[np.uint32(found >> np.uint64(32)) + ranks[free & (bit - 1)]].after_hit
                        count += 1
                    i += 1
            places[level], earned[level] = count, 0.0
            step[level] = opening if level == 2 else -1 if abrupt else 0
        cell = step[level]
        step[level] += 1
        if cell == cells or (level == 2 and cell > opening):
            if earned[level] != 0.0 and facing >= 2:
                for i in range(size[facing]):
                    other_moves[lists[facing, i]].payoff -= earned[level]
            level -= 1
            continue
        count = places[level]
        played = lists[level]
        total = 0.0
        if cell < 0:
            num_played = 0
            for i in range(count):
                found = at[i]
                free = np.int64(found & np.uint64(0xFFFFFFFF))
                rest = free & hidden
                while rest:
                    bit = rest & -rest
                    rest ^= bit
                    s = np.uint32(found >> np.uint64(32)) + ranks[free & (bit - 1)]
                    played[num_played] = s
                    total += moves[s].reach
                    num_played += 1
            if num_played == 0:
                continue
            size[level], outcome[level] = num_played, 0
            stones[level + 1, player] = stones[level, player]
        else:
            bit = 1 << cell
            if (stones[level, 0] | stones[level, 1]) & bit:
                continue
            for i in range(count):
                found = at[i]
                free = np.int64(found & np.uint64(0xFFFFFFFF))
                s = np.uint32(found >> np.uint64(32)) + ranks[free & (bit - 1)]
                played[i] = s
                total += moves[s].reach
            if wins[player, stones[level, player] | bit]:
                if weight[facing] != 0.0:
                    for i in range(count):
                        moves[played[i]].payoff += weight[facing]
                earned[level] += total
                continue
            size[level], outcome[level] = count, 1
            stones[level + 1, player] = stones[level, player] | bit
        if total == 0.0 and weight[facing] == 0.0:  # nobody's payoffs change behind here
            continue
        weight[level] = total
        stones[level + 1, other] = hidden
        level += 1
        entered = True
    return histories


@nb.njit(cache=True, error_model="numpy", nogil=True)
def best_response(own, hit, first, parent, payoff, choice):  # type: ignore[no-untyped-def]  # numba kernel
    """The value of a best response; adds to each sequence of ``payoff`` what it earns behind it.

    ``choice`` [I]: the best cell of each set, the first of equal ones.
    """
    value = 0.0
    for j in range(len(parent) - 1, -1, -1):
        known, s, cell = own[j] | hit[j], first[j], 0
        value = -np.inf
        while s < first[j + 1]:
            if known >> cell & 1 == 0:
                if payoff[s] > value:
                    value = payoff[s]
                    choice[j] = cell
                s += 1
            cell += 1
        if j > 0:
            payoff[parent[j]] += value
    return value

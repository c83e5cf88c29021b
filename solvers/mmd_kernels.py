"""Compiled iterations of magnetic mirror descent on the arrays of a `GameTree`, and the gap of the regularised game.

Everything is kept as logarithms of behaviour, l[s] = log of the probability of a sequence's last action at its information
set, so that no probability is ever lost to rounding at 0. All players move at once. In sequence form, with c = 1 / (1 + ηα),
g[s] = what the sequence earns right behind it and m = the magnet's logarithms, for a player's sets from the last to the first

    z[s] = c (l[s] + η g[s] + ηα m[s]) + Σ over the sets h behind s of log Σ exp z[h],        l[s] = z[s] - log Σ exp z[set]

which is the proximal step of dilated entropy in closed form: what a set hands to its parent is the value of its own step. Of
the uniform magnet, the plans of play all alike, the term adds up to the same for every strategy and is left out.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.solvers.tree_kernels import fill_payoffs


@nb.njit(cache=True, error_model="numpy")
def fill_reach_of_logs(first, parent, logs, reach):  # type: ignore[no-untyped-def]  # numba kernel
    """Each sequence's realisation weight."""
    for j in range(len(parent)):
        own = reach[parent[j]]
        for s in range(first[j], first[j + 1]):
            reach[s] = own * np.exp(logs[s])


@nb.njit(cache=True, error_model="numpy")
def normalise_set(a, b, logs):  # type: ignore[no-untyped-def]  # numba kernel
    """Makes the probabilities of the sequences a .. b - 1 add up to one; returns what each logarithm lost, log Σ exp."""
    top = logs[a]
    for s in range(a + 1, b):
        top = max(top, logs[s])
    total = 0.0
    for s in range(a, b):
        total += np.exp(logs[s] - top)
    total = top + np.log(total)
    for s in range(a, b):
        logs[s] -= total
    return total


@nb.njit(cache=True, error_model="numpy")
def normalise_upwards(first, parent, logs):  # type: ignore[no-untyped-def]  # numba kernel
    """Turns z into l, the last sets first; a set hands log Σ exp z to its parent."""
    for j in range(np.int64(len(parent)) - 1, -1, -1):
        logs[parent[j]] += normalise_set(first[j], first[j + 1], logs)


@nb.njit(cache=True, error_model="numpy")
def dilated_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    iterations,
    schedule,
    moving,
    clock,
    set_begin,
    first,
    parent,
    row_begin,
    others,
    weights,
    logs,
    magnet,
):
    """So many iterations after number ``clock[0]``, in sequence form with dilated entropy.

    ``schedule``: α, η and an exponent d: iteration t has the temperature α / t^d and the step η / t^d. ``moving``: the rate at
    which the magnet follows, 0 = the uniform magnet, which stays.
    """
    alpha, eta, decay = schedule
    players, sets, size = len(set_begin) - 1, len(parent), len(logs)
    reach, gradient = np.ones(size), np.zeros(size)
    fill_reach_of_logs(first, parent, logs, reach)
    for _ in range(iterations):
        t = float(clock[0] + 1)
        step = eta * t**-decay
        pull = step * alpha * t**-decay
        c = 1.0 / (1.0 + pull)
        fill_payoffs(players, size, row_begin, others, weights, reach, gradient)
        step *= c
        if moving > 0:
            pull *= c
            for s in range(players, size):
                logs[s] = c * logs[s] + step * gradient[s] + pull * magnet[s]
        else:
            for s in range(players, size):
                logs[s] = c * logs[s] + step * gradient[s]
        for j in range(np.int64(sets) - 1, -1, -1):
            a, b = first[j], first[j + 1]
            top = logs[a]
            for s in range(a + 1, b):
                top = max(top, logs[s])
            total = 0.0
            for s in range(a, b):  # as `normalise_upwards`, but each exponential is taken once, for the reach too
                logs[s] -= top
                share = np.exp(logs[s])
                reach[s] = share
                total += share
            own, inverse = np.log(total), 1.0 / total
            for s in range(a, b):
                logs[s] -= own
                reach[s] *= inverse
            logs[parent[j]] += top + own
        for j in range(sets):
            own = reach[parent[j]]
            for s in range(first[j], first[j + 1]):
                reach[s] *= own
        for p in range(players):
            logs[p] = 0.0
        if moving > 0:
            for s in range(players, size):
                magnet[s] += moving * (logs[s] - magnet[s])
            normalise_upwards(first, parent, magnet)
            for p in range(players):
                magnet[p] = 0.0
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def behavioural_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    iterations,
    schedule,
    moving,
    clock,
    set_begin,
    first,
    parent,
    row_begin,
    others,
    chance,
    weights,
    logs,
    magnet,
):
    """So many iterations after number ``clock[0]``, each information set for itself: l = (l + η q + ηα m) / (1 + ηα) up to
    normalisation, where q[s] is what the player expects from a sequence once it is played.

    Rows hold ends that pay nothing too, and their ``chance``. Where others never come, by rounding, a set stays as it is.
    """
    alpha, eta, decay = schedule
    players, sets, size = len(set_begin) - 1, len(parent), len(logs)
    reach, value, mass, play = np.ones(size), np.zeros(size), np.zeros(size), np.ones(size)
    for _ in range(iterations):
        t = float(clock[0] + 1)
        step = eta * t**-decay
        pull = step * alpha * t**-decay
        c = 1.0 / (1.0 + pull)
        for s in range(players, size):
            play[s] = np.exp(logs[s])
        for j in range(sets):
            own = reach[parent[j]]
            for s in range(first[j], first[j + 1]):
                reach[s] = own * play[s]
        fill_both(players, size, row_begin, others, chance, weights, reach, mass, value)
        for j in range(np.int64(sets) - 1, -1, -1):
            a, b = first[j], first[j + 1]
            earned, come = 0.0, 0.0
            for s in range(a, b):
                earned += play[s] * value[s]
                come += play[s] * mass[s]
            value[parent[j]] += earned
            mass[parent[j]] += come
            if come > 1e-290:
                for s in range(a, b):
                    logs[s] = c * (logs[s] + step * value[s] / mass[s] + pull * magnet[s])
                normalise_set(a, b, logs)
        if moving > 0:
            for s in range(players, size):
                magnet[s] += moving * (logs[s] - magnet[s])
            for j in range(sets):
                normalise_set(first[j], first[j + 1], magnet)
        clock[0] += 1


@nb.njit(cache=True, error_model="numpy")
def fill_both(begin, end, row_begin, others, chance, weights, reach, mass, value):  # type: ignore[no-untyped-def]  # kernel
    """`fill_payoffs` of chances and of payoffs: the rows are read once."""
    opponents = others.shape[1]
    for s in range(begin, end):
        come, earned = 0.0, 0.0
        for e in range(row_begin[s], row_begin[s + 1]):
            product = 1.0
            for i in range(opponents):
                product *= reach[others[e, i]]
            come += chance[e] * product
            earned += weights[e] * product
        mass[s], value[s] = come, earned


@nb.njit(cache=True, error_model="numpy")
def dilated_gains(  # type: ignore[no-untyped-def]  # numba kernel
    temperature, set_begin, first, parent, row_begin, others, weights, logs
):
    """What each player would gain [n] by a best response in the game regularised by ``temperature`` · dilated entropy.

    The best response is l* = z* normalised upwards, z* = g / α; the gain is α Σ over sets of reach · KL(l ‖ l*), a sum of
    what is not negative: no two large numbers are subtracted.
    """
    players, size = len(set_begin) - 1, len(logs)
    reach, best = np.ones(size), np.zeros(size)
    fill_reach_of_logs(first, parent, logs, reach)
    fill_payoffs(players, size, row_begin, others, weights, reach, best)
    for s in range(players, size):
        best[s] /= temperature
    normalise_upwards(first, parent, best)
    gains = np.zeros(players)
    for p in range(players):
        for s in range(first[set_begin[p]], first[set_begin[p + 1]]):
            if reach[s] > 0:
                gains[p] += reach[s] * (logs[s] - best[s])
        gains[p] = max(gains[p] * temperature, 0.0)
    return gains


@nb.njit(cache=True, error_model="numpy")
def dilated_divergence(first, parent, logs, other):  # type: ignore[no-untyped-def]  # numba kernel
    """The Bregman divergence B(x; y) of dilated entropy, all players' added: Σ over sets of reach of x · KL(x ‖ y)."""
    reach, total = np.ones(len(logs)), 0.0
    fill_reach_of_logs(first, parent, logs, reach)
    for j in range(len(parent)):
        for s in range(first[j], first[j + 1]):
            if reach[s] > 0:
                total += reach[s] * (logs[s] - other[s])
    return total

"""Compiled iterations of mirror-prox on the arrays of a `GameTree`, in sequence form with dilated entropy and an anchor.

Everything is kept as logarithms of behaviour, l[s] = log of the probability of a sequence's last action at its information
set, so that no probability is lost to rounding at 0. With x the plans of l, the distance of two points is the dilated
divergence D(a, b) = Σ over sets j of x_a[parent of j] · KL(a at j, b at j).

The proximal step P(z, g) minimises −η ⟨g, x⟩ + ηα D(x, anchor) + D(x, z) for all players at once; with c = 1 / (1 + ηα), for a
player's sets from the last to the first,

    y[s] = c (l_z[s] + η g[s] + ηα l_anchor[s]) + Σ over the sets h behind s of log Σ exp y[h],   l[s] = y[s] − log Σ exp y[set]

One iteration: w = P(z, g(z)), z⁺ = P(z, g(w)), with the step η halved until

    η ⟨g(w) − g(z), x⁺ − x_w⟩ ≤ (1 + ηα) D(z⁺, w) + D(w, z)                                                          (*)

which is all that the proof needs: see `arena.solvers.self_play`.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from arena.solvers.mmd_kernels import fill_reach_of_logs, normalise_upwards
from arena.solvers.tree_kernels import fill_payoffs

SHRINK, GROW = 0.5, 1.2
"""What becomes of a step that fails the test (*), and of one that passes it, for the next iteration."""
STEEP = 30.0
"""Differences of logarithms above this are exponentiated by their parts."""


@nb.njit(cache=True, error_model="numpy")
def divergence(first, parent, plan, logs, others_logs):  # type: ignore[no-untyped-def]  # numba kernel
    """D(a, b) of the point with ``plan`` and ``logs`` from another: sums of terms that are never negative, so that it is
    exact to a few digits however small."""
    total = 0.0
    for j in range(len(parent)):
        own = plan[parent[j]]
        for s in range(first[j], first[j + 1]):
            difference = others_logs[s] - logs[s]
            if difference > STEEP:
                total += own * np.exp(others_logs[s]) - plan[s] * (1.0 + difference)
            elif plan[s] > 0:
                total += plan[s] * (np.expm1(difference) - difference)
            else:
                total += own * np.exp(others_logs[s])
    return total


@nb.njit(cache=True, error_model="numpy")
def proximal_step(players, first, parent, logs, anchor, gradient, step, temperature, new):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes the logarithms of P(z, g) to ``new``."""
    pull = step * temperature
    c = 1.0 / (1.0 + pull)
    for s in range(players, len(logs)):
        new[s] = c * (logs[s] + step * gradient[s] + pull * anchor[s])
    normalise_upwards(first, parent, new)
    for p in range(players):
        new[p] = 0.0


@nb.njit(cache=True, error_model="numpy")
def regularised_iterations(  # type: ignore[no-untyped-def]  # numba kernel
    iterations,
    temperature,
    interval,
    largest,
    clock,
    step,
    set_begin,
    first,
    parent,
    row_begin,
    others,
    weights,
    logs,
    anchor,
):
    """So many iterations after number ``clock[0]``; the anchor moves to the play after each ``interval`` of them.

    ``step`` [1]: what the next iteration tries first, at most ``largest``.
    """
    players, size = len(set_begin) - 1, len(logs)
    plan, halfway, ahead = np.ones(size), np.ones(size), np.ones(size)
    gain, gain_halfway = np.zeros(size), np.zeros(size)
    w, z = np.zeros(size), np.zeros(size)
    fill_reach_of_logs(first, parent, logs, plan)
    for _ in range(iterations):
        fill_payoffs(players, size, row_begin, others, weights, plan, gain)
        eta = min(step[0], largest)
        while True:
            proximal_step(players, first, parent, logs, anchor, gain, eta, temperature, w)
            fill_reach_of_logs(first, parent, w, halfway)
            fill_payoffs(players, size, row_begin, others, weights, halfway, gain_halfway)
            proximal_step(players, first, parent, logs, anchor, gain_halfway, eta, temperature, z)
            fill_reach_of_logs(first, parent, z, ahead)
            bent = 0.0
            for s in range(players, size):
                bent += (gain_halfway[s] - gain[s]) * (ahead[s] - halfway[s])
            allowed = divergence(first, parent, halfway, w, logs)
            allowed += (1.0 + eta * temperature) * divergence(first, parent, ahead, z, w)
            if eta * bent <= allowed:  # a step so short that it moves nothing passes: 0 <= 0
                break
            eta *= SHRINK
        logs[:] = z
        plan[:] = ahead
        step[0] = eta * GROW
        clock[0] += 1
        if clock[0] % interval == 0:
            anchor[:] = logs

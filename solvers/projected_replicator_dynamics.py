"""Projected replicator dynamics: actions grow by what they gain on the average, and none falls below a floor."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import ArrayLike

from arena.solvers.deviations import is_constant_sum, nash_gap, payoff_table, write_deviations
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 100_000
MEASUREMENTS = 20  # how often the gap is measured


def projected_replicator_dynamics(
    payoffs: ArrayLike,
    *,
    iterations: int = DEFAULT_ITERATIONS,
    step: float = 1e-3,
    floor: float = 1e-6,
    until: float | None = None,
    progress: Progress | None = None,
) -> Solution:
    """The time average of the dynamics from uniform play, a meta-strategy of PSRO that keeps every policy alive.

    x ← P(x + step · x (u − x·u)) for all players at once, P the Euclidean projection on {x ≥ floor, Σ x = 1}; the average
    is over the start and all that follows. The continuous dynamics without a floor have averages that converge in
    two-player zero-sum games; the discrete ones with a floor come near only, so that no convergence is promised: judge by
    the gap. ``converged`` says, for two-player constant-sum games, that the gap asked for was measured.

    Source: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017,
    arXiv:1711.00832, section 3.2 and appendix.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite. Steps are in units of payoff: the dynamics depend on their scale.
        iterations: the most steps.
        step: length of a step of time.
        floor: the least probability of an action, below 1 / the most actions.
        until: stop once NashConv of the average is at most this, in units of payoff.
        progress: called with (steps, gap) whenever the gap was measured.

    Raises:
        SpecificationError: no table of payoffs.
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    sizes = np.array(table.shape[1:])
    if iterations < 1 or not step > 0 or (until is not None and not until > 0):
        raise ValueError(f"iterations, step and until must be positive; got {iterations}, {step} and {until}")
    if not 0 <= floor <= 1 / sizes.max():
        raise ValueError(f"floor must be from 0 to 1 / the most actions = {1 / sizes.max():g}; got {floor}")
    current = np.zeros((len(table), sizes.max()))
    for player, size in enumerate(sizes):
        current[player, :size] = 1 / size
    sums = current.copy()
    history: list[tuple[int, float]] = []
    done = 0
    while True:
        steps = min(max(iterations // MEASUREMENTS, 1), iterations - done)
        _advance(table.reshape(len(table), -1), sizes, current, sums, steps, step, floor)
        done += steps
        strategies = tuple(sums[player, :size] / sums[player, :size].sum() for player, size in enumerate(sizes))
        gap, values = nash_gap(table, strategies)
        history.append((done, gap))
        if progress is not None:
            progress(done, gap)
        if done == iterations or (until is not None and gap <= until):
            break
    covered = is_constant_sum(table)
    return Solution(
        strategies=strategies,
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=covered and until is not None and gap <= until,
        guarantee="none: the average comes near optimal strategies as step and floor go to 0" if covered else "none",
        iterations=done,
        history=tuple(history),
        settings={"iterations": iterations, "step": step, "floor": floor, "until": until},
        source="Lanctot et al. 2017, arXiv:1711.00832",
    )


@nb.njit(cache=True)
def _advance(table, sizes, current, sums, steps, step, floor):  # type: ignore[no-untyped-def]  # numba kernel
    deviations = np.zeros_like(current)
    for _ in range(steps):
        write_deviations(table, sizes, current, deviations)
        for i in range(len(sizes)):
            size = sizes[i]
            mean = 0.0
            for action in range(size):
                mean += current[i, action] * deviations[i, action]
            for action in range(size):
                current[i, action] += step * current[i, action] * (deviations[i, action] - mean)
            _project(current[i, :size], floor)
            sums[i] += current[i]


@nb.njit(cache=True)
def _project(point, floor):  # type: ignore[no-untyped-def]  # numba kernel
    """The nearest point of {x ≥ floor, Σ x = 1}, in place: x = max(point − shift, floor), the shift by sorting."""
    size = len(point)
    excess = (point.sum() - 1.0) / size
    if point.min() - excess >= floor:  # nothing comes to lie on the floor
        point -= excess
        return
    mass = 1.0 - size * floor
    descending = np.sort(point - floor)[::-1]
    total, shift = 0.0, 0.0
    for k in range(size):
        total += descending[k]
        candidate = (total - mass) / (k + 1)
        if descending[k] > candidate:
            shift = candidate
    for action in range(size):
        point[action] = max(point[action] - shift, floor)

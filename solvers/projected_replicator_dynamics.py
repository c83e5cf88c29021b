"""Projected replicator dynamics: actions grow by what they gain on the average, and none falls below a floor."""

from __future__ import annotations

from pathlib import Path

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.deviations import Strategies, is_constant_sum, nash_gap, payoff_table, write_deviations
from arena.solvers.iteration import Run, iterate
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 100_000
CALL_WORK = 20_000_000
"""Payoffs that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""


def projected_replicator_dynamics(
    payoffs: ArrayLike,
    *,
    iterations: int = DEFAULT_ITERATIONS,
    step: float = 1e-3,
    floor: float = 1e-6,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The time average of the dynamics from uniform play, a meta-strategy of PSRO that keeps every policy alive.

    x ← P(x + step · x (u − x·u)) for all players at once, P the Euclidean projection on {x ≥ floor, Σ x = 1}; the average
    is over the start and all that follows. The continuous dynamics without a floor have averages that converge in
    two-player zero-sum games; the discrete ones with a floor come near only, so that no convergence is promised: judge by
    the gap; ``converged`` is never claimed.

    Source: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017,
    arXiv:1711.00832, section 3.2 and appendix.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite. Steps are in units of payoff: the dynamics depend on their scale.
        iterations: the most steps.
        step: length of a step of time.
        floor: the least probability of an action, below 1 / the most actions.
        until: stop once NashConv of the average is at most this, in units of payoff.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (steps, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same answer as one that was not.

    Raises:
        SpecificationError: no table of payoffs; the checkpoint is of other payoffs or settings, or no checkpoint.
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    sizes = np.array(table.shape[1:])
    if not step > 0:
        raise ValueError(f"step must be positive; got {step}")
    if not 0 <= floor <= 1 / sizes.max():
        raise ValueError(f"floor must be from 0 to 1 / the most actions = {1 / sizes.max():g}; got {floor}")
    state = _start(sizes)

    def average() -> Strategies:
        sums = state["sums"]
        return tuple(sums[player, :size] / sums[player, :size].sum() for player, size in enumerate(sizes))

    run = Run(
        subject=Subject(
            method="projected_replicator_dynamics",
            game="payoffs",
            fingerprint=fingerprint((table,)),
            settings={"step": step, "floor": floor},
        ),
        state=state,
        advance=lambda steps: _advance(table, sizes, state, steps, step, floor),
        gap=lambda: nash_gap(table, average())[0],
    )
    history = iterate(
        run,
        iterations=iterations,
        until=until,
        default=DEFAULT_ITERATIONS,
        progress=progress,
        checkpoint=checkpoint,
    )
    gap, values = nash_gap(table, average())
    covered = is_constant_sum(table)
    return Solution(
        strategies=average(),
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=False,
        guarantee="none: the average comes near optimal strategies as step and floor go to 0" if covered else "none",
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "step": step, "floor": floor, "until": until},
        source="Lanctot et al. 2017, arXiv:1711.00832",
    )


def _start(sizes: NDArray[np.int64]) -> State:
    """``current`` [n, most actions]: uniform play; ``sums``: what was played, added up."""
    current = np.zeros((len(sizes), sizes.max()))
    for player, size in enumerate(sizes):
        current[player, :size] = 1 / size
    return {"clock": np.zeros(1, np.int64), "current": current, "sums": current.copy()}


def _advance(
    table: NDArray[np.float64], sizes: NDArray[np.int64], state: State, steps: int, step: float, floor: float
) -> None:
    """Does so many more steps, in place."""
    a_call, last = CALL_WORK // table.size + 1, int(state["clock"][0]) + steps
    flat = table.reshape(len(table), -1)
    while state["clock"][0] < last:
        count = min(a_call, last - int(state["clock"][0]))
        _steps(flat, sizes, state["current"], state["sums"], state["clock"], count, step, floor)


@nb.njit(cache=True)
def _steps(table, sizes, current, sums, clock, steps, step, floor):  # type: ignore[no-untyped-def]  # numba kernel
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
        clock[0] += 1


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

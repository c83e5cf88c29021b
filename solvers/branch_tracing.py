"""The principal branch of quantal response equilibria, followed as a run: each step measured, interrupted and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from arena.solvers.checkpoint import State, Subject
from arena.solvers.iteration import Run, iterate
from arena.solvers.quantal_branch import Branch, Response, branch_in, branch_of, state_of, step_along
from arena.solvers.solution import Progress

DEFAULT_STEPS = 2_000
LARGEST_RATIONALITY = 1e10  # in units of the response: beyond it rounding decides


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """``branch``: its end. ``points`` [steps + 1, K + 1]: (logarithms, rationality) from uniform play on; ``history``: (step,
    gap); ``reached``: whether the end lies at the rationality asked for, else the branch was left or lost before."""

    branch: Branch = field(repr=False)
    points: NDArray[np.float64] = field(repr=False)
    history: tuple[tuple[int, float], ...]
    reached: bool

    @property
    def steps(self) -> int:
        return len(self.points) - 1


def traced(
    response: Response,
    *,
    subject: Subject,
    rationality: float,
    gap: Callable[[NDArray[np.float64]], float],
    iterations: int | None,
    until: float | None,
    progress: Progress | None,
    checkpoint: str | Path | None,
) -> Trace:
    """The branch from uniform play to a rationality, in units of the response, at most the largest.

    Args:
        gap: of the logarithms [K] of a point, measured after every step.
        iterations: the most steps, by default 2,000.
        until: stop once the gap is at most this.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on Ctrl-C.

    Raises:
        SpecificationError: the checkpoint is of another run, or no checkpoint.
        ValueError: `iterations` or `until` is not positive.
    """
    target = min(rationality, LARGEST_RATIONALITY)
    branch = branch_of(response)
    state: State = {"clock": np.zeros(1, np.int64), **state_of(branch), "points": branch.point[None].copy()}
    run = Run(
        subject=subject,
        state=state,
        advance=lambda steps: _advance(response, state, target, steps),
        gap=lambda: gap(state["point"][:-1]),
        growing=frozenset({"points"}),
        measure_growth=1.0,
        finished=lambda: _is_over(branch_in(state), target),
    )
    history = iterate(
        run, iterations=iterations, until=until, default=DEFAULT_STEPS, progress=progress, checkpoint=checkpoint
    )
    end = branch_in(state)
    return Trace(branch=end, points=state["points"], history=history, reached=end.rationality >= target)


def _advance(response: Response, state: State, target: float, steps: int) -> None:
    """So many more steps, fewer where the branch ends or is lost. What was too long is tried again, shorter."""
    for _ in range(steps):
        branch, made = branch_in(state), False
        while not made and not _is_over(branch, target):
            made = step_along(response, branch, target)
        changed = state_of(branch)
        if made:
            changed |= {"clock": state["clock"] + 1, "points": np.vstack((state["points"], branch.point))}
        state.update(changed)


def _is_over(branch: Branch, target: float) -> bool:
    return branch.lost or branch.rationality >= target

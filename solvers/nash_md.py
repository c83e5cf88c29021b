"""Nash mirror descent (Nash-MD): each step goes from, and against, a mixture of the policy and the reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import falling_rate, mirror_step, normalised
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000


def nash_md(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    beta: float = 0.1,
    step: float | None = None,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of Nash mirror descent in the preference game that charges β KL(π, μ), from μ on; one query an iteration.

        log π_mixed = (1 - η β) log π + η β log μ + constant
        log π_next  = log π_mixed + η P π_mixed + constant

    The step of iteration t = 0, 1, ... is η = 2 / (β (t + 2)), and KL(solution, π_T) ≤ 8 / (β² (T + 1)). With a constant step
    the policy converges to another point than the solution, as the opponent is the mixture and not the policy: its gap is of
    the order of η². `nash_mirror_prox` says what the gap and ``settings`` are.

    Source: Munos et al., Nash learning from human feedback, ICML 2024, arXiv:2312.00886, theorem 1 with its steps.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates.
        step: η, constant, with η β at most 1; None = the falling steps.
        samples: None = exact win rates; else how many opponents drawn from the policy asked about each candidate meets in a query.
        flip_rate: the chance, below 1/2, with which the judge of a sampled comparison names the loser; known, and corrected for.
        iterations: the most that are done; by default 10,000.
        until: stop once the gap is at most this, in every context; one where it is asks no more.
        seed: of the samples.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on Ctrl-C.

    Raises:
        SpecificationError: not such a matrix, the worst cell is named; the checkpoint is of other preferences or settings,
            or no checkpoint.
        ValueError: a setting outside its range.
    """
    problem = preference_problem(preferences, reference, samples=samples, flip_rate=flip_rate, seed=seed)
    price = require_beta(beta)
    eta = None if step is None else require_step(step)
    if eta is not None and eta * price > 1:
        raise ValueError(f"step times beta must be at most 1; got {step} and {beta}")

    def update(turn: Turn) -> State:
        rate = falling_rate(price, turn.done) if eta is None else eta
        mixed = normalised((1 - rate * price) * turn.state["logs"] + rate * price * turn.reference)
        return {"logs": mirror_step(mixed, turn.query(mixed), turn.reference, rate=rate, beta=0.0)}

    learner = Learner(
        method="nash_md",
        update=update,
        beta=price,
        covered=eta is None,
        guarantee="KL(solution, policy) is at most 8 / (beta² (iterations + 1))"
        if eta is None
        else "none: a constant step leads near the solution and not to it; the gap says how near",
        settings={"beta": price, "step": eta},
        default=DEFAULT_ITERATIONS,
        source="Munos et al. 2024, arXiv:2312.00886",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

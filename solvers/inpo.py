"""Iterative Nash policy optimisation (INPO): mirror descent in self-play on the regularised preference game."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import falling_rate, mirror_step, rate_of
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000
ROUNDING = 1e-12  # of a step that a user computed to be the largest


def inpo(
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
    """The last policy of INPO in the preference game that charges β KL(π, μ), from μ on; one iteration = one query.

        log π_next = (1 - η β) log π + η β log μ + η P π + constant

    INPO finds this step by a regression on pairs drawn from the policy and labelled once; in a table its minimiser is the step
    itself. It is also magnetic mirror descent with the proximal step γ = η / (1 - η β). The step of iteration t = 0, 1, ...
    is η = 2 / (β (t + 2)). A constant step converges linearly if γ ≤ 4 β. `nash_mirror_prox` says what the gap and
    ``settings`` are; the paper's duality gap is twice this gap.

    Source: Zhang et al., Iterative Nash policy optimization, ICLR 2025, arXiv:2407.00617, equation 5 and theorem 4; constant
    steps: Sokota et al. 2023, arXiv:2206.05825, theorem 3.4.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates.
        step: η, constant, with η β at most 1: 1 / the paper's η, which is an inverse; None = the falling steps.
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
    linear = eta is not None and eta <= rate_of(4 * price, price) * (1 + ROUNDING)

    def update(turn: Turn) -> State:
        rate = falling_rate(price, turn.done) if eta is None else eta
        return {
            "logs": mirror_step(
                turn.state["logs"], turn.query(turn.state["logs"]), turn.reference, rate=rate, beta=price
            )
        }

    learner = Learner(
        method="inpo",
        update=update,
        beta=price,
        covered=eta is None or linear,
        guarantee="KL(solution, policy) is of order 1 / (beta² iterations)"
        if eta is None
        else "the policy converges linearly to the solution"
        if linear
        else "none: the step is above the one that is proven to converge, 4 beta / (1 + 4 beta²)",
        settings={"beta": price, "step": eta},
        default=DEFAULT_ITERATIONS,
        source="Zhang et al. 2025, arXiv:2407.00617",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

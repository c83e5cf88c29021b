"""Direct Nash optimisation (DNO): soft policy iteration on preferences, whose average goes to the minimax winner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.preference_learning import hedge_self_play, learn, preference_problem, require_step
from arena.solvers.preference_mirror import hedge_step
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000


def dno(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    step: float | None = None,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average of the policies of soft policy iteration, which goes to the minimax winner; one iteration = one query.

        log π_next = log π + η P π + constant          from the reference; the answer is the mean of π_1 .. π_T

    DNO finds this step by a regression on pairs of candidates, with σ(r(y) - r(y')) as the label and r = P π; in a table its
    minimiser is the step itself, so that from uniform play DNO and `spo` are the same iteration. It improves on the policy
    before: P(π_next beats π) ≥ 1/2 + KL(π_next, π) / η. The gap, by how much the best candidate beats the average in win rates, is
    at most max log(1/μ) / (η T) + η / 8 with exact win rates. The last policy does not converge.

    Source: Rosset et al., Direct Nash optimization, arXiv:2404.03715, algorithm 1. Its algorithm 3, with a reference that is
    charged for, is `inpo` (option I) and `nash_md` (option II).

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        step: η > 0: 1 / the paper's η, which is an inverse; None = √(8 ln n / iterations).
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
    eta = hedge_step(problem.size, iterations or DEFAULT_ITERATIONS) if step is None else require_step(step)

    learner = hedge_self_play(
        method="dno",
        step=eta,
        guarantee="the gap of the average is at most max log(1 / reference) / (step · iterations) + step / 8",
        default=DEFAULT_ITERATIONS,
        source="Rosset et al. 2024, arXiv:2404.03715",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

"""Optimistic multiplicative weights on preferences: a mirror step that foretells the next win rates from the last two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import mirror_step
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000


def optimistic_mwu(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    beta: float = 0.1,
    step: float = 1.0,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of optimistic multiplicative weights, from the reference on; one iteration = one query.

        log π_next = (1 - η β) log π + η β log μ + η (2 u - u_before) + constant          u = P π, at first u_before = u

    It has the fixed point of `nash_mirror_prox`, which says what the gap and ``settings`` are, and does with one query what
    that does with two. With β = 0 nothing is charged, and the gap is the ``exploitability``: by how much the best candidate
    beats the policy. Near the boundary of the simplex it may then be arbitrarily slow.

    Source: Cen, Wei and Chi, Fast policy extragradient methods for competitive games with entropy regularization, NeurIPS 2021,
    arXiv:2105.15186; for preferences without a charge arXiv:2512.24818.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β at least 0, the price of leaving the reference, in win rates.
        step: η > 0, with η β at most 1.
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
    price, eta = require_beta(beta, least="at least 0"), require_step(step)
    if eta * price > 1:
        raise ValueError(f"step times beta must be at most 1; got {step} and {beta}")

    def update(turn: Turn) -> State:
        gains = turn.query(turn.state["logs"])
        foretold = 2 * gains - np.where(turn.done > 0, turn.state["gains"], gains)
        return {"logs": mirror_step(turn.state["logs"], foretold, turn.reference, rate=eta, beta=price), "gains": gains}

    learner = Learner(
        method="optimistic_mwu",
        more={"gains": np.zeros_like(problem.reference)},
        update=update,
        beta=price,
        covered=False,
        guarantee="none: linear convergence is proven for small steps only; the gap says how near the policy is",
        settings={"beta": price, "step": eta},
        default=DEFAULT_ITERATIONS,
        source="Cen, Wei and Chi 2021, arXiv:2105.15186",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

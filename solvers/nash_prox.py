"""Nash Prox: the regularised preference game by proximal points, each a game with a nearer reference that self-play solves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import mirror_step, rate_of
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 1_000


def nash_prox(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    beta: float = 0.1,
    step: float = 10.0,
    inner: int = 20,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of the proximal point method in the preference game that charges β KL(π, μ), from μ on.

        log π_next = [log π + γ P π_next + γ β log μ] / (1 + γ β) + constant

    The right side knows the left: π_next solves the game with the price β' = β + 1/γ and the reference μ' ∝ μ^(β/β') π^(1/(γβ')),
    in which ``inner`` mirror steps of self-play from π are made, each one query, with the proximal step 4 β'. Exact proximal
    points divide KL(solution, π) by 1 + γ β for any γ; with a fixed number of inner steps the solution is still the only
    point that stays. `nash_mirror_prox`, two inner steps of another kind, says what the gap and ``settings`` are.

    Source: Tiapkin et al., arXiv:2505.19731, version 2 (the scheme, as its abstract has it); Rockafellar, Monotone operators and
    the proximal point algorithm, 1976; inner steps: Sokota et al. 2023, arXiv:2206.05825.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates.
        step: γ > 0, the proximal step.
        inner: mirror steps, and queries, of an iteration.
        samples: None = exact win rates; else how many opponents drawn from the policy asked about each candidate meets in a query.
        flip_rate: the chance, below 1/2, with which the judge of a sampled comparison names the loser; known, and corrected for.
        iterations: the most that are done; by default 1,000.
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
    gamma = require_step(step)
    if inner < 1:
        raise ValueError(f"inner must be at least 1; got {inner}")
    nearer = price + 1 / gamma
    rate = rate_of(4 * nearer, nearer)

    def update(turn: Turn) -> State:
        logs = turn.state["logs"]
        anchor = (price * turn.reference + logs / gamma) / nearer
        for _ in range(inner):
            logs = mirror_step(logs, turn.query(logs), anchor, rate=rate, beta=nearer)
        return {"logs": logs}

    learner = Learner(
        method="nash_prox",
        update=update,
        queries=inner,
        beta=price,
        covered=False,
        guarantee="none: proximal points are proven to converge, so many inner steps to each are not; the gap says how near the policy is",
        settings={"beta": price, "step": gamma, "inner": inner},
        default=DEFAULT_ITERATIONS,
        source="Tiapkin et al. 2026, arXiv:2505.19731v2",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

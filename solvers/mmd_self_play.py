"""Magnetic mirror descent in self-play on preferences: one mirror step an iteration, held back by a reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import mirror_step, rate_of
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000
STEP_PER_BETA = 4.0
"""1 / L², L = 1/2: steps of at most so many times β are proven to converge."""


def mmd_self_play(
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
    """The last policy of magnetic mirror descent in the preference game that charges β KL(π, μ), from μ on; one query an iteration.

        π_next ∝ [π · exp(γ P π) · μ^(γ β)]^(1 / (1 + γ β))          the magnet μ stays

    The fixed point is the logit quantal response to itself, π ∝ μ exp(P π / β). With γ ≤ 4 β and exact win rates each iteration
    divides KL(solution, π) by 1 + γ β or more: at a weak charge that is slow, and `nash_mirror_prox`, which says what the gap
    and ``settings`` are, needs about 2 β times as many iterations. `inpo` with a constant step is the same iteration in
    other words, `mmd` the method for game trees.

    Source: Sokota et al., A unified approach to reinforcement learning, quantal response equilibria, and two-player zero-sum
    games, ICLR 2023, arXiv:2206.05825, theorem 3.4.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates; the source's temperature.
        step: γ > 0; None = 4 β, the largest that is proven to converge.
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
    gamma = STEP_PER_BETA * price if step is None else require_step(step)
    rate = rate_of(gamma, price)

    def update(turn: Turn) -> State:
        logs = turn.state["logs"]
        return {"logs": mirror_step(logs, turn.query(logs), turn.reference, rate=rate, beta=price)}

    covered = gamma <= STEP_PER_BETA * price
    learner = Learner(
        method="mmd_self_play",
        update=update,
        beta=price,
        covered=covered,
        guarantee="KL(solution, policy) is divided by 1 + step · beta, or more, in every iteration"
        if covered
        else "none: the step is above 4 beta, the largest that is proven to converge",
        settings={"beta": price, "step": gamma},
        default=DEFAULT_ITERATIONS,
        source="Sokota et al. 2023, arXiv:2206.05825",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

"""Online IPO: the policy gradient of a policy against itself, in a table of logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.checkpoint import State
from arena.solvers.preference_learning import Learner, Turn, learn, preference_problem, require_beta, require_step
from arena.solvers.preference_mirror import normalised
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000


def online_ipo(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    beta: float = 0.1,
    step: float = 2.0,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of Online IPO in the preference game that charges β KL(π, μ), from μ on; one iteration = one query.

        θ_next = θ + η π (q - π·q)          π = softmax θ, q = P π - β log(π / μ)

    That is a gradient step on the expected IPO loss of two draws from the policy, Σ π(y) π(y') [d(y) - d(y') - (P(y, y') - 1/2) / β]²
    with d = log(π / μ), the draws held fixed: its gradient is -4/β times the direction above. A candidate's logarithm
    moves by its probability, so that large tables are slow. `nash_mirror_prox` says what the gap and ``settings`` are.

    Source: Calandriello et al., Human alignment of large language models through online preference optimisation, ICML 2024,
    arXiv:2403.08635.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates.
        step: η > 0.
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
    eta = require_step(step)

    def update(turn: Turn) -> State:
        logs = turn.state["logs"]
        worth = turn.query(logs) - price * (logs - turn.reference)
        policy = np.exp(logs)
        mean = (policy * worth).sum(axis=-1, keepdims=True)
        return {"logs": normalised(logs + eta * policy * (worth - mean))}

    learner = Learner(
        method="online_ipo",
        update=update,
        beta=price,
        covered=False,
        guarantee="none: steps may circle; the gap says how near the policy is",
        settings={"beta": price, "step": eta},
        default=DEFAULT_ITERATIONS,
        source="Calandriello et al. 2024, arXiv:2403.08635",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

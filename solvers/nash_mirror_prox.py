"""Nash mirror prox (Nash-MP): the regularised preference game by steps that look one ahead, with the last policy."""

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
LARGEST_STEP = 2.0
"""1 / L: win rates against two policies differ by at most L = 1/2 of the sum of their absolute differences."""


def nash_mirror_prox(
    preferences: ArrayLike,
    *,
    reference: Sequence[float] | NDArray[np.float64] | None = None,
    beta: float = 0.1,
    step: float = LARGEST_STEP,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of mirror prox in the preference game that charges β KL(π, μ), from μ on; one iteration = two queries.

        log π_half = [log π + γ P π      + γ β log μ] / (1 + γ β) + constant
        log π_next = [log π + γ P π_half + γ β log μ] / (1 + γ β) + constant          both from the same π

    With γ ≤ 2 and exact win rates KL(solution, π_k) ≤ (1 + γ β)^-k KL(solution, μ), whatever the number of candidates. The
    gap is what a best reply gains in that game, in win rates, one player's: β KL(π, best reply).
    ``settings``: ``queries`` asked, ``comparisons`` drawn, and ``exploitability``, by how much the best candidate beats
    the policy where nothing is charged.

    Preferences in contexts are solved side by side, each as if it were alone: strategies are [contexts, n], the gap and the
    exploitability are the worst, ``context_gaps`` has all gaps. One query is one evaluation of P π in one context, and a
    context whose gap is at most ``until`` asks no more; ``queries`` is the sum over contexts.

    Source: Tiapkin et al., Accelerating Nash learning from human feedback via mirror prox, arXiv:2505.19731, version 1; the
    same iteration as EGPO (Zhou, Fazel and Du, Extragradient preference optimization, COLM 2025, arXiv:2503.08942) with
    η = γ / (1 + γ β).

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        reference: μ [n] or [contexts, n], every probability above 0; None = uniform.
        beta: β > 0, the price of leaving the reference, in win rates.
        step: γ > 0; above 2 nothing is promised.
        samples: None = exact win rates; else how many opponents drawn from the policy each candidate meets in a query.
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
    price, gamma = require_beta(beta), require_step(step)
    rate = rate_of(gamma, price)

    def update(turn: Turn) -> State:
        logs = turn.state["logs"]
        half = mirror_step(logs, turn.query(logs), turn.reference, rate=rate, beta=price)
        return {"logs": mirror_step(logs, turn.query(half), turn.reference, rate=rate, beta=price)}

    covered = gamma <= LARGEST_STEP
    learner = Learner(
        method="nash_mirror_prox",
        update=update,
        queries=2,
        beta=price,
        covered=covered,
        guarantee="KL(solution, policy) is divided by 1 + step · beta, or more, in every iteration"
        if covered
        else "none: steps above 2 may circle or diverge",
        settings={"beta": price, "step": gamma},
        default=DEFAULT_ITERATIONS,
        source="Tiapkin et al. 2025, arXiv:2505.19731v1",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)


nash_mp = nash_mirror_prox

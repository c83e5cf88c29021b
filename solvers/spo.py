"""Self-play preference optimisation (SPO): Hedge against itself, whose average goes to the minimax winner."""

from __future__ import annotations

from pathlib import Path

from numpy.typing import ArrayLike

from arena.solvers.preference_learning import hedge_self_play, learn, preference_problem, require_step
from arena.solvers.preference_mirror import hedge_step
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 10_000


def spo(
    preferences: ArrayLike,
    *,
    step: float | None = None,
    samples: int | None = None,
    flip_rate: float = 0.0,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The average of the policies of Hedge in self-play, which goes to the minimax winner; no reference; one query an iteration.

        log π_next = log π + η P π + constant          from uniform play; the answer is the mean of π_1 .. π_T

    Its gap, by how much the best candidate beats the average in win rates, is at most ln n / (η T) + η / 8 with exact win rates:
    √(ln n / (2 T)) with the default step. The last policy circles and does not converge. ``settings`` has the ``queries``
    asked and the ``comparisons`` drawn.

    Source: Swamy et al., A minimaximalist approach to reinforcement learning from human feedback, ICML 2024, arXiv:2401.04056:
    the reduction to one no-regret learner; Hedge: Freund and Schapire 1997.

    Args:
        preferences: [n, n] or [contexts, n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal.
        step: η > 0; None = √(8 ln n / iterations).
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
    problem = preference_problem(preferences, samples=samples, flip_rate=flip_rate, seed=seed)
    eta = hedge_step(problem.size, iterations or DEFAULT_ITERATIONS) if step is None else require_step(step)

    learner = hedge_self_play(
        method="spo",
        step=eta,
        guarantee="the gap of the average is at most log(candidates) / (step · iterations) + step / 8",
        default=DEFAULT_ITERATIONS,
        source="Swamy et al. 2024, arXiv:2401.04056",
    )
    return learn(learner, problem, iterations=iterations, until=until, progress=progress, checkpoint=checkpoint)

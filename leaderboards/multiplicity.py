"""Who is above whom with a confidence that all such statements of a field hold at once.

A leaderboard of A agents makes A (A − 1) / 2 comparisons; at 95 % each, some of them are wrong as a rule where many agents are equally
strong. Here the probability that any is wrong is at most 1 − confidence. Methods whose intervals come from standard errors are
compared by Holm's procedure: all pairs at α / K, then at α / (K − r) with r the number told apart, until no more are. Those whose
intervals are shares of resamples are compared at α / K alone (Bonferroni), with as many resamples as that takes: a pair is told apart
where the order is the same in all of them.

The level of a standard error is that of the normal law far out in its tails: with few matches an agent it is approximate, as the single level is.

Sources: Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 1979; Davison and
Hinkley, Bootstrap Methods and their Application, 1997, section 4.2 (a share of R resamples tells 1 / (R + 1) at best).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record

MOST_RESAMPLES = 4000
"""A method that would need more tells nobody apart jointly."""

Procedure = Literal["holm", "bonferroni", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """``ratings``: those of the method, with ``above`` and so rank ranges that hold all at once at their ``confidence``; intervals
    are each agent's own, as before. ``comparisons``: how many pairs were compared; ``procedure``: ``none`` where the method's
    resamples cannot tell so small a level."""

    ratings: Ratings
    comparisons: int
    procedure: Procedure

    def sentence(self) -> str:
        """What a reader must know of the level."""
        level, pairs = f"{100 * self.ratings.confidence:g}\N{NO-BREAK SPACE}%", f"{self.comparisons:,}"
        if self.procedure == "none":
            return (
                f"jointly nobody is told apart: {pairs} comparisons at once take more than {MOST_RESAMPLES:,} resamples of this method; "
                "a method with standard errors, such as elo, has no such limit"
            )
        name = {"holm": "Holm", "bonferroni": "Bonferroni"}[self.procedure]
        return (
            f"ranks hold jointly: the {pairs} comparisons of two agents are all true at once with {level} confidence ({name}); "
            "intervals of ratings are each agent's own"
        )


def single_sentence(comparisons: int, confidence: float) -> str:
    """What a reader must know of ranks whose level is that of each comparison."""
    return (
        f"ranks compare agents pair by pair, each of the {comparisons:,} comparisons with {100 * confidence:g}\N{NO-BREAK SPACE}% confidence "
        "for itself, not all at once; arena leaderboard --joint gives ranks that hold jointly"
    )


def joint_ratings(
    record: Record, rate: Callable[..., Ratings], *, confidence: float = 0.95, left_out: NDArray[np.bool_] | None = None
) -> Joint:
    """The ratings of a method with comparisons that are all true at once with this confidence.

    Args:
        record: the matches.
        rate: a rating method: ``rate(record, confidence=...)``, and where it resamples also ``resamples=...``.
        confidence: in (0, 1).
        left_out: [A], agents that are compared with nobody, such as provisional ones.

    Raises:
        ValueError: `confidence` is not in (0, 1).
        ArenaError: as the method.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1); got {confidence}")
    single = rate(record, confidence=confidence)
    compared = compared_pairs(single, left_out)
    pairs = int(compared.sum()) // 2
    resamples = single.settings.get("resamples")
    if pairs < 2:
        return Joint(
            ratings=replace(single, above=single.above & compared),
            comparisons=pairs,
            procedure="holm" if resamples is None else "bonferroni",
        )
    error = 1 - confidence
    if resamples is None:
        above, told = np.zeros_like(single.above), -1
        while told < (count := int(above.sum())) < pairs:
            told = count
            above = rate(record, confidence=1 - error / (pairs - told)).above & compared
        return Joint(ratings=replace(single, above=above), comparisons=pairs, procedure="holm")
    needed = math.ceil(2 * pairs / error) - 1
    if not int(resamples) or needed > MOST_RESAMPLES:
        return Joint(ratings=replace(single, above=np.zeros_like(single.above)), comparisons=pairs, procedure="none")
    finer = rate(record, confidence=1 - error / pairs, resamples=needed)
    return Joint(ratings=replace(single, above=finer.above & compared), comparisons=pairs, procedure="bonferroni")


def compared_pairs(ratings: Ratings, left_out: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """[A, A]: whether two different agents are compared: both rated, of one group, and none left out."""
    ranked = np.isfinite(ratings.scores)
    if left_out is not None:
        ranked &= ~left_out
    compared: NDArray[np.bool_] = (ratings.groups[:, None] == ratings.groups) & ranked[:, None] & ranked
    np.fill_diagonal(compared, False)
    return compared

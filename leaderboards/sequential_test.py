"""Play until decided: a test of two agents that may be read after every pair of matches without losing its error rate.

The test bets against each hypothesis and stops when a bet has won too much to be luck. For scores x_1, x_2, ... in [0, 1]
with a conditional mean of at most m, the capital Π (1 + λ (x_t − m)) is a nonnegative supermartingale for every λ in
[0, 1/m], and so is an average over several λ; by Ville's inequality it ever reaches 1/α with a probability of at most α.
Nothing is assumed about draws, seats or the spread of the scores.

Source: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 2024, sections 4 and 5,
doi:10.1093/jrsssb/qkad009 (with a fixed grid of bets in place of adaptive ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

EVEN = 0.5
BETS = 0.99 * 2.0 ** (-np.arange(16) / 2)
"""The λ of the average, as shares of the largest bet 1/m: from nearly all down to 0.5 %, for lopsided and for close pairs."""

Verdict = Literal["first_better", "second_better", "within_margin", "not_told_apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a sequential test says.

    ``at``: the number of pairs read when it decided, None while undecided; later pairs are ignored. ``pairs``: the number
    read. ``score``: the first agent's mean share of the points in the pairs read (nan without pairs). ``path``
    float64 [pairs, 2]: natural logarithm of the evidence that the first, that the second is better; ``bound``: the height
    at which one of them decides.
    """

    decided: bool
    verdict: Verdict
    at: int | None
    alpha: float
    margin: float
    pairs: int
    score: float
    path: NDArray[np.float64]
    bound: float

    def sentence(self, first: str = "the first agent", second: str = "the second agent") -> str:
        """The verdict in words, with its error rate."""
        read = f"{self.pairs:,} pair{'' if self.pairs == 1 else 's'} of matches"
        if not self.decided:
            return f"{first} and {second} are not told apart by {read}"
        rate = f"(a wrong verdict has a probability of at most {self.alpha:g})"
        if self.verdict == "within_margin":
            return f"{first} and {second} differ by less than {100 * self.margin:g} points of 100 after {read} {rate}"
        better, worse, score = first, second, self.score
        if self.verdict == "second_better":
            better, worse, score = second, first, 1 - self.score
        return f"{better} beats {worse} with {100 * score:.0f}\N{NO-BREAK SPACE}% of the points after {read} {rate}"


def sequential_test(
    pair_scores: Sequence[float] | NDArray[np.float64], *, alpha: float = 0.05, margin: float = 0.0
) -> Decision:
    """Which of two agents is better, by the first agent's share of the points in each pair of seat-swapped twins.

    The verdicts are ``first_better`` (mean score above 1/2), ``second_better`` (below) and, where `margin` is positive,
    ``within_margin`` (mean in 1/2 ± margin). Whatever the true mean is, and however often the test is read, a wrong
    verdict ever comes with a probability of at most `alpha`. ``not_told_apart``: play on.

    Args:
        pair_scores: [pairs], in schedule order, each in 0..1.
        alpha: the error rate, in (0, 1).
        margin: how small a difference of the mean score does not matter, in [0, 1/2); 0 = play until one is better.

    Raises:
        ValueError: a score outside 0..1, or `alpha` or `margin` outside its range.
    """
    scores = np.asarray(pair_scores, np.float64)
    if scores.ndim != 1 or not np.all((scores >= 0) & (scores <= 1)):
        raise ValueError("pair_scores must be a column of numbers in 0..1, one a pair of matches")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be in (0, 1); got {alpha}")
    if not 0 <= margin < EVEN:
        raise ValueError(f"margin must be in [0, 0.5); got {margin}")
    bound = float(np.log(2 / alpha))  # half of the error rate for each side
    path = np.stack((_evidence(scores, EVEN), _evidence(1 - scores, EVEN)), axis=1)
    crossings: list[tuple[int, Verdict]] = [
        (_first(path[:, 0] >= bound), "first_better"),
        (_first(path[:, 1] >= bound), "second_better"),
    ]
    if margin:
        above_low = _evidence(scores, EVEN - margin) >= bound
        below_high = _evidence(1 - scores, EVEN - margin) >= bound
        crossings.append((max(_first(above_low), _first(below_high)), "within_margin"))
    at, verdict = min(crossings, key=lambda crossing: crossing[0])
    decided = at <= len(scores)
    pairs = at if decided else len(scores)
    return Decision(
        decided=decided,
        verdict=verdict if decided else "not_told_apart",
        at=at if decided else None,
        alpha=alpha,
        margin=margin,
        pairs=pairs,
        score=float(scores[:pairs].mean()) if pairs else float("nan"),
        path=path[:pairs],
        bound=bound,
    )


def _evidence(scores: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    """[pairs]: log of the capital won so far by betting against "the mean is at most `mean`"."""
    bets = BETS / mean
    capital = np.cumsum(np.log1p(bets[:, None] * (scores - mean)), axis=1)
    top = capital.max(axis=0)
    evidence: NDArray[np.float64] = top + np.log(np.exp(capital - top).mean(axis=0))
    return evidence


def _first(crossed: NDArray[np.bool_]) -> int:
    """1 + the place of the first True, one more than the length if there is none."""
    return int(np.argmax(crossed)) + 1 if crossed.any() else len(crossed) + 1

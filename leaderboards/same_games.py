"""Two agents that play the same games again and again: when to stop counting copies, and what may be said then.

Deterministic agents play one pair of twins; more pairs are copies of it and no evidence. Whether agents draw is not known of
programs. So a test looks once, at the first K pairs: where all of them were move for move alike, it is over.

Were the agents to draw after all, K alike pairs could mislead. Let s > 1/2 be their score and r_i the probabilities of the pairs of
twins that give the first agent more than half. Where it is not better, Σ r_i s_i ≤ 1/2 with s_i ≥ 3/4, so that Σ r_i ≤ 2/3 and
Σ r_i^K ≤ (2/3)^K; the other side alike, and both sum to at most (2/3)^K + (1/3)^K. `alike_pairs_needed` makes this half of the error rate or less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SameGames:
    """That the first ``at`` pairs of twins were alike, move for move. ``score``: the first agent's share of the points in them, in 0..1.

    ``error_rate``: the most with which a verdict about who is better is wrong were the agents to draw after all.
    """

    at: int
    score: float
    error_rate: float

    @property
    def decided(self) -> bool:
        """True: copies say nothing more."""
        return True

    @property
    def better(self) -> Literal["first", "second"] | None:
        """Who has more points in the two games; None where both have half."""
        if self.score == 0.5:
            return None
        return "first" if self.score > 0.5 else "second"

    def sentence(self, first: str = "the first agent", second: str = "the second agent") -> str:
        """What was found, in words."""
        alike = f"these two agents always play the same two games ({self.at} pairs of twins, move for move alike): more matches say nothing"
        if self.better is None:
            return f"{first} and {second} have half of the points each, and {alike}"
        better, worse, score = first, second, self.score
        if self.better == "second":
            better, worse, score = second, first, 1 - self.score
        doubt = f"were they to draw by chance after all, this would be wrong with a probability of at most {self.error_rate:g}"
        return f"{better} beats {worse} with {100 * score:.0f}\N{NO-BREAK SPACE}% of the points, and {alike} ({doubt})"


def alike_pairs_needed(error_rate: float) -> int:
    """How many pairs of twins must be alike, from the first on: 10 at an error rate of 5 %.

    Raises:
        ValueError: the error rate is not in (0, 1).
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate must be in (0, 1); got {error_rate}")
    pairs = max(2, math.floor(math.log(2 / error_rate) / math.log(1.5)))
    while (2 / 3) ** pairs + (1 / 3) ** pairs > error_rate / 2:
        pairs += 1
    return pairs

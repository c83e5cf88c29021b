"""The Nash average of a field: the mixture of greatest entropy that nobody beats, and what each agent weighs in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.matrix_ranking import rank_by_scores
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers import nash_average as nash_average_of

MOST_RESAMPLED = 25  # agents: above, two hundred programs take seconds


def nash_average(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """Each agent's weight in the Nash average of the game 2 · score − 1, with bootstrap intervals.

    Of all minimax winners it is the one that spreads its weight most evenly, and unique. Copies of an agent share its weight
    and change nobody else's.

    Source: Balduzzi, Tuyls, Perolat, Graepel, Re-evaluating evaluation, NeurIPS 2018, arXiv:1806.02643, section 3; there the
    payoffs are logits, which are infinite where an agent won everything.

    Args:
        record: matches; every two agents of a group must have met.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 25 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met.
    """
    return rank_by_scores(
        record,
        "nash_average",
        nash_weights,
        confidence=confidence,
        resamples=resamples,
        most_resampled=MOST_RESAMPLED,
        settings={"payoff": "2 · score − 1"},
    )


def nash_weights(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights [A] of the Nash average of scores [A, A]."""
    advantage = scores - scores.T  # antisymmetric to the last bit
    weights: NDArray[np.float64] = nash_average_of(advantage).strategies[0]
    return weights

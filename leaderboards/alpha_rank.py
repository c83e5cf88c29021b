"""Alpha-rank of a field: how often evolution with rare mutations plays each agent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.matrix_ranking import rank_by_scores
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers import alpha_rank as alpha_rank_of

ALPHA = 10.0
POPULATION_SIZE = 50


def alpha_rank(
    record: Record,
    *,
    alpha: float = ALPHA,
    population_size: int = POPULATION_SIZE,
    confidence: float = 0.95,
    resamples: int | None = None,
) -> Ratings:
    """Each agent's mass in the stationary distribution of the game 2 · score − 1, with bootstrap intervals.

    Only who beats whom counts as alpha grows: then every agent of the cycle at the top shares the mass, however narrowly it
    wins, and noise in close pairs decides. A smaller alpha weighs margins. Copies of an agent take more mass together than
    it had alone.

    Source: Omidshafiei et al., α-Rank: multi-agent evaluation by evolution, Scientific Reports 2019, arXiv:1903.01373.

    Args:
        record: matches; every two agents of a group must have met.
        alpha: intensity of selection, above 0; infinity for the limit.
        population_size: of the evolving population, at least 2.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 60 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met.
    """

    def masses(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        payoffs = scores - scores.T
        found: NDArray[np.float64] = alpha_rank_of(
            np.stack((payoffs, payoffs.T)), alpha=alpha, population_size=population_size, populations="one"
        ).strategies[0]
        return found

    return rank_by_scores(
        record,
        "alpha_rank",
        masses,
        confidence=confidence,
        resamples=resamples,
        settings={"payoff": "2 · score − 1", "alpha": alpha, "population_size": population_size},
    )

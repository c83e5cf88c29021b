"""The minimax winner of a head-to-head matrix: the mixture of agents that nobody beats, with bootstrap intervals.

Copies of an agent share its weight and change nobody else's where the winner is unique, so that a field cannot be
flooded with copies to move the ranking: Elo has no such property.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import quantiles
from arena.leaderboards.payoff_matrix import EVEN, Matrix, payoff_matrix
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers.minimax_winner import symmetric_game
from arena.solvers.simplex import symmetric_strategies

RESAMPLES = 200
MOST_RESAMPLED = 60  # agents: above, two hundred programs take seconds
SEED = 0

Payoff = Literal["score", "margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimaxWinner:
    """The mixture of agents that nobody beats.

    ``weights`` float64 [A]. ``low``, ``high`` float64 [A]: bootstrap interval of each weight, nan where none was computed.
    ``payoff``: ``score``, who wins, or ``margin``, by how much. ``unique``: whether there is no other, None where rounding
    forbids to say; of several it is the one of least norm. ``gap``: NashConv, in units of the payoff (score − 1/2 counts
    twice). ``draws`` float64 [resamples, A]: the weights of each resample.
    """

    agents: tuple[str, ...]
    weights: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    payoff: Payoff
    unique: bool | None
    gap: float
    draws: NDArray[np.float64]


def minimax_winner_of(matrix: Matrix, *, payoff: Payoff = "score", resamples: int = RESAMPLES) -> MinimaxWinner:
    """The minimax winner of a matrix in which every pair has met.

    The bootstrap draws each cell from the normal distribution of its estimate, cells independent of each other; which random
    number a cell gets depends on the names of its agents, not on how they are numbered.

    Args:
        matrix: of all agents that are compared.
        payoff: ``score`` = share of the points; ``margin`` = mean difference of returns.
        resamples: how many times; 0 = no intervals.

    Raises:
        ArenaError: two agents never met.
    """
    size = len(matrix)
    if not matrix.all_met:
        raise ArenaError("the minimax winner needs results of every pair of agents; schedule the pairs that never met")
    own = np.eye(size, dtype=np.bool_)
    estimate = np.where(own, 0, matrix.score - matrix.score.T if payoff == "score" else matrix.margin)
    solution = symmetric_game((estimate - estimate.T) / 2)
    centre, error = (
        (2 * (matrix.centre - EVEN), 2 * matrix.error)
        if payoff == "score"
        else (matrix.margin_centre, matrix.margin_error)
    )
    by_name = np.argsort(np.array(matrix.agents, np.str_), kind="stable")
    block = np.ix_(by_name, by_name)
    noise = np.random.default_rng(SEED).normal(size=(resamples, size, size))
    above = np.triu(np.where(own, 0, centre[block] + error[block] * noise), 1)
    draws = np.empty((resamples, size))
    draws[:, by_name] = symmetric_strategies(above - above.transpose(0, 2, 1))
    tail = (1 - matrix.confidence) / 2
    bounds = quantiles(draws, [tail, 1 - tail]) if resamples else np.full((2, size), np.nan)
    return MinimaxWinner(
        agents=matrix.agents,
        weights=solution.strategies[0],
        low=bounds[0],
        high=bounds[1],
        payoff=payoff,
        unique=solution.unique,
        gap=solution.gap,
        draws=draws,
    )


def minimax_ranking(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """Agents ranked by their weight in the minimax winner of the head-to-head scores.

    One agent is above another where its weight is larger in all resamples but the share outside the confidence.

    Args:
        record: matches in which every two agents met.
        confidence: of the intervals.
        resamples: of the bootstrap; None: 200, or 0 above 60 agents.

    Raises:
        ArenaError: two agents never met.
    """
    matrix = payoff_matrix(record, confidence=confidence)
    if resamples is None:
        resamples = RESAMPLES if len(matrix) <= MOST_RESAMPLED else 0
    return ratings_of(minimax_winner_of(matrix, resamples=resamples), matches=len(record), confidence=confidence)


def ratings_of(winner: MinimaxWinner, *, matches: int, confidence: float) -> Ratings:
    """A minimax winner as ratings."""
    larger = winner.draws[:, :, None] > winner.draws[:, None, :]
    need = 1 - (1 - confidence) / 2
    return Ratings(
        method="minimax",
        names=winner.agents,
        scores=winner.weights,
        intervals=np.stack((np.fmin(winner.low, winner.weights), np.fmax(winner.high, winner.weights)), axis=1),
        groups=np.zeros(len(winner.agents), np.int64),
        above=larger.mean(axis=0) >= need if len(winner.draws) else np.zeros((len(winner.agents),) * 2, np.bool_),
        matches=matches,
        confidence=confidence,
        settings={"payoff": winner.payoff, "resamples": len(winner.draws), "seed": SEED},
        notes=()
        if winner.unique is not False
        else ("several mixtures are unbeaten; shown is the one that spreads its weight most evenly (least norm)",),
    )

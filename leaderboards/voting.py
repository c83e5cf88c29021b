"""Voting rules: every match is a ballot on the agents that played it, and the pairwise majorities decide.

They look at who beats whom by what share of the points, so that a pair that met often counts no more than one that met seldom.
Maximal lotteries are the minimax winner: see `minimax_ranking`.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.matrix_ranking import rank_by_scores
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record

EVEN = 0.5
SAME_SCORE = 1e-12  # shares that differ by rounding are a tie
MOST_KEMENY = 16  # agents: time and memory double with each
KEMENY_RESAMPLED = 10


def copeland(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent beats, ties as halves. See `copeland_scores`; arguments as for `schulze`."""
    return rank_by_scores(record, "copeland", copeland_scores, confidence=confidence, resamples=resamples)


def schulze(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent is above by Schulze's rule. See `schulze_scores`.

    Args:
        record: matches; every two agents of a group must have met.
        confidence: of the bootstrap intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 60 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met.
    """
    return rank_by_scores(record, "schulze", schulze_scores, confidence=confidence, resamples=resamples)


def kemeny(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent is above in Kemeny's order, of at most 16 agents. See `kemeny_scores`.

    Args:
        record: matches; every two agents of a group must have met.
        confidence: of the bootstrap intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 10 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met, or more than 16 agents.
    """
    return rank_by_scores(
        record,
        "kemeny",
        kemeny_scores,
        confidence=confidence,
        resamples=resamples,
        most_resampled=KEMENY_RESAMPLED,
    )


def copeland_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others that each agent beats [A], of scores [A, A]; ties are halves.

    Who beats all others is first. Not independent of clones: copies of a beaten agent help whoever beats it.

    Source: Copeland 1951; Brandt et al., Handbook of computational social choice, 2016, section 3.2.
    """
    beats = np.where(scores > EVEN + SAME_SCORE, 1.0, np.where(scores < EVEN - SAME_SCORE, 0.0, 0.5))
    share: NDArray[np.float64] = (beats.sum(axis=1) - 0.5) / max(len(scores) - 1, 1)
    return share


def schulze_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others that each agent is above by Schulze's rule [A], of scores [A, A]; neither is above: half.

    i is above j where the best path of wins from i to j has a stronger weakest win than the best from j to i. Who beats all
    others is first. Independent of clones: copies of an agent stand beside it and do not change the order of the others.

    Source: Schulze, A new monotonic, clone-independent, reversal symmetric, and condorcet-consistent single-winner election
    method, Social Choice and Welfare 2011, doi:10.1007/s00355-010-0475-4.
    """
    path = np.where(scores > EVEN + SAME_SCORE, scores, 0.0)
    for middle in range(len(path)):
        path = np.maximum(path, np.minimum(path[:, middle, None], path[middle]))
    above = np.where(path > path.T + SAME_SCORE, 1.0, np.where(path < path.T - SAME_SCORE, 0.0, 0.5))
    np.fill_diagonal(above, 0.5)
    share: NDArray[np.float64] = (above.sum(axis=1) - 0.5) / max(len(scores) - 1, 1)
    return share


def kemeny_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others that each agent is above in the order that agrees most with the scores [A, A].

    The order maximises the sum of scores[i, j] over all i above j; of several best orders the mean over all of them. Exact, by
    dynamic programming over sets: at most 16 agents. Who beats all others is first. Not independent of clones.

    Source: Kemeny, Mathematics without numbers, Daedalus 1959; Young and Levenglick, A consistent extension of Condorcet's
    election principle, SIAM Journal on Applied Mathematics 1978, doi:10.1137/0135023.

    Raises:
        ArenaError: more than 16 agents.
    """
    size = len(scores)
    if size > MOST_KEMENY:
        raise ArenaError(f"kemeny is exact, and for at most {MOST_KEMENY} agents; schulze takes any number; got {size}")
    places: NDArray[np.float64] = _mean_places(np.ascontiguousarray(scores, np.float64), SAME_SCORE)
    return 1 - places / max(size - 1, 1)


@nb.njit(cache=True, error_model="numpy")
def _mean_places(scores, same):  # type: ignore[no-untyped-def]  # numba kernel
    """Each agent's place (0 the first) averaged over all best orders. A set holds the agents placed so far."""
    size = len(scores)
    sets = 1 << size
    down, up = np.full(sets, -np.inf), np.full(sets, -np.inf)  # best sums of the agents inside, outside
    gain = np.zeros((sets, size))  # of placing an agent right after a set: what the set scores against it
    for held in range(sets):
        for agent in range(size):
            total = 0.0
            for other in range(size):
                if (held >> other) & 1:
                    total += scores[other, agent]
            gain[held, agent] = total
    down[0], up[sets - 1] = 0.0, 0.0
    for held in range(sets):
        for agent in range(size):
            if not (held >> agent) & 1:
                new = held | (1 << agent)
                down[new] = max(down[new], down[held] + gain[held, agent])
    for held in range(sets - 2, -1, -1):
        for agent in range(size):
            if not (held >> agent) & 1:
                up[held] = max(up[held], up[held | (1 << agent)] + gain[held, agent])
    least = down[sets - 1] - same * size * size
    before, after = np.zeros(sets), np.zeros(sets)  # numbers of best orders
    before[0], after[sets - 1] = 1.0, 1.0
    for held in range(sets):
        for agent in range(size):
            new = held | (1 << agent)
            if new != held and down[held] + gain[held, agent] + up[new] >= least:
                before[new] += before[held]
    places = np.zeros(size)
    for held in range(sets - 1, -1, -1):
        count = 0
        for agent in range(size):
            count += (held >> agent) & 1
        for agent in range(size):
            new = held | (1 << agent)
            if new != held and down[held] + gain[held, agent] + up[new] >= least:
                after[held] += after[new]
                places[agent] += count * before[held] * after[new]
    return places / after[0]

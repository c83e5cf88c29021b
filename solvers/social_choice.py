"""Rules of social choice on win rates: who beats all others, the top cycle, and what Copeland, Borda, Schulze, Kemeny say.

All take scores [n, n], how often the row beats the column, 1/2 on the diagonal; they stand beside the minimax winner, which is
a mixture where these name one candidate, a set or an order.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError

EVEN = 0.5
SAME_SCORE = 1e-12  # shares that differ by rounding are a tie
MOST_KEMENY = 16  # candidates: time and memory double with each


def condorcet_winner(scores: NDArray[np.float64]) -> int | None:
    """The place of the candidate that beats every other one, of scores [n, n]; None where nobody does.

    Source: Condorcet 1785; Brandt et al., Handbook of computational social choice, 2016.
    """
    beaten = (scores > EVEN + SAME_SCORE).sum(axis=1)
    best = int(beaten.argmax())
    return best if beaten[best] == len(scores) - 1 else None


def top_cycle(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """The places, ascending, of the smallest set whose members each beat everybody outside of it (Smith set), of scores [n, n].

    Ties lead both ways, so that everybody outside is beaten for certain. A Condorcet winner is the whole of it. Of two that never
    met (NaN) neither beats the other: then it is the smallest set of whom nobody outside holds against any, and all candidates
    where several sets are such.

    Source: Good, A note on Condorcet sets, Public Choice 1971; Smith, Aggregation of preferences with variable electorate,
    Econometrica 1973, doi:10.2307/1914033.
    """
    from scipy.sparse.csgraph import connected_components

    if not len(scores):
        return np.empty(0, np.int64)
    holds = scores >= EVEN - SAME_SCORE
    _, component = connected_components(holds, directed=True, connection="strong")
    beaten = (holds & (component[:, None] != component)).any(axis=0)
    tops = np.setdiff1d(component, component[beaten])
    inside = component == tops[0] if len(tops) == 1 else np.ones(len(scores), np.bool_)
    members: NDArray[np.int64] = np.flatnonzero(inside).astype(np.int64)
    return members


def borda_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean score of each candidate against the others [n], of scores [n, n]: how often it beats one drawn evenly.

    Each pair counts the same, however often it was compared. Not sure to be led by who beats all others, nor independent of
    clones.

    Source: Borda 1781; Brandt et al., Handbook of computational social choice, 2016.
    """
    mean: NDArray[np.float64] = (scores.sum(axis=1) - EVEN) / max(len(scores) - 1, 1)
    return mean


def copeland_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others that each candidate beats [n], of scores [n, n]; ties are halves.

    Who beats all others is first. Not independent of clones: copies of a beaten candidate help whoever beats it.

    Source: Copeland 1951; Brandt et al., Handbook of computational social choice, 2016, section 3.2.
    """
    beats = np.where(scores > EVEN + SAME_SCORE, 1.0, np.where(scores < EVEN - SAME_SCORE, 0.0, 0.5))
    share: NDArray[np.float64] = (beats.sum(axis=1) - 0.5) / max(len(scores) - 1, 1)
    return share


def schulze_scores(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the others that each candidate is above by Schulze's rule [n], of scores [n, n]; neither is above: half.

    i is above j where the best path of wins from i to j has a stronger weakest win than the best from j to i. Who beats all
    others is first. Independent of clones: copies of a candidate stand beside it and do not change the order of the others.

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
    """The share of the others that each candidate is above in the order that agrees most with the scores [n, n].

    The order maximises the sum of scores[i, j] over all i above j; of several best orders the mean over all of them. Exact, by
    dynamic programming over sets: at most 16 candidates. Who beats all others is first. Not independent of clones.

    Source: Kemeny, Mathematics without numbers, Daedalus 1959; Young and Levenglick, A consistent extension of Condorcet's
    election principle, SIAM Journal on Applied Mathematics 1978, doi:10.1137/0135023.

    Raises:
        ArenaError: more than 16 candidates.
    """
    size = len(scores)
    if size > MOST_KEMENY:
        raise ArenaError(
            f"kemeny is exact, and for at most {MOST_KEMENY} candidates; schulze takes any number; got {size}"
        )
    places: NDArray[np.float64] = _mean_places(np.ascontiguousarray(scores, np.float64), SAME_SCORE)
    return 1 - places / max(size - 1, 1)


@nb.njit(cache=True, error_model="numpy")
def _mean_places(scores, same):  # type: ignore[no-untyped-def]  # numba kernel
    """Each candidate's place (0 the first) averaged over all best orders. A set holds the candidates placed so far."""
    size = len(scores)
    sets = 1 << size
    down, up = np.full(sets, -np.inf), np.full(sets, -np.inf)  # best sums of the candidates inside, outside
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

"""Online Elo: after every match the winner takes points from the loser, the more the less it was expected to win.

It follows agents that change, and depends on the order of matches: an agent's last few hundred matches count, older ones are
forgotten. For agents that do not change, `elo` uses all matches alike and has the narrower interval.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.bootstrap import SEED, percentile_bounds, unit_weights, unknown_outcomes
from arena.leaderboards.comparisons import Comparisons, comparisons, groups_of, pair_sums
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record

STEP = 16.0
START = 0.0
RESAMPLES = 100
NATURAL_PER_ELO = np.log(10) / 400


def elo_online(
    record: Record,
    *,
    step: float = STEP,
    start: float = START,
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Ratings:
    """Each agent's rating after the last match: r_i += K (s − E), E = 1 / (1 + 10^((r_j − r_i) / 400)), and r_j loses as much.

    Matches are taken in their canonical order: by number of the pair of twins, within a pair as they stand. In a match of
    more than two players all comparisons use the ratings before it, each with its weight. The interval is a bootstrap
    over pairs of twins in that order: how much the rating would differ had the same agents met again. Before its first match each
    agent moves by a match of unknown outcome. Where an agent has not moved far from `start` yet the interval is too narrow.

    Source: Elo, The Rating of Chessplayers, Past and Present, 1978, section 1.6.

    Args:
        record: the matches.
        step: K, Elo points that a match is worth at most, above 0.
        start: the rating of an agent before its first match.
        confidence: of the intervals.
        resamples: of the bootstrap; 0 = no intervals.

    Raises:
        ValueError: a setting out of its range.
    """
    if not (np.isfinite(step) and step > 0 and np.isfinite(start)) or not 0 < confidence < 1 or resamples < 0:
        raise ValueError(
            "step must be above 0, start finite, confidence in (0, 1), resamples at least 0; got "
            f"{step}, {start}, {confidence} and {resamples}"
        )
    compared = comparisons(record)
    scores = run_elo(compared, compared.weight, step=step, start=start)
    draws = np.empty((resamples, len(scores)))
    for resample in range(resamples):
        times = unit_weights(compared.num_units, resample=resample)[compared.unit]
        won, lost = unknown_outcomes(record.agents, resample=resample).T
        draws[resample] = run_elo(compared, compared.weight * times, step=step, start=start + step * (won - lost) / 2)
    intervals, above = percentile_bounds(scores, draws, confidence)
    met = pair_sums(compared, compared.weight)
    groups = groups_of(met + met.T > 0)
    alone = np.bincount(groups, minlength=1)[groups] == 1
    scores[alone], intervals[alone] = np.nan, np.nan
    above &= (groups[:, None] == groups) & ~alone[:, None] & ~alone
    return Ratings(
        method="elo_online",
        names=record.agents,
        scores=scores,
        intervals=intervals,
        groups=groups,
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings={"step": step, "start": start, "intervals": "bootstrap", "resamples": resamples, "seed": SEED},
        notes=tuple(group_notes(record.agents, groups)),
    )


def run_elo(
    compared: Comparisons,
    weight: NDArray[np.float64],
    *,
    step: float = STEP,
    start: float | NDArray[np.float64] = START,
) -> NDArray[np.float64]:
    """The ratings [A] after all comparisons, each moving its two agents by `weight` [C] times the step; `start`: one, or [A]."""
    ratings = np.full(compared.num_agents, start, np.float64)
    _run(compared.first, compared.second, compared.score, weight, compared.match, step, ratings)
    return ratings


@nb.njit(cache=True, error_model="numpy")
def _run(first, second, score, weight, match, step, ratings):  # type: ignore[no-untyped-def]  # numba kernel
    num = len(first)
    begin = 0
    moves = np.zeros(64)
    while begin < num:
        end = begin + 1
        while end < num and match[end] == match[begin]:
            end += 1
        if end == begin + 1:  # the match of two players
            i, j = np.uint32(first[begin]), np.uint32(second[begin])
            expected = 1 / (1 + np.exp((ratings[j] - ratings[i]) * NATURAL_PER_ELO))
            move = step * weight[begin] * (score[begin] - expected)
            ratings[i] += move
            ratings[j] -= move
        else:
            if end - begin > len(moves):
                moves = np.zeros(end - begin)
            for k in range(begin, end):
                expected = 1 / (1 + np.exp((ratings[second[k]] - ratings[first[k]]) * NATURAL_PER_ELO))
                moves[k - begin] = step * weight[k] * (score[k] - expected)
            for k in range(begin, end):
                ratings[first[k]] += moves[k - begin]
                ratings[second[k]] -= moves[k - begin]
        begin = end

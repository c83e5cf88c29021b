"""Rankings that are a function of the head-to-head scores alone, with bootstrap intervals: what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import EVEN, RESAMPLES, SEED, percentile_bounds, resampled_scores
from arena.leaderboards.comparisons import Comparisons, comparisons, groups_of, pair_sums
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed

MOST_RESAMPLED = 60  # agents, as for the minimax winner


def rank_by_scores(
    record: Record,
    method: str,
    rule: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    confidence: float = 0.95,
    resamples: int | None = None,
    most_resampled: int = MOST_RESAMPLED,
    settings: Mapping[str, str | float] | None = None,
) -> Ratings:
    """The `rule` of the scores of each group of agents that met, with its values on resampled matches as intervals.

    Args:
        record: matches; every two agents of a group must have met.
        rule: from scores [n, n] of the row against the column, 1/2 on the diagonal, to a value an agent, higher is better.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above `most_resampled` agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met.
    """
    if not 0 < confidence < 1 or (resamples is not None and resamples < 0):
        raise ValueError(f"confidence must be in (0, 1), resamples at least 0; got {confidence} and {resamples}")
    compared = comparisons(record)
    observed = head_to_head(compared)
    groups = groups_of(np.isfinite(observed) & ~np.eye(len(observed), dtype=bool))
    sizes = np.bincount(groups, minlength=1)
    if resamples is None:
        resamples = RESAMPLES if sizes.max() <= most_resampled else 0
    drawn = resampled_scores(compared, record.agents, resamples=resamples)
    size = len(record.agents)
    scores, intervals, above = np.full(size, np.nan), np.full((size, 2), np.nan), np.zeros((size, size), np.bool_)
    for group in np.flatnonzero(sizes > 1).tolist():
        members = np.flatnonzero(groups == group)
        block = np.ix_(members, members)
        inside = observed[block]
        if np.isnan(inside).any():
            i, j = np.argwhere(np.isnan(inside))[0]
            pair = listed([record.agents[members[i]], record.agents[members[j]]])
            raise ArenaError(f"the method {method} needs results of every pair of agents; {pair} never met")
        scores[members] = rule(inside)
        draws = np.array([rule(draw[block]) for draw in drawn]).reshape(resamples, len(members))
        intervals[members], above[block] = percentile_bounds(scores[members], draws, confidence)
    return Ratings(
        method=method,
        names=record.agents,
        scores=scores,
        intervals=intervals,
        groups=groups,
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings={**(settings or {}), "intervals": "bootstrap", "resamples": resamples, "seed": SEED},
        notes=tuple(group_notes(record.agents, groups)),
    )


def head_to_head(compared: Comparisons) -> NDArray[np.float64]:
    """Scores [A, A] of the row against the column, nan where two never met, 1/2 on the diagonal."""
    points = pair_sums(compared, compared.weight * compared.score)
    points += pair_sums(compared, compared.weight * (1 - compared.score)).T
    total = points + points.T
    scores: NDArray[np.float64] = np.divide(points, total, out=np.full(points.shape, np.nan), where=total > 0)
    np.fill_diagonal(scores, EVEN)
    return scores

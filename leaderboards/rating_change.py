"""What moved a rating since an earlier time: an agent's own new matches, those of others, and who joined the field.

Own and others' matches act together, so that neither has a part of its own by nature; each gets the mean of what it does before
and after the other came, the only split that is even-handed and sums to the whole.

Source: Shapley, A value for n-person games, 1953, doi:10.1515/9781400881970-018 (of two players here).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import UnknownName
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL, bradley_terry
from arena.leaderboards.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingChange:
    """How a rating moved. ``own`` + ``others`` + ``field`` = ``now`` - ``then``.

    ``own``: what the agent's own new matches did; ``others``: what new matches between others did, through the opponents'
    ratings; ``field``: what newcomers did to the mean, which is 0. ``then`` nan: it had no rating then, and nothing is
    split. ``own_matches``, ``others_matches``: how many are new.
    """

    then: float
    now: float
    own: float
    others: float
    field: float
    own_matches: int
    others_matches: int


def rating_change(
    record: Record, old: NDArray[np.bool_], agent: str, *, method: Literal["elo", "bradley_terry"] = "elo"
) -> RatingChange:
    """How an agent's rating moved from the matches that are `old` to all of them.

    Args:
        record: all matches.
        old: [N], which of them there were then.
        agent: whose rating.
        method: the unit.

    Raises:
        UnknownName: no such agent.
    """
    if agent not in record.agents:
        raise UnknownName("agent of this board", agent, record.agents)
    at = record.agents.index(agent)
    own = (record.seats == at).any(axis=1)
    scale = ELO_PER_NATURAL if method == "elo" else 1.0
    before, after = _scores(record, old), _scores(record, np.ones(len(record), np.bool_))
    then, now = scale * before[0][at], scale * after[0][at]
    counts = int((own & ~old).sum()), int((~own & ~old).sum())
    if np.isnan(then):
        nothing = float("nan")
        return RatingChange(
            then=nothing,
            now=now,
            own=nothing,
            others=nothing,
            field=nothing,
            own_matches=counts[0],
            others_matches=counts[1],
        )
    common = np.flatnonzero(np.isfinite(before[0]) & (before[1] == before[1][at]))

    def relative(scores: NDArray[np.float64]) -> float:
        """The agent's rating where the mean of the agents rated then is 0."""
        return float(scale * (scores[at] - scores[common].mean()))

    first, last = relative(before[0]), relative(after[0])
    with_own, with_others = (relative(_scores(record, old | which)[0]) for which in (own, ~own))
    by_own = ((with_own - first) + (last - with_others)) / 2
    by_others = ((with_others - first) + (last - with_own)) / 2
    return RatingChange(
        then=float(then),
        now=float(now),
        own=by_own,
        others=by_others,
        field=float((now - then) - (last - first)),
        own_matches=counts[0],
        others_matches=counts[1],
    )


def _scores(record: Record, kept: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    ratings = bradley_terry(record.of(kept))
    return ratings.scores, ratings.groups

"""A comparison of two candidates as a block of one match: it is written when it is answered, whatever became of its neighbours."""

from __future__ import annotations

import numpy as np

from arena.games.ragged import Ragged
from arena.results import NOBODY, MatchResults, MatchSpecs, Termination


def judged_match(*, number: int, first: int, second: int, score: float, unit: int) -> MatchResults:
    """The match.

    Args:
        number: of the match in its tournament.
        first, second: the candidates in the order shown, as positions among the tournament's agents.
        score: the share of the win that the first takes.
        unit: what belongs together when verdicts are resampled.
    """
    return MatchResults(
        specs=MatchSpecs(
            index=np.array([number]),
            seats=np.array([[first, second]]),
            seed=np.zeros(1, np.uint64),
            chance_seed=np.array([unit], np.uint64),
        ),
        returns=np.array([[2 * score - 1, 1 - 2 * score]]),
        termination=np.array([Termination.NORMAL], np.int8),
        forfeit=np.array([NOBODY], np.int8),
        actions=Ragged(np.empty(0, np.int32), np.zeros(1, np.int64)),
        seconds=np.zeros((1, 2), np.float32),
    )

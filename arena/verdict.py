"""Play until decided: what the matches of two agents say so far, read in schedule order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.sequential_test import Decision, sequential_test
from arena.ledger import Played
from arena.results import NOBODY


def decision(played: Played, *, error_rate: float) -> Decision:
    """The sequential test on the longest complete prefix of the schedule.

    A wrong verdict has at most the probability `error_rate`, however often one looks. See `sequential_test`.
    """
    return sequential_test(pair_scores(played), alpha=error_rate)


def pair_scores(played: Played) -> NDArray[np.float64]:
    """Agent 0's share of the points of each pair of seat-swapped twins [K], in 0..1, of the longest complete prefix."""
    contiguous = np.flatnonzero(played.index != np.arange(len(played.index)))
    prefix = int(contiguous[0]) if len(contiguous) else len(played.index)
    rows = slice(0, prefix - prefix % 2)
    first = np.argmax(played.seats[rows] == 0, axis=1)  # agent 0's seat
    returns, at = played.returns[rows], np.arange(prefix - prefix % 2)
    points = (np.sign(returns[at, first] - returns[at, 1 - first]) + 1) / 2
    forfeit = played.forfeit[rows]
    points = np.where(forfeit == NOBODY, points, forfeit != first)
    scores: NDArray[np.float64] = points.reshape(-1, 2).mean(axis=1)
    return scores


def matches_rated(played: Played, *, error_rate: float) -> int:
    """How many matches of the schedule count: those after the verdict are kept as surplus and not rated."""
    found = decision(played, error_rate=error_rate)
    return len(played.index) if found.at is None else 2 * found.at

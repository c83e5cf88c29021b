"""What each unit of resampling says of each two agents that met in it, and what complete rounds say of each agent.

A meeting is one entry a unit (a pair of seat-swapped twins) and two agents: the share of the points, so that twins count once.
An agent's complete rounds are its first m meetings with every opponent, m the least number over opponents: of them the mean is
the mean score against the whole field, however unevenly the matches were paired. Meetings past them are not read for
that agent; which meetings come first is the order of the units, never of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import Comparisons

DIGITS = 9  # scores that differ by rounding are one score


@dataclass(frozen=True, slots=True, kw_only=True)
class Meetings:
    """Meetings as columns, sorted by the two agents and then by unit.

    ``low``, ``high`` int64 [N]: the agents, low < high. ``score`` int64 [N]: number of the low agent's share of the points in
    ``values`` float64 [K], which are symmetric about 1/2, ascending. ``turn`` int64 [N]: how many meetings of the same two came
    before. ``counts`` int64 [A, A]: how often two agents met.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    score: NDArray[np.int64]
    turn: NDArray[np.int64]
    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.low)


def meetings(compared: Comparisons) -> Meetings:
    """The meetings of these comparisons; a meeting counts once, whatever its weight."""
    size = compared.num_agents
    low, high = np.minimum(compared.first, compared.second), np.maximum(compared.first, compared.second)
    points = compared.weight * np.where(compared.first == low, compared.score, 1 - compared.score)
    units = max(compared.num_units, 1)
    key, entry = np.unique((low * size + high) * units + compared.unit, return_inverse=True)
    weight = np.bincount(entry, compared.weight, minlength=len(key))
    share = np.round(np.bincount(entry, points, minlength=len(key)) / np.where(weight > 0, weight, 1), DIGITS)
    values = np.unique(np.concatenate((share, np.round(1 - share, DIGITS))))
    pair = key // units
    begins = np.flatnonzero(np.diff(pair, prepend=-1))
    turn = np.arange(len(pair)) - np.repeat(begins, np.diff(np.append(begins, len(pair))))
    one, two = pair // size, pair % size
    counts = np.bincount(pair, minlength=size * size).reshape(size, size)
    return Meetings(
        low=one,
        high=two,
        score=np.searchsorted(values, share).astype(np.int64),
        turn=turn.astype(np.int64),
        values=values,
        counts=(counts + counts.T).astype(np.int64),
    )


def complete_rounds(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many complete rounds against all others each agent has played [A]: the least of its row of `counts` [A, A]."""
    if len(counts) < 2:
        return np.zeros(len(counts), np.int64)
    rounds: NDArray[np.int64] = np.where(np.eye(len(counts), dtype=np.bool_), np.iinfo(np.int64).max, counts).min(
        axis=1
    )
    return rounds


def round_scores(met: Meetings) -> NDArray[np.float64]:
    """[A, K]: how often each agent scored each of the values in its complete rounds."""
    size, kinds = len(met.counts), len(met.values)
    rounds = complete_rounds(met.counts)
    read_low, read_high = met.turn < rounds[met.low], met.turn < rounds[met.high]
    cells = np.concatenate(
        (
            met.low[read_low] * kinds + met.score[read_low],
            met.high[read_high] * kinds + kinds - 1 - met.score[read_high],
        )
    )
    return np.bincount(cells, minlength=size * kinds).astype(np.float64).reshape(size, kinds)


def pair_scores(met: Meetings) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """(low [M], high [M], counts [M, K]) of the pairs that met: how often the low agent scored each of the values."""
    size, kinds = len(met.counts), len(met.values)
    pairs, at = np.unique(met.low * size + met.high, return_inverse=True)
    counts = np.bincount(at * kinds + met.score, minlength=len(pairs) * kinds).astype(np.float64)
    return pairs // size, pairs % size, counts.reshape(len(pairs), kinds)

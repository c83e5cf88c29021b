"""How often units of resampling ended how, for every two agents: all that Bradley-Terry reads of most records, in one pass.

A unit of one match between two agents has three outcomes, a pair of twins five (the pentanomial counts of engine testing). Points,
matches, and for any ratings the squares and the spread of the units' gradients follow from how often each was seen, so that the matches
need not be read again once the ratings are known.

Source: Van den Bergh, Normalized Elo, 2020, http://hardy.uhasselt.be/Fishtest/normalized_elo.pdf (pentanomial counts).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import BLOCK, MAX_AGENTS, score_between
from arena.leaderboards.record import Record

OUTCOMES = 8
"""Of a single match with 0, 1 and 2 half points of the agent with the smaller number; of twins with 0 to 4."""
TWINS_FROM = 3
SQUARE = 32  # agents: a square of pairs of them fits into fast memory, its mirror image beside it


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTally:
    """``counts`` uint32 [A (A - 1) / 2, 8]: of the agents i > j in row i (i - 1) / 2 + j, how many units ended how for j, as
    `OUTCOMES` says. ``units``: how many numbers of units the record has; ``matches``: how many matches were used."""

    counts: NDArray[np.uint32]
    num_agents: int
    units: int
    matches: int


def unit_tally(record: Record) -> UnitTally | None:
    """The tally of a record, or None where it cannot say all or would be longer than the record.

    It says all of matches of two players, each weighing 1 or 0, whose units stand together by ascending number and hold one or two
    matches of the same two agents.
    """
    size = len(record.agents)
    pairs = size * (size - 1) // 2
    if record.seats.shape[1] != 2 or size > MAX_AGENTS or len(record) < pairs:
        return None
    counts = np.zeros((pairs, OUTCOMES), np.uint32)
    matches, units = _tally(record.seats, record.returns, record.forfeit, record.weight, record.pair, counts.ravel())
    return None if matches < 0 else UnitTally(counts=counts, num_agents=size, units=units, matches=matches)


def points_of(tally: UnitTally) -> NDArray[np.float64]:
    """Points [A, A] of the row's agent against the column's, draws as halves: as `pair_points` sums them."""
    points: NDArray[np.float64] = _points(tally.counts, tally.num_agents)
    return points


@nb.njit(cache=True, error_model="numpy")
def _tally(seats, returns, forfeit, weight, pair, counts):  # type: ignore[no-untyped-def]  # numba kernel
    """(matches used, units), -1 matches where the tally cannot say all.

    Block by block: first what each match says, without branches that depend on who won, then which are of one unit, then the
    additions, which wait for memory and so must not wait for anything else.
    """
    matches, units = 0, 0
    cell, half, unit = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.int64)
    place = np.empty(BLOCK + 1, np.uint32)
    held, now, where, halves = 0, np.int64(0), np.uint32(0), np.uint32(0)  # the unit that is not over yet
    for begin in range(0, len(seats) + BLOCK, BLOCK):  # the last block is empty: it ends the last unit
        count, done, fits = 0, 0, True
        for match in range(begin, min(begin + BLOCK, len(seats))):
            first, second, part = seats[match, 0], seats[match, 1], weight[match]
            score = score_between(returns, forfeit, match, 0, 1)
            fits &= (part == 1) | (part == 0)
            before = pair[max(match - 1, 0)]
            fits &= pair[match] >= before
            units += (match == 0) | (pair[match] != before)
            small, large = np.uint32(max(min(first, second), 0)), np.uint32(max(first, second, 0))
            own = np.uint32(score > 0) + np.uint32(score == 1)
            cell[count] = large * (large - np.uint32(1)) // np.uint32(2) + small
            half[count] = own if first < second else np.uint32(2) - own
            unit[count] = pair[match]
            count += (part > 0) & (first >= 0) & (second >= 0) & (first != second) & (score == score)
        for k in range(count + (begin >= len(seats))):
            if held and k < count and unit[k] == now:
                fits &= (held == 1) & (cell[k] == where)
                halves += half[k]
                held += 1
                continue
            if held:
                place[done] = where * np.uint32(OUTCOMES) + np.uint32(TWINS_FROM * (held > 1)) + halves
                done += 1
            if k < count:
                held, now, where, halves = 1, unit[k], cell[k], half[k]
        if not fits:
            return -1, units
        for k in range(done):
            counts[place[k]] += np.uint32(1)
        matches += count
    return matches, units


@nb.njit(cache=True, error_model="numpy")
def _points(counts, size):  # type: ignore[no-untyped-def]  # numba kernel
    """Square by square, for the sake of the mirror image."""
    points = np.empty((size, size))
    for top in range(0, size, SQUARE):
        for left in range(0, top + 1, SQUARE):
            for i in range(top, min(top + SQUARE, size)):
                for j in range(left, min(left + SQUARE, i)):
                    a, b, c, d, e, f, g, h = counts[i * (i - 1) // 2 + j]
                    low = b + 2 * c + e + 2 * f + 3 * g + 4 * h
                    points[j, i] = 0.5 * low
                    points[i, j] = 0.5 * (2 * (a + b + c) + 4 * (d + e + f + g + h) - low)
    for i in range(size):
        points[i, i] = 0.0
    return points

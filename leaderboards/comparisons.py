"""From matches to comparisons of two agents: who got more than whom.

A match of two players is one comparison. A match of P players is P (P − 1) / 2 of them, each with weight 1 / (P − 1), so
that every seat takes part with the total weight of one match. More is a win, equal returns are a draw (half a win each),
and a player who forfeits comes behind all others whatever the returns say; others with equal returns in such a match
are not compared. An agent that meets itself is not compared.

In zero- and constant-sum games of two players this is winning and losing. In general-sum games it says who got more than
its opponent, which is not the same as getting much; where all players get the same it says nothing at all, and such
games are ranked by their mean return.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.record import Record

BLOCK = 1_024  # matches: what is made of them stays in the fastest memory
MAX_AGENTS = 2_000  # matrices of all pairs are dense: 32 MB each at this size


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """Comparisons as columns, in the order of matches.

    ``first``, ``second`` int64 [C]: the agents. ``score`` float64 [C]: 1 = the first got more, 0.5 = draw, 0 = less.
    ``margin`` float64 [C]: the first's return less the second's. ``weight`` float64 [C]; ``times`` float64 [C]: how often
    the match counts, not shared among its comparisons. ``unit`` int64 [C]: number of the unit of resampling (twins share
    one), ascending; ``match`` int64 [C]: row of the record. ``num_agents``; ``num_units``; ``matches``: how many were used.
    ``first`` sat before ``second``.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    score: NDArray[np.float64]
    margin: NDArray[np.float64]
    weight: NDArray[np.float64]
    times: NDArray[np.float64]
    unit: NDArray[np.int64]
    match: NDArray[np.int64]
    num_agents: int
    num_units: int
    matches: int

    def __len__(self) -> int:
        return len(self.first)


def comparisons(record: Record) -> Comparisons:
    """The comparisons that the matches of a record give.

    Raises:
        ArenaError: more agents than matrices of all pairs can hold.
    """
    num_agents = _num_agents(record)
    order, unit, num_units = units_of(record.pair)
    rows = np.arange(len(record)) if order is None else order
    num_seats = record.seats.shape[1]
    size = len(record) * num_seats * (num_seats - 1) // 2
    agents, numbers, units = np.empty((2, size), np.int64), np.empty((4, size)), np.empty((2, size), np.int64)
    count, matches = _compare(
        rows, record.seats, record.returns, record.forfeit, record.weight, unit, agents, numbers, units
    )
    return Comparisons(
        first=agents[0, :count],
        second=agents[1, :count],
        score=numbers[0, :count],
        margin=numbers[1, :count],
        weight=numbers[2, :count],
        times=numbers[3, :count],
        unit=units[0, :count],
        match=units[1, :count],
        num_agents=num_agents,
        num_units=num_units,
        matches=matches,
    )


def pair_points(record: Record) -> tuple[NDArray[np.float64], int]:
    """(points [A, A] of the row's agent against the column's, draws as halves; matches that were used).

    The sums of `comparisons` without making them.

    Raises:
        ArenaError: more agents than matrices of all pairs can hold.
    """
    points = np.zeros((_num_agents(record),) * 2)
    return points, _count(record.seats, record.returns, record.forfeit, record.weight, points)


def _num_agents(record: Record) -> int:
    if len(record.agents) > MAX_AGENTS:
        raise ArenaError(
            f"{len(record.agents):,} agents are too many to compare all pairs; at most {MAX_AGENTS:,} are rated at once"
        )
    return len(record.agents)


def pair_sums(compared: Comparisons, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[A, A]: the sum of `values` [C] over the comparisons in which the row's agent was first, the column's second."""
    size = compared.num_agents
    cells = compared.first * size + compared.second
    return np.bincount(cells, weights=values, minlength=size * size).astype(np.float64).reshape(size, size)


def outer_by_unit(
    agents: NDArray[np.int64], values: NDArray[np.float64], unit: NDArray[np.int64], num_agents: int
) -> NDArray[np.float64]:
    """[A, A]: Σ over units of g gᵀ, where g [A] sums the `values` [K, N] of each of the `agents` [K, N], -1 = nobody.

    Args:
        unit: [N], rows of one unit stand together.
    """
    outer: NDArray[np.float64] = _outer_by_unit(agents, values, unit, num_agents)
    return outer


def groups_of(met: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The group of each agent [A], 0 the largest: agents are in one group if a chain of meetings links them.

    Args:
        met: [A, A], symmetric.
    """
    from scipy.sparse.csgraph import connected_components

    _, label = connected_components(met, directed=False)
    sizes = np.bincount(label)
    rank = np.empty(len(sizes), np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    group: NDArray[np.int64] = rank[label]
    return group


def units_of(pair: NDArray[np.int64]) -> tuple[NDArray[np.int64] | None, NDArray[np.int64], int]:
    """(order that brings matches of one unit together or None, unit of each match in that order ascending, count)."""
    order = unit_order(pair)
    unit: NDArray[np.int64] = _numbered(pair if order is None else pair[order])
    return order, unit, int(unit[-1]) + 1 if len(unit) else 0


def unit_order(pair: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """The order that brings matches of one unit together, by number; None where they stand so already."""
    return None if _ascending(pair) else np.argsort(pair, kind="stable")


@nb.njit(cache=True)
def _ascending(numbers):  # type: ignore[no-untyped-def]  # numba kernel
    place = 1
    while place < len(numbers) and numbers[place] >= numbers[place - 1]:
        place += 1
    return place >= len(numbers)


@nb.njit(cache=True)
def _numbered(pair):  # type: ignore[no-untyped-def]  # numba kernel
    """The number from 0 on of each entry among the different ones, which ascend."""
    unit = np.empty(len(pair), np.int64)
    number = 0
    for k in range(len(pair)):
        number += k > 0 and pair[k] != pair[k - 1]
        unit[k] = number
    return unit


@nb.njit(cache=True)
def score_between(returns, forfeit, match, a, b):  # type: ignore[no-untyped-def]  # numba kernel
    """Seat a's score against seat b in a match: 1, 1/2 or 0; nan where the two are not compared."""
    one, two = returns[match, a], returns[match, b]
    score = 0.5 * (1.0 + (one > two) - (one < two))  # without a branch, which nobody could foretell
    fault = forfeit[match]
    if fault >= 0:
        if fault == a:
            return 0.0
        if fault == b:
            return 1.0
        if score == 0.5:  # a third player's fault ended the match: these two were not compared
            return np.nan
    return score


@nb.njit(cache=True)
def players_of(seats, match):  # type: ignore[no-untyped-def]  # numba kernel
    """How many seats of a match are taken."""
    players = 0
    for seat in range(seats.shape[1]):
        players += seats[match, seat] >= 0
    return players


@nb.njit(cache=True, error_model="numpy")
def _count(seats, returns, forfeit, weight, points):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds each comparison to `points` [A, A]; returns how many matches had one.

    Block by block: first which cell gets how much, without branches that depend on who won, then the additions, which wait
    for memory and so must not wait for anything else.
    """
    size, num_seats, matches = len(points), seats.shape[1], 0
    flat = points.ravel()
    most = BLOCK * num_seats * (num_seats - 1) // 2
    cells, shares = np.empty((2, most), np.uint32), np.empty((2, most))  # who was ahead; the other half of a draw
    for begin in range(0, len(seats), BLOCK):
        count, draws = 0, 0
        for match in range(begin, min(begin + BLOCK, len(seats))):
            before, part = count, weight[match]
            if num_seats == 2:
                count, draws = _enter(seats, returns, forfeit, match, 0, 1, part, size, cells, shares, count, draws)
            else:
                part /= max(players_of(seats, match) - 1, 1)
                for a in range(num_seats):
                    for b in range(a + 1, num_seats):
                        count, draws = _enter(
                            seats, returns, forfeit, match, a, b, part, size, cells, shares, count, draws
                        )
            matches += count > before
        for k in range(count):
            flat[cells[0, k]] += shares[0, k]
        for k in range(draws):
            flat[cells[1, k]] += shares[1, k]
    return matches


@nb.njit(cache=True, error_model="numpy")
def _enter(seats, returns, forfeit, match, a, b, part, size, cells, shares, count, draws):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes seat a against seat b behind the `count` comparisons and `draws` there are; returns how many there are now."""
    score = score_between(returns, forfeit, match, a, b)
    first, second = seats[match, a], seats[match, b]
    behind = (second - first) * (score < 0.5)
    cells[0, count], shares[0, count] = (first + behind) * size + second - behind, part * max(score, 1 - score)
    cells[1, draws], shares[1, draws] = second * size + first, part / 2
    real = (part > 0) & (first >= 0) & (second >= 0) & (first != second) & (score == score)
    return count + real, draws + (real & (score == 0.5))


@nb.njit(cache=True)
def _compare(rows, seats, returns, forfeit, weight, unit, agents, numbers, units):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills the columns; returns how many comparisons and how many matches there were."""
    num_seats = seats.shape[1]
    count, matches = 0, 0
    for k in range(len(rows)):
        match = rows[k]
        if not weight[match] > 0:
            continue
        players = players_of(seats, match)
        before = count
        for a in range(num_seats):
            for b in range(a + 1, num_seats):
                first, second = seats[match, a], seats[match, b]
                if first < 0 or second < 0 or first == second:
                    continue
                score = score_between(returns, forfeit, match, a, b)
                if np.isnan(score):
                    continue
                agents[0, count], agents[1, count] = first, second
                numbers[0, count], numbers[1, count] = score, returns[match, a] - returns[match, b]
                numbers[2, count] = weight[match] / (players - 1)
                numbers[3, count] = weight[match]
                units[0, count], units[1, count] = unit[k], match
                count += 1
        matches += count > before
    return count, matches


@nb.njit(cache=True)
def _outer_by_unit(agents, values, unit, num_agents):  # type: ignore[no-untyped-def]  # numba kernel
    outer = np.zeros((num_agents, num_agents))
    total = np.zeros(num_agents)
    touched = np.empty(num_agents, np.int64)
    seen = np.zeros(num_agents, np.bool_)
    begin = 0
    while begin < len(unit):
        end, count = begin, 0
        while end < len(unit) and unit[end] == unit[begin]:
            for k in range(len(agents)):
                agent = agents[k, end]
                if agent < 0:
                    continue
                if not seen[agent]:
                    seen[agent] = True
                    touched[count] = agent
                    count += 1
                total[agent] += values[k, end]
            end += 1
        for a in range(count):
            for b in range(count):
                outer[touched[a], touched[b]] += total[touched[a]] * total[touched[b]]
        for a in range(count):
            seen[touched[a]] = False
            total[touched[a]] = 0.0
        begin = end
    return outer

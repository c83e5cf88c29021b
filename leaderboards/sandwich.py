"""The covariance H⁻¹ B H⁻¹ of Bradley-Terry strengths: the sandwich, unit by unit of resampling.

H is the information; B the sum over units (pairs of seat-swapped twins) of the outer products of their gradients, and a
little for units of unknown outcome.

Source: Liang and Zeger, Longitudinal data analysis using generalized linear models, Biometrika 1986,
doi:10.1093/biomet/73.1.13 (the sandwich).
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.bradley_terry_fit import WIDE, Curvature
from arena.leaderboards.comparisons import players_of, score_between, unit_order
from arena.leaderboards.congruence import congruent_inverse
from arena.leaderboards.record import Record

VAGUE_UNITS = 2.0
"""Units of unknown outcome that each rating adds to B: with few units the observed spread alone is too small, and zero
when all pairs ended alike. The idea is that of Agresti and Coull's two wins and two losses."""


def middle(record: Record, strength: NDArray[np.float64], *, matches: int) -> NDArray[np.float64]:
    """B [A, A] of all groups; only the half below the diagonal is filled, and the diagonal.

    Args:
        strength: [A], nan where an agent met nobody.
        matches: how many of the record are used.
    """
    order = unit_order(record.pair)
    rows = np.empty(0, np.int64) if order is None else order
    units = max(int(_num_units(record.pair, rows)), 1)
    parameters = max(len(strength) - 1, 1)
    correction = units / max(units - parameters, units / 2)
    vague = VAGUE_UNITS * parameters / units * matches / units
    known = np.isfinite(strength)
    wide = bool(known.any()) and float(np.ptp(strength[known])) > WIDE
    outer = np.zeros((len(strength),) * 2)
    _gather(
        record.seats, record.returns, record.forfeit, record.weight, record.pair, rows,
        strength, np.exp(np.where(wide, 0, strength)), wide, correction, vague, outer,
    )  # fmt: skip
    return outer


def covariance(
    strength: NDArray[np.float64], now: Curvature, outer: NDArray[np.float64], *, virtual: float
) -> NDArray[np.float64]:
    """H⁻¹ B H⁻¹ [n, n] of the centred strengths of one group, with H as `now`, B from `middle`.

    A virtual draw enters B as half a win and half a loss.
    """
    # without virtual draws there is no information of all ratings moving together, nor does B hold any: any number will do
    together = 0.0 if virtual else float(now.diagonal.mean()) / len(strength)
    scale = 1 / np.sqrt(now.diagonal + together)
    win = 1 / (1 + np.exp(-strength))
    extra = virtual * (win**2 + (1 - win) ** 2) / 2
    information, scaled, largest = _scaled(now.cells, outer, scale, together, extra)
    congruent_inverse(scaled, information, beside=largest)
    unscaled: NDArray[np.float64] = _unscaled(scaled, scale)
    return unscaled


@nb.njit(cache=True)
def _num_units(pair, rows):  # type: ignore[no-untyped-def]  # numba kernel
    count, last = 0, 0
    for k in range(len(pair)):
        number = pair[rows[k]] if len(rows) else pair[k]
        count += k == 0 or number != last
        last = number
    return count


@nb.njit(cache=True, error_model="numpy")
def _gather(seats, returns, forfeit, weight, pair, rows, strength, odds, wide, correction, vague, outer):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills B: matches of one unit stand together in the order `rows`, as they are where `rows` is empty.

    Twins are a unit of one pair of agents: one sum, one cell. Only where a unit holds other pairs are the agents' sums kept.
    """
    num, size, num_seats = len(seats), len(outer), seats.shape[1]
    total, touched, seen = np.zeros(size), np.empty(size, np.uint32), np.zeros(size, np.bool_)
    k = 0
    while k < num:
        number = pair[rows[k]] if len(rows) else pair[k]
        low, high, residual, blur, count = -1, -1, 0.0, 0.0, 0
        while k < num:
            match = rows[k] if len(rows) else k
            if pair[match] != number:
                break
            k += 1
            part = weight[match]
            if not part > 0:
                continue
            if num_seats > 2:
                part /= max(players_of(seats, match) - 1, 1)
            for a in range(num_seats - 1):
                for b in range(a + 1, num_seats):
                    first, second = seats[match, a], seats[match, b]
                    if first < 0 or second < 0 or first == second:
                        continue
                    score = score_between(returns, forfeit, match, a, b)
                    if np.isnan(score):
                        continue
                    i, j = np.uint32(first), np.uint32(second)
                    p = 1 / (1 + np.exp(strength[j] - strength[i])) if wide else odds[i] / (odds[i] + odds[j])
                    cloud = vague * part * part * p * (1 - p)
                    small, large = min(first, second), max(first, second)
                    one = part * (score - p) * (1 - 2 * (first > second))  # of the agent with the smaller number
                    if low < 0:
                        low, high = small, large
                    if small == low and large == high:
                        residual += one
                        blur += cloud
                    else:
                        outer[np.uint32(large), np.uint32(small)] -= cloud
                        for agent, value in ((small, one), (large, -one)):
                            if not seen[agent]:
                                seen[agent] = True
                                touched[count] = agent
                                count += 1
                            total[agent] += value
        if low < 0:
            continue
        if count == 0:
            outer[np.uint32(high), np.uint32(low)] -= correction * residual * residual + blur
            continue
        outer[np.uint32(high), np.uint32(low)] -= blur
        for agent, value in ((low, residual), (high, -residual)):
            if not seen[agent]:
                seen[agent] = True
                touched[count] = agent
                count += 1
            total[agent] += value
        for a in range(count):
            for b in range(a):
                one, two = touched[a], touched[b]
                outer[max(one, two), min(one, two)] += correction * total[one] * total[two]
        for a in range(count):
            seen[touched[a]] = False
            total[touched[a]] = 0.0
    for row in range(size):  # gradients of a unit sum to zero, and so do the rows of B
        for column in range(row):
            total[row] -= outer[row, column]
            total[column] -= outer[row, column]
    for row in range(size):
        outer[row, row] = total[row]


@nb.njit(cache=True, error_model="numpy")
def _scaled(cells, outer, scale, together, extra):  # type: ignore[no-untyped-def]  # numba kernel
    """(H [n, n], B [n, n], scaled to a diagonal of H of 1; how much stands beside the diagonals: `congruent_inverse`).

    B has both its halves, H the one below the diagonal.
    """
    size = len(cells)
    information, middle = np.empty((size, size)), np.empty((size, size))
    squares, others = np.zeros(size), np.zeros(size)
    for i in range(size):
        information[i, i], middle[i, i] = 1.0, (outer[i, i] + extra[i]) * scale[i] ** 2
        for j in range(i):
            information[i, j] = (together - cells[i, j]) * scale[i] * scale[j]
            middle[i, j] = outer[i, j] * scale[i] * scale[j]
            squares[j] += information[i, j] ** 2
            others[j] += middle[i, j] ** 2
    least, most = np.inf, 0.0
    for i in range(size):
        least, most = min(least, middle[i, i]), max(most, middle[i, i])
        for j in range(i):
            squares[i] += information[i, j] ** 2
            others[i] += middle[i, j] ** 2
            middle[j, i] = middle[i, j]
    return information, middle, max(squares.max() * most / least, others.max() / least**2)


@nb.njit(cache=True, error_model="numpy")
def _unscaled(covariance, scale):  # type: ignore[no-untyped-def]  # numba kernel
    """Back to the agents' own units, and to strengths of mean 0."""
    size = len(covariance)
    mean = np.zeros(size)
    for i in range(size):
        for j in range(size):
            covariance[i, j] *= scale[i] * scale[j]
            mean[j] += covariance[i, j] / size
    all_mean = mean.mean()
    for i in range(size):
        for j in range(size):
            covariance[i, j] += all_mean - mean[i] - mean[j]
    return covariance

"""The covariance H⁻¹ B H⁻¹ of Bradley-Terry strengths: the sandwich, unit by unit of resampling.

H is the information; B the sum over units (pairs of seat-swapped twins) of the outer products of their gradients, and a
little for units of unknown outcome. Ratings are of a schedule: who met whom how often is given, and another sample would have
the same meetings with other results. So only the spread of results about the mean of their two agents counts, not that mean's distance
from what the ratings say, which in a cyclic field is no matter of luck. Of two agents that met in one unit the spread is not seen;
it is taken to be the share of the square that it is of the others. Where meetings were drawn by lot (`Record.drawn`), and in matches of
more than two players, whose units hold several pairs, whole squares count.

Sources: Liang and Zeger, Longitudinal data analysis using generalized linear models, Biometrika 1986,
doi:10.1093/biomet/73.1.13 (the sandwich); Abadie, Imbens and Zheng, Inference for misspecified models with fixed regressors, JASA
2014, doi:10.1080/01621459.2014.928218 (why the misfit does not count where the regressors are given).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.bradley_terry_fit import WIDE, Curvature
from arena.leaderboards.comparisons import BLOCK, players_of, score_between, unit_order
from arena.leaderboards.congruence import congruent_inverse
from arena.leaderboards.near_diagonal import near_diagonal_congruence
from arena.leaderboards.record import Record
from arena.leaderboards.unit_tally import UnitTally

VAGUE_UNITS = 1.0
"""Units of unknown outcome that each rating adds to B: with few units the observed spread alone is too small, and zero
when all pairs ended alike. The idea is that of Agresti and Coull's two wins and two losses."""
SEEN_SPREADS = 20
"""Degrees of freedom of the spreads that are seen, from which on they say what those are that are not."""

TWINS = 2.0
"""Matches that a unit of unknown outcome weighs at least where units hold as many. Of large units it weighs what units are seen
to be worth: as much as all its matches where they hang together, as a pair of twins where they do not."""

SQUARE = 32
FEW = 256  # agents: below, the whole is found in little time
DIRECTIONS = 4  # powers of the ratings, from 0 on, of which the expected information is made all but wholly


@dataclass(frozen=True, slots=True, kw_only=True)
class NearCovariance:
    """``matrix`` [n, n]; ``width_error``: a bound of the relative error of standard errors; ``slack`` [n]: the sum of two agents'
    is a bound of the error of the variance of their difference."""

    matrix: NDArray[np.float64]
    slack: NDArray[np.float64]
    width_error: float


def middle_of_tally(tally: UnitTally, strength: NDArray[np.float64], *, drawn: bool) -> NDArray[np.float64]:
    """B [A, A] of all groups, as `middle` of the record that the tally was made of, which it need not read again.

    Args:
        strength: [A], nan where an agent met nobody.
        drawn: as of the record.
    """
    units = max(tally.units, 1)
    parameters = max(len(strength) - 1, 1)
    wide = _is_wide(strength)
    outer: NDArray[np.float64] = _outer_of_tally(
        tally.counts,
        strength,
        np.exp(np.where(wide, 0, strength)),
        wide,
        _correction(units, parameters),
        VAGUE_UNITS * parameters / units * (tally.matches / units),
        drawn,
    )
    return outer


def middle(
    record: Record, strength: NDArray[np.float64], points: NDArray[np.float64], *, matches: int
) -> NDArray[np.float64]:
    """B [A, A] of all groups.

    Args:
        strength: [A], nan where an agent met nobody.
        points: [A, A], of the row against the column, as of `pair_points`.
        matches: how many of the record are used.
    """
    order = unit_order(record.pair)
    rows = np.empty(0, np.int64) if order is None else order
    weight = record.weight[record.weight > 0]
    share = float(weight.sum()) ** 2 / (len(weight) * float(weight @ weight)) if len(weight) else 1.0
    units = max(int(_num_units(record.pair, rows)), 1)
    parameters = max(len(strength) - 1, 1)
    correction = _correction(share * units, parameters)  # as many of equal weight would say as much
    wide = _is_wide(strength)
    counted = record.seats.shape[1] == 2 and bool((record.weight * record.weight == record.weight).all())
    odds = np.exp(np.where(wide, 0, strength))

    def filled(vague: float) -> NDArray[np.float64]:
        outer, summed = np.zeros((len(strength),) * 2), np.empty((len(strength),) * 2)
        _sum_cells(points, strength, odds, wide, vague if counted else 0.0, outer, summed)
        _gather(
            record.seats, record.returns, record.forfeit, record.weight, record.pair, rows,
            strength, odds, wide, correction, 0.0 if counted else vague, record.drawn, outer, summed,
        )  # fmt: skip
        return outer

    together = matches / units
    if together > TWINS and units >= SEEN_SPREADS:
        # how many matches a unit is worth: by how much more its results spread than those of single ones
        alone = _trace_of_singles(points, strength, odds, wide)
        observed = float(np.trace(filled(0.0))) / alone if alone > 0 else together
        together = min(max(observed, TWINS), together)
    return filled(VAGUE_UNITS * parameters / units * together)


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


def _correction(units: float, parameters: int) -> float:
    """Of squares, for the parameters that were fitted to the same matches."""
    return units / max(units - parameters, units / 2)


def _is_wide(strength: NDArray[np.float64]) -> bool:
    """Whether strengths are so far apart that e to their power is no number."""
    known = np.isfinite(strength)
    return bool(known.any()) and float(np.ptp(strength[known])) > WIDE


def near_covariance(strength: NDArray[np.float64], now: Curvature, outer: NDArray[np.float64]) -> NearCovariance | None:
    """`covariance` without virtual draws of many agents most of whom met, faster and with bounds; None where those do not hold."""
    if len(strength) < FEW or not np.ptp(strength) > 0:
        return None
    together = float(now.diagonal.mean()) / len(strength)
    scale = 1 / np.sqrt(now.diagonal + together)
    standing = (strength - strength.mean()) / strength.std()
    smooth = np.stack([standing**power / scale for power in range(DIRECTIONS)], axis=1)
    found = near_diagonal_congruence(now.cells, outer, smooth, scale=scale, together=together)
    if found is None:
        return None
    slack = (
        found.on_diagonal + found.beside
    ) * scale**2  # twice the product of two scales is at most the sum of squares
    least = float((np.diag(found.product) / scale**2).min())
    width = 1 - (1 - found.on_diagonal / least) ** 0.5 if least > found.on_diagonal else np.inf
    return NearCovariance(matrix=found.product, slack=slack, width_error=width)


@nb.njit(cache=True)
def _num_units(pair, rows):  # type: ignore[no-untyped-def]  # numba kernel
    count, last = 0, 0
    for k in range(len(pair)):
        number = pair[rows[k]] if len(rows) else pair[k]
        count += k == 0 or number != last
        last = number
    return count


@nb.njit(cache=True, error_model="numpy")
def _gather(seats, returns, forfeit, weight, pair, rows, strength, odds, wide, correction, vague, drawn, outer, summed):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills B: matches of one unit stand together in the order `rows`, as they are where `rows` is empty.

    Twins are a unit of one pair of agents: one sum, one cell. Only where a unit holds other pairs are the agents' sums kept.
    As in counting, a block of comparisons is worked out before anything is added up.
    """
    size, num_seats = len(outer), seats.shape[1]
    most = BLOCK * num_seats * (num_seats - 1) // 2
    low, high, unit = np.empty(most, np.uint16), np.empty(most, np.uint16), np.empty(most, np.int64)
    residual, cloud = np.empty(most), np.empty(most)  # of the agent with the smaller number; for vague units
    place, alone = np.empty(most, np.uint32), np.empty(most)  # units of one pair of agents
    squares = np.zeros(
        (size * (size - 1) // 2, 2)
    )  # row by row below the diagonal: units of these two alone, their squares
    total, touched, seen = np.zeros(size), np.empty(size, np.int64), np.zeros(size, np.bool_)
    begun, now, small, large, first_sum, blur, others = False, 0, np.uint16(0), np.uint16(0), 0.0, 0.0, 0
    for begin in range(0, len(seats) + BLOCK, BLOCK):  # the last block is empty: it ends the last unit
        count, done = 0, 0
        for k in range(begin, min(begin + BLOCK, len(seats))):
            match = rows[k] if len(rows) else k
            part = weight[match]
            if num_seats == 2:
                score = score_between(returns, forfeit, match, 0, 1)
                count += _enter(
                    seats[match, 0], seats[match, 1], score, part, pair[match], strength, odds, wide, vague,
                    low, high, unit, residual, cloud, count,
                )  # fmt: skip
                continue
            part /= max(players_of(seats, match) - 1, 1)
            for a in range(num_seats - 1):
                for b in range(a + 1, num_seats):
                    score = score_between(returns, forfeit, match, a, b)
                    count += _enter(
                        seats[match, a], seats[match, b], score, part, pair[match], strength, odds, wide, vague,
                        low, high, unit, residual, cloud, count,
                    )  # fmt: skip
        for k in range(count + (begin >= len(seats))):
            mine = k < count and begun and unit[k] == now
            if mine and low[k] == small and high[k] == large:
                first_sum += residual[k]
                blur += cloud[k]
            elif mine:
                outer[high[k], low[k]] -= cloud[k]
                summed[high[k], low[k]] -= residual[k]
                others = _touch(low[k], high[k], residual[k], total, touched, seen, others)
            else:
                if others:
                    others = _touch(small, large, first_sum, total, touched, seen, others)
                    _spread(outer, correction, total, touched, seen, others)
                    others = 0
                    outer[large, small] -= blur
                    summed[large, small] -= first_sum
                elif begun:
                    row = np.uint32(large)
                    place[done], alone[done] = row * (row - 1) // 2 + small, first_sum
                    done += 1
                    if vague:
                        outer[large, small] -= blur
                if k < count:
                    begun, now, small, large = True, unit[k], low[k], high[k]
                    first_sum, blur = residual[k], cloud[k]
        for k in range(done):
            squares[place[k], 0] += 1.0
            squares[place[k], 1] += alone[k] * alone[k]
    _add_spreads(outer, squares, summed, correction, drawn)
    _complete(outer, total)


@nb.njit(cache=True, error_model="numpy")
def _sum_cells(points, strength, odds, wide, vague, outer, summed):  # type: ignore[no-untyped-def]  # numba kernel
    """What each two agents' matches say together, below the diagonal: `summed` points of the column's agent less those that
    are expected, and into `outer` the vague units, where each match counts once."""
    for i in range(len(points)):
        for j in range(i):
            met = points[i, j] + points[j, i]
            if met > 0:
                p = 1 / (1 + np.exp(strength[i] - strength[j])) if wide else odds[j] / (odds[i] + odds[j])
                summed[i, j] = points[j, i] - met * p
                outer[i, j] = -vague * met * p * (1 - p)
            else:
                summed[i, j] = 0.0


@nb.njit(cache=True, error_model="numpy")
def _outer_of_tally(counts, strength, odds, wide, correction, vague, drawn):  # type: ignore[no-untyped-def]  # numba kernel
    """B, from how often units of each two agents ended how; without branches that depend on how often two met."""
    size = len(strength)
    outer, alone = np.zeros((size, size)), np.empty(len(counts))
    seen, spreads, others, cell = 0.0, 0.0, 0.0, 0
    for i in range(size):
        for j in range(i):
            a, b, c, d, e, f, g, h = counts[cell]
            singles, both = np.float64(a + b + c), np.float64(d + e + f + g + h)
            units, matches = singles + both, singles + 2 * both
            p = 1 / (1 + np.exp(strength[i] - strength[j])) if wide else odds[j] / (odds[i] + odds[j])
            p = p if units else 0.5  # agents that met nobody have no strength
            q = 1 - p
            square = (a + 4 * d) * p * p + b * (0.5 - p) ** 2 + (c + 4 * h) * q * q
            square += e * (0.5 - 2 * p) ** 2 + f * (1 - 2 * p) ** 2 + g * (1.5 - 2 * p) ** 2
            total = 0.5 * b + c + 0.5 * e + f + 1.5 * g + 2 * h - matches * p
            many = np.float64(units > 1)
            free = max(units - 1, 1.0)
            spread = many * max(square - total * total / (free + 1), 0.0) * (free + 1) / free
            seen += many * (units - 1)
            spreads += spread
            others += many * correction * square
            outer[i, j] = -(vague * matches * p * q + (0.0 if drawn else spread))
            alone[cell] = square if drawn else (1 - many) * square
            cell += 1
    share = min(1.0, spreads / others) if seen >= SEEN_SPREADS and others > 0 and not drawn else 1.0
    cell = 0
    for i in range(size):
        for j in range(i):
            outer[i, j] -= share * correction * alone[cell]
            cell += 1
    _complete(outer, np.zeros(size))
    return outer


@nb.njit(cache=True, error_model="numpy")
def _trace_of_singles(points, strength, odds, wide):  # type: ignore[no-untyped-def]  # numba kernel
    """The trace of B if every match were a unit of its own and as the ratings say."""
    trace = 0.0
    for i in range(len(points)):
        for j in range(i):
            met = points[i, j] + points[j, i]
            if met > 0:
                p = 1 / (1 + np.exp(strength[i] - strength[j])) if wide else odds[j] / (odds[i] + odds[j])
                trace += 2 * met * p * (1 - p)
    return trace


@nb.njit(cache=True, error_model="numpy")
def _add_spreads(outer, squares, summed, correction, drawn):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds to B what the units of one pair of agents each say: their spread, or their squares where pairs were drawn."""
    seen, spreads, others, cell = 0.0, 0.0, 0.0, 0
    for row in range(len(outer)):
        for column in range(row):
            units, square = squares[cell]
            if units > 1:
                seen += units - 1
                spread = _spread_of(units, summed[row, column], square)
                spreads += spread
                others += correction * square
                if not drawn:
                    outer[row, column] -= spread
            cell += 1
    share = min(1.0, spreads / others) if seen >= SEEN_SPREADS and others > 0 and not drawn else 1.0
    cell = 0
    for row in range(len(outer)):
        for column in range(row):
            units, square = squares[cell]
            if units == 1 or (units and drawn):
                outer[row, column] -= share * correction * square
            cell += 1


@nb.njit(cache=True, error_model="numpy")
def _spread_of(units, total, square):  # type: ignore[no-untyped-def]  # numba kernel
    """The variance of the sum of some units about their mean, from two of them on, whose squares sum to `square`."""
    return max(square - total * total / units, 0.0) * units / (units - 1)


@nb.njit(cache=True, error_model="numpy")
def _complete(outer, total):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills the half above the diagonal, square by square for the sake of fast memory, and the diagonal."""
    size = len(outer)
    for top in range(0, size, SQUARE):
        for left in range(0, top + 1, SQUARE):
            for i in range(top, min(top + SQUARE, size)):
                for j in range(left, min(left + SQUARE, i)):
                    outer[j, i] = outer[i, j]
    for i in range(size):  # gradients of a unit sum to zero, and so do the rows of B
        for j in range(size):
            total[j] -= outer[i, j]
    for i in range(size):
        outer[i, i] = total[i]


@nb.njit(cache=True, error_model="numpy")
def _enter(first, second, score, part, number, strength, odds, wide, vague, low, high, unit, residual, cloud, count):  # type: ignore[no-untyped-def]  # numba kernel
    """Writes a comparison behind the `count` there are; returns whether it is one."""
    real = (part > 0) & (first >= 0) & (second >= 0) & (first != second) & (score == score)
    i, j = np.uint32(max(first, 0)), np.uint32(max(second, 0))
    p = 1 / (1 + np.exp(strength[j] - strength[i])) if wide else odds[i] / (odds[i] + odds[j])
    low[count], high[count], unit[count] = min(i, j), max(i, j), number
    one = part * (score - p)
    residual[count] = one if i < j else -one
    cloud[count] = vague * part * part * p * (1 - p)
    return real


@nb.njit(cache=True, error_model="numpy")
def _touch(small, large, residual, total, touched, seen, count):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds a comparison to the sums of its two agents; returns how many agents the unit has touched."""
    for agent, value in ((small, residual), (large, -residual)):
        if not seen[agent]:
            seen[agent] = True
            touched[count] = agent
            count += 1
        total[agent] += value
    return count


@nb.njit(cache=True, error_model="numpy")
def _spread(outer, correction, total, touched, seen, count):  # type: ignore[no-untyped-def]  # numba kernel
    """Adds the outer product of a unit's sums, and forgets them."""
    for a in range(count):
        for b in range(a):
            one, two = touched[a], touched[b]
            outer[max(one, two), min(one, two)] += correction * total[one] * total[two]
    for a in range(count):
        seen[touched[a]] = False
        total[touched[a]] = 0.0


@nb.njit(cache=True, error_model="numpy")
def _scaled(cells, outer, scale, together, extra):  # type: ignore[no-untyped-def]  # numba kernel
    """(H [n, n], B [n, n], scaled to a diagonal of H of 1; how much stands beside the diagonals: `congruent_inverse`)."""
    size = len(cells)
    information, middle = np.empty((size, size)), np.empty((size, size))
    squares, others = np.zeros(size), np.zeros(size)
    for i in range(size):
        own = scale[i]
        for j in range(size):
            information[i, j] = (together - cells[i, j]) * (own * scale[j])
        information[i, i] = 0.0
        for j in range(size):
            squares[j] += information[i, j] * information[i, j]
        information[i, i] = 1.0
        for j in range(size):
            middle[i, j] = outer[i, j] * (own * scale[j])
        diagonal = (outer[i, i] + extra[i]) * own * own
        middle[i, i] = 0.0
        for j in range(size):
            others[j] += middle[i, j] * middle[i, j]
        middle[i, i] = diagonal
    least, most = np.inf, 0.0
    for i in range(size):
        least, most = min(least, middle[i, i]), max(most, middle[i, i])
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

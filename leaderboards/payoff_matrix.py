"""Who scores what against whom: the head-to-head matrix, each cell with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import Comparisons, comparisons, pair_sums
from arena.leaderboards.record import Record

EVEN = 0.5
GRADED_TOLERANCE = 1e-9  # relative: margins closer than rounding are one margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Head-to-head results [A, A], the row's agent against the column's; nan where two never met, and on the diagonal.

    ``score``: share of the points, 0..1, draws as halves. ``low``, ``high``: its interval at ``confidence``.
    ``matches``, ``wins``, ``draws``, ``losses`` int64: in which both sat, and who of the two got more (a forfeit is a loss).
    ``margin``: mean of the row's return less the column's. ``graded``: whether margins differ in size, so that winning
    often and winning much are two things. ``centre``, ``error``, ``margin_centre``, ``margin_error``: score and margin
    moved towards even by two units of unknown outcome, and the standard errors that intervals and draws are made of.
    """

    agents: tuple[str, ...]
    score: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    matches: NDArray[np.int64]
    wins: NDArray[np.int64]
    draws: NDArray[np.int64]
    losses: NDArray[np.int64]
    margin: NDArray[np.float64]
    graded: bool
    centre: NDArray[np.float64]
    error: NDArray[np.float64]
    margin_centre: NDArray[np.float64]
    margin_error: NDArray[np.float64]
    confidence: float = 0.95

    def __len__(self) -> int:
        return len(self.agents)

    @property
    def margin_low(self) -> NDArray[np.float64]:
        """Where the interval of the margin begins, at ``confidence``."""
        return self.margin_centre - self._quantile * self.margin_error

    @property
    def margin_high(self) -> NDArray[np.float64]:
        """Where the interval of the margin ends, at ``confidence``."""
        return self.margin_centre + self._quantile * self.margin_error

    @property
    def _quantile(self) -> float:
        return NormalDist().inv_cdf(0.5 + self.confidence / 2)

    @property
    def all_met(self) -> bool:
        """Whether every two agents have met."""
        return bool((self.matches + np.eye(len(self), dtype=np.int64) > 0).all())

    def of(self, agents: Sequence[int]) -> Matrix:
        """The part between these agents, given by number."""
        block = np.ix_(agents, agents)
        return replace(
            self,
            agents=tuple(self.agents[i] for i in agents),
            score=self.score[block],
            low=self.low[block],
            high=self.high[block],
            matches=self.matches[block],
            wins=self.wins[block],
            draws=self.draws[block],
            losses=self.losses[block],
            margin=self.margin[block],
            centre=self.centre[block],
            error=self.error[block],
            margin_centre=self.margin_centre[block],
            margin_error=self.margin_error[block],
        )


def payoff_matrix(record: Record, *, confidence: float = 0.95) -> Matrix:
    """The head-to-head matrix of a record.

    The interval of a cell is that of Agresti and Coull on units of resampling: with n units (pairs of seat-swapped
    twins) of mean scores x, it adds z²/2 units of score 0 and as many of score 1, z the normal quantile, and takes the
    mean of all ± z standard errors. So it is neither too narrow for twins that go together nor empty where all units
    ended alike.

    Source: Agresti and Coull, Approximate is better than "exact" for interval estimation of binomial proportions, The
    American Statistician 1998, doi:10.1080/00031305.1998.10480550; here on units of any score in 0..1.
    """
    return matrix_of(record.agents, comparisons(record), confidence=confidence)


def matrix_of(agents: tuple[str, ...], compared: Comparisons, *, confidence: float = 0.95) -> Matrix:
    """`payoff_matrix` of comparisons that have been made already."""
    won = pair_sums(compared, compared.times * (compared.score == 1))
    lost = pair_sums(compared, compared.times * (compared.score == 0))
    met = pair_sums(compared, compared.times)
    wins, losses, matches = _whole(won + lost.T), _whole(lost + won.T), _whole(met + met.T)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    score, centre, error = _cells(compared, compared.score, z)
    sizes = np.abs(compared.margin[compared.margin != 0])
    largest = float(sizes.max(initial=0.0)) or 1.0
    margins = EVEN + compared.margin / (2 * largest)
    if np.array_equal(margins, compared.score):  # as where games are won, drawn or lost and nobody forfeits
        margin, margin_centre, margin_error = score, centre, error
    else:
        margin, margin_centre, margin_error = _cells(compared, margins, z)
    return Matrix(
        agents=agents,
        score=score,
        low=np.clip(centre - z * error, 0, 1),
        high=np.clip(centre + z * error, 0, 1),
        matches=matches,
        wins=wins,
        draws=matches - wins - losses,
        losses=losses,
        margin=2 * largest * (margin - EVEN),
        graded=bool(sizes.min(initial=largest) < (1 - GRADED_TOLERANCE) * largest),
        centre=centre,
        error=error,
        margin_centre=2 * largest * (margin_centre - EVEN),
        margin_error=2 * largest * margin_error,
        confidence=confidence,
    )


def _cells(
    compared: Comparisons, values: NDArray[np.float64], z: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(mean, Agresti and Coull's centre, its standard error) [A, A] of `values` in 0..1 that are 1 − value for the other side."""
    moments = _moments(compared.first, compared.second, values, compared.weight, compared.unit, compared.num_agents)
    weight, sums, weight_squares, products, squares = np.moveaxis(moments, 2, 0)
    total = np.where(weight > 0, weight, np.nan)
    mean = sums / total
    units = total**2 / np.where(weight > 0, weight_squares, np.nan)  # of equal weight: their number
    added = z**2 / 2
    centre = (units * mean + added) / (units + 2 * added)
    # each unit's squared distance from the centre, its weight scaled to a mean of one
    spread = (units / total) ** 2 * (squares - 2 * centre * products + centre**2 * weight_squares)
    spread += added * (centre**2 + (1 - centre) ** 2)
    return mean, centre, np.sqrt(np.maximum(spread, 0)) / (units + 2 * added)


def _whole(counts: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(counts).astype(np.int64)


@nb.njit(cache=True)
def _moments(first, second, values, weight, unit, num_agents):  # type: ignore[no-untyped-def]  # numba kernel
    """[A, A, 5]: sums over units of w, x, w², w x, x², with w a unit's weight in the cell and x its sum of w · value.

    Of two agents the one with the smaller number is counted, and the other's sums follow: its x is w − x. Twins are a unit of
    one cell; of a unit with several, sums wait in `in_unit`.
    """
    moments = np.zeros((num_agents, num_agents, 5))
    in_unit = np.zeros((0, 0, 2))
    begin = 0
    while begin < len(unit):
        i, j = min(first[begin], second[begin]), max(first[begin], second[begin])
        w, x, end, alone = 0.0, 0.0, begin, True
        while end < len(unit) and unit[end] == unit[begin]:
            alone &= min(first[end], second[end]) == i and max(first[end], second[end]) == j
            w += weight[end]
            x += weight[end] * (values[end] if first[end] == i else 1 - values[end])
            end += 1
        if alone:
            _add(moments, i, j, w, x)
        else:
            if not len(in_unit):
                in_unit = np.zeros((num_agents, num_agents, 2))
            for k in range(begin, end):
                i, j = min(first[k], second[k]), max(first[k], second[k])
                in_unit[i, j, 0] += weight[k]
                in_unit[i, j, 1] += weight[k] * (values[k] if first[k] == i else 1 - values[k])
            for k in range(begin, end):  # a cell is emptied when it is first seen, so that it counts once
                i, j = min(first[k], second[k]), max(first[k], second[k])
                if in_unit[i, j, 0] > 0:
                    _add(moments, i, j, in_unit[i, j, 0], in_unit[i, j, 1])
                    in_unit[i, j] = 0.0
        begin = end
    for i in range(num_agents):
        for j in range(i + 1, num_agents):
            w, x, ww, wx, xx = moments[i, j]
            moments[j, i, 0], moments[j, i, 1], moments[j, i, 2] = w, w - x, ww
            moments[j, i, 3], moments[j, i, 4] = ww - wx, ww - 2 * wx + xx
    return moments


@nb.njit(cache=True)
def _add(moments, i, j, w, x):  # type: ignore[no-untyped-def]  # numba kernel
    moments[i, j, 0] += w
    moments[i, j, 1] += x
    moments[i, j, 2] += w * w
    moments[i, j, 3] += w * x
    moments[i, j, 4] += x * x

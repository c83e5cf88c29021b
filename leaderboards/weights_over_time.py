"""The minimax winner as matches came in: its weights after more and more of them, in the order in which they were scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.minimax_ranking import MOST_RESAMPLED, RESAMPLES, minimax_winner_of
from arena.leaderboards.payoff_matrix import payoff_matrix
from arena.leaderboards.record import Record

POINTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsOverTime:
    """Weights in the minimax winner after so many matches.

    ``matches`` int64 [T]: of the record, from its start. ``weights``, ``low``, ``high`` float64 [T, A], nan for an agent that
    had not played yet; the interval is nan where none was computed. Intervals are each for one time alone.
    """

    agents: tuple[str, ...]
    matches: NDArray[np.int64]
    weights: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def weights_over_time(
    record: Record, *, ends: Sequence[int] = (), points: int = POINTS, resamples: int = RESAMPLES
) -> WeightsOverTime:
    """The minimax winner's weights at so many times, evenly spread over the matches, and at the `ends`.

    A time counts when every two agents that had played by then had met. Twins are not parted: a time is moved to the end of
    its unit of resampling.

    Args:
        record: two-player matches in the order in which they were scheduled.
        ends: numbers of matches at which something ended, such as a tournament.
        points: at most so many times beside the ends.
        resamples: of the bootstrap; above 60 agents there is none.

    Raises:
        ValueError: matches of more than two players, or points below 1.
    """
    if record.seats.shape[1] != 2:
        raise ValueError(f"the minimax winner is of two players; the matches are of {record.seats.shape[1]}")
    if points < 1:
        raise ValueError(f"points must be at least 1; got {points}")
    spread = np.linspace(0, len(record), min(points, len(record)) + 1)[1:]
    times = sorted({_whole_unit(record.pair, round(float(at))) for at in (*spread, *ends) if 0 < at <= len(record)})
    resamples = resamples if len(record.agents) <= MOST_RESAMPLED else 0
    found = [row for at in times if (row := _at(record, at, resamples)) is not None]
    empty = np.empty((0, len(record.agents)))
    columns = [np.array([row[k] for row in found]) if found else empty for k in (1, 2, 3)]
    return WeightsOverTime(
        agents=record.agents,
        matches=np.array([row[0] for row in found], np.int64),
        weights=columns[0],
        low=columns[1],
        high=columns[2],
    )


def _at(
    record: Record, count: int, resamples: int
) -> tuple[int, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """(matches, weights, low, high [A]) of the first `count` matches; None where a pair has not met."""
    matrix = payoff_matrix(record.of(slice(count)))
    active = np.flatnonzero(matrix.matches.sum(axis=1))
    part = matrix.of(active.tolist())
    if len(active) < 2 or not part.all_met:
        return None
    by_margin = matrix.graded and record.utility != "general_sum"
    winner = minimax_winner_of(part, payoff="margin" if by_margin else "score", resamples=resamples)
    columns = np.full((3, len(record.agents)), np.nan)
    columns[:, active] = winner.weights, np.fmin(winner.low, winner.weights), np.fmax(winner.high, winner.weights)
    if not resamples:
        columns[1:] = np.nan
    return count, columns[0], columns[1], columns[2]


def _whole_unit(pair: NDArray[np.int64], count: int) -> int:
    """The next count at which no unit is cut, where its matches stand together."""
    while 0 < count < len(pair) and pair[count] == pair[count - 1]:
        count += 1
    return count

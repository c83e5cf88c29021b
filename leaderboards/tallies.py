"""What each agent did, counted by seat: matches, points, wins, forfeits, returns."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.forfeited import earned_returns
from arena.leaderboards.record import Record

EVEN = 0.5
MATCHES, POINTS, WINS, DRAWS, LOSSES, FORFEITS, RETURNS, EARNINGS, ROWS = range(9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """Counts [A, P], by agent and seat, each match as often as its weight.

    ``points``: share of the others that the agent came ahead of, draws as halves, summed over matches. A match is won by
    coming ahead of all others, drawn by sharing the first place, else lost; forfeits stand apart from the losses.
    ``returns``: summed over ``earnings`` matches, those that `earned_returns` leaves. ``rows``: matches counted once each,
    whatever their weight. Seats of matches without another agent (self-play) are not counted; in a game of one player, who
    comes ahead of nobody and behind nobody, each match is drawn.
    """

    matches: NDArray[np.float64]
    points: NDArray[np.float64]
    wins: NDArray[np.float64]
    draws: NDArray[np.float64]
    losses: NDArray[np.float64]
    forfeits: NDArray[np.float64]
    returns: NDArray[np.float64]
    earnings: NDArray[np.float64]
    rows: NDArray[np.float64]


def tallies(record: Record) -> Tallies:
    """The tallies of all agents of a record."""
    earned = earned_returns(record)
    counts = _count(record.seats, record.returns, earned, record.forfeit, record.weight, len(record.agents))
    return Tallies(
        matches=counts[:, :, MATCHES],
        points=counts[:, :, POINTS],
        wins=counts[:, :, WINS],
        draws=counts[:, :, DRAWS],
        losses=counts[:, :, LOSSES],
        forfeits=counts[:, :, FORFEITS],
        returns=counts[:, :, RETURNS],
        earnings=counts[:, :, EARNINGS],
        rows=counts[:, :, ROWS],
    )


@nb.njit(cache=True)
def _count(seats, returns, earned, forfeit, weight, num_agents):  # type: ignore[no-untyped-def]  # numba kernel
    num_seats = seats.shape[1]
    counts = np.zeros((num_agents, num_seats, 9))
    for match in range(len(seats)):
        for a in range(num_seats):
            agent = seats[match, a]
            if agent < 0:
                continue
            others, ahead, behind = 0, 0, 0
            for b in range(num_seats):
                if b == a or seats[match, b] < 0 or seats[match, b] == agent:
                    continue
                others += 1
                margin = returns[match, a] - returns[match, b]
                if forfeit[match] == b or (forfeit[match] != a and margin > 0):
                    ahead += 1
                elif forfeit[match] == a or margin < 0:
                    behind += 1
            if others == 0 and num_seats > 1:
                continue
            row, times = counts[agent, a], weight[match]
            row[MATCHES] += times
            row[ROWS] += times > 0
            row[POINTS] += times * (
                (ahead + (others - ahead - behind) / 2) / others if others else EVEN * (forfeit[match] != a)
            )
            if not np.isnan(earned[match, a]):
                row[RETURNS] += times * earned[match, a]
                row[EARNINGS] += times
            if forfeit[match] == a:
                row[FORFEITS] += times
            elif behind > 0:
                row[LOSSES] += times
            elif ahead < others or others == 0:
                row[DRAWS] += times
            else:
                row[WINS] += times
    return counts

"""What agents are worth on one seat: a board of what each did there, against what the others did elsewhere.

On the seat in question an agent is itself; on every other seat it is somebody else, an opponent with a strength of its own.
Nobody is then compared with itself on another seat, and what sitting there is worth falls out of all differences.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from arena.games.errors import NotProvided, SpecificationError
from arena.leaderboards.leaderboard import Leaderboard, leaderboard
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.record import Record

ELSEWHERE = " (elsewhere)"
NEEDS_ALL_PAIRS = (
    "minimax",
    "nash_average",
    "alpha_rank",
    "deviation",
    "correlated",
    "copeland",
    "schulze",
    "kemeny",
    "bradley_terry_seats",
)
"""Methods that rank a whole field, each agent against each, or that take seats out themselves."""


def seat_leaderboard(record: Record, *, seat: int, method: str = "elo", confidence: float = 0.95) -> Leaderboard:
    """The leaderboard of what agents did on one seat.

    Args:
        record: the matches; their order does not matter.
        seat: from 0.
        method: one of `METHODS` that compares agents one by one.
        confidence: of intervals and ranks.

    Raises:
        SpecificationError: no match has that seat.
        NotProvided: the method ranks a whole field, in which everybody meets everybody on equal terms.
    """
    if method in NEEDS_ALL_PAIRS:
        fitting = [name for name in RATING_METHODS if name not in NEEDS_ALL_PAIRS]
        raise NotProvided(f"{method} needs both sides of every pair, and here is one seat; take {', '.join(fitting)}")
    board = leaderboard(divided(record, seat=seat), method=method, confidence=confidence, shown=record.agents)
    at, other = np.arange(len(record.agents)), np.arange(len(record.agents)) + len(record.agents)
    here = np.ix_(at, other)
    matrix = replace(
        board.matrix,
        agents=record.agents,
        **{
            name: getattr(board.matrix, name)[here]
            for name in (
                *("score", "low", "high", "matches", "wins", "draws", "losses"),
                *("margin", "centre", "error", "margin_centre", "margin_error"),
            )
        },
    )
    note = f"rated by what each did on seat {seat + 1}; on other seats an agent counts as an opponent of its own"
    return replace(board, matrix=matrix, minimax=None, cycles=(), cycle=(), notes=(note, *board.notes))


def divided(record: Record, *, seat: int) -> Record:
    """The record in which an agent that does not sit on `seat` is another one, ``NAME (elsewhere)``."""
    if not 0 <= seat < record.seats.shape[1]:
        raise SpecificationError(f"there is no seat {seat + 1}; these matches have {record.seats.shape[1]}")
    seats = np.where(record.seats < 0, -1, record.seats + len(record.agents))
    seats[:, seat] = record.seats[:, seat]
    elsewhere = tuple(f"{name}{ELSEWHERE}" for name in record.agents)
    return replace(record, agents=(*record.agents, *elsewhere), seats=seats)

"""Forfeits are not strength: what a forfeited match contributes to means of returns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.record import Record


def earned_returns(record: Record) -> NDArray[np.float64]:
    """Returns [N, P] that may be averaged; nan where nothing was earned.

    In a forfeited match the agent at fault gets the worst return that anybody got in a match played to its end (or the
    recorded one, if that is worse), so that failing never pays; the others neither win nor lose by it. The recorded
    returns of such a match are a convention, made where a game states no bounds.
    """
    forfeited = record.forfeit >= 0
    if not forfeited.any():
        return record.returns
    seated = record.seats >= 0
    played = record.returns[~forfeited][seated[~forfeited]]
    returns = record.returns.copy()
    returns[forfeited] = np.nan
    rows, at = np.flatnonzero(forfeited), record.forfeit[forfeited]
    returns[rows, at] = np.minimum(record.returns[rows, at], played.min(initial=np.inf))
    return returns

"""Whether what all players get adds up to the same: told in one way of payoff tables, game trees and Markov games."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUM_TOLERANCE = 1e-9
"""Of the range of a player's payoffs: decimals are rounded when they are written. No unit of payoff is assumed: a game in
millionths is judged as the same game in millions."""
ROUNDING = 4 * float(np.finfo(np.float64).eps)
"""Of the largest payoff and each player: what adding up numbers of that size rounds off."""


def sum_tolerance(payoffs: NDArray[np.float64]) -> float:
    """How far sums of payoffs [num_players, ...] that are meant to be the same may differ."""
    joint = tuple(range(1, payoffs.ndim))
    most, least = payoffs.max(axis=joint), payoffs.min(axis=joint)
    largest = max(float(most.max()), -float(least.min()))
    return max(SUM_TOLERANCE * float((most - least).max()), ROUNDING * len(payoffs) * largest)


def constant_sum(payoffs: NDArray[np.float64]) -> float | None:
    """What all players' payoffs [num_players, ...] add up to, None where that varies."""
    sums = payoffs[0].copy()
    for own in payoffs[1:]:
        sums += own
    most, least = float(sums.max()), float(sums.min())
    return (most + least) / 2 if most - least <= sum_tolerance(payoffs) else None

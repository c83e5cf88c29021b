"""Sides: who plays together. In a game of teams each team is a side, in every other game each player is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sides = Sequence[Sequence[int]]
"""The players of each side; every player stands in one."""


def side_of_player(sides: Sides) -> NDArray[np.int64]:
    """The side of each player [num_players]."""
    side = np.empty(sum(map(len, sides)), np.int64)
    for number, players in enumerate(sides):
        side[list(players)] = number
    return side


def side_returns(returns: NDArray[np.float64], sides: Sides) -> NDArray[np.float64]:
    """What each side gets [N, sides]: the mean of its players' returns; ``returns`` [N, num_players]."""
    return np.stack([returns[:, list(players)].mean(axis=1) for players in sides], axis=1)

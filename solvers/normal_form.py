"""The payoffs of games in which everybody chooses once and at the same time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game


def normal_form(game: Game) -> NDArray[np.float64] | None:
    """The payoffs [num_players, num_actions_0, num_actions_1, ...] of a matrix or preference game, None for other games.

    A preference game's payoffs are the probabilities that its candidates win: P for the first player, Pᵀ for the second.
    """
    payoffs = getattr(game, "payoffs", None)
    if payoffs is not None:
        return np.asarray(payoffs, np.float64)
    preferences = getattr(game, "preferences", None)
    if preferences is not None:
        matrix = np.asarray(preferences, np.float64)
        return np.stack((matrix, 1 - matrix))
    return None

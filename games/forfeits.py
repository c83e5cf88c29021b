"""What a forfeit pays: the returns of a match that one of its players could not go on with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.games.game import GameInfo
from arena.games.sides import side_of_player


def forfeit_returns(game: GameInfo, player: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns [R, num_players] of matches that `player` [R] forfeited.

    The forfeiter gets the least utility, and its team with it. The other sides share what a zero- or constant-sum game leaves; they get the
    greatest utility in a general-sum game, and the least, like the forfeiter, where all players have one interest.
    Bounds that a game does not state count as -1 and +1.
    """
    sides = side_of_player(game.sides)
    others_sides = max(1, len(game.sides) - 1)
    low = -1.0 if game.min_utility is None else game.min_utility
    high = 1.0 if game.max_utility is None else game.max_utility
    match game.utility:
        case "zero_sum":
            others = -low / others_sides
        case "constant_sum":
            # with two sides the sum is least + greatest; with more, no bound tells the sum: split the same way
            others = high / others_sides
        case "general_sum":
            others = high
        case "identical":
            others = low
    return np.where(sides == sides[player][:, None], low, others)

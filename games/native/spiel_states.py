"""Search states of native games: OpenSpiel's state of the same game, led through a table's history."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from arena.games.game import SearchState
from arena.games.seeds import seed_of


def true_state(game: str, history: Sequence[int]) -> SearchState:
    """The state of OpenSpiel's game after ``history``: to search from where information is perfect."""
    state: SearchState = _state(game, history)
    return state


def resampled_state(game: str, history: Sequence[int], *, player: int, seed: int) -> SearchState:
    """A state drawn from those that the player cannot tell apart from the one after ``history``."""
    draw = np.random.default_rng(seed_of(("search", seed))).random
    state: SearchState = _state(game, history).resample_from_infostate(player, draw)
    return state


def _state(game: str, history: Sequence[int]) -> Any:
    state = _rules(game).new_initial_state()
    for action in history:
        state.apply_action(action)
    return state


@functools.cache
def _rules(game: str) -> Any:
    import pyspiel

    return pyspiel.load_game(game)

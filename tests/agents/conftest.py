"""Fixtures of the agents' tests."""

from __future__ import annotations

import numpy as np
import pytest

from arena.games.seeds import CHANCE_STREAM, MATCH_STREAM, counter_hash
from arena.match import play_matches
from arena.results import MatchSpecs


@pytest.fixture
def play_at():
    """`play_at(game, agents, tables=3, matches=60, seed=1)`: results, each agent on its own seat, so many tables at once."""

    def play(game, agents, *, tables, matches=60, seed=1):
        index = np.arange(matches)
        specs = MatchSpecs(
            index=index,
            seats=np.tile(np.arange(game.info.num_players), (matches, 1)),
            seed=counter_hash(np.uint64(seed), MATCH_STREAM, index),
            chance_seed=counter_hash(np.uint64(seed), CHANCE_STREAM, index),
        )
        return play_matches(game.tables(tables), agents, specs)

    return play

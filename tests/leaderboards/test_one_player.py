"""Games of one player: nobody is ahead of anybody, and every match counts with what it paid."""

from __future__ import annotations

import numpy as np

from arena.leaderboards.record import Record
from arena.leaderboards.tallies import tallies


def test_matches_of_one_player_are_counted_as_drawn_with_their_returns():
    record = Record(
        agents=("a", "b"),
        seats=np.array([[0], [1], [0]]),
        returns=np.array([[3.0], [1.0], [5.0]]),
        forfeit=np.array([-1, 0, -1]),
        pair=np.arange(3),
        weight=np.ones(3),
        utility="identical",
    )
    found = tallies(record)
    assert found.matches[:, 0].tolist() == [2, 1]
    assert (found.draws[:, 0].tolist(), found.forfeits[:, 0].tolist()) == ([2, 0], [0, 1])
    assert found.points[:, 0].tolist() == [1, 0]
    assert found.returns[0, 0] == 8

"""A cycle as a drawing: who is in it, which way arrows lead, what is thick and what is dashed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from arena.leaderboards.leaderboard import Leaderboard, leaderboard
from arena.leaderboards.record import Record
from arena.server.drawing.response import MOST_AGENTS, response_drawing


def board(wins: dict[tuple[str, str], tuple[int, int]]) -> Leaderboard:
    """Of (wins, losses) of the first against the second."""
    names = tuple(dict.fromkeys(name for pair in wins for name in pair))
    rows = [
        (names.index(one), names.index(other), 1.0 if k < won else -1.0)
        for (one, other), (won, lost) in wins.items()
        for k in range(won + lost)
    ]
    seats = np.array([row[:2] for row in rows])
    got = np.array([row[2] for row in rows])
    size = len(rows)
    return leaderboard(
        Record(
            agents=names,
            seats=seats,
            returns=np.column_stack((got, -got)),
            forfeit=np.full(size, -1),
            pair=np.arange(size),
            weight=np.ones(size),
        )
    )


def test_a_cycle_is_drawn_thick_with_its_scores_and_weights() -> None:
    drawn = response_drawing(
        board(
            {
                ("a", "b"): (70, 30),
                ("b", "c"): (75, 25),
                ("c", "a"): (80, 20),
                ("a", "d"): (90, 10),
                ("b", "d"): (90, 10),
                ("c", "d"): (90, 10),
            }
        )
    )
    assert drawn is not None
    assert (set(drawn.agents), drawn.others) == ({"a", "b", "c"}, 1)
    assert drawn.picture.count("s-purple") == 3
    assert set(re.findall(r">(\d\d)\N{NO-BREAK SPACE}%<", drawn.picture)) == {"70", "75", "80"}
    assert drawn.picture.count("f-teal") == 3
    assert "unsure" not in drawn.picture
    assert "a beats b; b beats c; c beats a" in drawn.picture


def test_what_is_not_certain_is_dashed() -> None:
    drawn = response_drawing(board({("a", "b"): (52, 48), ("b", "c"): (75, 25), ("c", "a"): (80, 20)}))
    assert drawn is not None
    assert drawn.picture.count("unsure") == 1


@pytest.mark.parametrize("size", [2, 3])
def test_where_somebody_beats_everybody_nothing_is_drawn(size: int) -> None:
    names = "abc"[:size]
    assert response_drawing(board({(x, y): (90, 10) for x in names for y in names if x < y})) is None


def test_a_component_that_is_too_large_is_left_to_the_table() -> None:
    names = [f"n{k:02}" for k in range(MOST_AGENTS + 1)]
    wins = {
        (names[i], names[j]): ((20, 5) if (j - i) % len(names) <= len(names) // 2 else (5, 20))
        for i in range(len(names))
        for j in range(i + 1, len(names))
    }
    assert response_drawing(board(wins)) is None


def test_names_are_escaped() -> None:
    drawn = response_drawing(board({("<a>", "b"): (70, 30), ("b", "c"): (75, 25), ("c", "<a>"): (80, 20)}))
    assert drawn is not None
    assert "<a>" not in drawn.picture

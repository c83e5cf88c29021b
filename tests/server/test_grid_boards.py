"""Boards of squares, crossings and hexagons against OpenSpiel's own states."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from arena.agents import load_agent
from arena.games import load_game
from arena.match import play_matches
from arena.replay import Position, replay
from arena.schedule import round_robin
from arena.server.boards import Scene, board_of
from arena.server.position_grid import GRID_GAMES, read_grid

GAMES = (
    "openspiel:chess",
    "openspiel:go(board_size=9)",
    "openspiel:hex(board_size=5)",
    "openspiel:othello",
    "openspiel:breakthrough",
    "openspiel:checkers",
    "openspiel:clobber",
)


@pytest.fixture(scope="module", params=GAMES)
def played(request) -> tuple[str, list[Position]]:
    game = load_game(request.param)
    agents = [load_agent("random", game=game, name=str(seat)) for seat in range(2)]
    [result] = play_matches(game.tables(1), agents, round_robin(2, 2, matches=2, seed=4).specs(0, 1))
    return request.param, replay(game, result)[:60]


def _drawn(specification: str, positions: list[Position], at: int) -> str:
    scene = Scene(
        position=positions[at],
        names=("a@1", "b@1"),
        to_move=None,
        view=None,
        returns=None,
        before=positions[at - 1] if at else None,
    )
    drawing = board_of(specification).draw(scene)
    assert drawing is not None
    return str(drawing)


def test_a_drawing_has_as_many_pieces_of_each_seat_as_the_text(played):
    specification, positions = played
    game = GRID_GAMES[re.search(r":(\w+)", specification)[1]]
    for at, position in enumerate(positions):
        cells = "".join(game.rows(position.text))
        drawn = _drawn(specification, positions, at)
        for seat in (0, 1):
            letters = [letter for letter, piece in game.pieces.items() if piece.seat == seat]
            assert len(re.findall(rf'class="(?:mid figure )?disc-{seat}"', drawn)) == sum(map(cells.count, letters))


def test_the_last_move_is_ringed_and_nothing_before_the_first(played):
    specification, positions = played
    assert 'class="last"' not in _drawn(specification, positions, 0)
    for at in range(1, len(positions)):
        rings = _drawn(specification, positions, at).count('class="last"')
        if "pass" in positions[at].action_text.lower():
            assert rings == 0
        elif specification == "openspiel:chess":
            assert rings in (2, 3, 4)  # en passant and castling change more squares than two
        else:
            assert rings == (2 if specification.endswith(("breakthrough", "checkers", "clobber")) else 1)


def test_words_name_what_was_moved_and_where_pieces_are(played):
    specification, positions = played
    label = re.search(r'aria-label="([^"]*)"', _drawn(specification, positions, 3))[1]
    assert f"after 3 moves, last {positions[3].action_text}" in label.replace("&#39;", "'")


def test_stones_stand_where_the_move_says():
    """go's b3 is the second column without the letter i, the third row from below."""
    game = GRID_GAMES["go"]
    rows = [" 3 +++", " 2 +++", " 1 +X+"]
    grid = read_grid(game, "\n".join(rows), before="", said=["B b1"])
    assert grid.pieces.keys() == {(2, 1)} == grid.last
    assert game.files[8] == "j"
    othello = GRID_GAMES["othello"]
    text = "  a b\n1 - x 1\n2 o - 2\n  a b"
    grid = read_grid(othello, text, before="", said=["b1"])
    assert (grid.name((0, 1)), grid.name((1, 0))) == ("b1", "a2")
    assert [grid.pieces[cell].seat for cell in ((0, 1), (1, 0))] == [0, 1]


def test_chess_sides_are_openspiels_seats():
    """OpenSpiel's player 1 has the white pieces, and begins."""
    tables = load_game("openspiel:chess").tables(1)
    turn = tables.start(np.zeros(1, np.int64), np.zeros(1, np.uint64))
    assert turn.player.tolist() == [1]
    assert GRID_GAMES["chess"].pieces["K"].seat == 1


def test_hexagons_slant_to_the_right_and_seats_own_their_edges():
    positions = _hex()
    drawn = _drawn("openspiel:hex(board_size=5)", positions, 0)
    assert drawn.count('class="hexagon"') == 25
    assert [drawn.count(f'class="line bold edge-{seat}"') for seat in (0, 1)] == [2, 2]
    for path in re.findall(r'edge-\d" d="M([^"]+)"', drawn):  # along the sides of hexagons, never across
        corners = [complex(*map(float, corner.split())) for corner in path.split("L")]
        sides = [abs(to - corner) for corner, to in pairwise(corners) if to != corner]
        assert max(sides) - min(sides) < 0.3


def _hex() -> list[Position]:
    game = load_game("openspiel:hex(board_size=5)")
    agents = [load_agent("random", game=game, name=str(seat)) for seat in range(2)]
    [result] = play_matches(game.tables(1), agents, round_robin(2, 2, matches=2, seed=4).specs(0, 1))
    return replay(game, result)[:1]


def test_what_is_not_of_the_game_is_not_drawn():
    for game in GRID_GAMES.values():
        assert read_grid(game, "nothing of the kind", before="", said=[]) is None

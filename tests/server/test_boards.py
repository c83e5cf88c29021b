"""Boards and cards against the game's own text, for every scheme that has the game."""

from __future__ import annotations

import re

import numpy as np
import pytest

from arena.agents import load_agent
from arena.games import load_game
from arena.match import play_matches
from arena.replay import Position, replay
from arena.schedule import round_robin
from arena.server.boards import Scene, board_of, seat_mark


def _positions(specification: str, number: int = 0) -> list[Position]:
    game = load_game(specification)
    players = game.info.num_players
    agents = [load_agent("random", game=game, name=str(seat)) for seat in range(players)]
    specs = round_robin(players, players, matches=players, seed=4).specs(0, players)
    results = play_matches(game.tables(players), agents, specs)
    return replay(game, results[number])


def _scene(position: Position, *, view: int | None = None, players: int = 2) -> Scene:
    names = tuple(f"agent-{seat}@1" for seat in range(players))
    return Scene(position=position, names=names, to_move=None, view=view, returns=None)


def _grid(drawn: str, rows: int, columns: int) -> list[str]:
    """The drawing read back: x for the first seat's discs, o for the second's, by their centres."""
    grid = [["."] * columns for _ in range(rows)]
    for seat, x, y in re.findall(r'class="disc-([01])" cx="(\d+)" cy="(\d+)"', drawn):
        grid[(int(y) - 10) // 60][(int(x) - 10) // 60] = "xo"[int(seat)]
    return ["".join(row) for row in grid]


@pytest.mark.parametrize("specification", ["openspiel:connect_four", "arena:connect_four"])
def test_connect_four_is_drawn_as_the_game_shows_it(specification):
    board = board_of(specification)
    for position in _positions(specification):
        shown = [line for line in position.text.splitlines() if re.fullmatch(r"[xo.]{7}", line)]
        assert _grid(board.draw(_scene(position)), 6, 7) == shown


@pytest.mark.parametrize("specification", ["openspiel:connect_four", "openspiel:tic_tac_toe"])
def test_marks_and_words_agree_with_the_move_list(specification):
    board, positions = board_of(specification), _positions(specification)
    moves = [position.action_text for position in positions[1:]]
    drawn = board.draw(_scene(positions[-1]))
    assert re.search(r'aria-label="[^"]* after \d+ moves: ([^"]*)"', drawn)[1] == ", ".join(moves)
    shapes = re.findall(r'<(path|circle) class="disc-mark"', drawn)
    assert shapes == [{"x": "path", "o": "circle"}[move[0]] for move in moves]
    assert "after 1 move: " in board.draw(_scene(positions[1]))


def test_the_key_shows_the_marks_of_the_board():
    assert '<path class="key-mark"' in seat_mark(0)
    assert '<circle class="key-mark"' in seat_mark(1)


def test_columns_are_numbered_as_moves_are_written():
    drawn = board_of("openspiel:connect_four").draw(_scene(_positions("openspiel:connect_four")[0]))
    assert re.findall(r">(\w)</text>", drawn) == list("0123456")


@pytest.mark.parametrize("specification", ["openspiel:tic_tac_toe", "arena:tic_tac_toe"])
def test_tic_tac_toe_is_drawn_as_the_game_shows_it(specification):
    board = board_of(specification)
    for position in _positions(specification):
        shown = [line for line in position.text.splitlines() if re.fullmatch(r"[xo.]{3}", line)]
        assert _grid(board.draw(_scene(position)), 3, 3) == shown


def test_pettingzoo_counts_cells_down_the_columns():
    board = board_of("pettingzoo:tictactoe_v3")
    position = Position(
        move=2, player=1, movers=(1,), action=(1,), said=("",), actions=(3, 1), text="", views=(), done=False
    )
    assert _grid(board.draw(_scene(position)), 3, 3) == [".x.", "o..", "..."]


def test_connect_four_of_another_size_keeps_its_size():
    board = board_of("openspiel:connect_four(rows=4,columns=5)")
    position = Position(
        move=2, player=1, movers=(1,), action=(4,), said=("",), actions=(4, 4), text="", views=(), done=False
    )
    assert _grid(board.draw(_scene(position)), 4, 5) == [".....", ".....", "....o", "....x"]


def _pips(drawn: str) -> list[str]:
    return re.findall(r'class="pip mid(?: small)?">([^<]+)<', drawn)


@pytest.mark.parametrize("specification", ["openspiel:kuhn_poker", "arena:kuhn_poker"])
def test_kuhn_cards_and_pot_are_those_of_the_game(specification):
    board = board_of(specification)
    for number in (0, 1):
        for position in _positions(specification, number):
            cards = re.findall(r"\d", position.text)
            assert _pips(board.draw(_scene(position))) == ["JQK"[int(card)] for card in cards]
            pot = 2 + position.text.count("b")
            assert f">pot {pot}<" in board.draw(_scene(position))


@pytest.mark.parametrize("view", [0, 1, 2])
def test_a_seat_of_three_sees_one_card(view):
    specification = "openspiel:kuhn_poker(players=3)"
    position = _positions(specification)[0]
    card = "TJQK"[int(position.actions[view])]
    drawn = board_of(specification).draw(_scene(position, view=view, players=3))
    assert _pips(drawn) == [card]
    assert drawn.count('class="card-back"') == 2
    assert drawn.count("a hidden card") == 2


def test_leduc_shows_the_public_card_once_it_is_dealt():
    specification = "openspiel:leduc_poker"
    seen = set()
    for number in (0, 1):
        for position in _positions(specification, number):
            drawn = board_of(specification).draw(_scene(position))
            public = re.search(r"Cards \(public[^)]*\): (-?\d+)", position.text)
            dealt = int(public[1]) >= 0
            assert len(_pips(drawn)) == (3 if dealt else 2)
            assert ("no public card yet" in drawn) != dealt
            seen.add(dealt)
    assert False in seen


def test_what_cannot_be_read_is_not_drawn():
    odd = Position(move=0, player=None, movers=(), action=(), said=(), actions=(99,), text="?", views=(), done=False)
    for specification in (
        "openspiel:connect_four",
        "openspiel:tic_tac_toe",
        "openspiel:kuhn_poker",
        "openspiel:leduc_poker",
    ):
        assert board_of(specification).draw(_scene(odd)) is None


@pytest.mark.parametrize(
    "specification", ["openspiel:backgammon", "matrix:rps", "elsewhere:<b>", "openspiel:", "openspiel:a(b", "x"]
)
def test_other_games_have_no_board(specification):
    assert board_of(specification) is None


def test_names_on_a_card_table_are_escaped():
    position = _positions("openspiel:kuhn_poker")[0]
    scene = Scene(position=position, names=("<b>", '"'), to_move=0, view=None, returns=(1.0, -1.0))
    drawn = board_of("openspiel:kuhn_poker").draw(scene)
    assert "<b>" not in drawn
    assert "&lt;b&gt;" in drawn
    assert "gets +1" in drawn
    assert np.count_nonzero([", to move" in line for line in drawn.split("<text")]) == 1

"""A name that nothing answers to comes back with the names that may have been meant."""

import pytest

from arena.games import UnknownName, load_game
from arena.games.errors import nearest

POKER = ["kuhn_poker", "leduc_poker", "universal_poker", "chess", "dark_chess", "tic_tac_toe"]


@pytest.mark.parametrize(
    ("name", "likest"),
    [
        ("khun", "kuhn_poker"),
        ("Leduc", "leduc_poker"),
        ("kuhn_pokr", "kuhn_poker"),
        ("chess", "chess"),
        ("ches", "chess"),
        ("tictactoe", "tic_tac_toe"),
    ],
)
def test_a_name_is_like_another_as_a_whole_or_in_a_word(name, likest):
    assert nearest(name, POKER)[0] == likest


def test_a_whole_name_goes_before_a_word():
    assert nearest("chess", POKER) == ["chess", "dark_chess"]


def test_at_most_three_names_are_like_and_none_where_none_is():
    assert len(nearest("poker", POKER)) == 3
    assert nearest("pacman", POKER) == []
    assert nearest("chess", []) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kuhn_poker", "did you mean 'arena:kuhn_poker' or 'openspiel:kuhn_poker'?"),
        (
            "kuhn_poker(players=3)",
            "did you mean 'arena:kuhn_poker(players=3)' or 'openspiel:kuhn_poker(players=3)'?",
        ),
        ("leduc_poker(players=3)", "did you mean 'openspiel:leduc_poker(players=3)'?"),
        ("backgamon", "'openspiel:backgammon'"),
        (
            "pacman",
            "known: arena, markov, matrix, openspiel, pettingzoo, preference, sc2, sc2-standin, smac2, smac2-standin, smax",
        ),
        ("opnspiel:kuhn_poker", "did you mean 'openspiel'?"),
    ],
)
def test_a_game_named_without_its_scheme_is_offered_with_it(name, message):
    with pytest.raises(UnknownName) as raised:
        load_game(name)
    assert message in str(raised.value)
    assert raised.value.kind == "game scheme"

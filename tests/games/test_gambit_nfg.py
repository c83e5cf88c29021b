"""Gambit's strategic-form files, in both of their forms."""

import numpy as np
import pyspiel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import SpecificationError, check_game, load_game
from arena.games.gambit_nfg import read_nfg


def read(text):
    return read_nfg(text.encode(), path="g.nfg")


def test_payoffs_are_listed_with_the_first_players_strategy_fastest():
    game = read('NFG 1 R "A title" { "Row" "Column" } { 3 2 }\n\n 1 10 2 20 3 30 4 40 5 50 6 60\n')
    assert game.title == "A title"
    assert game.players == ("Row", "Column")
    assert game.strategies == (("1", "2", "3"), ("1", "2"))
    assert game.payoffs[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert game.payoffs[1].tolist() == [[10, 40], [20, 50], [30, 60]]


def test_outcomes_are_named_once_and_chosen_by_number():
    game = read(
        """NFG 1 R "Outcomes" { "Player 1" "Player 2" }
        { { "up" "down" }
          { "left" "right" "" }
        }
        "a comment with a { brace"
        {
        { "both, happy" 1, 2 }
        { "" 3/4 -1.5e1 }
        }
        1 2 0 1 2 1
        """
    )
    assert game.strategies == (("up", "down"), ("left", "right", "3"))
    assert game.payoffs[0].tolist() == [[1, 0, 0.75], [0.75, 1, 1]]
    assert game.payoffs[1].tolist() == [[2, 0, -15], [-15, 2, 2]]


def test_names_of_strategies_go_with_payoffs_too():
    game = read('NFG 1 D "" { "a" "b" } { { "x" } { "y" "z" } } "" .5 1 -2 3.')
    assert game.strategies == (("x",), ("y", "z"))
    assert game.payoffs.tolist() == [[[0.5, -2]], [[1, 3]]]


def test_quotes_within_texts_are_escaped():
    assert read(r'NFG 1 R "the \"best\" \\ game" { "a" "b" } { 1 1 } 1 2').title == r'the "best" \ game'


@given(sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4), seed=st.integers(0, 1000))
def test_what_is_written_is_read(sizes, seed):
    payoffs = np.random.default_rng(seed).integers(-9, 10, size=(len(sizes), *sizes)) / 8
    players = " ".join(f'"p{p}"' for p in range(len(sizes)))
    listed = [payoffs[(slice(None), *reversed(joint))] for joint in np.ndindex(*reversed(sizes))]
    numbers = " ".join(f"{value}" for row in listed for value in row)
    game = read(f'NFG 1 R "t" {{ {players} }} {{ {" ".join(map(str, sizes))} }} {numbers}')
    np.testing.assert_array_equal(game.payoffs, payoffs)


def test_a_file_of_three_players_is_a_game(tmp_path):
    numbers = " ".join(str(n) for n in range(3 * 2 * 3 * 2))
    (tmp_path / "g.nfg").write_text(f'NFG 1 R "Three" {{ "a" "b" "c" }} {{ 2 3 2 }} {numbers}')
    game = load_game(f"matrix:{tmp_path}/g.nfg")
    assert game.info.title == "Three"
    assert game.payoffs.shape == (3, 2, 3, 2)
    assert game.payoffs[:, 1, 0, 0].tolist() == [3, 4, 5]
    assert game.payoffs[:, 0, 1, 0].tolist() == [6, 7, 8]
    check_game(game)


HEAD = 'NFG 1 R "t" { "a" "b" }'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: expected a file of Gambit begins|ends there"),
        ('EFG 2 R "t"', "begins with NFG 1 R; got EFG"),
        ('N 1 R "t"', "begins with NFG 1 R; got N"),
        ("NFG 1 R t", "the title; got t"),
        (HEAD, "strategies; the file ends"),
        (HEAD + "{ 2 2 } 1 2 3", "a payoff; the file ends"),
        (HEAD + "{ 2 2 }\n1 2 3 4 5 6\n7 x", "line 3: expected a payoff, a number"),
        (HEAD + "{ 2 2 }\n1 2 3 4 5 6\n7 8 9", "line 3: more payoffs"),
        (HEAD + "{ 1 1 } 1 nan", "finite"),
        (HEAD + "{ 1 1 } 1 1/0", "such as"),
        (HEAD + "{ 1 1 } 1 1e999", "finite"),
        (HEAD + "{ 2 }", "strategies of 1 players for the names of 2"),
        (HEAD + "{ 2 -1 }", "whole number"),
        (HEAD + "{ 2 0 }", "without strategies"),
        (HEAD + "{ 99999 99999 }", "at most"),
        (HEAD + "{ 2 999999999999 }", "too many"),
        (HEAD + '{ { "x" } { "y" } } { { "o" 1 } } 1', "expected a payoff of the outcome"),
        (HEAD + '{ { "x" } { "y" } } { { "o" 1 2 3 } } 1', "one payoff for each of the 2 players; got 3"),
        (HEAD + '{ { "x" } { "y" } } { { "o" 1 2 } } 2', "there are 1 outcomes; got 2"),
        (HEAD + '{ { "x" } { "y" } } { { "o" 1 2 } }', "number of an outcome; the file ends"),
        (HEAD + '{ { x } { "y" } }', "in quotes"),
        ('NFG 1 R "t\n', "a quote is left open"),
        ('NFG 1 R "t" { } { } ', "no player"),
    ],
)
def test_a_bad_file_is_refused_by_file_and_line(text, said):
    with pytest.raises(SpecificationError, match=said) as refused:
        read(text)
    assert str(refused.value).startswith("g.nfg")


def test_one_player_is_no_match(tmp_path):
    (tmp_path / "g.nfg").write_text('NFG 1 R "t" { "a" } { 2 } 1 2')
    with pytest.raises(SpecificationError, match=r"g\.nfg: payoffs of 2 to 32 players"):
        load_game(f"matrix:{tmp_path}/g.nfg")


@pytest.mark.parametrize("name", ["matrix_pd", "matrix_rps", "matching_pennies_3p"])
def test_what_openspiel_writes_is_read_with_its_payoffs(name):
    rules = pyspiel.load_game(name)
    game = read(pyspiel.game_to_nfg_string(rules))
    for joint in np.ndindex(*game.payoffs.shape[1:]):
        state = rules.new_initial_state()
        state.apply_actions(list(joint))
        assert game.payoffs[(slice(None), *joint)].tolist() == state.returns()


def test_openspiel_reads_the_same_payoffs_where_players_have_different_numbers_of_strategies(tmp_path):
    numbers = np.random.default_rng(5).integers(-9, 10, size=2 * 3 * 4 * 3).tolist()
    path = tmp_path / "g.nfg"
    path.write_text(f'NFG 1 R "t" {{ "a" "b" "c" }} {{ 2 3 4 }}\n{" ".join(map(str, numbers))}\n')
    rules, game = pyspiel.load_game("nfg_game", {"filename": str(path)}), load_game(f"matrix:{path}")
    for joint in np.ndindex(2, 3, 4):
        state = rules.new_initial_state()
        state.apply_actions(list(joint))
        assert game.payoffs[(slice(None), *joint)].tolist() == state.returns()

"""Recorded matches stepped again: where they end in the tree, and the luck of their chance outcomes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.games import NotProvided, load_game
from arena.games.chance_luck import chance_luck
from arena.games.history_tree import history_tree
from arena.games.ragged import Ragged
from arena.games.recorded_ends import recorded_ends
from arena.games.recorded_walk import different_rows
from arena.playing import play

GAMES = (
    "arena:kuhn_poker",
    "arena:kuhn_poker(players=3)",
    "openspiel:leduc_poker",
    "openspiel:goofspiel(imp_info=True,num_cards=3)",  # joint moves, the last of them forced
    "matrix:rps",
)


@pytest.mark.parametrize("name", GAMES)
def test_a_match_ends_where_the_tree_pays_what_it_paid(name):
    game = load_game(name)
    histories = history_tree(game)
    results = play(game, ["random"] * game.info.num_players, matches=200, seed=1)
    ends = recorded_ends(game, histories, results.actions)
    assert (histories.mover[ends] == -4).all()
    np.testing.assert_allclose(histories.returns[histories.place[ends]], results.returns, atol=1e-12)


@pytest.mark.parametrize("name", GAMES[:1])
def test_different_records_end_at_different_nodes(name):
    game = load_game(name)
    results = play(game, ["random"] * 2, matches=500, seed=2)
    ends = recorded_ends(game, history_tree(game), results.actions)
    rows = [tuple(results.actions.row(i).tolist()) for i in range(len(results))]
    assert len(set(ends.tolist())) == len(set(rows)) == len(set(zip(ends.tolist(), rows, strict=True)))


def test_a_match_that_was_broken_off_stands_before_an_end():
    game = load_game("arena:kuhn_poker")
    histories = history_tree(game)
    node = int(recorded_ends(game, histories, Ragged.of_lists([[2, 0, 1]]))[0])
    assert histories.tree.keys[histories.place[node]] == "0b"


@pytest.mark.parametrize("row", [[0, 0, 1], [0, 1, 7], [0, 1, 1, 1, 1]])
def test_a_record_of_another_game_is_refused(row):
    game = load_game("arena:kuhn_poker")
    with pytest.raises(NotProvided, match="a record of arena:kuhn_poker"):
        recorded_ends(game, history_tree(game), Ragged.of_lists([row]))


@given(st.lists(st.lists(st.integers(-1, 2), max_size=3), max_size=40))
def test_rows_are_of_one_kind_when_they_are_equal(rows):
    first, kind = different_rows(Ragged.of_lists(rows))
    assert [rows[i] for i in first[kind]] == rows
    assert len(first) == len(set(map(tuple, rows)))


@pytest.mark.parametrize(("name", "deals"), [("arena:kuhn_poker", 3), ("openspiel:leduc_poker", 6)])
def test_luck_has_the_expectation_nought(name, deals):
    """Over all ways to deal, each with its probability, whatever the players then do."""
    game = load_game(name)
    hands = [[a, b, 1, 1] for a in range(deals) for b in range(deals) if a != b]
    luck = chance_luck(game, Ragged.of_lists(hands))
    assert np.abs(luck).max() > 0.5
    np.testing.assert_allclose(luck.mean(axis=0), 0, atol=1e-12)


def test_a_game_without_chance_has_no_luck():
    assert chance_luck(load_game("arena:tic_tac_toe"), Ragged.of_lists([[0, 1], [4]])).shape == (2, 0)

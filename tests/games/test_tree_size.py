"""Sizes of trees told by random matches: right on average, and never a small game called too large."""

import numpy as np
import pyspiel
import pytest

from arena.games import compile_tree, load_game
from arena.games.tree_size import is_far_larger, worth_of_match
from arena.games.tree_walk import TooLarge, walk


@pytest.mark.parametrize("name", ["kuhn_poker", "kuhn_poker(players=3)", "goofspiel(num_cards=3)", "tiny_hanabi"])
def test_matches_are_worth_the_number_of_histories_on_average(name):
    rules, words = pyspiel.load_game(name), np.random.default_rng(0)
    worth = [worth_of_match(rules, words, enough=np.inf, longest=100) for _ in range(2000)]
    histories = walk(rules, name, max_nodes=10_000, progress=None).num_nodes
    assert abs(np.mean(worth) - histories) <= 4 * np.std(worth) / 2000**0.5 + 1e-9


@pytest.mark.parametrize("name", ["tic_tac_toe", "leduc_poker", "kuhn_poker", "goofspiel(num_cards=4)"])
def test_a_game_of_about_as_many_histories_as_allowed_is_not_refused(name):
    assert not is_far_larger(pyspiel.load_game(name), 50)


@pytest.mark.parametrize("name", ["connect_four", "goofspiel", "chess", "battleship", "bridge"])
def test_games_beyond_all_trees_are_told_at_once(name):
    assert is_far_larger(pyspiel.load_game(name), 1_000_000)


def test_a_game_that_is_far_too_large_is_refused_before_any_history_is_written():
    told = []
    with pytest.raises(TooLarge, match="more than 60,001 histories"):
        compile_tree(load_game("arena:connect_four"), max_nodes=60_001, progress=told.append)
    assert told == []

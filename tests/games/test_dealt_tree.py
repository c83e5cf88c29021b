"""Trees that are written out from the rules: set by set the same as OpenSpiel's, history by history."""

import numpy as np
import pyspiel
import pytest

from arena.games import ArenaError
from arena.games.dealt_tree import dealt_tree
from arena.games.tree_walk import walk

GAMES = [
    "kuhn_poker",
    "kuhn_poker(players=3)",
    "kuhn_poker(players=4)",
    "liars_dice(dice_sides=2)",
    "liars_dice(dice_sides=3)",
    "liars_dice(dice_sides=4,bidding_rule=reset-quantity)",
    "liars_dice(numdice=2,dice_sides=2)",
]


@pytest.mark.parametrize("name", GAMES)
def test_a_tree_from_the_rules_equals_the_walk(name):
    rules = pyspiel.load_game(name)
    ours = dealt_tree(rules, name, max_nodes=1_000_000)
    walked = walk(rules, name, max_nodes=1_000_000, progress=None)
    assert ours.keys == walked.keys and ours.constant_sum == walked.constant_sum == 0
    assert (ours.num_nodes, ours.num_terminals) == (walked.num_nodes, walked.num_terminals)
    for array in ("set_begin", "depth", "first", "parent", "actions", "row_begin", "others"):
        assert np.array_equal(getattr(ours, array), getattr(walked, array)), array
    assert np.allclose(ours.weights, walked.weights, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "name", ["liars_dice", "liars_dice(numdice=2)", "liars_dice(numdice=5)", "kuhn_poker(players=10)"]
)
def test_a_tree_too_large_is_refused_before_it_is_written(name):
    with pytest.raises(ArenaError, match="more than 100,000 histories"):
        dealt_tree(pyspiel.load_game(name), name, max_nodes=100_000)


def test_other_games_are_not_written_from_rules():
    assert dealt_tree(pyspiel.load_game("leduc_poker"), "leduc_poker", max_nodes=10) is None

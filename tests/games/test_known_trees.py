"""Trees that are written out from the rules: the same as OpenSpiel's, history by history."""

import numpy as np
import pyspiel
import pytest

from arena.games import ArenaError
from arena.games.compile_tree import write_out
from arena.games.known_trees import KNOWN, known_tree
from arena.games.tree_walk import walk

HIDDEN = "imp_info=True"
WRITTEN = [
    "kuhn_poker",
    "kuhn_poker(players=3)",
    "kuhn_poker(players=4)",
    "leduc_poker",
    "leduc_poker(starting_player=1)",
    "leduc_poker(suit_isomorphism=True)",
    "leduc_poker(players=3,suit_isomorphism=True,starting_player=2)",
    "liars_dice(dice_sides=2)",
    "liars_dice(dice_sides=3)",
    "liars_dice(dice_sides=4,bidding_rule=reset-quantity)",
    "liars_dice(numdice=2,dice_sides=2)",
    f"goofspiel(num_cards=4,{HIDDEN})",
    f"goofspiel(num_cards=4,{HIDDEN},egocentric=True,returns_type=total_points)",
    f"goofspiel(num_cards=5,{HIDDEN},points_order=descending)",
    f"goofspiel(num_cards=5,{HIDDEN},points_order=ascending,returns_type=point_difference)",
    f"goofspiel(num_cards=6,{HIDDEN},points_order=descending,num_turns=3)",
    f"goofspiel(num_cards=4,{HIDDEN},num_turns=2)",
    f"goofspiel(num_cards=3,{HIDDEN},players=3)",
    f"goofspiel(num_cards=4,{HIDDEN},players=3,points_order=ascending,returns_type=point_difference)",
    f"goofspiel(num_cards=3,{HIDDEN},players=4,points_order=descending)",
    "goofspiel(num_cards=3,players=3)",
    "goofspiel(num_cards=5,num_turns=2)",
    "goofspiel(num_cards=7,num_turns=2,points_order=ascending)",
    f"turn_based_simultaneous_game(game=goofspiel(num_cards=4,{HIDDEN}))",
    f"turn_based_simultaneous_game(game=goofspiel(num_cards=3,{HIDDEN},players=4,points_order=descending))",
    "turn_based_simultaneous_game(game=goofspiel(num_cards=5,num_turns=2))",
    "dark_hex(num_rows=2,num_cols=3,gameversion=adh)",
    "dark_hex(num_rows=2,num_cols=3,obstype=reveal-numturns)",
    "dark_hex(num_rows=3,num_cols=2,obstype=reveal-numturns)",
    "dark_hex(num_rows=3,num_cols=2,gameversion=adh,obstype=reveal-numturns)",
]
WALKED = [
    "leduc_poker(action_mapping=True)",
    "goofspiel(num_cards=4)",
    "goofspiel(num_cards=3)",
    f"goofspiel(num_cards=5,{HIDDEN},num_turns=4)",
    f"goofspiel(num_cards=20,{HIDDEN})",
    "dark_hex(board_size=2)",
    "dark_hex",
    "dark_hex(num_rows=1,num_cols=7,gameversion=adh)",
    "turn_based_simultaneous_game(game=oshi_zumo(coins=3))",
    "tic_tac_toe",
]
TOO_LARGE = [
    "liars_dice",
    "liars_dice(numdice=2)",
    "liars_dice(numdice=5)",
    "kuhn_poker(players=10)",
    "leduc_poker(players=3)",
    "leduc_poker(players=10)",
    "leduc_poker(players=10,suit_isomorphism=True)",
    f"goofspiel(num_cards=5,{HIDDEN})",
    f"goofspiel({HIDDEN})",
    f"goofspiel({HIDDEN},players=10)",
    "dark_hex(gameversion=adh)",
    "dark_hex(num_rows=3,num_cols=5,obstype=reveal-numturns)",
]


@pytest.mark.parametrize("name", WRITTEN)
def test_a_tree_from_the_rules_equals_the_walk_array_for_array(name):
    rules = pyspiel.load_game(name)
    ours = known_tree(rules, name, max_nodes=1_000_000)
    walked = walk(rules, name, max_nodes=1_000_000, progress=None)
    assert ours.keys == walked.keys and ours.constant_sum == walked.constant_sum
    assert (ours.num_nodes, ours.num_terminals) == (walked.num_nodes, walked.num_terminals)
    for array in ("set_begin", "depth", "first", "parent", "actions", "row_begin", "others"):
        assert np.array_equal(getattr(ours, array), getattr(walked, array)), array
    assert np.allclose(ours.weights, walked.weights, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", WALKED)
def test_what_the_rules_do_not_cover_is_left_to_the_walk(name):
    assert known_tree(pyspiel.load_game(name), name, max_nodes=1_000_000) is None


@pytest.mark.parametrize("name", TOO_LARGE)
def test_a_tree_too_large_is_refused_before_it_is_written(name):
    with pytest.raises(ArenaError, match="more than 100,000 histories"):
        known_tree(pyspiel.load_game(name), name, max_nodes=100_000)


@pytest.mark.parametrize(
    "name", ["leduc_poker", "goofspiel(num_cards=4,imp_info=True)", "dark_hex(num_rows=2,num_cols=3,gameversion=adh)"]
)
def test_the_limit_is_the_number_of_histories(name):
    rules = pyspiel.load_game(name)
    nodes = known_tree(rules, name, max_nodes=1_000_000).num_nodes
    assert known_tree(rules, name, max_nodes=nodes).num_nodes == nodes
    with pytest.raises(ArenaError, match="histories"):
        known_tree(rules, name, max_nodes=nodes - 1)


@pytest.mark.parametrize("name", KNOWN)
def test_progress_hears_the_number_of_histories(name):
    smaller = {
        "dark_hex": "dark_hex(num_rows=2,num_cols=3,gameversion=adh)",
        "goofspiel": "goofspiel(num_cards=4,imp_info=True)",
    }.get(name, name)
    heard = []
    tree = write_out(pyspiel.load_game(smaller), name, max_nodes=1_000_000, progress=heard.append)
    assert heard == sorted(heard) and heard[-1] == tree.num_nodes

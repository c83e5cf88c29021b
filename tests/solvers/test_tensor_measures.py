"""Exact measures on tensors: those of the compiled loops, and plain recursion's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import plain_measures, random_extensives, random_table
from tensor_devices import DEVICES

from arena.games import TabularPolicy, compile_tree, load_game
from arena.solvers.tensor_measures import tensor_measures
from arena.solvers.tensor_tree import tensor_tree
from arena.solvers.tree_measures import measures, normalised, tabulated, uniform_strategy

GAMES = [
    "openspiel:kuhn_poker",
    "openspiel:kuhn_poker(players=4)",
    "openspiel:leduc_poker",
    "openspiel:liars_dice(dice_sides=4)",
    "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
    "openspiel:tiny_hanabi",
    "matrix:rps",
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", GAMES)
def test_measures_are_those_of_the_loops(name, device):
    tree = compile_tree(load_game(name))
    tensors, rng = tensor_tree(tree, device), np.random.default_rng(0)
    for strategy in (uniform_strategy(tree), normalised(tree, rng.random(tree.num_sequences))):
        ours, known = tensor_measures(tensors, strategy), measures(tree, strategy)
        assert np.allclose(ours.returns, known.returns, atol=1e-12)
        assert np.allclose(ours.responses, known.responses, atol=1e-12)
        assert ours.nash_conv == pytest.approx(known.nash_conv, abs=1e-12)
        if device == "torch":
            assert np.array_equal(ours.choice, known.choice), "the first of equal responses"


@given(random_extensives(players=(1, 2, 3), depth=6), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_measures_are_those_of_plain_recursion(game, seed):
    table = random_table(game, seed)
    tree = compile_tree(game)
    strategy = tabulated(tree, TabularPolicy(game.info.specification, table))
    found = tensor_measures(tensor_tree(tree, "torch"), strategy)
    returns, responses = plain_measures(game, table)
    assert np.allclose(found.returns, returns, atol=1e-12) and np.allclose(found.responses, responses, atol=1e-12)
    assert np.array_equal(found.choice, measures(tree, strategy).choice)

"""Random games are what other tests take them for: of perfect recall, irregular, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_trees import plain_measures, random_extensive, random_extensives, random_table, random_tree

from arena.games import TabularPolicy, compile_tree
from arena.solvers.tree_measures import measures, tabulated


@settings(max_examples=60, deadline=None)
@given(random_extensives(players=(1, 2, 3)))
def test_measures_of_the_tree_are_those_of_the_recursion(game):
    tree, table = compile_tree(game), random_table(game, seed=1)
    found = measures(tree, tabulated(tree, TabularPolicy("random", table)))
    returns, responses = plain_measures(game, table)
    assert np.allclose(found.returns, returns, rtol=0, atol=1e-12)
    assert np.allclose(found.responses, responses, rtol=0, atol=1e-12)


def test_the_same_seed_gives_the_same_tree():
    first, second = (random_tree(np.random.default_rng(7), players=3) for _ in range(2))
    assert first.keys == second.keys and np.array_equal(first.weights, second.weights)


@pytest.mark.parametrize("players", [2, 3])
def test_sums_are_as_asked(players):
    zero = [random_tree(np.random.default_rng(seed), players=players).constant_sum for seed in range(20)]
    general = [
        random_tree(np.random.default_rng(seed), players=players, zero_sum=False).constant_sum for seed in range(20)
    ]
    assert all(value == pytest.approx(0, abs=1e-9) for value in zero) and general.count(None) >= 15


def test_information_sets_hold_several_histories():
    sets, decisions = 0, 0
    for seed in range(20):
        game = random_extensive(np.random.default_rng(seed))
        sets += compile_tree(game).num_sets
        waiting = [game.rules.new_initial_state()]
        while waiting:
            node = waiting.pop()
            decisions += node.mover >= 0 and len(node.children) > 1
            waiting += node.children
    assert decisions > 1.25 * sets > 200

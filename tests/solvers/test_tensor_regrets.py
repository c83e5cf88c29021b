"""Regret minimisation on tensors: the iterates of the compiled loops, on the CPU to the last bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import random_extensives, random_tree
from tensor_devices import DEVICES

from arena.games import compile_tree, load_game
from arena.solvers import tensor_regrets
from arena.solvers.counterfactual import CFR, CFR_PLUS, PCFR_PLUS, Variant, advance, start
from arena.solvers.regret_kernels import DISCOUNTED
from arena.solvers.tensor_regrets import tensor_advance
from arena.solvers.tensor_tree import tensor_tree

DCFR = Variant(name="dcfr", rule=DISCOUNTED, exponents=(1.5, 0.0, 2.0), source="")
VARIANTS = [CFR, CFR_PLUS, DCFR, PCFR_PLUS]
GAMES = [
    "openspiel:kuhn_poker",
    "openspiel:kuhn_poker(players=3)",
    "openspiel:leduc_poker",
    "openspiel:liars_dice(dice_sides=4)",
    "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
    "openspiel:tiny_hanabi",
    "matrix:shapley",
]


def by_loops(tree, variant, iterations):
    regrets = start(tree)
    advance(tree, variant, regrets, iterations)
    return regrets.state


def by_tensors(tree, variant, iterations, device="torch", state=None):
    state = start(tree).state if state is None else state
    tensor_advance(tensor_tree(tree, device), variant.rule, variant.exponents, state, iterations)
    return state


def assert_same(state, other, device="torch"):
    """The same bits on the CPU; on a GPU to 1e-6."""
    assert state.keys() == other.keys() and state["clock"] == other["clock"]
    for name, array in state.items():
        if device == "torch":
            assert np.array_equal(array, other[name]), name
        else:
            assert np.allclose(array, other[name], rtol=1e-6, atol=1e-6), name


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("name", GAMES)
def test_iterates_are_those_of_the_loops(name, variant, device):
    """Three-player kuhn poker among them, where a last bit at a regret of 0 would make another strategy."""
    tree = compile_tree(load_game(name))
    assert_same(by_tensors(tree, variant, 40, device), by_loops(tree, variant, 40), device)


@given(random_extensives(players=(1, 2, 3, 4), depth=6), st.sampled_from(VARIANTS))
@settings(max_examples=40, deadline=None)
def test_iterates_are_those_of_the_loops_on_irregular_trees(game, variant):
    tree = compile_tree(game)
    assert_same(by_tensors(tree, variant, 15), by_loops(tree, variant, 15))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_run_may_change_devices_halfway(variant):
    tree = compile_tree(load_game("openspiel:leduc_poker"))
    whole = by_loops(tree, variant, 30)
    assert_same(by_tensors(tree, variant, 20, state=by_loops(tree, variant, 10)), whole)
    regrets = start(tree)
    for name, array in by_tensors(tree, variant, 10).items():
        getattr(regrets, name)[...] = array
    advance(tree, variant, regrets, 20)
    assert_same(regrets.state, whole)


def test_exponents_that_overflow_do_so_on_tensors_too():
    tree = compile_tree(load_game("openspiel:kuhn_poker"))
    steep = Variant(name="dcfr", rule=DISCOUNTED, exponents=(700.0, -700.0, 0.0), source="")
    assert_same(by_tensors(tree, steep, 10), by_loops(tree, steep, 10))


def test_the_state_is_fetched_now_and_then_and_changes_at_one_blow(monkeypatch):
    """An interruption in iteration 6, where the state is fetched after each one, leaves that of iteration 5."""
    tree = random_tree(np.random.default_rng(0), players=2, depth=6)
    monkeypatch.setattr(tensor_regrets, "KEEP_S", -1.0)
    asked, values = [], tensor_regrets.counterfactual_values

    def interrupted(*args):
        asked.append(args)
        if len(asked) == 12:
            raise KeyboardInterrupt
        return values(*args)

    monkeypatch.setattr(tensor_regrets, "counterfactual_values", interrupted)
    state = start(tree).state
    with pytest.raises(KeyboardInterrupt):
        by_tensors(tree, CFR_PLUS, 20, state=state)
    assert_same(state, by_loops(tree, CFR_PLUS, 5))


def test_nothing_is_done_in_no_iterations():
    tree = compile_tree(load_game("openspiel:kuhn_poker"))
    assert_same(by_tensors(tree, CFR, 0), start(tree).state)

"""Realisation plans and populations of them: equivalence, exact payoffs by recursion, what a plan is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trees import plain_returns, random_extensives, random_table

from arena.games import compile_tree, load_game
from arena.solvers.realisation_plans import (
    behaviour,
    expected_payoffs,
    grown_payoffs,
    joined,
    own_part,
    payoff_matrix,
    plan_constraints,
    pure_plan,
    realisation_plan,
)
from arena.solvers.tree_measures import measures, normalised


def random_strategy(tree, seed):
    return normalised(tree, np.random.default_rng(seed).exponential(size=tree.num_sequences))


def random_pure(tree, seed):
    rng = np.random.default_rng(seed)
    return pure_plan(tree, rng.integers(tree.first[:-1], tree.first[1:]).astype(np.uint32))


def random_population(tree, seed, size):
    """Pure and mixed plans of every player [size, S_p]."""
    plans = [
        random_pure(tree, (seed, k)) if k % 2 else realisation_plan(tree, random_strategy(tree, (seed, k)))
        for k in range(size)
    ]
    return [np.stack([own_part(tree, plan, player) for plan in plans]) for player in range(tree.num_players)]


@given(random_extensives(), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_a_strategy_comes_back_from_its_plan(game, seed):
    tree = compile_tree(game)
    strategy = random_strategy(tree, seed)
    assert behaviour(tree, realisation_plan(tree, strategy)) == pytest.approx(strategy, abs=1e-9)


@given(random_extensives(), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_mixing_plans_is_drawing_a_strategy_before_the_match(game, seed):
    """Kuhn's theorem: a member of a mixture drawn for one player earns everybody what its average plan earns."""
    tree = compile_tree(game)
    weights = np.random.default_rng(seed).dirichlet(np.ones(3))
    plans = random_population(tree, seed, 3)
    others = [members[0] for members in plans]
    for player in range(tree.num_players):
        drawn = [joined([*others[:player], plan, *others[player + 1 :]]) for plan in plans[player]]
        returns = sum(w * measures(tree, behaviour(tree, plan)).returns for w, plan in zip(weights, drawn, strict=True))
        mixed = joined([*others[:player], weights @ plans[player], *others[player + 1 :]])
        assert measures(tree, behaviour(tree, mixed)).returns == pytest.approx(returns, abs=1e-9)


@given(random_extensives(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_payoffs_between_plans_are_those_of_plain_recursion(game, seed):
    tree = compile_tree(game)
    tables = [random_table(game, seed + k) for k in range(2)]
    forced = [tree_strategy(tree, table) for table in tables]
    plans = [realisation_plan(tree, strategy) for strategy in forced]
    populations = [np.stack([own_part(tree, plan, p) for plan in plans]) for p in range(tree.num_players)]
    found = expected_payoffs(tree, populations)
    for profile in np.ndindex(found.shape[1:]):
        table = {key: tables[profile[int(key[0])]][key] for key in tables[0]}  # keys begin with their player
        expected = plain_returns(game.rules.new_initial_state(), table)
        assert found[(slice(None), *profile)] == pytest.approx(np.broadcast_to(expected, tree.num_players), abs=1e-9)


def tree_strategy(tree, table):
    strategy = np.ones(tree.num_sequences)
    for j, key in enumerate(tree.keys):
        strategy[tree.first[j] : tree.first[j + 1]] = list(table[key].values())
    return strategy


@given(random_extensives(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_payoffs_grow_to_what_they_are_computed_as_at_once(game, seed):
    tree = compile_tree(game)
    whole = random_population(tree, seed, 4)
    payoffs = np.zeros((tree.num_players, *(0 for _ in whole)))
    sizes = [0] * tree.num_players
    for _ in range(4):
        rng = np.random.default_rng((seed, sum(sizes)))
        sizes = [min(4, size + int(rng.integers(1 if not sum(sizes) else 0, 3))) for size in sizes]
        payoffs = grown_payoffs(tree, [plans[:k] for plans, k in zip(whole, sizes, strict=True)], payoffs)
    parts = [plans[:k] for plans, k in zip(whole, sizes, strict=True)]
    assert payoffs == pytest.approx(expected_payoffs(tree, parts), abs=1e-12)


@given(random_extensives(players=(2,)), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_matrices_of_two_players_say_what_plans_are_and_earn(game, seed):
    tree = compile_tree(game)
    strategy = random_strategy(tree, seed)
    plan = realisation_plan(tree, strategy)
    own, other = own_part(tree, plan, 0), own_part(tree, plan, 1)
    for player, part in enumerate((own, other)):
        constraints = plan_constraints(tree, player)
        assert constraints @ part == pytest.approx(np.eye(constraints.shape[0])[0], abs=1e-12)
    returns = measures(tree, strategy).returns
    found = own @ payoff_matrix(tree, 0) @ other, other @ payoff_matrix(tree, 1) @ own
    assert found == pytest.approx(tuple(returns), abs=1e-9)


def test_a_pure_plan_is_a_plan_of_noughts_and_ones():
    tree = compile_tree(load_game("openspiel:leduc_poker"))
    for seed in range(5):
        plan = random_pure(tree, seed)
        assert set(plan.tolist()) == {0.0, 1.0}
        for player in (0, 1):
            constraints = plan_constraints(tree, player)
            assert (constraints @ own_part(tree, plan, player) == np.eye(constraints.shape[0])[0]).all()


def test_where_own_play_never_comes_to_behaviour_is_uniform():
    tree = compile_tree(load_game("openspiel:leduc_poker"))
    plan = random_pure(tree, 1)
    strategy = behaviour(tree, plan)
    unreached = [j for j in range(tree.num_sets) if plan[tree.parent[j]] == 0]
    assert unreached
    for j in unreached:
        own = strategy[tree.first[j] : tree.first[j + 1]]
        assert (own == 1 / len(own)).all()

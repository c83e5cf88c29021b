"""Merging of equal information sets: what is found, and that nothing is lost by it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from random_trees import Node, plain_measures, random_extensive, random_extensives, random_tree

from arena.games import SpecificationError, TabularPolicy, compile_tree, load_game, merged_tree
from arena.games.merged_tree import merge_equal
from arena.solvers import cfr, cfr_plus, nash_conv
from arena.solvers.tree_measures import measures, normalised

SHRUNK = {
    "leduc_poker": 288,  # as many as OpenSpiel's leduc_poker(suit_isomorphism=true) has
    "kuhn_poker(players=3)": 48,
    "liars_dice(dice_sides=4)": 511,
    "goofspiel(imp_info=True,num_cards=4,points_order=descending)": 162,
    "goofspiel(imp_info=True,num_cards=3,players=3)": 153,
    "tiny_hanabi": 7,
}


def compiled(name):
    return compile_tree(load_game(f"openspiel:{name}"))


def random_strategy(tree, seed):
    return normalised(tree, np.random.default_rng(seed).exponential(size=tree.num_sequences))


def assert_lossless(merged, seed=0):
    strategy = random_strategy(merged.tree, seed)
    ours, theirs = measures(merged.tree, strategy), measures(merged.full, merged.lift(strategy))
    assert np.allclose(ours.returns, theirs.returns, rtol=0, atol=1e-12)
    assert np.allclose(ours.responses, theirs.responses, rtol=0, atol=1e-12)
    assert ours.nash_conv == pytest.approx(theirs.nash_conv, abs=1e-12)


def plain_classes(tree):
    """The classes of information sets by the definition, sums in dicts; for games whose sums differ by more than 1e-9."""
    sets = [(p, j) for p in range(tree.num_players) for j in tree.sets(p)]
    sizes = [int(tree.first[j + 1] - tree.first[j]) for _, j in sets]
    colours = [(p, int(tree.depth[j]), size) for (p, j), size in zip(sets, sizes, strict=True)]
    while True:
        numbers = {colour: index for index, colour in enumerate(dict.fromkeys(colours))}
        known = [numbers[colour] for colour in colours]
        of_sequence = {p: ("empty", p) for p in range(tree.num_players)}
        for (_, j), number, size in zip(sets, known, sizes, strict=True):
            of_sequence |= {int(tree.first[j]) + i: (number, i) for i in range(size)}
        colours = []
        for (_, j), number, size in zip(sets, known, sizes, strict=True):
            looks = []
            for s in range(int(tree.first[j]), int(tree.first[j]) + size):
                sums = {}
                for e in range(tree.row_begin[s], tree.row_begin[s + 1]):
                    against = tuple(of_sequence[other] for other in tree.others[e].tolist())
                    sums[against] = sums.get(against, 0.0) + tree.weights[e]
                payoffs = frozenset((against, round(value, 9)) for against, value in sums.items() if abs(value) > 1e-9)
                looks.append((payoffs, tuple(sorted(known[k] for k in np.flatnonzero(tree.parent == s)))))
            colours.append((number, of_sequence[int(tree.parent[j])], tuple(looks)))
        if len(set(colours)) == len(numbers):
            return known


def suited(node, suit, seers):
    """The same tree, in which some players know which of several equal ones it is."""
    key = f"{node.key}|{suit}" if node.mover in seers else node.key
    children = [suited(child, suit, seers) for child in node.children]
    return Node(node.mover, key=key, children=children, shares=node.shares, values=node.values)


@pytest.mark.parametrize("name", SHRUNK)
def test_known_games_shrink_to_what_they_hold(name):
    merged = merge_equal(compiled(name))
    assert merged.tree.num_sets == SHRUNK[name]
    assert np.array_equal(merged.set_class, plain_classes(merged.full))
    assert_lossless(merged)


def test_suits_of_leduc_poker_come_out():
    """Openspiel's own suit isomorphism gives the same tree: as many sets, sequences, entries, and the same sums of payoffs."""
    merged, theirs = merge_equal(compiled("leduc_poker")).tree, compiled("leduc_poker(suit_isomorphism=True)")
    assert (merged.num_sets, merged.num_sequences, len(merged.weights)) == (
        theirs.num_sets,
        theirs.num_sequences,
        len(theirs.weights),
    )
    assert np.allclose(np.sort(merged.weights), np.sort(theirs.weights), rtol=0, atol=1e-12)
    assert merge_equal(theirs).tree is theirs


@settings(max_examples=60, deadline=None)
@given(random_extensives(players=(1, 2, 3)))
def test_classes_are_those_of_the_definition(game):
    tree = compile_tree(game)
    plain = plain_classes(tree)
    merged = merge_equal(tree)
    assert np.array_equal(merged.set_class, plain)
    if tree.num_sets:
        assert_lossless(merged)


@settings(max_examples=40, deadline=None)
@given(random_extensives(), st.integers(2, 3), st.sets(st.integers(0, 2), min_size=1))
def test_planted_symmetries_are_found(game, suits, seers):
    base = compile_tree(game)
    assume(any(len(base.sets(p)) for p in seers if p < base.num_players))
    start = game.rules.new_initial_state()
    copies = [suited(start, suit, seers) for suit in range(suits)]
    game.rules.new_initial_state = lambda: Node(-1, children=copies, shares=[1 / suits] * suits)
    game.info.specification += f",{suits},{sorted(seers)}"
    planted = merge_equal(compile_tree(game))
    assert planted.full.num_sets > base.num_sets
    assert planted.tree.num_sets == merge_equal(base).tree.num_sets
    assert_lossless(planted)


@pytest.mark.parametrize("seed", range(10))
def test_trees_without_symmetry_come_back_as_they_are(seed):
    tree = random_tree(np.random.default_rng(seed), zero_sum=seed % 2 == 0)
    merged = merge_equal(tree)
    assert merged.tree is tree
    assert np.array_equal(merged.lift(random_strategy(tree, seed)), random_strategy(tree, seed))


@pytest.mark.parametrize("solver", [cfr, cfr_plus])
@pytest.mark.parametrize("name", ["leduc_poker", "goofspiel(imp_info=True,num_cards=3,players=3)", "tiny_hanabi"])
def test_a_gap_on_the_quotient_is_the_gap_of_what_it_stands_for(name, solver):
    merged = merge_equal(compiled(name))
    solution = solver(merged.tree, iterations=100)
    lifted = merged.lift_policy(solution.policy)
    assert set(lifted.table) == set(merged.full.keys)
    assert nash_conv(merged.full, lifted) == pytest.approx(solution.gap, abs=1e-12)


def test_iterations_on_the_quotient_are_those_on_the_whole_tree():
    """As long as rounding does not part them: regrets of exactly 0 in leduc poker do so after some ten iterations."""
    merged = merge_equal(compiled("leduc_poker"))
    whole, part = cfr(merged.full, iterations=10), cfr(merged.tree, iterations=10)
    lifted = merged.lift_policy(part.policy).table
    for key, expected in whole.policy.table.items():
        assert lifted[key] == pytest.approx(expected, abs=1e-9)


def test_a_quotient_keeps_the_promises_of_a_tree():
    tree = merge_equal(compiled("leduc_poker")).tree
    assert tree.first[0] == 2 and tree.first[-1] == tree.num_sequences == len(tree.row_begin) - 1
    for player in range(2):
        own = tree.sequences(player)
        above = tree.parent[tree.sets(player)]
        assert ((above == player) | ((above >= own.start) & (above < tree.first[tree.sets(player)]))).all()
    assert not any(
        array.flags.writeable for array in (tree.first, tree.parent, tree.others, tree.weights, tree.actions)
    )
    assert len(set(tree.keys)) == tree.num_sets


@pytest.mark.parametrize("change", [1e-7, 1e-13])
def test_only_rounding_counts_as_equal(change):
    tree = compiled("leduc_poker")
    whole = merge_equal(tree).tree.num_sets
    row = int(np.flatnonzero(np.diff(tree.row_begin.astype(int)) > 0)[5])
    weights = tree.weights.copy()
    weights[tree.row_begin[row]] *= 1 + change
    merged = merge_equal(dataclasses.replace(tree, weights=weights))
    assert (merged.tree.num_sets > whole) == (change > 1e-9)


def test_what_random_play_did_not_tell_apart_is_taken_apart(monkeypatch):
    monkeypatch.setattr(merged_tree, "_refined", lambda _, classes: classes)
    merged = merge_equal(compiled("leduc_poker"))
    assert 288 < merged.tree.num_sets <= 936
    assert_lossless(merged)


@pytest.mark.parametrize("payoffs", ["rps", "matching_pennies_3p"])
def test_players_with_one_decision_stay_as_they_are(payoffs):
    tree = compile_tree(load_game(f"matrix:{payoffs}"))
    assert merge_equal(tree).tree is tree


def test_a_policy_that_names_some_states_is_lifted_to_their_members():
    merged = merge_equal(compiled("leduc_poker"))
    key = merged.tree.keys[0]
    policy = merged.tree.policy(random_strategy(merged.tree, 1))
    lifted = merged.lift_policy(TabularPolicy(policy.game, {key: policy.table[key]}))
    members = {merged.full.keys[j] for j in np.flatnonzero(merged.set_class == 0)}
    assert len(members) == 2 and members == set(lifted.table)
    assert len({tuple(lifted.table[key].items()) for key in members}) == 1


def test_what_is_no_strategy_of_the_quotient_is_refused():
    merged = merge_equal(compiled("leduc_poker"))
    with pytest.raises(ValueError, match="of 674 sequences is needed; got"):
        merged.lift(np.ones(merged.full.num_sequences))
    with pytest.raises(SpecificationError, match=r"where .* are legal"):
        merged.lift_policy(TabularPolicy("leduc", {merged.tree.keys[0]: {7: 1.0}}))


def test_returns_of_a_lifted_strategy_are_those_of_plain_recursion():
    game = random_extensive(np.random.default_rng(5), players=3, zero_sum=False, integers=True)
    start = game.rules.new_initial_state()
    copies = [suited(start, suit, {0, 1}) for suit in range(2)]
    game.rules.new_initial_state = lambda: Node(-1, children=copies, shares=[0.5, 0.5])
    game.info.specification += ",twice"
    merged = merge_equal(compile_tree(game))
    strategy = random_strategy(merged.tree, 2)
    table = merged.full.policy(merged.lift(strategy)).table
    forced = {key: {0: 1.0} for key in _names(game.rules.new_initial_state())}
    returns, responses = plain_measures(game, forced | table)
    found = measures(merged.tree, strategy)
    assert np.allclose(found.returns, returns, rtol=0, atol=1e-12)
    assert np.allclose(found.responses, responses, rtol=0, atol=1e-12)


def _names(node):
    return {node.key} | {name for child in node.children for name in _names(child)}


def players_game(root, name):
    """A game of two players whose histories are these nodes."""
    game = random_extensive(np.random.default_rng(0))
    game.rules.new_initial_state = lambda: root
    game.info.specification = name
    return compile_tree(game)


def test_payoffs_that_cancel_within_a_class_are_no_entries_of_the_quotient():
    """Each sees a coin of his own; the first wins where they fell alike, if both say yes: against a class it is worth nothing."""

    def end(value):
        return Node(-4, values=[value, -value])

    deals = []
    for mine in "ht":
        for theirs in "ht":
            prize = 1.0 if mine == theirs else -1.0
            answers = [Node(1, key=f"1{theirs}", children=[end(0.0), end(said * prize)]) for said in (0, 1)]
            deals.append(Node(0, key=f"0{mine}", children=answers))
    merged = merge_equal(players_game(Node(-1, children=deals, shares=[0.25] * 4), "test:coins"))
    assert merged.full.num_sets == 4 and len(merged.full.weights) == 8
    assert merged.tree.num_sets == 2 and len(merged.tree.weights) == 0
    assert_lossless(merged)


def test_equal_sets_behind_choices_that_are_not_equal_stay_apart(monkeypatch):
    """Both second decisions are worth the same; merged, they would lie behind one of two actions."""

    def second(key):
        return Node(0, key=key, children=[Node(-4, values=[value, -value]) for value in (1.0, 2.0)])

    tree = players_game(Node(0, key="first", children=[second("left"), second("right")]), "test:two_ways")
    monkeypatch.setattr(merged_tree, "_refined", lambda _, classes: classes)  # the proof alone must find it
    merged = merge_equal(tree)
    assert merged.tree.num_sets == 3
    assert_lossless(merged)

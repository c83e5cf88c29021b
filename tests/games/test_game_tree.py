"""Compiled trees: what they hold, what is kept, and what is refused."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pyspiel
import pytest
from open_spiel.python import policy as spiel_policy
from random_trees import Node, random_game

from arena.games import (
    ArenaError,
    GameTree,
    NotProvided,
    SpecificationError,
    compile_tree,
    game_tree,
    history_tree,
    load_game,
    tree_walk,
)
from arena.games.positions import positions
from arena.solvers import cfr


def test_kuhn_poker_is_written_out_in_full():
    """Twelve information sets of two actions, 30 ends: Kuhn 1950; histories as OpenSpiel counts them."""
    tree = compile_tree(load_game("openspiel:kuhn_poker"))
    assert isinstance(tree, GameTree)
    assert (tree.num_sets, tree.num_sequences, tree.num_nodes, tree.num_terminals) == (12, 26, 58, 30)
    assert tree.constant_sum == 0 and tree.num_players == 2
    assert sorted(tree.keys) == sorted(card + past for card in "012" for past in ("", "pb", "p", "b"))


def test_leduc_poker_has_its_known_size():
    tree = compile_tree(load_game("openspiel:leduc_poker"))
    assert tree.num_sets == 936 and len(tree.weights) == 2 * 4920


@pytest.mark.parametrize("name", ["dark_hex(board_size=2)", "liars_dice(dice_sides=3)"])
def test_forced_moves_are_no_decisions(name):
    tree = compile_tree(load_game(f"openspiel:{name}"))
    states = spiel_policy.TabularPolicy(pyspiel.load_game(name))
    free = {key for key, row in states.state_lookup.items() if states.legal_actions_mask[row].sum() > 1}
    assert set(tree.keys) == free and len(free) < len(states.state_lookup)


@pytest.mark.parametrize("players", [2, 3])
def test_arrays_keep_their_promises(players):
    tree = compile_tree(random_game(seed=3, num_players=players, depth=5, zero_sum=False))
    assert tree.first[0] == players and tree.first[-1] == tree.num_sequences == len(tree.row_begin) - 1
    assert tree.others.shape == (len(tree.weights), players - 1) and tree.constant_sum is None
    for player in range(players):
        own = tree.sequences(player)
        for j in tree.sets(player):
            assert own.start <= tree.first[j] and tree.first[j + 1] <= own.stop
            above = int(tree.parent[j])
            assert above == player or own.start <= above < tree.first[j]
            before = 0 if above == player else 1 + int(tree.depth[np.searchsorted(tree.first, above, "right") - 1])
            assert tree.depth[j] == before
            assert tree.actions[tree.first[j] : tree.first[j + 1]].tolist() == list(
                range(tree.first[j + 1] - tree.first[j])
            )
    assert not any(array.flags.writeable for array in (tree.first, tree.parent, tree.others, tree.weights))


def test_payoffs_are_weighted_by_chance():
    """Every end is reached by chance with what is left of 1, summed over all of a player's entries per joint sequence."""
    tree = compile_tree(random_game(seed=5, zero_sum=False, shift=1.0, scale=0.0))
    chance_only = compile_tree(random_game(seed=5, num_players=1, depth=1, zero_sum=False, shift=1.0, scale=0.0))
    assert chance_only.weights.sum() == pytest.approx(1)
    assert tree.weights[: len(tree.weights) // 2].sum() == pytest.approx(tree.weights[len(tree.weights) // 2 :].sum())


def test_simultaneous_moves_become_decisions_of_each_player():
    tree = compile_tree(load_game("openspiel:goofspiel(num_cards=3,points_order=descending)"))
    assert tree.num_terminals == 36 and tree.num_nodes == 1 + 9 + 36
    assert len(tree.sets(0)) == len(tree.sets(1))


def test_matrix_games_have_one_decision_a_player():
    tree = compile_tree(load_game("matrix:matching_pennies_3p"))
    assert tree.num_players == 3 and tree.num_sets == 3 and tree.num_terminals == 8 and tree.constant_sum is None
    assert compile_tree(load_game("preference:rps")).constant_sum == 0


def test_native_games_are_compiled_through_their_twins():
    ours, theirs = compile_tree(load_game("arena:kuhn_poker")), compile_tree(load_game("openspiel:kuhn_poker"))
    assert ours.keys == theirs.keys and np.array_equal(ours.weights, theirs.weights)
    assert ours.specification == "arena:kuhn_poker"


def test_a_tree_is_compiled_once():
    assert compile_tree(load_game("openspiel:kuhn_poker")) is compile_tree(load_game("openspiel:kuhn_poker()"))


def test_progress_hears_the_number_of_histories():
    heard = []
    tree = compile_tree(random_game(seed=11, depth=6), progress=heard.append)
    assert heard[-1] == tree.num_nodes


def test_a_game_too_large_is_refused_at_once_the_second_time():
    game = load_game("openspiel:tic_tac_toe")
    for _ in range(2):
        with pytest.raises(ArenaError, match="more than 2,000 histories"):
            compile_tree(game, max_nodes=2_000)


@pytest.mark.parametrize(
    "name",
    [
        "tic_tac_toe",  # walked
        "leduc_poker(players=3)",
        "liars_dice(dice_sides=5)",
        "goofspiel(imp_info=True,num_cards=5)",
        "dark_hex(gameversion=adh)",
    ],
)
def test_a_game_is_refused_before_memory_runs_out(name, monkeypatch):
    monkeypatch.setattr(tree_walk, "free_memory", lambda: 20_000_000)
    with pytest.raises(
        ArenaError, match=r"histories, which take 0\.[0-9] GiB to write out; 0\.0 GiB of memory are free"
    ):
        compile_tree(load_game(f"openspiel:{name}"), max_nodes=10**12)


def test_free_memory_is_what_the_machine_and_the_container_leave(tmp_path, monkeypatch):
    monkeypatch.setattr(tree_walk, "CONTAINER", tmp_path)
    machine = tree_walk.free_memory()
    assert machine > 0
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("500\n")
    (tmp_path / "memory.stat").write_text("anon 300\ninactive_file 150\nactive_file 50\n")
    assert tree_walk.free_memory() == pytest.approx(machine, rel=0.5)
    (tmp_path / "memory.max").write_text("1500\n")
    assert tree_walk.free_memory() == 1150


def test_a_table_is_written_out_whatever_its_size_unless_a_limit_is_given(monkeypatch, tmp_path):
    np.save(tmp_path / "large.npy", np.arange(550.0)[:, None] - np.arange(551))
    game = load_game(f"matrix:{tmp_path / 'large.npy'}")
    assert compile_tree(game).num_terminals == history_tree(game).tree.num_terminals == 550 * 551 > 300_000
    for limit in (5, 550 * 551):
        with pytest.raises(ArenaError, match=f"more than {limit:,} histories"):
            compile_tree(game, max_nodes=limit)
    monkeypatch.setattr(tree_walk, "free_memory", lambda: 20_000_000)
    with pytest.raises(ArenaError, match=r"which take 0\.1 GiB to write out"):
        compile_tree(game)


@pytest.mark.parametrize("limit", [0, -5, float("nan")])
def test_a_limit_that_is_none_is_refused(limit):
    for game in ("openspiel:kuhn_poker", "matrix:rps"):
        with pytest.raises(ValueError, match="max_nodes must be at least 1"):
            compile_tree(load_game(game), max_nodes=limit)


def test_imperfect_recall_is_refused_by_name():
    class Forgetful:
        def __init__(self, history=()):
            self.history = history

        def child(self, action):
            return Forgetful((*self.history, action))

        def current_player(self):
            return -4 if len(self.history) == 2 else 0

        def legal_actions(self):
            return [0, 1]

        def information_state_string(self, player):
            return f"move {len(self.history)}"

        def returns(self):
            return [1.0]

    game = random_game(seed=1, num_players=1)
    game.rules.new_initial_state = Forgetful
    game.info.specification = "test:forgetful"
    with pytest.raises(NotProvided, match=r"test:forgetful has imperfect recall: .* 'move 1' player 0"):
        compile_tree(game)


@pytest.mark.parametrize(
    "name",
    [
        "goofspiel(num_cards=4)",
        "leduc_poker(action_mapping=true)",
        "dark_hex(num_rows=2,num_cols=3)",
        "dark_hex_ir(board_size=2)",
        "turn_based_simultaneous_game(game=goofspiel(num_cards=4))",
    ],
)
def test_openspiels_games_of_imperfect_recall_are_refused_by_name(name):
    game = load_game(f"openspiel:{name}")
    with pytest.raises(NotProvided, match="has imperfect recall: at its information state") as refused:
        compile_tree(game)
    assert str(refused.value).startswith(game.info.specification)


@pytest.mark.parametrize("name", ["goofspiel(num_cards=5,imp_info=true)", "oshi_zumo(coins=8)", "blotto(coins=30)"])
def test_games_of_moves_at_the_same_time_have_the_same_limit(name):
    with pytest.raises(ArenaError, match="more than 400 histories"):
        compile_tree(load_game(f"openspiel:{name}"), max_nodes=400)


def test_a_game_that_never_ends_is_refused():
    class Endless(SimpleNamespace):
        def child(self, action):
            return Endless(history=(*self.history[-1:], action))

        def current_player(self):
            return 0

        def legal_actions(self):
            return [0]

        def information_state_string(self, player):
            return str(self.history)

    game = random_game(seed=1, num_players=1)
    game.rules.new_initial_state = lambda: Endless(history=())
    game.info.specification = "test:endless"
    with pytest.raises(ArenaError, match="more than 100 histories"):
        compile_tree(game, max_nodes=100)


def test_a_game_without_an_end_is_refused():
    stuck = SimpleNamespace(current_player=lambda: -1, chance_outcomes=list)
    game = random_game(seed=1)
    game.rules.new_initial_state = lambda: stuck
    game.info.specification = "test:stuck"
    with pytest.raises(NotProvided, match="has no end"):
        compile_tree(game)


def test_returns_that_are_no_numbers_are_refused():
    with pytest.raises(SpecificationError, match="finite"):
        compile_tree(random_game(seed=2, shift=float("nan")))


@pytest.mark.parametrize(
    ("specification", "reason"),
    [
        ("openspiel:pig", "samples its chance|no information states"),
        ("smax:3m", "cannot be written out"),  # it has rules, of another kind
        ("pettingzoo:connect_four_v3", "cannot be written out"),
        ("arena:other", "cannot be written out"),
    ],
)
def test_games_that_have_no_tree_are_refused(specification, reason):
    game = (
        load_game(specification)
        if specification != "arena:other"
        else SimpleNamespace(info=SimpleNamespace(specification=specification, version="1", num_players=2))
    )
    with pytest.raises(NotProvided, match=reason):
        compile_tree(game, max_nodes=1_000)
    if specification != "openspiel:pig":
        with pytest.raises(NotProvided, match=reason):
            positions(game, [(0, "")])


def test_a_policy_of_a_tree_names_every_information_state():
    tree = compile_tree(load_game("openspiel:kuhn_poker"))
    policy = tree.policy(np.concatenate(([1.0, 1.0], np.tile([0.25, 0.75], 12))))
    assert set(policy.table) == set(tree.keys) and policy.action_probabilities("0pb") == {0: 0.25, 1: 0.75}


def test_states_of_one_name_that_two_players_have_hold_no_policy():
    tree = compile_tree(random_game(seed=9, depth=5))
    alike = dataclasses.replace(tree, keys=("same",) * tree.num_sets)
    with pytest.raises(NotProvided, match="same name"):
        alike.policy(np.ones(tree.num_sequences))
    with pytest.raises(NotProvided, match="same name"):
        cfr(alike, iterations=10**9)  # before any work


def test_an_information_state_whose_actions_differ_is_refused():
    """He knows his past there, but not what he may do now."""

    end = Node(-4, values=[1.0])
    places = [Node(0, key="anywhere", children=[end] * count) for count in (2, 3)]
    game = random_game(seed=1, num_players=1)
    game.rules.new_initial_state = lambda: Node(-1, children=places, shares=[0.5, 0.5])
    game.info.specification = "test:uneven"
    with pytest.raises(NotProvided, match=r"test:uneven has imperfect recall: .* 'anywhere'"):
        compile_tree(game)


def test_joint_sequences_too_many_to_be_numbered_are_told_apart():
    """Of three players with 2^32 sequences each, numbers of 64 bits would be the same for the first and the last here."""
    sizes = [2**32] * 3
    joint = [np.array([1, 0, 0, 1]), np.array([0, 0, 5, 0]), np.array([0, 0, 0, 0])]
    kept, payoffs = game_tree._merged(joint, [np.array([1.0, 2.0, 4.0, 8.0])] * 3, sizes)
    assert np.array(kept).T.tolist() == [[0, 0, 0], [0, 5, 0], [1, 0, 0]]
    assert payoffs[0].tolist() == [2.0, 4.0, 9.0]

"""Fictitious play on trees: OpenSpiel's iterates where no answers tie, the normal form's on games of one choice, certificates."""

import numpy as np
import pyspiel
import pytest
from hypothesis import given, settings
from normal_forms import random_payoffs, zero_sum
from open_spiel.python.algorithms import exploitability as peer_exploitability
from open_spiel.python.algorithms import fictitious_play as peer
from perturbed_games import perturbed
from random_trees import random_extensives, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.solvers import cfr_plus, exploitability, fictitious_play, nash_conv
from arena.solvers.extensive_fictitious_play import advance, start
from arena.solvers.tree_measures import measures, normalised, uniform_strategy

KUHN = "openspiel:kuhn_poker"


def test_rounds_equal_openspiels_where_no_answers_tie(tmp_path):
    file = tmp_path / "kuhn.efg"
    file.write_text(perturbed("kuhn_poker", 0))
    name = f"efg_game(filename={file})"
    theirs, game = peer.XFPSolver(pyspiel.load_game(name)), load_game(f"openspiel:{name}")
    for rounds in range(1, 51):
        theirs.iteration()
        if rounds in (1, 2, 10, 50):
            table = theirs.average_policy().to_tabular()
            ours = fictitious_play(game, iterations=rounds).policy
            for key, row in table.state_lookup.items():
                for action, share in ours.action_probabilities(key).items():
                    assert table.action_probability_array[row][action] == pytest.approx(share, abs=1e-12)


def test_kuhn_poker_is_as_near_to_equilibrium_as_openspiels_after_as_many_rounds():
    """Answers tie there, and which one is played is nobody's to say: the first three rounds are equal, others like it."""
    theirs = peer.XFPSolver(pyspiel.load_game("kuhn_poker"))
    for rounds in range(1, 101):
        theirs.iteration()
        if rounds in (1, 3, 10, 100):
            gap = peer_exploitability.nash_conv(pyspiel.load_game("kuhn_poker"), theirs.average_policy().to_tabular())
            ours = fictitious_play(load_game(KUHN), iterations=rounds).gap
            assert ours == pytest.approx(gap, abs=1e-12) if rounds <= 3 else ours < 1.2 * gap


@pytest.mark.parametrize("sizes", [(3, 4), (2, 3, 2)])
def test_games_of_one_choice_are_played_alike_as_tables_and_as_trees(sizes, tmp_path):
    payoffs = random_payoffs(11, *sizes)
    np.savez(tmp_path / "game.npz", payoffs=payoffs)
    game = load_game(f"matrix:{tmp_path / 'game.npz'}")
    for rounds in (1, 2, 7, 300):
        table, named, tree = (fictitious_play(g, iterations=rounds) for g in (payoffs, game, compile_tree(game)))
        assert table.policy is None and table.gap == named.gap == pytest.approx(tree.gap, abs=1e-12)
        for player, key in enumerate(("player 0", "player 1", "player 2")[: len(sizes)]):
            assert np.array_equal(table.strategies[player], named.strategies[player])
            for policy in (named.policy, tree.policy):
                assert np.allclose(
                    list(policy.action_probabilities(key).values()), table.strategies[player], atol=1e-12
                )


def plain_rounds(tree, rounds):
    """The same by mixing realisation weights of uniform play and of best responses, one whole plan after the other."""

    def weights(strategy):
        own = np.ones(tree.num_sequences)
        for j in range(tree.num_sets):
            for s in range(tree.first[j], tree.first[j + 1]):
                own[s] = own[tree.parent[j]] * strategy[s]
        return own

    average = weights(uniform_strategy(tree))
    for t in range(rounds):
        choice = measures(tree, normalised(tree, average)).choice
        pure = np.zeros(tree.num_sequences)
        pure[: tree.num_players] = 1
        pure[choice] = 1
        average = ((t + 1) * average + weights(pure)) / (t + 2)
    return average


@settings(max_examples=40, deadline=None)
@given(random_extensives(players=(1, 2, 3)))
def test_each_round_adds_a_whole_plan_that_is_a_best_response(game):
    tree = compile_tree(game)
    state = start(tree)
    for _ in range(4):
        before = normalised(tree, state["plan"])
        plan = state["plan"].copy()
        advance(tree, state, 1)
        added = state["plan"] - plan
        assert np.array_equal(added[: tree.num_players], np.ones(tree.num_players))
        assert set(np.round(added, 9)) <= {0.0, 1.0}
        for j in range(tree.num_sets):  # what leads to a set is spread over its sequences
            assert added[tree.first[j] : tree.first[j + 1]].sum() == pytest.approx(added[tree.parent[j]], abs=1e-9)
        for player in range(tree.num_players):
            alone = before.copy()
            alone[tree.sequences(player)] = normalised(tree, np.maximum(added, 0))[tree.sequences(player)]
            earned = measures(tree, alone).returns[player]
            assert earned == pytest.approx(measures(tree, before).responses[player], abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_averages_are_those_of_whole_plans(seed):
    tree = compile_tree(random_game(seed=seed, depth=5))
    state = start(tree)
    advance(tree, state, 30)
    assert np.allclose(state["plan"] / 31, plain_rounds(tree, 30), atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_random_zero_sum_games_are_solved(seed):
    game = random_game(seed=seed, depth=6)
    solution = fictitious_play(game, until=0.05, iterations=200_000)
    assert solution.converged and nash_conv(game, solution.policy) <= 0.05
    assert solution.values[0] == pytest.approx(cfr_plus(game, until=1e-3).values[0], abs=0.05)


def test_the_certificate_of_leduc_poker_holds():
    game = load_game("openspiel:leduc_poker")
    solution = fictitious_play(game, until=0.2)
    assert solution.converged and exploitability(game, solution.policy) * 2 == pytest.approx(solution.gap, abs=1e-12)


def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed():
    for name in ("openspiel:kuhn_poker(players=3)", "matrix:shapley", "openspiel:tiny_hanabi"):
        solution = fictitious_play(load_game(name), iterations=50, until=100.0)
        assert solution.guarantee == "none" and not solution.converged


def test_shift_and_scale_of_payoffs_change_nothing_but_the_gap():
    plain, moved = (random_game(seed=6, depth=5, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = fictitious_play(plain, iterations=40), fictitious_play(moved, iterations=40)
    assert second.gap == pytest.approx(8 * first.gap, abs=1e-9)
    assert second.guarantee == first.guarantee != "none"


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    file, game = tmp_path / "run.npz", load_game("openspiel:leduc_poker")

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 25:
            raise Interrupted

    with pytest.raises(Interrupted):
        fictitious_play(game, iterations=60, checkpoint=file, progress=stop)
    resumed, whole = fictitious_play(game, iterations=60, checkpoint=file), fictitious_play(game, iterations=60)
    assert resumed.policy == whole.policy and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="is a checkpoint of fictitious_play on openspiel:leduc_poker"):
        fictitious_play(zero_sum([[1.0, 0.0], [0.0, 1.0]]), iterations=60, checkpoint=file)


def test_a_game_without_a_tree_is_refused():
    with pytest.raises(NotProvided, match="tree"):
        fictitious_play(load_game("pettingzoo:connect_four_v3"))

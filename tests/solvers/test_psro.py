"""PSRO: certificates, what its meta-solvers make of it (fictitious play, double oracle), populations, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from normal_forms import random_payoffs, zero_sum
from random_trees import random_extensives, random_tree

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import fictitious_play, nash_conv
from arena.solvers.double_oracle import double_oracle
from arena.solvers.meta_strategies import META_SOLVERS
from arena.solvers.psro import psro
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.tree_measures import measures, tabulated

KUHN, KUHN_3 = "openspiel:kuhn_poker", "openspiel:kuhn_poker(players=3)"


def matrix_game(payoffs):
    return normal_form(np.asarray(payoffs, float), specification="matrix:test", title="test", version="1")


def test_kuhn_poker_is_solved_by_a_handful_of_members():
    game = load_game(KUHN)
    solution = psro(game)
    assert solution.converged and solution.gap < 1e-12 and solution.iterations <= 12
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)
    assert solution.values[0] == pytest.approx(-1 / 18, abs=1e-12)


@pytest.mark.parametrize("meta_solver", META_SOLVERS)
@pytest.mark.parametrize("name", [KUHN, "matrix:biased_rps", "openspiel:dark_hex(board_size=2)", "preference:rps"])
def test_the_certificate_is_the_true_gap(name, meta_solver):
    game = load_game(name)
    solution = psro(game, meta_solver=meta_solver, iterations=5)
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-9)
    assert solution.gap == pytest.approx(solution.history[-1][1]) and solution.iterations <= 5


@pytest.mark.parametrize("meta_solver", ["nash", "prd", "alpha_rank", "rectified"])
def test_rock_paper_scissors_is_mixed_alike(meta_solver):
    for strategy in psro(load_game("matrix:rps"), meta_solver=meta_solver).strategies:
        assert strategy == pytest.approx(np.full(3, 1 / 3), abs=1e-3)


@given(random_extensives(players=(2,), zero_sum=(True,)))
@settings(max_examples=20, deadline=None)
def test_random_zero_sum_games_are_solved_by_equilibria_of_the_members(game):
    tree = compile_tree(game)
    solution = psro(tree)
    assert solution.converged
    assert solution.values == pytest.approx(sequence_form_lp(tree).values, abs=1e-7)


@pytest.mark.parametrize(
    "name", [KUHN, "openspiel:goofspiel(imp_info=True,num_cards=3,points_order=descending)", "matrix:biased_rps"]
)
def test_equilibria_of_best_responses_are_double_oracle(name):
    """The same populations after every iteration, where both begin with responses to uniform play."""
    game = load_game(name)
    last = double_oracle(game, restriction="strategies").iterations
    for iterations in range(1, last + 1):
        ours = psro(game, initial="response", iterations=iterations)
        theirs = double_oracle(game, restriction="strategies", iterations=iterations)
        sizes = [ours.settings[f"population_{player}"] for player in (0, 1)]
        assert sizes == [theirs.settings[f"size_{player}"] for player in (0, 1)]
    assert ours.policy.table.keys() == theirs.policy.table.keys() and ours.gap < 1e-9 > theirs.gap
    assert ours.values == pytest.approx(theirs.values, abs=1e-9)


@pytest.mark.parametrize("sizes", [(4, 5), (3, 3), (2, 3, 2)])
@pytest.mark.parametrize("zero", [True, False])
def test_uniform_weights_are_fictitious_play(sizes, zero):
    """Brown 1951: each round answers the frequencies so far, uniform play among them; games without ties."""
    payoffs = random_payoffs(7, *sizes)
    payoffs = zero_sum(payoffs[0]) if zero and len(sizes) == 2 else payoffs
    for rounds in (1, 2, 7, 40):
        found = psro(matrix_game(payoffs), meta_solver="uniform", iterations=rounds).strategies
        for own, expected in zip(found, plain_fictitious_play(payoffs, rounds), strict=True):
            assert own == pytest.approx(expected, abs=1e-9)


def plain_fictitious_play(payoffs, rounds):
    averages = [np.full(size, 1 / size) for size in payoffs.shape[1:]]
    for t in range(1, rounds + 1):
        answers = []
        for player, own in enumerate(payoffs):
            for other in reversed(range(len(payoffs))):
                if other != player:
                    own = np.tensordot(own, averages[other], (other, 0))
            answers.append(np.eye(len(own))[own.argmax()])
        averages = [(t * average + answer) / (t + 1) for average, answer in zip(averages, answers, strict=True)]
    return averages


@pytest.mark.parametrize("players", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_uniform_weights_are_fictitious_play_on_trees(seed, players):
    """Averages of realisation weights (XFP): games of real payoffs, where best responses are alone."""
    tree = random_tree(np.random.default_rng(seed), players=players, depth=6)
    for rounds in (1, 3, 20):
        ours = psro(tree, meta_solver="uniform", iterations=rounds)
        theirs = fictitious_play(tree, iterations=rounds)
        assert ours.gap == pytest.approx(theirs.gap, abs=1e-9)
        assert ours.values == pytest.approx(theirs.values, abs=1e-9)


def test_uniform_weights_converge_on_poker_as_fictitious_play_does():
    solution = psro(load_game(KUHN), meta_solver="uniform", until=0.05)
    assert solution.converged and solution.settings["population_0"] == solution.iterations + 1


def test_a_mixture_is_the_behaviour_of_its_members_not_of_their_average_probabilities():
    """The answer's return is the members' payoff, weighed; recomputed here from the populations of a checkpoint."""
    game = load_game(KUHN)
    tree = compile_tree(game)
    solution = psro(game, meta_solver="prd", iterations=4)
    assert solution.values == pytest.approx(tuple(measures(tree, tabulated(tree, solution.policy)).returns), abs=1e-12)


def test_members_of_a_checkpoint_earn_what_it_holds(tmp_path):
    file, game = tmp_path / "run.npz", load_game(KUHN)
    solution = psro(game, meta_solver="prd", iterations=4, checkpoint=file)
    with np.load(file) as held:
        plans = [held[f"state.population_{player}"] for player in (0, 1)]
        weights = [held[f"state.weights_{player}"] for player in (0, 1)]
        payoffs = held["state.payoffs"].reshape(2, *map(len, plans))
    assert weights[0] @ payoffs[0] @ weights[1] == pytest.approx(solution.values[0], abs=1e-9)
    assert all(len(np.unique(own, axis=0)) == len(own) for own in plans)  # nobody is a member twice


@pytest.mark.parametrize("meta_solver", ["nash", "uniform", "prd", "alpha_rank"])
@pytest.mark.parametrize("name", [KUHN_3, "matrix:matching_pennies_3p", "matrix:shapley", "openspiel:tiny_hanabi"])
def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed(name, meta_solver):
    game = load_game(name)
    solution = psro(game, meta_solver=meta_solver, iterations=4, until=100.0)
    assert solution.guarantee == "none" and not solution.converged
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-9)


@pytest.mark.parametrize("meta_solver", ["prd", "alpha_rank", "rectified"])
def test_meta_solvers_without_a_theory_claim_nothing(meta_solver):
    solution = psro(load_game("matrix:rps"), meta_solver=meta_solver, until=1.0)
    assert solution.gap <= 1.0 and solution.guarantee == "none" and not solution.converged


def test_rectified_populations_may_stop_above_nought():
    """They close under responses to beaten opponents, which kuhn poker's equilibrium is not made of."""
    solution = psro(load_game(KUHN), meta_solver="rectified")
    assert solution.iterations < 100 and solution.gap > 1e-3


def test_three_players_come_near_an_equilibrium_of_kuhn_poker():
    solution = psro(load_game(KUHN_3), meta_solver="prd", iterations=12)
    assert solution.gap < 0.05


@pytest.mark.parametrize("meta_solver", META_SOLVERS)
def test_an_interrupted_run_goes_on_to_the_same_end(meta_solver, tmp_path):
    file, game = tmp_path / "run.npz", load_game(KUHN)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done == 3:
            raise Interrupted

    with pytest.raises(Interrupted):
        psro(game, meta_solver=meta_solver, iterations=6, progress=stop, checkpoint=file)
    resumed = psro(game, meta_solver=meta_solver, iterations=6, checkpoint=file)
    whole = psro(game, meta_solver=meta_solver, iterations=6)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    with pytest.raises(SpecificationError, match=f"meta_solver={meta_solver}"):
        psro(game, meta_solver="prd" if meta_solver == "nash" else "nash", checkpoint=file)


def test_a_checkpoint_whose_populations_and_payoffs_do_not_fit_is_refused(tmp_path):
    file, game = tmp_path / "run.npz", load_game(KUHN)
    psro(game, iterations=3, checkpoint=file)
    with np.load(file) as held:
        arrays = {name: held[name] for name in held.files}
    np.savez(file, **{**arrays, "state.payoffs": arrays["state.payoffs"][:-1]})
    with pytest.raises(SpecificationError, match="broken checkpoint"):
        psro(game, iterations=5, checkpoint=file)


@pytest.mark.parametrize("name", [KUHN_3, "matrix:shapley", "openspiel:leduc_poker(players=5)"])
def test_rectified_refuses_other_than_two_players_and_a_constant_sum(name):
    with pytest.raises(NotProvided, match="psro with meta_solver='rectified' is for two players"):
        psro(load_game(name), meta_solver="rectified")


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"iterations": 0}, "positive"),
        ({"until": -1.0}, "positive"),
        ({"meta_solver": "nahs"}, "one of uniform, nash"),
        ({"initial": "random"}, "uniform or response"),
        ({"meta_solver": "alpha_rank", "iterations": 70}, "at most 69"),
    ],
)
def test_wrong_settings_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        psro(load_game(KUHN), **wrong)


def test_a_game_without_a_tree_is_refused():
    with pytest.raises(NotProvided, match="tree"):
        psro(load_game("pettingzoo:connect_four_v3"))

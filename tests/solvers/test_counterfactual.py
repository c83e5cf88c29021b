"""Counterfactual regret minimisation: published values, certificates, OpenSpiel's averages, exact arithmetic."""

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import discounted_cfr
from plain_cfr import PlainCfr
from random_trees import random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.solvers import cfr, cfr_plus, dcfr, exploitability, nash_conv, pcfr_plus
from arena.solvers.counterfactual import CFR, CFR_PLUS, DCFR_SOURCE, PCFR_PLUS, Variant, advance, start
from arena.solvers.regret_kernels import DISCOUNTED

METHODS = [cfr, cfr_plus, dcfr, pcfr_plus]
DCFR = Variant(name="dcfr", rule=DISCOUNTED, exponents=(1.5, 0.0, 2.0), source=DCFR_SOURCE)
KUHN, LEDUC = "openspiel:kuhn_poker", "openspiel:leduc_poker"


def farthest(theirs, ours):
    """The largest difference between two policies' probabilities."""
    return max(abs(p - ours.table[key].get(a, 0.0)) for key, choices in theirs.items() for a, p in choices)


@pytest.mark.parametrize("method", METHODS)
def test_kuhn_poker_is_solved_to_its_published_value(method):
    """−1/18 for the first player: Kuhn, A simplified two-person poker, 1950."""
    game = load_game(KUHN)
    solution = method(game, until=1e-3)
    assert solution.converged and solution.gap <= 1e-3
    assert solution.values[0] == pytest.approx(-1 / 18, abs=1e-3)
    assert nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "name",
    [
        LEDUC,
        "openspiel:liars_dice(dice_sides=3)",
        "openspiel:dark_hex(board_size=2)",
        "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
        "matrix:rps",
        "arena:kuhn_poker",
    ],
)
def test_the_certificate_holds(method, name):
    game = load_game(name)
    solution = method(game, iterations=300)
    assert exploitability(game, solution.policy) == pytest.approx(solution.gap / 2, abs=1e-12)
    assert solution.gap < 0.12 and sum(solution.values) == pytest.approx(0, abs=1e-12)


def test_published_cfr_plus_gaps_of_leduc_poker_are_reached():
    """The value of the game, −0.0856, as printed by Lisý and Bowling and OpenSpiel's sequence-form program."""
    solution = cfr_plus(load_game(LEDUC), until=1e-3)
    assert solution.converged and solution.values[0] == pytest.approx(-0.0856, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "solver", "method", "iterations"),
    [
        ("kuhn_poker", pyspiel.CFRSolver, cfr, 60),
        ("kuhn_poker", pyspiel.CFRPlusSolver, cfr_plus, 60),
        ("kuhn_poker(players=3)", pyspiel.CFRPlusSolver, cfr_plus, 20),
        ("leduc_poker", pyspiel.CFRSolver, cfr, 12),
        ("leduc_poker", pyspiel.CFRPlusSolver, cfr_plus, 12),
    ],
)
def test_averages_equal_openspiels(name, solver, method, iterations):
    theirs = solver(pyspiel.load_game(name))
    for _ in range(iterations):
        theirs.evaluate_and_update_policy()
    ours = method(load_game(f"openspiel:{name}"), iterations=iterations)
    assert farthest(theirs.tabular_average_policy().policy_table(), ours.policy) < 1e-12


def test_discounted_averages_equal_openspiels():
    theirs = discounted_cfr.DCFRSolver(pyspiel.load_game("kuhn_poker"))
    for _ in range(30):
        theirs.evaluate_and_update_policy()
    average = theirs.average_policy()
    table = {key: list(enumerate(average.action_probability_array[i])) for key, i in average.state_lookup.items()}
    assert farthest(table, dcfr(load_game(KUHN), iterations=30).policy) < 1e-12


@pytest.mark.parametrize("variant", [CFR, CFR_PLUS, PCFR_PLUS, DCFR], ids=lambda variant: variant.name)
@pytest.mark.parametrize("seed", range(3))
def test_iterations_equal_plain_loops(seed, variant):
    tree = compile_tree(random_game(seed=seed, depth=5, num_players=2 + seed % 2))
    regrets, twin = start(tree), PlainCfr(tree, exact=float, rule=variant.name)
    advance(tree, variant, regrets, 6)
    twin.iterate(6)
    regret, strategy = twin.set_arrays()
    assert np.allclose(regrets.regret, regret, atol=1e-12) and np.allclose(regrets.strategy, strategy, atol=1e-9)
    own = slice(tree.num_players, None)
    assert np.allclose(regrets.average[own], np.array(twin.average)[own], atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_random_zero_sum_games_are_solved(method, seed):
    game = random_game(seed=seed, depth=6)
    solution = method(game, until=2e-2, iterations=20_000)
    assert solution.converged and nash_conv(game, solution.policy) <= 2e-2


@pytest.mark.parametrize("method", METHODS)
def test_shift_and_scale_of_payoffs_change_nothing_but_the_gap(method):
    plain, moved = (random_game(seed=6, depth=5, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = method(plain, iterations=40), method(moved, iterations=40)
    assert second.gap == pytest.approx(8 * first.gap, abs=1e-9)
    assert second.guarantee == first.guarantee != "none"  # a constant sum is as good as zero
    for key, choices in first.policy.table.items():
        assert second.policy.table[key] == pytest.approx(choices, abs=1e-9)


def test_linear_weights_are_a_case_of_the_discounted():
    """With exponents (1, 1, 1): Brown and Sandholm 2019, section 4, linear CFR."""
    assert dcfr(load_game(LEDUC), iterations=200, alpha=1, beta=1, gamma=1).gap < 0.1
    with pytest.raises(ValueError, match="finite"):
        dcfr(load_game(KUHN), alpha=float("inf"))


def test_exponents_that_no_theorem_covers_claim_nothing():
    """With α = -5 regrets are forgotten at once; that play comes near an equilibrium all the same proves nothing."""
    game = load_game("matrix:rps")
    for exponents in ({}, {"alpha": 1, "beta": 1, "gamma": 1}):
        found = dcfr(game, until=0.1, **exponents)
        assert found.converged and found.guarantee != "none"
    for exponents in ({"alpha": -5}, {"beta": 3}, {"gamma": -1}):
        found = dcfr(game, until=0.1, **exponents)
        assert found.gap <= 0.1 and not found.converged and found.guarantee == "none"


def test_progress_hears_every_measurement():
    heard = []
    solution = cfr_plus(load_game(KUHN), iterations=20, progress=lambda *said: heard.append(said))
    assert tuple(heard) == solution.history and heard[-1] == (20, solution.gap)


def test_the_gap_asked_for_is_not_claimed_when_iterations_run_out():
    solution = cfr_plus(load_game(KUHN), iterations=3, until=1e-6)
    assert not solution.converged and solution.gap > 1e-6 and solution.iterations == 3


@pytest.mark.parametrize("method", METHODS)
def test_outside_of_two_player_zero_sum_games_nothing_is_guaranteed(method):
    for name in ("openspiel:kuhn_poker(players=3)", "matrix:shapley", "openspiel:tiny_hanabi"):
        solution = method(load_game(name), iterations=50, until=10.0)
        assert solution.guarantee == "none" and not solution.converged and solution.gap <= 10


def test_games_of_one_choice_get_their_strategies_as_vectors():
    solution = cfr_plus(load_game("matrix:rps"), until=1e-4)
    assert np.allclose(solution.strategies, 1 / 3, atol=1e-3)
    assert cfr_plus(load_game(KUHN), iterations=1).strategies == ()


@pytest.mark.parametrize("settings", [{"iterations": 0}, {"until": 0.0}, {"until": float("nan")}])
def test_settings_must_be_positive(settings):
    with pytest.raises(ValueError, match="positive"):
        cfr_plus(load_game(KUHN), **settings)


def test_a_game_without_a_tree_is_refused():
    with pytest.raises(NotProvided, match="tree"):
        cfr_plus(load_game("pettingzoo:connect_four_v3"))


@pytest.mark.parametrize("method", METHODS)
def test_an_interrupted_run_goes_on_to_the_same_end(method, tmp_path):
    file = tmp_path / "run.npz"
    game = load_game(LEDUC)

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done > 25:
            raise Interrupted

    with pytest.raises(Interrupted):
        method(game, iterations=60, checkpoint=file, progress=stop)
    resumed = method(game, iterations=60, checkpoint=file)
    whole = method(game, iterations=60)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    assert method(game, iterations=60, checkpoint=file).policy == whole.policy  # nothing is left to do


def test_a_checkpoint_with_numbers_that_are_none_is_refused_and_kept(tmp_path):
    file = tmp_path / "run.npz"
    cfr_plus(load_game(KUHN), iterations=5, checkpoint=file)
    with np.load(file) as archive:
        held = {name: archive[name] for name in archive.files}
    held["state.regret"][7] = np.nan
    np.savez(file, **held)
    before = file.read_bytes()
    with pytest.raises(SpecificationError, match="broken checkpoint"):
        cfr_plus(load_game(KUHN), iterations=9, checkpoint=file)
    assert file.read_bytes() == before


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    file = tmp_path / "run.npz"
    cfr_plus(load_game(KUHN), iterations=5, checkpoint=file)
    for again in (
        lambda: cfr(load_game(KUHN), iterations=5, checkpoint=file),
        lambda: cfr_plus(load_game(LEDUC), iterations=5, checkpoint=file),
    ):
        with pytest.raises(SpecificationError, match="is a checkpoint of cfr_plus on openspiel:kuhn_poker"):
            again()
    content = file.read_bytes()
    for broken in (b"", b"no archive", content[: len(content) // 2]):
        file.write_bytes(broken)
        with pytest.raises(SpecificationError, match="no checkpoint"):
            cfr_plus(load_game(KUHN), iterations=5, checkpoint=file)
        assert file.read_bytes() == broken

"""Counterfactual regret minimisation: published values, certificates, OpenSpiel's averages, exact arithmetic."""

from fractions import Fraction

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import discounted_cfr
from random_trees import random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.solvers import cfr, cfr_plus, dcfr, exploitability, nash_conv, pcfr_plus
from arena.solvers.counterfactual import CFR, advance, start

METHODS = [cfr, cfr_plus, dcfr, pcfr_plus]
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


def test_three_player_kuhn_drifts_from_exact_arithmetic_only_where_regrets_tie():
    """CFR parts from OpenSpiel's at iteration 4: regrets that are exactly 0 come out as ±3e-17, and decide."""
    tree = compile_tree(load_game("openspiel:kuhn_poker(players=3)"))
    regrets = start(tree)
    advance(tree, CFR, regrets, 3)
    exact_regret, exact_strategy = exact_cfr(tree, iterations=3, denominator=24)
    assert np.abs(regrets.regret - exact_regret).max() < 1e-15
    apart = np.flatnonzero(np.abs(regrets.strategy - exact_strategy) > 1e-12)
    assert len(apart) and not exact_regret[apart].any()


def exact_cfr(tree, *, iterations, denominator):
    """Regrets and strategy of CFR in fractions, by plain loops; payoffs times ``denominator`` are whole numbers."""
    first, parent, rows = tree.first.tolist(), tree.parent.tolist(), tree.row_begin.tolist()
    weights = [Fraction(round(weight * denominator), denominator) for weight in tree.weights.tolist()]
    regret, strategy = [Fraction(0)] * tree.num_sequences, [Fraction(1)] * tree.num_sequences

    def spans(player):
        return [(j, range(first[j], first[j + 1])) for j in tree.sets(player)]

    def reach():
        own = [Fraction(1)] * tree.num_sequences
        for player in range(tree.num_players):
            for j, span in spans(player):
                for s in span:
                    own[s] = own[parent[j]] * strategy[s]
        return own

    def match(span):
        above = [max(regret[s], Fraction(0)) for s in span]
        for s, r in zip(span, above, strict=True):
            strategy[s] = r / sum(above) if sum(above) else Fraction(1, len(span))

    for player in range(tree.num_players):
        for _, span in spans(player):
            match(span)
    for _ in range(iterations):
        for player in range(tree.num_players):
            plays, value = reach(), [Fraction(0)] * tree.num_sequences
            for s in range(tree.num_sequences):
                for e in range(rows[s], rows[s + 1]):
                    product = weights[e]
                    for other in tree.others[e].tolist():
                        product *= plays[other]
                    value[s] += product
            for j, span in reversed(spans(player)):
                expected = sum(strategy[s] * value[s] for s in span)
                value[parent[j]] += expected
                for s in span:
                    regret[s] += value[s] - expected
                match(span)
    return np.array(regret, float), np.array(strategy, float)


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

"""Double oracle: certificates by plain recursion, bounds that close, finitely many iterations, both restrictions."""

import numpy as np
import pytest
from hypothesis import given, settings
from normal_forms import permuted, random_payoffs, zero_sum
from random_trees import plain_measures, random_extensives, random_game

from arena.games import NotProvided, SpecificationError, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import nash_conv
from arena.solvers.double_oracle import double_oracle
from arena.solvers.sequence_form_lp import sequence_form_lp

KUHN = "openspiel:kuhn_poker"
RESTRICTIONS = ["sequences", "strategies"]
SMALL = [
    KUHN,
    "openspiel:liars_dice(dice_sides=2)",
    "openspiel:dark_hex(board_size=2)",
    "openspiel:goofspiel(imp_info=True,num_cards=3,points_order=descending)",
    "matrix:biased_rps",
    "preference:rps",
]


def matrix_game(payoffs):
    return normal_form(np.asarray(payoffs, float), specification="matrix:test", title="test", version="1")


@pytest.mark.parametrize("restriction", RESTRICTIONS)
@pytest.mark.parametrize("name", SMALL)
def test_the_certificate_holds(name, restriction):
    game = load_game(name)
    solution = double_oracle(game, restriction=restriction)
    assert solution.converged and solution.gap < 1e-9
    assert nash_conv(game, solution.policy) < 1e-9
    value = sequence_form_lp(game).values[0]
    assert solution.values[0] == pytest.approx(value, abs=1e-9)
    bounds = solution.settings["lower_value"], solution.settings["upper_value"]
    assert bounds == pytest.approx((value, value), abs=1e-9)  # preference games have the constant sum 1


def test_leduc_poker_needs_part_of_its_sequences():
    game = load_game("openspiel:leduc_poker")
    tree, solution = compile_tree(game), double_oracle(game)
    assert solution.converged and solution.gap < 1e-9
    assert solution.settings["size_0"] + solution.settings["size_1"] < 0.9 * tree.num_sequences


def test_kuhn_poker_has_its_published_value():
    """−1/18 for the first player: Kuhn, A simplified two-person poker, 1950."""
    for restriction in RESTRICTIONS:
        assert double_oracle(load_game(KUHN), restriction=restriction).values[0] == pytest.approx(-1 / 18, abs=1e-12)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
@pytest.mark.parametrize("name", [KUHN, "openspiel:goofspiel(imp_info=True,num_cards=3,points_order=descending)"])
def test_bounds_close_in_on_the_value_and_never_part(name, restriction):
    game = load_game(name)
    value = sequence_form_lp(game).values[0]
    lower, upper = -np.inf, np.inf
    for iterations in range(1, double_oracle(game, restriction=restriction).iterations + 1):
        found = double_oracle(game, restriction=restriction, iterations=iterations).settings
        assert lower <= found["lower_value"] <= value + 1e-12
        assert upper >= found["upper_value"] >= value - 1e-12
        lower, upper = found["lower_value"], found["upper_value"]
    assert upper - lower < 1e-9


@pytest.mark.parametrize("restriction", RESTRICTIONS)
@given(game=random_extensives(players=(2,), zero_sum=(True,)))
@settings(max_examples=20, deadline=None)
def test_random_games_are_solved_in_finitely_many_iterations(restriction, game):
    tree = compile_tree(game)
    solution = double_oracle(tree, restriction=restriction)
    gaps = [gap for _, gap in solution.history]
    assert solution.converged and gaps == sorted(gaps, reverse=True)
    assert restriction == "strategies" or solution.iterations <= tree.num_sequences
    table = {key: {0: 1.0} for key in every_state(game)} | solution.policy.table
    returns, responses = plain_measures(game, table)
    assert (responses - returns).sum() < 1e-9


def every_state(game):
    waiting = [game.rules.new_initial_state()]
    while waiting:
        state = waiting.pop()
        if state.current_player() >= 0:
            yield state.information_state_string(state.current_player())
        if state.current_player() != -4:
            chance = state.current_player() == -1
            actions = [a for a, _ in state.chance_outcomes()] if chance else state.legal_actions()
            waiting += [state.child(action) for action in actions]


def test_the_gap_of_the_answer_is_that_of_its_bounds():
    game = load_game("openspiel:leduc_poker")
    for iterations in (1, 5, 9):
        solution = double_oracle(game, iterations=iterations)
        bounds = solution.settings["upper_value"] - solution.settings["lower_value"]
        assert solution.gap == pytest.approx(bounds, abs=1e-12) and solution.gap == pytest.approx(
            solution.history[-1][1]
        )
        assert not solution.converged and nash_conv(game, solution.policy) == pytest.approx(solution.gap, abs=1e-12)


def test_both_restrictions_are_one_on_games_of_one_choice():
    game = matrix_game(zero_sum(random_payoffs(3, 12, 15)[0]))
    first, second = (double_oracle(game, restriction=restriction) for restriction in RESTRICTIONS)
    assert np.allclose(first.history, second.history) and first.iterations > 3
    for own, other in zip(first.strategies, second.strategies, strict=True):
        assert own == pytest.approx(other, abs=1e-9)


def test_a_large_matrix_of_low_rank_needs_few_of_its_actions():
    """Of rank 4: an equilibrium needs no more than 5 actions of each player."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(600, 4)) @ rng.normal(size=(4, 600))
    solution = double_oracle(matrix_game(zero_sum(matrix)))
    assert solution.converged and solution.settings["size_0"] < 40
    row, column = solution.strategies
    assert (matrix @ column).max() - (row @ matrix).min() < 1e-9


def test_relabelled_actions_are_the_same_strategies_elsewhere():
    payoffs = zero_sum(random_payoffs(5, 8, 7)[0])
    rng = np.random.default_rng(0)
    orders = [rng.permutation(8), rng.permutation(7)]
    plain, moved = double_oracle(matrix_game(payoffs)), double_oracle(matrix_game(permuted(payoffs, orders)))
    for own, other, order in zip(plain.strategies, moved.strategies, orders, strict=True):
        assert other == pytest.approx(own[order], abs=1e-9)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_shift_and_scale_of_payoffs_change_nothing_but_the_value(restriction):
    plain, moved = (random_game(seed=2, depth=6, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = (double_oracle(compile_tree(game), restriction=restriction) for game in (plain, moved))
    assert second.values == pytest.approx([4 + 8 * value for value in first.values], abs=1e-8)
    for solution in (first, second):
        bounds = solution.settings["lower_value"], solution.settings["upper_value"]
        assert solution.converged and bounds == pytest.approx((solution.values[0],) * 2, abs=1e-8)


def test_until_stops_before_the_end():
    game = load_game("openspiel:leduc_poker")
    solution = double_oracle(game, until=0.5)
    assert solution.converged and 1e-6 < solution.gap <= 0.5
    assert not double_oracle(game, until=1e-3, iterations=4).converged


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_an_interrupted_run_goes_on_to_the_same_end(restriction, tmp_path):
    file, game = (
        tmp_path / "run.npz",
        load_game("openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)"),
    )

    class Interrupted(Exception):
        pass

    def stop(done, gap):
        if done == 7:
            raise Interrupted

    with pytest.raises(Interrupted):
        double_oracle(game, restriction=restriction, iterations=15, progress=stop, checkpoint=file)
    resumed = double_oracle(game, restriction=restriction, iterations=15, checkpoint=file)
    whole = double_oracle(game, restriction=restriction, iterations=15)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    other = next(name for name in RESTRICTIONS if name != restriction)
    with pytest.raises(SpecificationError, match=f"restriction={restriction}"):
        double_oracle(game, restriction=other, checkpoint=file)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("openspiel:kuhn_poker(players=3)", "double_oracle is for two players.*has 3 players.*psro"),
        ("matrix:shapley", "not of constant sum.*bimatrix_nash"),
        ("openspiel:leduc_poker(players=5)", "has 5 players"),
    ],
)
def test_other_games_are_refused_before_any_work(name, why):
    with pytest.raises(NotProvided, match=why):
        double_oracle(load_game(name))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"iterations": 0}, "positive"),
        ({"until": 0.0}, "positive"),
        ({"restriction": "actions"}, "sequences or strategies"),
    ],
)
def test_wrong_settings_are_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        double_oracle(load_game(KUHN), **wrong)

"""The sequence-form program: certificates by plain recursion, published values, what is left open, refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import permuted, zero_sum
from random_trees import plain_measures, random_extensives, random_game, random_tree

from arena.games import NotProvided, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import cfr_plus, double_oracle, nash_conv, psro
from arena.solvers.lp import matrix_game_lp
from arena.solvers.realisation_plans import realisation_plan
from arena.solvers.sequence_form_lp import sequence_form_lp
from arena.solvers.tree_measures import tabulated

KUHN = "openspiel:kuhn_poker"


def matrix_game(payoffs):
    return normal_form(np.asarray(payoffs, float), specification="matrix:test", title="test", version="1")


@pytest.mark.parametrize(
    "name",
    [
        KUHN,
        "arena:kuhn_poker",
        "openspiel:leduc_poker",
        "openspiel:liars_dice",
        "openspiel:dark_hex(board_size=2)",
        "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
        "matrix:biased_rps",
        "preference:rps",
    ],
)
def test_the_certificate_holds(name):
    game = load_game(name)
    solution = sequence_form_lp(game)
    assert solution.converged and solution.gap < 1e-9
    assert nash_conv(game, solution.policy) < 1e-9


def test_kuhn_poker_has_its_published_value_and_equilibria():
    """Kuhn, A simplified two-person poker, 1950: value −1/18; the first player bets the jack with some α up to 1/3, the king
    with 3 α, and calls with the queen with α + 1/3; the second player has one optimal strategy."""
    solution = sequence_form_lp(load_game(KUHN))
    bets = {state: choices.get(1, 0.0) for state, choices in solution.policy.table.items()}
    alpha = bets["0"]
    assert solution.values == pytest.approx((-1 / 18, 1 / 18), abs=1e-12)
    assert -1e-9 <= alpha <= 1 / 3 + 1e-9
    first = {"1": 0, "2": 3 * alpha, "0pb": 0, "1pb": alpha + 1 / 3, "2pb": 1}
    second = {"0p": 1 / 3, "1p": 0, "2p": 1, "0b": 0, "1b": 1 / 3, "2b": 1}
    if 3 * alpha > 1 - 1e-9:
        del first["2pb"]  # where the king always bets, nobody comes to call with it
    found = {state: bets[state] for state in {**first, **second}}
    assert found == pytest.approx({**first, **second}, abs=1e-9)


def test_the_value_of_leduc_poker_lies_within_what_cfr_plus_proves():
    game = load_game("openspiel:leduc_poker")
    bounds = cfr_plus(game, until=2e-3)
    value = sequence_form_lp(game).values[0]
    assert value == pytest.approx(-0.0856, abs=5e-5)  # Lisý and Bowling 2017
    assert abs(value - bounds.values[0]) <= bounds.gap


@given(random_extensives(players=(2,), zero_sum=(True,)))
@settings(max_examples=40, deadline=None)
def test_nobody_gains_against_the_answer_by_plain_recursion(game):
    tree = compile_tree(game)
    solution = sequence_form_lp(tree)
    table = solution.policy.table
    forced = {key: {0: 1.0} for key in states_of_one_action(game)}
    returns, responses = plain_measures(game, {**forced, **table})
    assert solution.converged and (responses - returns).sum() < 1e-9
    assert solution.values == pytest.approx(returns.tolist(), abs=1e-9)


def states_of_one_action(game):
    waiting = [game.rules.new_initial_state()]
    while waiting:
        state = waiting.pop()
        if state.current_player() == -4:
            continue
        children = [a for a, _ in state.chance_outcomes()] if state.current_player() == -1 else state.legal_actions()
        if state.current_player() >= 0 and len(children) == 1:
            yield state.information_state_string(state.current_player())
        waiting += [state.child(action) for action in children]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_matrix_game_has_the_value_of_its_own_program(seed, rows, columns, integers):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-2, 3, size=(rows, columns)) if integers else rng.normal(size=(rows, columns))
    solution = sequence_form_lp(matrix_game(zero_sum(matrix)))
    assert solution.converged
    assert solution.values[0] == pytest.approx(matrix_game_lp(matrix).values[0], abs=1e-9)


def test_what_own_play_never_comes_to_is_uniform():
    seen = 0
    for name in (KUHN, "openspiel:leduc_poker"):
        tree = compile_tree(load_game(name))
        strategy = tabulated(tree, sequence_form_lp(tree).policy)
        plan = realisation_plan(tree, strategy)
        for j in range(tree.num_sets):
            own = strategy[tree.first[j] : tree.first[j + 1]]
            if plan[tree.parent[j]] == 0:
                seen += 1
                assert (own == 1 / len(own)).all()
    assert seen > 0


def test_shift_and_scale_of_payoffs_move_the_value_alone():
    plain, moved = (random_game(seed=6, depth=6, shift=shift, scale=scale) for shift, scale in ((0, 1), (4, 8)))
    first, second = (sequence_form_lp(compile_tree(game)) for game in (plain, moved))
    assert second.values == pytest.approx([4 + 8 * value for value in first.values], abs=1e-9)
    assert second.converged and second.guarantee == first.guarantee


def test_relabelled_actions_are_the_same_strategies_elsewhere():
    matrix = np.array([[0, -25, 50], [25, 0, -5], [-50, 5, 0]], float)  # one equilibrium: 1/16, 10/16, 5/16
    orders = ([2, 0, 1], [1, 2, 0])
    solution = sequence_form_lp(matrix_game(permuted(zero_sum(matrix), orders)))
    for strategy, order in zip(solution.strategies, orders, strict=True):
        assert strategy == pytest.approx(np.array([1, 10, 5])[order] / 16, abs=1e-9)


def test_swapped_players_swap_the_value():
    tree = random_tree(np.random.default_rng(3), depth=6)
    game = load_game("matrix:biased_rps")
    swapped = matrix_game(np.stack((game.payoffs[1].T, game.payoffs[0].T)) + np.arange(2)[:, None, None])
    assert sequence_form_lp(swapped).values == pytest.approx((0, 1), abs=1e-12)
    assert sum(sequence_form_lp(tree).values) == pytest.approx(0, abs=1e-12)


def test_payoffs_of_all_sizes_are_not_claimed_to_be_solved():
    """Payoffs of 1e-12 of the largest are beyond the program's reach; the certificate sees them."""
    matrix = np.zeros((5, 5))
    matrix[:4, :4] = zero_sum(np.random.default_rng(1).normal(size=(4, 4)))[0] * 1e-12
    matrix[4, :], matrix[:4, 4] = -1e6, 1e6
    solution = sequence_form_lp(matrix_game(zero_sum(matrix)), until=1e-14)
    assert not solution.converged and solution.gap > 1e-14


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("openspiel:kuhn_poker(players=3)", "has 3 players"),
        ("matrix:shapley", "not of constant sum.*bimatrix_nash"),
        ("matrix:matching_pennies_3p", "has 3 players.*correlated_equilibrium"),
        ("openspiel:tiny_hanabi", "not of constant sum.*psro"),
    ],
)
def test_other_games_are_refused_with_what_does_run_on_them(name, why):
    with pytest.raises(NotProvided, match=why):
        sequence_form_lp(load_game(name))


def test_a_game_with_too_many_players_is_refused_before_it_is_written_out():
    with pytest.raises(NotProvided, match="has 5 players"):  # whose tree would be too large
        sequence_form_lp(load_game("openspiel:leduc_poker(players=5)"))


def test_trees_are_asked_themselves():
    for players, kind, why in ((3, True, "has 3 players"), (2, False, "not of constant sum")):
        tree = random_tree(np.random.default_rng(1), players=players, zero_sum=kind)
        with pytest.raises(NotProvided, match=why):
            sequence_form_lp(tree)


@pytest.mark.parametrize("until", [0.0, -1.0, float("nan")])
def test_until_must_be_positive(until):
    with pytest.raises(ValueError, match="positive"):
        sequence_form_lp(load_game(KUHN), until=until)


@pytest.mark.parametrize("method", [sequence_form_lp, double_oracle, psro])
@pytest.mark.parametrize("shifts", [(1e9, 1e9), (1e9, -1e9)])
def test_a_constant_that_drowns_the_payoffs_makes_no_gap_small(method, shifts):
    payoffs = zero_sum(np.random.default_rng(0).normal(size=(3, 3)))
    solution = method(matrix_game(payoffs + np.reshape(shifts, (2, 1, 1))))
    gap = nash_conv(matrix_game(payoffs), solution.strategies)
    assert not solution.converged or gap <= 1e-6 * np.ptp(payoffs)

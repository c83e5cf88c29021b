"""Correlated and coarse correlated equilibria."""

import numpy as np
import pytest
from normal_forms import ROCK_PAPER_SCISSORS, permuted, random_payoffs, zero_sum

from arena.games import NotProvided, SpecificationError, load_game
from arena.solvers import correlated_equilibrium, matrix_game_lp, solve


def plain_gain(payoffs, joint, coarse):
    """The most a player gains by a rule of deviation, by the definition."""
    gains = []
    for player in range(len(payoffs)):
        size = joint.shape[player]
        swap = np.zeros((size, size))
        for profile in np.ndindex(joint.shape):
            for instead in range(size):
                other = (*profile[:player], instead, *profile[player + 1 :])
                gain = payoffs[(player, *other)] - payoffs[(player, *profile)]
                swap[profile[player], instead] += joint[profile] * gain
        gains.append(swap.sum(0).max() if coarse else swap.max(1).sum())
    return max(gains)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("welfare", ["total", "least"])
@pytest.mark.parametrize("sizes", [(3,), (3, 4), (2, 3, 2), (2, 2, 2, 2)])
def test_nobody_gains_by_deviating(sizes, welfare, coarse):
    payoffs = random_payoffs(1, *sizes)
    solution = correlated_equilibrium(payoffs, coarse=coarse, welfare=welfare)
    assert solution.joint.shape == sizes
    assert solution.joint.sum() == pytest.approx(1) and solution.joint.min() >= 0
    assert solution.gap == pytest.approx(max(plain_gain(payoffs, solution.joint, coarse), 0), abs=1e-12)
    assert solution.converged and solution.gap < 1e-6
    assert solution.values == pytest.approx([(own * solution.joint).sum() for own in payoffs])


def test_chicken_has_the_equilibrium_of_aumann():
    # payoffs of Aumann 1987; told to swerve a player is met by the other swerving twice as often as not
    solution = correlated_equilibrium(load_game("matrix:chicken").payoffs)
    assert np.allclose(solution.joint, [[0.5, 0.25], [0.25, 0]], atol=1e-7)
    assert solution.values == pytest.approx((5.25, 5.25))


def test_zero_sum_games_keep_their_value():
    matrix = random_payoffs(2, 4, 5)[0]
    value = matrix_game_lp(matrix).values[0]
    for coarse in (False, True):
        solution = correlated_equilibrium(zero_sum(matrix), coarse=coarse)
        assert solution.values == pytest.approx((value, -value), abs=1e-6)


def test_the_coarse_ones_include_the_others_and_do_better_somewhere():
    better = []
    for seed in range(10):
        payoffs = random_payoffs(seed, 3, 3)
        fine, coarse = (sum(correlated_equilibrium(payoffs, coarse=flag).values) for flag in (False, True))
        assert coarse >= fine - 1e-6
        better.append(coarse > fine + 1e-3)
    assert any(better)


def test_welfare_is_what_was_asked_for():
    payoffs = load_game("matrix:battle_of_the_sexes").payoffs
    assert correlated_equilibrium(payoffs, weights=(1, 0)).values == pytest.approx((3, 2))
    assert correlated_equilibrium(payoffs, weights=(0, 1)).values == pytest.approx((2, 3))
    assert correlated_equilibrium(payoffs, welfare="least").values == pytest.approx((2.5, 2.5))


def test_the_least_value_counts_in_the_players_own_units():
    payoffs = load_game("matrix:battle_of_the_sexes").payoffs + np.array([10.0, 0.0])[:, None, None]
    assert correlated_equilibrium(payoffs, welfare="least").values == pytest.approx((12, 3))


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e9])
def test_shift_and_unit_of_payoffs_change_only_the_values(factor):
    payoffs = random_payoffs(3, 3, 3)
    before = correlated_equilibrium(payoffs)
    after = correlated_equilibrium(payoffs * factor + 2 * factor)
    assert np.allclose(after.joint, before.joint, atol=1e-6) and after.converged


def test_new_names_of_actions_move_the_distribution():
    payoffs, orders = random_payoffs(4, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = correlated_equilibrium(payoffs).joint
    assert np.allclose(correlated_equilibrium(permuted(payoffs, orders)).joint, before[np.ix_(*orders)], atol=1e-6)


def test_a_gap_below_rounding_is_not_claimed():
    payoffs = random_payoffs(5, 6, 6) * 1e6
    solution = correlated_equilibrium(payoffs, welfare="least", until=1e-300)
    assert solution.converged == (solution.gap <= 1e-300)
    even = correlated_equilibrium(zero_sum(ROCK_PAPER_SCISSORS + 1e-3 * random_payoffs(0, 3, 3)[0]), until=1e-300)
    assert even.gap > 0 and not even.converged


def test_games_in_which_nothing_matters_are_solved():
    assert correlated_equilibrium(np.zeros((2, 3, 2))).converged


def test_bad_input_is_refused_by_name():
    with pytest.raises(SpecificationError, match="shape"):
        correlated_equilibrium(np.eye(3))
    for wrong in ({"welfare": "most"}, {"weights": (1, 2, 3)}, {"until": 0}, {"welfare": "least", "weights": (1, 1)}):
        with pytest.raises(ValueError, match=r"weights|welfare"):
            correlated_equilibrium(zero_sum(ROCK_PAPER_SCISSORS), **wrong)


def test_games_are_solved_by_name():
    solution = solve("correlated_equilibrium", load_game("matrix:matching_pennies_3p"), coarse=True)
    assert solution.joint.shape == (2, 2, 2) and solution.policy is None
    with pytest.raises(NotProvided, match="normal form"):
        solve("correlated_equilibrium", load_game("openspiel:kuhn_poker"))

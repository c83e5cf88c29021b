"""Nash averages: optimal strategies of greatest entropy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import ROCK_PAPER_SCISSORS, plain_nash_conv, random_payoffs, zero_sum
from scipy.optimize import minimize

from arena.games import NotProvided, SpecificationError, load_game
from arena.solvers import logit_qre, matrix_game_lp, minimax_winner, nash_average, solve


def plain_average(matrix):
    """The row player's optimal strategy of greatest entropy by a general-purpose optimiser."""
    value = matrix_game_lp(matrix).values[0]
    size = len(matrix)
    found = minimize(
        lambda x: (x * np.log(np.maximum(x, 1e-300))).sum(),
        np.full(size, 1 / size),
        bounds=[(0, 1)] * size,
        constraints=[
            {"type": "eq", "fun": lambda x: x.sum() - 1},
            {"type": "ineq", "fun": lambda x: x @ matrix - value + 1e-9},
        ],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    return found.x if found.success else None


def test_rock_paper_scissors_and_copies_share_a_third():
    # Balduzzi et al. 2018, section 3.4: a copy of an agent changes nothing but how its weight is shared
    assert np.allclose(nash_average(ROCK_PAPER_SCISSORS).strategies[0], 1 / 3)
    order = [0, 1, 2, 2]
    copied = nash_average(ROCK_PAPER_SCISSORS[np.ix_(order, order)])
    assert np.allclose(copied.strategies[0], [1 / 3, 1 / 3, 1 / 6, 1 / 6], atol=1e-9)
    assert copied.unique is False and copied.converged
    assert np.allclose(ROCK_PAPER_SCISSORS[np.ix_(order, order)] @ copied.strategies[1], 0, atol=1e-12)


def test_games_in_which_nothing_matters_are_averaged_evenly():
    solution = nash_average(np.zeros((3, 4)))
    assert np.allclose(solution.strategies[0], 1 / 3) and np.allclose(solution.strategies[1], 1 / 4)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_it_is_where_quantal_response_of_zero_sum_games_ends(seed, rows, columns):
    matrix = np.random.default_rng(seed).integers(-2, 3, (rows, columns)).astype(float)
    average = nash_average(matrix)
    assert average.converged and plain_nash_conv(zero_sum(matrix), average.strategies) < 1e-9
    limit = logit_qre(zero_sum(matrix), rationality=3e4)
    for found, expected in zip(average.strategies, limit.strategies, strict=True):
        assert np.allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("seed", range(12))
def test_no_other_optimal_strategy_has_more_entropy(seed):
    matrix = np.random.default_rng(seed).integers(-1, 2, (4, 3)).astype(float)
    plain = plain_average(matrix)
    if plain is not None:
        assert np.allclose(nash_average(matrix).strategies[0], plain, atol=1e-4)


def test_a_bound_from_outside_the_support_holds():
    # rows 0 and 1 are optimal in any mixture that keeps column 1 at 0 or above: x_0 >= 3 x_1
    matrix = np.array([[0.0, 1.0], [0.0, -3.0], [-1.0, 0.0]])
    solution = nash_average(matrix)
    assert np.allclose(solution.strategies[0], [0.75, 0.25, 0], atol=1e-6)
    assert np.allclose(solution.strategies[1], [1, 0])


@pytest.mark.parametrize("size", [5, 40])
def test_random_games_have_one_optimum_which_is_the_linear_program_s(size):
    skew = random_payoffs(size, size, size)[0]
    skew = skew - skew.T
    solution = nash_average(skew)
    assert solution.unique and solution.converged and solution.gap < 1e-9
    assert np.allclose(solution.strategies[0], matrix_game_lp(skew).strategies[0], atol=1e-7)
    assert np.allclose(solution.strategies[0], solution.strategies[1], atol=1e-9)


def test_units_shifts_and_names_change_nothing_else():
    matrix, rows, columns = random_payoffs(2, 4, 5)[0], [2, 0, 3, 1], [4, 2, 0, 1, 3]
    before = nash_average(matrix)
    moved = nash_average(matrix * 1e6 + 3e6)
    renamed = nash_average(matrix[np.ix_(rows, columns)])
    assert np.allclose(moved.strategies[0], before.strategies[0], atol=1e-8)
    assert moved.values[0] == pytest.approx(before.values[0] * 1e6 + 3e6)
    assert np.allclose(renamed.strategies[0], before.strategies[0][rows], atol=1e-8)
    assert np.allclose(renamed.strategies[1], before.strategies[1][columns], atol=1e-8)


def test_a_weight_below_rounding_is_not_claimed():
    for large in (1e7, 1e9, 1e11):
        assert not nash_average(np.array([[large, 0.0], [0.0, 1.0]])).converged


def test_bad_input_is_refused_by_name():
    for wrong in (np.zeros((2, 2, 2)), np.zeros((0, 2)), np.array([[np.inf]])):
        with pytest.raises(SpecificationError, match="finite numbers"):
            nash_average(wrong)


def test_games_are_averaged_by_name():
    game = load_game("preference:rps")
    assert np.allclose(solve("nash_average", game).strategies[0], minimax_winner(game.preferences).strategies[0])
    with pytest.raises(NotProvided, match="zero-sum"):
        solve("nash_average", load_game("matrix:chicken"))

"""Nash equilibria of bimatrix games: by enumeration and by Lemke and Howson's path."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normal_forms import ROCK_PAPER_SCISSORS, permuted, plain_nash_conv, random_payoffs, zero_sum

from arena.games import NotProvided, SpecificationError, load_game
from arena.solvers import bimatrix_nash, matrix_game_lp, solve

# B. von Stengel, Equilibrium computation for two-player games, in Algorithmic game theory, 2007, chapter 3: a game, and a degenerate one beside it
STENGEL = np.array([[[3.0, 3], [2, 5], [0, 6]], [[3, 2], [2, 6], [3, 1]]])
STENGEL_EQUILIBRIA = [((1, 0, 0), (1, 0)), ((0.8, 0.2, 0), (2 / 3, 1 / 3)), ((0, 1 / 3, 2 / 3), (1 / 3, 2 / 3))]
STENGEL_DEGENERATE = np.array([STENGEL[0], [[3, 3], [2, 6], [3, 1]]])


def listed(equilibria):
    return sorted(tuple(np.round(np.concatenate(one), 7) + 0.0) for one in equilibria)


def plain_equilibria(payoffs):
    """Equilibria of nondegenerate games by the definition: equal supports, payoffs even on them and not larger elsewhere."""
    row, column = payoffs
    found = []
    for size in range(1, min(row.shape) + 1):
        for rows in itertools.combinations(range(row.shape[0]), size):
            for columns in itertools.combinations(range(row.shape[1]), size):
                y = _even(row[np.ix_(rows, columns)])
                x = _even(column[np.ix_(rows, columns)].T)
                if y is None or x is None or min(*x, *y) <= 0:
                    continue
                strategies = np.zeros(row.shape[0]), np.zeros(row.shape[1])
                strategies[0][list(rows)], strategies[1][list(columns)] = x, y
                if plain_nash_conv(payoffs, strategies) < 1e-9:
                    found.append(strategies)
    return found


def _even(block):
    size = len(block)
    system = np.block([[block, -np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
    try:
        return np.linalg.solve(system, np.append(np.zeros(size), 1.0))[:size]
    except np.linalg.LinAlgError:
        return None


def test_the_game_of_von_stengel_has_its_three_equilibria():
    solution = bimatrix_nash(STENGEL)
    assert listed(solution.equilibria) == listed([tuple(map(np.array, one)) for one in STENGEL_EQUILIBRIA])
    assert solution.converged and solution.settings["degenerate"] is False and solution.unique is False
    assert sum(solution.values) == pytest.approx(max(3 + 3, 9 / 3 + 2.8, 4 + 8 / 3))  # the one of greatest total


def test_labels_lead_lemke_and_howson_to_different_equilibria():
    for label, expected in (
        (0, 0),
        (1, 2),
    ):  # example 3.6: from label 1 (here 0) to the pure one, from label 2 to the last
        solution = bimatrix_nash(STENGEL, algorithm="lemke_howson", label=label)
        assert listed(solution.equilibria) == listed([tuple(map(np.array, STENGEL_EQUILIBRIA[expected]))])
        assert solution.converged and solution.unique is None


def test_a_degenerate_game_says_so_and_names_the_ends_of_its_segments():
    solution = bimatrix_nash(STENGEL_DEGENERATE)
    expected = [((1, 0, 0), (1, 0)), ((1, 0, 0), (2 / 3, 1 / 3)), ((0, 1 / 3, 2 / 3), (1 / 3, 2 / 3))]
    assert listed(solution.equilibria) == listed([tuple(map(np.array, one)) for one in expected])
    assert solution.settings["degenerate"] is True and solution.unique is False and "mixtures" in solution.guarantee


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 5))
@settings(max_examples=30, deadline=None)
def test_all_equilibria_of_random_games_are_found(seed, rows, columns):
    payoffs = np.random.default_rng(seed).normal(size=(2, rows, columns))
    solution = bimatrix_nash(payoffs)
    assert listed(solution.equilibria) == listed(plain_equilibria(payoffs))
    assert len(solution.equilibria) % 2 == 1 and solution.converged
    assert solution.unique == (len(solution.equilibria) == 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_every_path_ends_at_an_equilibrium_in_games_full_of_ties(seed, rows, columns):
    payoffs = np.random.default_rng(seed).integers(0, 3, (2, rows, columns)).astype(float)
    everything = bimatrix_nash(payoffs)
    assert everything.converged and everything.gap < 1e-9
    for strategies in everything.equilibria:
        assert plain_nash_conv(payoffs, strategies) < 1e-9
    for label in range(rows + columns):
        solution = bimatrix_nash(payoffs, algorithm="lemke_howson", label=label)
        assert solution.converged and plain_nash_conv(payoffs, solution.strategies) < 1e-9
        assert listed(solution.equilibria)[0] in listed(everything.equilibria)  # a pair of vertices


@pytest.mark.parametrize("size", [7, 40])
def test_paths_of_larger_games_end_at_equilibria(size):
    payoffs = random_payoffs(size, size, size + 3)
    solution = bimatrix_nash(payoffs, algorithm="lemke_howson", label=size + 1)
    assert solution.converged
    assert solution.gap == pytest.approx(plain_nash_conv(payoffs, solution.strategies), abs=1e-12)


def test_zero_sum_games_keep_their_value():
    matrix = random_payoffs(3, 5, 4)[0]
    value = matrix_game_lp(matrix).values[0]
    for algorithm in ("support_enumeration", "lemke_howson"):
        assert bimatrix_nash(zero_sum(matrix), algorithm=algorithm).values[0] == pytest.approx(value)


def test_a_game_in_which_nothing_matters_has_all_pure_profiles_as_ends():
    solution = bimatrix_nash(np.zeros((2, 3, 2)))
    assert len(solution.equilibria) == 6 and solution.settings["degenerate"] is True
    assert bimatrix_nash(np.zeros((2, 3, 2)), algorithm="lemke_howson").converged


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_units_shifts_and_names_change_nothing_else(factor):
    payoffs, orders = random_payoffs(4, 3, 4), ([2, 0, 1], [3, 1, 0, 2])
    before = bimatrix_nash(payoffs).equilibria
    moved = bimatrix_nash(payoffs * np.array([factor, 1.0])[:, None, None] + factor)
    assert listed(moved.equilibria) == listed(before) and moved.converged
    renamed = bimatrix_nash(permuted(payoffs, orders)).equilibria
    assert listed(renamed) == listed([(x[orders[0]], y[orders[1]]) for x, y in before])


@pytest.mark.parametrize("algorithm", ["support_enumeration", "lemke_howson"])
def test_differences_below_rounding_are_not_claimed(algorithm):
    matrix = np.array([[1e13, 0], [0, 1.0]])  # its mixed equilibrium puts 1e-13 on an action
    solution = bimatrix_nash(np.stack((matrix, matrix)), algorithm=algorithm)
    assert not solution.converged and "rounding" in solution.guarantee


def test_a_path_left_early_is_not_claimed():
    solution = bimatrix_nash(random_payoffs(1, 20, 20), algorithm="lemke_howson", iterations=3)
    assert not solution.converged and solution.iterations == 3
    assert solution.strategies == () and math.isinf(solution.gap)


def test_bad_input_is_refused_by_name():
    with pytest.raises(SpecificationError, match="two players"):
        bimatrix_nash(random_payoffs(0, 2, 2, 2))
    with pytest.raises(SpecificationError, match="lemke_howson"):
        bimatrix_nash(random_payoffs(0, 13, 13))
    for wrong in ({"algorithm": "simplex"}, {"iterations": 0}, {"label": 6}, {"until": -1.0}):
        with pytest.raises(ValueError, match=r"algorithm must be|label must be"):
            bimatrix_nash(zero_sum(ROCK_PAPER_SCISSORS), **wrong)


def test_games_are_solved_by_name():
    solution = solve("bimatrix_nash", load_game("matrix:chicken"))
    assert len(solution.equilibria) == 3 and solution.policy is not None
    assert solve("bimatrix_nash", load_game("matrix:rps"), algorithm="lemke_howson").converged
    with pytest.raises(NotProvided, match="normal form"):
        solve("bimatrix_nash", load_game("openspiel:kuhn_poker"))


def test_lemke_and_howson_tell_whether_the_equilibrium_that_they_find_is_degenerate():
    copies = np.array([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]])
    assert bimatrix_nash(copies, algorithm="lemke_howson").settings["degenerate"] is True
    assert bimatrix_nash(zero_sum(ROCK_PAPER_SCISSORS), algorithm="lemke_howson").settings["degenerate"] is False

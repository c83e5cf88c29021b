"""Zero sums do not depend on the unit of payoffs, nor on a constant that everybody gets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import compile_tree
from arena.games.constant_sums import constant_sum
from arena.games.markov_game import markov_game
from arena.games.normal_form import normal_form
from arena.solvers.game_kinds import kinds_of

UNITS = [1e-90, 1e-12, 1e-3, 1.0, 1e6, 1e12, 1e90]


def game_of(payoffs):
    return normal_form(payoffs, specification="matrix:test", title="test", version="1")


@given(st.integers(0, 2**32 - 1), st.sampled_from(UNITS))
@settings(max_examples=40, deadline=None)
def test_what_a_game_is_does_not_depend_on_the_unit_of_payoffs(seed, unit):
    rng = np.random.default_rng(seed)
    row, column = rng.normal(size=(2, 3, 3))
    for payoffs, utility in ((np.stack((row, column)), "general_sum"), (np.stack((row, -row)), "zero_sum")):
        game = game_of(unit * payoffs)
        assert game.info.utility == utility
        assert (compile_tree(game).constant_sum is None) == (utility == "general_sum")
        assert ("zero_sum_matrix" in kinds_of(game)) == (utility == "zero_sum")


@pytest.mark.parametrize("unit", UNITS)
def test_symmetric_games_are_told_in_any_unit(unit):
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(3, 3))
    skew = matrix - matrix.T
    assert "symmetric_zero_sum" in kinds_of(game_of(unit * np.stack((skew, -skew))))
    assert "symmetric_zero_sum" not in kinds_of(game_of(unit * np.stack((matrix, -matrix))))


@pytest.mark.parametrize("shift", [0.0, 1.0, 1e3, 1e9])
def test_a_constant_for_everybody_makes_no_game_one_of_constant_sum(shift):
    row, column = np.random.default_rng(2).normal(size=(2, 3, 3))
    assert constant_sum(np.stack((row, column)) + shift) is None
    assert constant_sum(np.stack((row, -row)) + shift) == pytest.approx(2 * shift)


def test_decimals_that_were_rounded_when_they_were_written_still_add_up():
    third = np.array([[1 / 3, 0.5], [0.2, 1.0]]).round(11)
    other = (1 - np.array([[1 / 3, 0.5], [0.2, 1.0]])).round(11)
    assert constant_sum(np.stack((third, other))) == pytest.approx(1.0)


def test_nothing_paid_adds_up_to_nothing():
    assert constant_sum(np.zeros((3, 2, 2, 2))) == 0.0


def test_the_bounds_of_a_markov_game_grow_with_the_unit_of_rewards():
    rewards = np.ones((1, 1, 1))
    bounds = [
        markov_game(np.ones((1, 1, 1, 1)), unit * rewards, discount=1.0, horizon=5, specification="markov:one").info
        for unit in (1e-12, 1.0)
    ]
    assert [info.max_utility for info in bounds] == pytest.approx([5e-12, 5.0], rel=1e-12)

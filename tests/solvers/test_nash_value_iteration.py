"""Shapley's value iteration: certificates, known values, invariances, what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game

from arena.games import NotProvided, SpecificationError, load_game, markov_game
from arena.solvers.lp import matrix_game_lp
from arena.solvers.markov_measures import markov_measures, markov_nash_conv, profile_of
from arena.solvers.nash_value_iteration import nash_value_iteration


@given(
    st.integers(0, 10_000),
    st.integers(1, 4),
    st.sampled_from([(2, 2), (3, 2), (1, 3)]),
    st.sampled_from([(0.0, None), (0.7, None), (0.9, 3), (1.0, 4)]),
)
@settings(max_examples=12, deadline=None)
def test_a_random_game_is_solved_to_rounding(seed, states, sizes, length):
    game = random_markov_game(seed, states=states, sizes=sizes, discount=length[0], horizon=length[1])
    solution = nash_value_iteration(game, until=1e-10)
    assert solution.converged
    assert markov_nash_conv(game, solution.policy) <= 1e-10


def test_values_in_between_are_off_by_no_more_than_the_contraction_allows():
    game = random_markov_game(5, discount=0.9)
    exact = nash_value_iteration(game).values[0]
    first = nash_value_iteration(game, iterations=1)
    change = max(np.abs([matrix_game_lp(game.rewards[0, s]).values[0] for s in range(3)]))
    for iterations in (1, 5, 20):
        solution = nash_value_iteration(game, iterations=iterations)
        bound = 2 * 0.9**iterations / (1 - 0.9) * change
        assert solution.gap <= 2 * bound
        assert abs(solution.values[0] - exact) <= bound
    assert first.iterations == 1


def test_a_game_of_one_state_is_worth_its_matrix_game_for_ever():
    payoffs = np.array([[0.0, 2, -1], [-1, 0, 3], [1, -2, 0]])
    game = markov_game(np.ones((1, 3, 3, 1)), payoffs[None], discount=0.75)
    solution = nash_value_iteration(game)
    once = matrix_game_lp(payoffs)
    assert solution.values[0] == pytest.approx(4 * once.values[0], abs=1e-7)
    np.testing.assert_allclose(profile_of(game, solution.policy)[0][0, 0], once.strategies[0], atol=1e-6)


def test_soccer_is_fair_and_its_attacker_mixes():
    game = load_game("markov:soccer")
    solution = nash_value_iteration(game, until=1e-6)
    assert solution.converged
    assert solution.values[0] == pytest.approx(0, abs=1e-6)
    found = markov_measures(game, profile_of(game, solution.policy)).values[0, 0]
    with_ball = found[game.states.index("0 at 3,4*, 1 at 2,2")]
    assert 0 < with_ball < 1
    assert found[game.states.index("0 at 3,4, 1 at 2,2*")] == pytest.approx(-with_ball, abs=1e-5)
    # one move's run from the line, and nobody near
    assert found[game.states.index("0 at 2,1*, 1 at 4,5")] == pytest.approx(1, abs=1e-6)


def test_a_horizon_takes_one_iteration_a_step():
    game = random_markov_game(3, discount=1.0, horizon=5)
    solution = nash_value_iteration(game)
    assert (solution.iterations, solution.gap < 1e-12) == (5, True)
    assert nash_value_iteration(game, iterations=4).gap > 1e-6


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("length", [(0.9, None), (1.0, 4)])
def test_what_ends_by_itself_is_converged_and_what_is_cut_off_is_not(length, unit):
    plain = random_markov_game(3, discount=length[0], horizon=length[1])
    game = markov_game(plain.transitions, unit * plain.rewards[0], discount=length[0], horizon=length[1])
    whole, cut = nash_value_iteration(game), nash_value_iteration(game, iterations=2)
    assert (whole.converged, cut.converged) == (True, False)
    assert whole.gap <= 1e-9 * unit < cut.gap
    assert whole.settings["until"] is None


def test_scaled_and_shifted_rewards_and_swapped_players():
    game = random_markov_game(8)
    value = nash_value_iteration(game).values[0]
    scaled = markov_game(game.transitions, 5 * game.rewards[0], discount=0.8, initial=game.initial)
    shifted = markov_game(game.transitions, game.rewards[0] + 2, discount=0.8, initial=game.initial)
    swapped = markov_game(
        game.transitions.transpose(0, 2, 1, 3), game.rewards[1].transpose(0, 2, 1), discount=0.8, initial=game.initial
    )
    assert nash_value_iteration(scaled).values[0] == pytest.approx(5 * value, abs=1e-10)
    assert nash_value_iteration(shifted).values[0] == pytest.approx(value + 2 / 0.2, abs=1e-10)
    assert nash_value_iteration(swapped).values[0] == pytest.approx(-value, abs=1e-10)


def test_a_matrix_game_is_solved_at_once_under_its_own_information_states():
    solution = nash_value_iteration(load_game("matrix:biased_rps"), until=1e-9)
    assert (solution.converged, solution.iterations) == (True, 1)
    np.testing.assert_allclose(solution.strategies[0], [1 / 16, 10 / 16, 5 / 16], atol=1e-12)
    assert set(solution.policy.table) == {"player 0", "player 1"}


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    game, path = random_markov_game(2, discount=0.95), tmp_path / "run.npz"
    whole = nash_value_iteration(game, iterations=60)
    nash_value_iteration(game, iterations=23, checkpoint=path)
    resumed = nash_value_iteration(game, iterations=60, checkpoint=path)
    assert (resumed.gap, resumed.policy) == (whole.gap, whole.policy)
    with pytest.raises(SpecificationError, match="other rules"):
        nash_value_iteration(random_markov_game(3), checkpoint=path)


@pytest.mark.parametrize(
    "specification",
    [
        "markov:repeated_prisoners_dilemma",
        "markov:random(players=3,zero_sum=false)",
        "matrix:chicken",
        "arena:kuhn_poker",
    ],
)
def test_other_games_are_refused(specification):
    with pytest.raises(NotProvided, match="zero-sum"):
        nash_value_iteration(load_game(specification))


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="positive"):
        nash_value_iteration(random_markov_game(1), iterations=0)

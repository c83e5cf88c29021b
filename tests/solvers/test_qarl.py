"""QARL: gaps that fall to what is proven, curricula, frozen teachers, certificates."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game

from arena.games import NotProvided, SpecificationError, load_game, markov_game
from arena.solvers.gamma_curriculum import gamma_shapes
from arena.solvers.markov_measures import markov_measures, profile_of
from arena.solvers.nash_value_iteration import nash_value_iteration
from arena.solvers.qarl import qarl

PERTURBED_RPS = markov_game(
    np.ones((1, 3, 3, 1)),
    (np.array([[[0.0, -3, 3], [3, 0, -1], [-3, 1, 0]]]) + 3) / 6,
    discount=1.0,
    horizon=1,
)


@pytest.mark.parametrize("curriculum", ["gamma", "point", "linear"])
def test_the_protagonists_gap_falls_all_the_way_as_the_adversary_grows_rational(curriculum):
    """Mean temperatures 0.5 to 0.01 on payoffs in [0, 1]."""
    solution = qarl(PERTURBED_RPS, rate=100.0, curriculum=curriculum, until=1e-6)
    gaps = [gap for _, gap in solution.history]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(gaps))
    assert solution.gap <= 0.02
    assert solution.iterations == 14
    assert not solution.converged


@given(st.integers(0, 10_000), st.sampled_from([(0.8, None), (1.0, 3)]), st.floats(0.01, 1), st.floats(0.01, 1))
@settings(max_examples=8, deadline=None)
def test_the_gap_is_within_what_the_temperatures_allow(seed, length, temperature, protagonist):
    game = random_markov_game(seed, sizes=(2, 3), discount=length[0], horizon=length[1])
    solution = qarl(game, shape=temperature, target=temperature, rate=1.0, protagonist_temperature=protagonist)
    steps = 5 if length[1] is None else 3
    assert solution.iterations == 1
    assert solution.gap <= (temperature * np.log(3) + protagonist * np.log(2)) * steps + 1e-7


def test_the_gap_is_what_the_worst_case_falls_short_of_the_value():
    game = random_markov_game(3)
    solution = qarl(game)
    value = nash_value_iteration(game).values[0]
    worst = -markov_measures(game, profile_of(game, solution.policy)).responses[1]
    assert solution.gap == pytest.approx(value - worst, abs=1e-8)
    assert solution.gap_kind == "worst_case_gap"


def test_temperatures_far_below_the_rewards_are_solved_too():
    """Rewards of 10⁶ at the default temperatures, down to 10⁻³: the bound that the guarantee names holds."""
    plain = random_markov_game(3, discount=0.9)
    game = markov_game(plain.transitions, 1e6 * plain.rewards[0], discount=0.9)
    solution = qarl(game)
    assert solution.settings["residual"] <= 1e-9
    assert solution.gap <= 1e-3 * (np.log(3) + np.log(2)) * 10 + 1e-9 * 1e7


def test_a_gap_asked_for_ends_the_curriculum():
    solution = qarl(random_markov_game(3), until=0.05)
    assert solution.converged
    assert solution.gap <= 0.05
    assert solution.iterations < 14


@pytest.mark.parametrize("curriculum", ["gamma", "point"])
def test_the_curriculum_is_frozen_while_the_protagonist_earns_too_little(curriculum):
    game = random_markov_game(3)
    solution = qarl(game, curriculum=curriculum, threshold=100.0, iterations=4)
    assert solution.settings["temperature"] == 0.05
    assert len({round(gap, 9) for _, gap in solution.history}) == 1


def test_a_point_is_held_where_its_own_return_falls_short():
    free = qarl(PERTURBED_RPS, rate=100.0, curriculum="point", iterations=6)
    earned = [qarl(PERTURBED_RPS, rate=100.0, curriculum="point", iterations=k).values[0] for k in (3, 4)]
    assert earned[1] < earned[0] - 1e-6
    held = qarl(PERTURBED_RPS, rate=100.0, curriculum="point", iterations=6, threshold=sum(earned) / 2)
    assert held.values[0] == pytest.approx(earned[1], abs=1e-9)  # the first that falls short is the last
    assert held.settings["temperature"] > free.settings["temperature"]


def test_a_threshold_that_all_returns_keep_up_changes_nothing():
    game = random_markov_game(3)
    free, held = qarl(game, iterations=4), qarl(game, threshold=-100.0, iterations=4)
    assert held.settings["temperature"] == free.settings["temperature"] == gamma_shapes()[3] / 1000


def test_a_threshold_in_between_slows_the_curriculum_down_and_is_kept():
    # payoffs [0, 1]: a random adversary gives the protagonist more than a rational one, so less is earned as α falls
    rich = qarl(PERTURBED_RPS, rate=100.0, iterations=1).values[0]
    poor = qarl(PERTURBED_RPS, rate=100.0).values[0]
    threshold = (rich + poor) / 2
    held = qarl(PERTURBED_RPS, rate=100.0, threshold=threshold, iterations=40)
    assert poor < threshold < rich
    assert 0.01 < held.settings["temperature"] < 0.5
    assert held.values[0] > poor


def test_a_game_in_normal_form_is_solved_under_its_own_information_states():
    solution = qarl(load_game("matrix:biased_rps"))
    np.testing.assert_allclose(solution.strategies[0], [1 / 16, 10 / 16, 5 / 16], atol=1e-3)
    assert set(solution.policy.table) == {"player 0", "player 1"}


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    game, path = random_markov_game(5), tmp_path / "run.npz"
    whole = qarl(game, threshold=-3.0, iterations=9)
    qarl(game, threshold=-3.0, iterations=4, checkpoint=path)
    resumed = qarl(game, threshold=-3.0, iterations=9, checkpoint=path)
    assert (resumed.policy, resumed.history) == (whole.policy, whole.history)
    with pytest.raises(SpecificationError, match="other rules or settings"):
        qarl(game, threshold=-2.0, checkpoint=path)


def test_what_does_not_fit_is_refused():
    with pytest.raises(NotProvided, match="zero-sum"):
        qarl(load_game("markov:repeated_prisoners_dilemma"))
    for wrong in (
        {"curriculum": "steep"},
        {"shape": 0.0},
        {"rate": -1.0},
        {"max_divergence": np.inf},
        {"protagonist_temperature": 0.0},
        {"updates": 0},
        {"threshold": np.nan},
        {"threshold": 1.0, "curriculum": "linear"},
        {"iterations": 0},
    ):
        with pytest.raises(ValueError, match=r"must be|is a finite"):
            qarl(random_markov_game(1), **wrong)

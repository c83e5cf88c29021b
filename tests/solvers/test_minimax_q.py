"""Minimax-Q: it learns equilibria, the same again from the same seed, and refuses what it cannot play."""

import numpy as np
import pytest
from markov_games import random_markov_game

from arena.games import NotProvided, load_game
from arena.solvers.markov_measures import markov_nash_conv
from arena.solvers.minimax_q import minimax_q


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("length", [(0.7, None), (1.0, 3)])
def test_the_gap_falls_as_it_plays(seed, length):
    game = random_markov_game(seed, discount=length[0], horizon=length[1])
    solution = minimax_q(game, iterations=200_000, seed=seed)
    assert solution.gap < 0.05 * solution.history[0][1]
    assert solution.gap == pytest.approx(markov_nash_conv(game, solution.policy), abs=1e-12)


def test_a_game_without_chance_of_one_step_is_learned_to_rounding():
    solution = minimax_q(load_game("matrix:biased_rps"), iterations=2000, until=1e-9)
    assert solution.converged
    np.testing.assert_allclose(solution.strategies[0], [1 / 16, 10 / 16, 5 / 16], atol=1e-9)


def test_it_learns_to_score_in_small_soccer():
    game = load_game("markov:soccer(rows=2,columns=3)")
    solution = minimax_q(game, iterations=300_000)
    assert solution.gap < 0.2 * solution.history[0][1]


def test_the_same_seed_learns_the_same_and_another_one_does_not():
    game = random_markov_game(4)
    first, again, other = (minimax_q(game, iterations=500, seed=seed) for seed in (7, 7, 8))
    assert first.policy == again.policy
    assert first.policy != other.policy


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    game, path = random_markov_game(2), tmp_path / "run.npz"
    whole = minimax_q(game, iterations=3000)
    minimax_q(game, iterations=1111, checkpoint=path)
    resumed = minimax_q(game, iterations=3000, checkpoint=path)
    assert resumed.policy == whole.policy


def test_what_does_not_fit_is_refused():
    with pytest.raises(NotProvided, match="zero-sum"):
        minimax_q(load_game("markov:repeated_prisoners_dilemma"))
    with pytest.raises(ValueError, match="explore"):
        minimax_q(random_markov_game(1), explore=0.0)


def test_any_whole_number_is_a_seed():
    game = random_markov_game(4)
    policies = [minimax_q(game, iterations=50, seed=seed).policy for seed in (-1, 1, 2**63, 2**64 + 1)]
    assert all(policies.count(policy) == 1 for policy in policies)

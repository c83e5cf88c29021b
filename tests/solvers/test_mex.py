"""Maximise to explore: the stage problem against plain twins, regrets that grow like a root, certificates."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game
from scipy import optimize

from arena.games import NotProvided, load_game, markov_game
from arena.solvers.markov_measures import markov_measures, markov_nash_conv
from arena.solvers.mex import exploration_regret, mex
from arena.solvers.mex_kernels import best_answer, best_strategy, optimistic_worst, plan


def bernoulli_game(seed):
    """2 x 2, wins and losses of random chances, with a mixed equilibrium."""
    rng = np.random.default_rng(seed)
    wins = rng.uniform(size=(2, 2))
    while wins.min(axis=1).max() >= wins.max(axis=0).min() - 1e-3:  # a saddle point in pure strategies
        wins = rng.uniform(size=(2, 2))
    transitions, rewards = np.zeros((2, 2, 2, 2)), np.zeros((2, 2, 2, 2, 2))
    transitions[..., 1], transitions[..., 0] = wins, 1 - wins
    rewards[0, ..., 1], rewards[1, ..., 1] = 1, -1
    return markov_game(transitions, rewards, discount=1.0, horizon=1)


def stage(seed, rows=2, columns=3):
    rng = np.random.default_rng(seed)
    return rng.uniform(size=(rows, columns)), rng.integers(0, 4, (rows, columns)), 10 ** rng.uniform(-1, 1)


def penalised(f, means, visits, eta):
    return -eta * np.sum(visits * (f - means) ** 2)


# the stage problem


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_optimistic_worst_case_is_the_supremum_over_hypotheses(seed):
    """sup over f of [min over columns of μᵀ f − penalty], by a general optimiser on f and the worst column's value v."""
    means, visits, eta = stage(seed)
    mine = np.random.default_rng(seed + 1).dirichlet(np.ones(2))
    found = optimistic_worst(means, visits, eta, 1.0, mine, np.empty(3))
    best = optimize.minimize(
        lambda x: -(x[-1] + penalised(x[:-1].reshape(2, 3), means, visits, eta)),
        np.append(means.ravel(), (mine @ means).min()),
        method="SLSQP",
        bounds=[(None, 1.0)] * 6 + [(None, None)],
        constraints=[{"type": "ineq", "fun": lambda x: mine @ x[:-1].reshape(2, 3) - x[-1]}],
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found == pytest.approx(-best.fun, abs=1e-5)


@given(st.integers(0, 10_000))
@example(2806)  # a column that costs the same for every further chance, to rounding the dearest
@settings(max_examples=15, deadline=None)
def test_the_column_found_is_no_worse_than_any_other(seed):
    means, visits, eta = stage(seed)
    rng = np.random.default_rng(seed + 1)
    mine, column = rng.dirichlet(np.ones(2)), np.empty(3)
    found = optimistic_worst(means, visits, eta, 1.0, mine, column)
    assert column.sum() == pytest.approx(1, abs=1e-9)
    for other in rng.dirichlet(np.ones(3), 50):
        p = np.outer(mine, other)
        with np.errstate(divide="ignore"):
            f = np.where(visits > 0, np.minimum(1.0, means + p / (2 * eta * np.maximum(visits, 1))), 1.0)
        assert found <= np.sum(p * f) + penalised(np.where(visits > 0, f, means), means, visits, eta) + 1e-9


def test_the_strategy_found_is_no_worse_than_any_of_a_fine_grid():
    grid = np.column_stack((np.linspace(0, 1, 41), np.linspace(1, 0, 41)))
    fine = np.column_stack((np.linspace(0, 1, 401), np.linspace(1, 0, 401)))
    for seed in range(10):
        means, visits, eta = stage(seed, columns=2)
        strategy = np.empty(2)
        found = best_strategy(means, visits, eta, 1.0, grid, 1 / 640, strategy)
        tried = max(optimistic_worst(means, visits, eta, 1.0, mine, np.empty(2)) for mine in fine)
        assert found == optimistic_worst(means, visits, eta, 1.0, strategy, np.empty(2))
        assert found >= tried - 1e-3


def test_with_nothing_seen_all_is_possible_and_with_much_seen_nothing_is():
    means, column = np.array([[0.2, 0.8], [0.9, 0.1]]), np.empty(2)
    mine = np.array([0.5, 0.5])
    assert optimistic_worst(means, np.zeros((2, 2), np.int64), 0.1, 1.0, mine, column) == pytest.approx(1)
    assert best_answer(means, np.zeros((2, 2), np.int64), 0.1, 0.0, mine)[0] == pytest.approx(0)
    many = np.full((2, 2), 10**9)
    assert optimistic_worst(means, many, 0.1, 1.0, mine, column) == pytest.approx(0.45, abs=1e-6)
    assert best_answer(means, many, 0.1, 0.0, mine) == (pytest.approx(0.45, abs=1e-6), 1)


@given(st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_answer_is_the_least_over_columns_and_hypotheses(seed):
    means, visits, eta = stage(seed)
    mine = np.random.default_rng(seed + 1).dirichlet(np.ones(2))
    values = np.linspace(0, 1, 4001)
    least = [
        sum((mine[a] * values + eta * visits[a, b] * (values - means[a, b]) ** 2).min() for a in range(2))
        for b in range(3)
    ]
    assert best_answer(means, visits, eta, 0.0, mine)[0] == pytest.approx(min(least), abs=1e-5)


# regret


def test_regret_grows_like_the_root_of_the_number_of_episodes():
    few, many = (
        np.mean([exploration_regret(bernoulli_game(seed), episodes=count, seed=seed)[-1] for seed in range(8)])
        for count in (1000, 4000)
    )
    assert many <= 80
    assert many <= 2.6 * few


def test_regret_of_two_steps_and_three_states_grows_slower_than_playing_uniformly():
    game = load_game("markov:random(states=3,actions=2,horizon=2,discount=1.0)")
    few, many = (exploration_regret(game, episodes=count)[-1] for count in (250, 1000))
    uniform = markov_measures(game, tuple(np.full((2, 3, 2), 0.5) for _ in range(2)))
    value = exploration_regret(game, episodes=1)[0]  # of the first episode
    assert many <= 2.5 * few
    assert many < 0.5 * 1000 * max(value, uniform.nash_conv / 2)


def test_regret_never_falls_and_is_the_same_again():
    game = bernoulli_game(3)
    regret = exploration_regret(game, episodes=200, seed=4)
    assert (np.diff(regret) >= -1e-12).all()
    np.testing.assert_array_equal(regret, exploration_regret(game, episodes=200, seed=4))
    assert (regret != exploration_regret(game, episodes=200, seed=5)).any()


# solutions


@pytest.mark.parametrize("seed", [0, 1])
def test_averages_of_one_step_are_within_the_regrets(seed):
    solution = mex(bernoulli_game(seed), iterations=500)
    bound = (solution.settings["regret_0"] + solution.settings["regret_1"]) / 500
    assert solution.gap <= bound + 1e-12
    assert solution.gap == pytest.approx(markov_nash_conv(bernoulli_game(seed), solution.policy), abs=1e-12)


def test_both_seats_learn_a_matrix_game():
    solution = mex(load_game("matrix:matching_pennies"), iterations=1000, until=0.01)
    assert solution.converged
    np.testing.assert_allclose(solution.strategies, 0.5, atol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1), (2, 4), (4, 3)])
def test_numbers_of_actions_may_differ_and_be_one(shape):
    payoffs = np.random.default_rng(0).uniform(size=(1, *shape))
    game = markov_game(np.ones((1, *shape, 1)), payoffs, discount=1.0, horizon=1)
    solution = mex(game, iterations=100)
    assert solution.gap <= (solution.settings["regret_0"] + solution.settings["regret_1"]) / 100 + 1e-12


def test_a_game_that_pays_nothing_is_solved():
    game = markov_game(np.ones((1, 2, 2, 1)), np.zeros((1, 2, 2)), discount=1.0, horizon=2)
    assert mex(game, iterations=10).gap == 0


def test_several_steps_are_learned_and_no_more_is_claimed():
    game = random_markov_game(2, sizes=(2, 2), horizon=2, discount=1.0)
    solution = mex(game, iterations=400, until=0.5)
    assert solution.gap < 0.5 * mex(game, iterations=5).gap
    assert (solution.converged, solution.guarantee) == (False, "none")


def test_the_unit_of_rewards_makes_no_difference():
    game = bernoulli_game(1)
    scaled = markov_game(game.transitions, _dense(game) * 8, discount=1.0, horizon=1)
    one, other = mex(game, iterations=60), mex(scaled, iterations=60)
    assert other.gap == pytest.approx(8 * one.gap, rel=1e-6)


def _dense(game):
    rewards = np.zeros((2, 2, 2, 2, 2))
    rewards[0, ..., 1], rewards[1, ..., 1] = 1, -1
    return rewards


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    game, path = bernoulli_game(2), tmp_path / "run.npz"
    whole = mex(game, eta=0.1, iterations=90)
    mex(game, eta=0.1, iterations=31, checkpoint=path)
    resumed = mex(game, eta=0.1, iterations=90, checkpoint=path)
    assert resumed.policy == whole.policy
    assert resumed.settings["regret_1"] == whole.settings["regret_1"]


def test_what_does_not_fit_is_refused():
    with pytest.raises(NotProvided, match="no horizon"):
        mex(load_game("markov:rps_chain"))
    with pytest.raises(NotProvided, match="zero-sum"):
        mex(load_game("matrix:chicken"))
    with pytest.raises(NotProvided, match="at most"):
        mex(random_markov_game(1, states=2, horizon=100_000))
    with pytest.raises(ValueError, match="eta"):
        mex(bernoulli_game(1), eta=0.0)
    with pytest.raises(ValueError, match="positive"):
        exploration_regret(bernoulli_game(1), episodes=0)


def test_any_whole_number_is_a_seed():
    game = bernoulli_game(1)
    regrets = [exploration_regret(game, episodes=50, seed=seed)[-1] for seed in (-1, 1, 2**63, 2**64 + 1)]
    assert len(set(regrets)) == 4


def test_each_optimist_looks_ahead_with_hopes_of_its_own():
    """Two steps: what follows is worth to each player what that player hopes of it."""
    grid, eta, discount = np.linspace([1.0, 0], [0, 1], 41), 0.05, 0.9
    bounds = np.array([[-2.0, 2.0], [-1.0, 1.0]])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        came = rng.integers(1, 6, (2, 2, 2, 2, 2))
        visits = came.sum(axis=-1)
        earned = rng.uniform(-1, 1, visits.shape) * visits
        row, answer = np.empty((2, 2, 2)), np.empty((2, 2), np.int64)
        plan(eta, discount, grid, 1e-3, bounds, visits, earned, came, row, answer)
        high, low = np.zeros(2), np.zeros(2)
        for t in (1, 0):
            mine, theirs = ((earned[t] + discount * came[t] @ ahead) / visits[t] for ahead in (high, low))
            high, low = np.empty(2), np.empty(2)
            for state in range(2):
                strategy = np.empty(2)
                high[state] = best_strategy(mine[state], visits[t, state], eta, bounds[t, 1], grid, 1e-3, strategy)
                low[state], column = best_answer(theirs[state], visits[t, state], eta, bounds[t, 0], strategy)
                assert column == answer[t, state]
                np.testing.assert_allclose(row[t, state], strategy, atol=1e-9)

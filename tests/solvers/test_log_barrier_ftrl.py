"""Log-barrier FTRL: its lemma on any losses, where Hedge's fails; averages in games; estimates of action values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markov_games import random_markov_game
from scipy import optimize

from arena.games import NotProvided, load_game, markov_game
from arena.solvers.log_barrier_ftrl import log_barrier_bound, log_barrier_ftrl, log_barrier_strategies
from arena.solvers.markov_measures import markov_nash_conv


def nearly(action, count, rounds):
    """The strategy of one action, mixed with uniform play so that the barrier is finite."""
    return (1 - 1 / rounds) * np.eye(count)[action] + 1 / (rounds * count)


def regret_against(losses, strategies, other):
    return float(((strategies - other) * losses).sum())


def hedge(losses, eta):
    """(regret, bound) of exponential weights: log A / η + η Σ Σ p c², proven for η c ≥ −1."""
    summed = np.vstack((np.zeros(losses.shape[1]), np.cumsum(losses, axis=0)[:-1]))
    weights = np.exp(-eta * (summed - summed.min(axis=1, keepdims=True)))
    weights /= weights.sum(axis=1, keepdims=True)
    regret = (weights * losses).sum() - losses.sum(axis=0).min()
    return regret, np.log(losses.shape[1]) / eta + eta * (weights * losses**2).sum()


# sequences of losses


@given(st.integers(0, 100_000), st.integers(1, 6), st.floats(-3, 3), st.floats(-3, 2), st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_lemma_holds_on_any_losses(seed, actions, size, rate, negative):
    rng = np.random.default_rng(seed)
    losses, eta = rng.normal(size=(40, actions)) * 10**size, 10**rate
    if negative:
        losses[rng.random(losses.shape) < 0.1] = -(10 ** (size + 3))
    strategies = log_barrier_strategies(losses, eta=eta)
    np.testing.assert_allclose(strategies.sum(axis=1), 1, atol=1e-12)
    for action in range(actions):
        other = nearly(action, actions, 40)
        bound = log_barrier_bound(losses, strategies, eta=eta, against=other)
        assert regret_against(losses, strategies, other) <= bound + 1e-9 * abs(bound)


@pytest.mark.parametrize("eta", [1.0, 0.1])
def test_hedges_bound_fails_where_one_loss_is_hugely_negative_and_this_one_holds(eta):
    """2,000 rounds that slowly favour one action, then −2 L on the other, L = 8 / η: published numbers."""
    large = 8 / eta
    losses = np.vstack((np.tile([large / 2000, 0], (2000, 1)), [[-2 * large, 0]]))
    strategies = log_barrier_strategies(losses, eta=eta)
    bound = log_barrier_bound(losses, strategies, eta=eta, against=nearly(0, 2, 2001))
    regret = regret_against(losses, strategies, np.eye(2)[0])
    assert (regret * eta, bound * eta) == (pytest.approx(8.06, abs=0.005), pytest.approx(35.0, abs=0.05))
    other, violated = hedge(losses, eta)
    assert (other * eta, violated * eta) == (pytest.approx(8.69, abs=0.005), pytest.approx(0.78, abs=0.005))


@given(st.integers(0, 10_000), st.integers(2, 5), st.floats(-2, 2))
@settings(max_examples=20, deadline=None)
def test_a_strategy_minimises_what_it_should(seed, actions, rate):
    """Against a general optimiser over unnormalised weights."""
    losses, eta = np.random.default_rng(seed).normal(size=(2, actions)), 10**rate
    strategy = log_barrier_strategies(losses, eta=eta)[1]

    def objective(logits):
        p = np.exp(logits - logits.max())
        p /= p.sum()
        return eta * p @ losses[0] - np.log(p).sum()

    best = optimize.minimize(objective, np.zeros(actions), tol=1e-12).fun
    assert eta * strategy @ losses[0] - np.log(strategy).sum() <= best + 1e-7 * max(1, abs(best))


def test_a_constant_in_a_rounds_losses_changes_no_strategy():
    losses = np.random.default_rng(0).normal(size=(30, 3))
    shifted = losses + np.arange(30)[:, None]
    np.testing.assert_allclose(
        log_barrier_strategies(losses, eta=0.5), log_barrier_strategies(shifted, eta=0.5), atol=1e-9
    )


def test_wrong_losses_are_refused():
    for losses, eta in (([1.0], 1.0), ([[np.nan]], 1.0), ([[1.0]], 0.0), (np.zeros((0, 2)), 1.0)):
        with pytest.raises(ValueError, match="must be"):
            log_barrier_strategies(losses, eta=eta)


# games


def test_nash_conv_of_the_averages_is_the_sum_of_regrets_that_the_lemma_bounds():
    payoffs = np.array([[0.0, -1, 2], [1, 0, -0.5], [-2, 0.5, 0]])
    game = markov_game(np.ones((1, 3, 3, 1)), payoffs[None], discount=1.0, horizon=1)
    rounds, eta = 400, 0.1
    row_sum, column_sum = np.zeros(3), np.zeros(3)
    seen = ([], [])
    for _ in range(rounds):  # the plain twin
        row = (
            log_barrier_strategies(np.vstack((np.zeros((1, 3)), -row_sum)), eta=eta)[0]
            if not seen[0]
            else _last(seen[0], eta)
        )
        column = _last(seen[1], eta) if seen[1] else np.full(3, 1 / 3)
        seen[0].append(-payoffs @ column)
        seen[1].append(payoffs.T @ row)
        row_sum, column_sum = row_sum + row, column_sum + column
    solution = log_barrier_ftrl(game, eta=eta, iterations=rounds)
    average = (row_sum / rounds)[None, None], (column_sum / rounds)[None, None]
    assert solution.gap == pytest.approx(markov_nash_conv(game, average), abs=1e-9)
    bounds = 0.0
    for losses in map(np.array, seen):
        strategies = log_barrier_strategies(losses, eta=eta)
        bounds += max(
            log_barrier_bound(losses, strategies, eta=eta, against=nearly(a, 3, rounds)) + 2 * np.abs(losses).max()
            for a in range(3)
        )
    assert solution.gap <= bounds / rounds


def _last(losses, eta):
    """What is played after these losses."""
    return log_barrier_strategies(np.vstack((losses, np.zeros((1, 3)))), eta=eta)[-1]


def test_averages_come_near_the_equilibrium_of_a_matrix_game():
    solution = log_barrier_ftrl(load_game("matrix:biased_rps"), iterations=20_000, until=0.5)
    assert solution.converged
    np.testing.assert_allclose(solution.strategies[0], [1 / 16, 10 / 16, 5 / 16], atol=0.05)


def test_the_gap_falls_with_several_steps_too_and_no_more_is_claimed():
    game = random_markov_game(1, horizon=3, discount=1.0)
    solution = log_barrier_ftrl(game, iterations=3000, until=1.0)
    assert solution.gap < 0.5 * solution.history[0][1]
    assert (solution.converged, solution.guarantee) == (False, "none")


def test_the_unit_of_payoffs_makes_no_difference():
    game = random_markov_game(2, horizon=2, discount=1.0)
    scaled = markov_game(game.transitions, 16 * game.rewards[0], discount=1.0, horizon=2, initial=game.initial)
    one, other = log_barrier_ftrl(game, iterations=50), log_barrier_ftrl(scaled, iterations=50)
    assert other.gap == pytest.approx(16 * one.gap, rel=1e-9)


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path):
    game, path = load_game("matrix:biased_rps"), tmp_path / "run.npz"
    whole = log_barrier_ftrl(game, iterations=90)
    log_barrier_ftrl(game, iterations=31, checkpoint=path)
    assert log_barrier_ftrl(game, iterations=90, checkpoint=path).policy == whole.policy


def test_what_does_not_fit_is_refused():
    with pytest.raises(NotProvided, match="no horizon"):
        log_barrier_ftrl(load_game("markov:rps_chain"))
    with pytest.raises(NotProvided, match="zero-sum"):
        log_barrier_ftrl(load_game("matrix:chicken"))
    with pytest.raises(ValueError, match="eta"):
        log_barrier_ftrl(load_game("matrix:rps"), eta=-1.0)

"""Adversarial decision processes: estimates of the right mean, magnitudes that are reduced, regret of order √K."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import NotProvided, load_game, markov_game
from arena.solvers.adversarial_mdp import adversarial_mdp, estimates

STATES, ACTIONS, WIDTH, STEPS = 5, 3, 4, 3


def linear_process(seed):
    """(a process whose chances are linear in features, the features [S, A, d])."""
    rng = np.random.default_rng(seed)
    features = rng.dirichlet(np.full(WIDTH, 0.3), (STATES, ACTIONS))
    chances = features @ rng.dirichlet(np.full(STATES, 0.5), WIDTH)
    rewards = np.zeros((1, STATES, ACTIONS))
    return markov_game(chances, rewards, discount=1.0, horizon=STEPS), features


def linear_losses(features, episodes, seed):
    """Losses linear in the features: half the same in every episode, half new."""
    rng = np.random.default_rng(seed)
    weights = (rng.uniform(size=(1, STEPS, WIDTH)) + rng.uniform(size=(episodes, STEPS, WIDTH))) / 2
    return np.einsum("sad,khd->khsa", features, weights)


def step(seed):
    """Features, occupancies, Σ⁻¹ and true action values in [0, 2], linear in the features, of one step."""
    rng = np.random.default_rng(seed)
    features, weights = np.column_stack((rng.normal(size=(8, 3)), np.ones(8))), rng.dirichlet(np.ones(8))
    values = features @ rng.normal(size=4)
    inverse = np.linalg.inv(features.T @ (weights[:, None] * features))
    return features, weights, inverse, 2 * (values - values.min()) / np.ptp(values)


@pytest.mark.parametrize("reduced", [False, True])
@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_estimates_have_the_right_mean(reduced, seed):
    features, weights, inverse, values = step(seed)
    mean = sum(
        weights[pair] * estimates(features, inverse, weights, seen=pair, loss=values[pair], horizon=2, reduced=reduced)
        for pair in range(8)
    )
    np.testing.assert_allclose(mean, values, atol=1e-7)


@given(st.integers(0, 10_000), st.floats(0, 2))
@settings(max_examples=30, deadline=None)
def test_a_reduced_estimate_is_nowhere_below_its_mean_negative_part(seed, loss):
    features, weights, inverse, _ = step(seed)
    least = 2 * sum(weights[pair] * np.minimum(features @ inverse @ features[pair], 0) for pair in range(8))
    for pair in range(8):
        found = estimates(features, inverse, weights, seen=pair, loss=loss, horizon=2, reduced=True)
        assert (found >= least - 1e-9 * np.abs(found).max()).all()


@pytest.mark.parametrize("algorithm", ["log_barrier", "magnitude_reduced"])
def test_regret_grows_like_the_root_of_the_number_of_episodes(algorithm):
    regrets = []
    for episodes in (4000, 16_000):
        runs = []
        for seed in range(2):
            game, features = linear_process(seed)
            losses = linear_losses(features, episodes, seed + 50)
            runs.append(adversarial_mdp(game, losses, features=features, algorithm=algorithm, seed=seed).regret)
        regrets.append(np.mean(runs))
    # √T log T grows to 2.33 times (so do six seeds on average, one by one to 1.8 to 3.3 times); linear regret to 4 times
    assert 0 < regrets[1] <= 3 * regrets[0]


@pytest.mark.parametrize("algorithm", ["log_barrier", "magnitude_reduced"])
def test_less_is_lost_than_by_playing_uniformly_and_a_bonus_explores(algorithm):
    game, _ = linear_process(1)
    losses = np.tile(np.random.default_rng(2).integers(0, 2, (STEPS, STATES, ACTIONS)).astype(float), (4000, 1, 1, 1))
    run = adversarial_mdp(game, losses, algorithm=algorithm)
    assert run.expected[-500:].mean() < run.expected[0] - 0.5 * (run.expected[0] - run.best / 4000)
    explored = adversarial_mdp(game, losses, algorithm=algorithm, bonus=0.05)
    assert (explored.expected != run.expected).any()
    assert explored.expected[-500:].mean() < explored.expected[0]


def test_the_bonus_is_dilated_and_counts_the_mean_of_the_policy_too():
    """What it adds to the logarithms of exponential weights in the second of two episodes, against plain loops."""
    game, _ = linear_process(1)
    losses = np.random.default_rng(0).uniform(size=(2, STEPS, STATES, ACTIONS))
    settings = {"algorithm": "magnitude_reduced", "eta": 0.3, "damping": 0.5}
    plain, explored = (adversarial_mdp(game, losses, bonus=bonus, **settings).policy for bonus in (0.0, 0.1))
    here, places = game.initial, []
    for _ in range(STEPS):
        places.append(here)
        here = np.einsum("s,sat->t", here, game.transitions) / ACTIONS
    ahead = np.zeros(STATES)
    for t in reversed(range(STEPS)):
        squares = 1 / (
            0.5 + places[t] / ACTIONS
        )  # φ one for each pair: Σ is diagonal, the same for all actions of a state
        worth = 0.1 * 2 * np.tile(squares[:, None], ACTIONS) + (1 + 1 / STEPS) * game.transitions @ ahead
        ahead = worth.mean(axis=1)
        added = np.log(explored[t] / plain[t])
        expected = 0.3 * worth
        np.testing.assert_allclose(
            added - added.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=1e-9
        )


def test_the_best_policy_and_what_is_expected_are_exact():
    game, _ = linear_process(3)
    losses = np.random.default_rng(4).uniform(size=(1, STEPS, STATES, ACTIONS))
    run = adversarial_mdp(game, losses)
    transitions = game.transitions

    def value(policy):
        ahead = np.zeros(STATES)
        for t in reversed(range(STEPS)):
            ahead = (policy[t] * (losses[0, t] + transitions @ ahead)).sum(axis=1)
        return game.initial @ ahead

    assert run.expected[0] == pytest.approx(value(np.full((STEPS, STATES, ACTIONS), 1 / 3)), abs=1e-12)
    rng = np.random.default_rng(5)
    assert all(value(np.eye(3)[rng.integers(0, 3, (STEPS, STATES))]) >= run.best - 1e-12 for _ in range(200))
    assert run.regret == pytest.approx(run.expected[0] - run.best)


def test_the_same_seed_plays_the_same_and_another_one_does_not():
    game, features = linear_process(0)
    losses = linear_losses(features, 50, 1)
    first, again, other = (adversarial_mdp(game, losses, seed=seed).expected for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_what_does_not_fit_is_refused():
    game, features = linear_process(0)
    losses = linear_losses(features, 5, 1)
    with pytest.raises(NotProvided, match="one player"):
        adversarial_mdp(load_game("markov:rps_chain"), losses)
    for changes in (
        {"losses": losses[0]},
        {"losses": losses + 1},
        {"losses": losses * np.nan},
        {"features": features[0]},
        {"features": np.ones((STATES, ACTIONS, 2))},
        {"algorithm": "hedge"},
        {"eta": 0.0},
        {"damping": -1.0},
        {"bonus": -1.0},
        {"seed": -1},
        {"seed": 1 << 64},
    ):
        with pytest.raises(ValueError, match=r"must be|shape|independent"):
            adversarial_mdp(game, **({"losses": losses} | changes))

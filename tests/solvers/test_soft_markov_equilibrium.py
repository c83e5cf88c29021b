"""Soft equilibria of Markov games: the equations by plain loops, quantal response, soft best responses."""

import itertools
import math

import numpy as np
import pytest
from unstructured_markov_games import unstructured_game

from arena.games import NotProvided, SpecificationError, load_game
from arena.games.markov_game import markov_game
from arena.solvers.logit_qre import logit_qre
from arena.solvers.soft_markov_equilibrium import soft_markov_equilibrium
from arena.solvers.stationary_profile import policy_profile


def soft_value(critic):
    return math.log(sum(math.exp(q) for q in critic))


def expected_elsewhere(game, profile, player, state, action, ahead):
    """Σ over the others' actions of their chance · (reward + γ Σ chance · ahead), by loops."""
    total = 0.0
    for joint in itertools.product(*map(range, game.sizes)):
        if joint[player] == action:
            chance = math.prod(profile[p][state][a] for p, a in enumerate(joint) if p != player)
            onward = sum(c * v for c, v in zip(game.transitions[(state, *joint)], ahead, strict=True))
            total += chance * (game.rewards[(player, state, *joint)] + game.discount * onward)
    return total


@pytest.mark.parametrize(("sizes", "terminal"), [((3, 2), False), ((2, 3, 2), True), ((4,), False)])
def test_the_equations_hold(sizes, terminal):
    game = unstructured_game(seed=3, states=4, sizes=sizes, terminal=terminal)
    solution = soft_markov_equilibrium(game)
    assert solution.converged and solution.gap <= 1e-10
    profile = policy_profile(game, solution.policy)
    for player, critic in enumerate(solution.marginals.critics):
        assert np.allclose(profile[player], np.exp(critic) / np.exp(critic).sum(axis=1, keepdims=True), atol=1e-12)
        ahead = [0.0 if game.terminal[s] else soft_value(critic[s]) for s in range(4)]
        for state, action in np.ndindex(critic.shape):
            right = expected_elsewhere(game, profile, player, state, action, ahead)
            assert critic[state, action] == pytest.approx(right, abs=1e-9)


def test_one_state_without_a_future_is_logit_quantal_response():
    rng = np.random.default_rng(0)
    payoffs = rng.normal(size=(2, 3, 3))
    game = markov_game(np.ones((1, 3, 3, 1)), payoffs[:, None], discount=0.0)
    found = soft_markov_equilibrium(game, rationality=0.7)
    known = logit_qre(payoffs, rationality=0.7).strategies
    for rows, strategy in zip(policy_profile(game, found.policy), known, strict=True):
        assert np.allclose(rows[0], strategy, atol=1e-8)


def test_one_player_alone_in_one_state_has_a_closed_form():
    rewards = np.array([1.0, 2.0, 0.5])
    game = markov_game(np.ones((1, 3, 1)), rewards[None, None], discount=0.5)
    value = soft_value(rewards) / (1 - 0.5)
    solution = soft_markov_equilibrium(game)
    assert np.allclose(solution.marginals.critics[0][0], rewards + 0.5 * value, atol=1e-9)
    assert solution.marginals.rewards[0] == pytest.approx(rewards[None])


def test_no_player_gains_more_than_the_gap_bounds():
    """Also where iterations stop early: soft value iteration against the others, by itself."""
    game = unstructured_game(seed=1)
    solution = soft_markov_equilibrium(game, iterations=60)
    assert not solution.converged and solution.gap > 1e-3
    profile = policy_profile(game, solution.policy)
    for player in range(2):
        others = profile[1 - player]
        moved = game.transitions if player == 0 else game.transitions.swapaxes(1, 2)
        paid = game.rewards[player] if player == 0 else game.rewards[player].swapaxes(1, 2)
        chances, reward = np.einsum("sabt,sb->sat", moved, others), np.einsum("sab,sb->sa", paid, others)
        best = np.zeros(6)
        for _ in range(600):
            best = np.log(np.exp(reward + 0.9 * chances @ best).sum(axis=1))
        own = profile[player]
        entropy = -(own * np.log(own)).sum(axis=1)
        mixed = np.einsum("sat,sa->st", chances, own)
        earned = np.linalg.solve(np.eye(6) - 0.9 * mixed, (own * reward).sum(axis=1) + entropy)
        gain = (best - earned).max()
        assert -1e-9 <= gain <= 2 * solution.gap / (1 - 0.9)


def test_greater_rewards_are_greater_rationality():
    plain, scaled = unstructured_game(seed=2, scale=1.0), unstructured_game(seed=2, scale=0.5)
    first, second = soft_markov_equilibrium(plain), soft_markov_equilibrium(scaled, rationality=2.0)
    for one, other in zip(policy_profile(plain, first.policy), policy_profile(scaled, second.policy), strict=True):
        assert np.allclose(one, other, atol=1e-8)


def test_relabelled_players_have_each_others_critics():
    game = unstructured_game(seed=4, sizes=(2, 3))
    turned = markov_game(
        game.transitions.swapaxes(1, 2), game.rewards.swapaxes(2, 3)[::-1], discount=0.9, initial=game.initial
    )
    first, second = soft_markov_equilibrium(game), soft_markov_equilibrium(turned)
    for one, other in zip(first.marginals.critics, second.marginals.critics[::-1], strict=True):
        assert np.allclose(one, other, atol=1e-9)
    assert first.values == pytest.approx(second.values[::-1])


def test_values_are_discounted_returns_of_many_matches():
    """The sum over 400 steps of what is expected at each, from the initial states."""
    game = unstructured_game(seed=5, sizes=(2, 2))
    solution = soft_markov_equilibrium(game)
    profile = policy_profile(game, solution.policy)
    mixed = np.einsum("sabt,sa,sb->st", game.transitions, *profile)
    reward = np.einsum("nsab,sa,sb->ns", game.rewards, *profile)
    at, total = game.initial, np.zeros(2)
    for step in range(400):
        total += 0.9**step * reward @ at
        at = at @ mixed
    assert solution.values == pytest.approx(total)


def test_an_interrupted_run_goes_on_to_the_same_end(tmp_path):
    game, file = unstructured_game(seed=6), tmp_path / "run.npz"
    soft_markov_equilibrium(game, iterations=30, checkpoint=file)
    resumed = soft_markov_equilibrium(game, checkpoint=file)
    whole = soft_markov_equilibrium(game)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.iterations == whole.iterations
    with pytest.raises(SpecificationError, match=r"rationality=1\.0"):
        soft_markov_equilibrium(game, rationality=2.0, checkpoint=file)


@pytest.mark.parametrize(
    "settings", [{"rationality": 0.0}, {"rationality": math.inf}, {"damping": 0.0}, {"damping": 1.5}]
)
def test_settings_outside_their_range_are_refused(settings):
    with pytest.raises(ValueError, match="rationality must be above 0"):
        soft_markov_equilibrium(unstructured_game(seed=0), **settings)


def test_games_of_another_kind_are_refused():
    with pytest.raises(NotProvided, match="needs a tabular Markov game"):
        soft_markov_equilibrium(load_game("matrix:rps"))
    finite = markov_game(np.ones((1, 2, 2, 1)), np.zeros((2, 1, 2, 2)), discount=1.0, horizon=3)
    with pytest.raises(NotProvided, match="has a horizon"):
        soft_markov_equilibrium(finite)


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ([np.full((6, 3), 1 / 3)], "has arrays of the shapes"),
        ([np.full((6, 3), 1 / 3), np.full((6, 3), 0.5)], "at 'player 1: 0' they are"),
        ([np.full((6, 3), 1 / 3), np.full((6, 3), np.nan)], "at 'player 1: 0' they are"),
    ],
)
def test_a_profile_must_be_probabilities_of_each_players_actions(profile, message):
    with pytest.raises(SpecificationError, match=message):
        policy_profile(unstructured_game(seed=0), profile)

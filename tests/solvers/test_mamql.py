"""MAMQL: policies and rewards recovered from demonstrations of soft equilibria, and what its certificate is worth."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.optimize import minimize
from unstructured_markov_games import unstructured_game

from arena.games import NotProvided, SpecificationError, load_game, markov_game
from arena.solvers.demonstrations import Demonstrations, demonstrate, save_demonstrations
from arena.solvers.inverse_soft_q import objective_of
from arena.solvers.mamql import mamql
from arena.solvers.soft_markov_equilibrium import soft_markov_equilibrium
from arena.solvers.stationary_profile import marginal, policy_profile, soft_policy


def expert_play(seed, *, transitions, sizes=(3, 3), **settings):
    """(game, its soft equilibrium, demonstrations of it in ten episodes)."""
    game = unstructured_game(seed=seed, sizes=sizes, **settings)
    expert = soft_markov_equilibrium(game, until=1e-12)
    return game, expert, demonstrate(game, expert.policy, episodes=10, steps=transitions // 10, seed=seed)


def counts(shown):
    """How often each player was seen to do what in each state: arrays [S, A_i]."""
    tables = []
    for player, size in enumerate(shown.sizes):
        table = np.zeros((shown.num_states, size))
        np.add.at(table, (shown.states, shown.actions[:, player]), 1)
        tables.append(table)
    return tables


def maximum_likelihood(shown):
    return [(table + 1e-12) / (table + 1e-12).sum(axis=1, keepdims=True) for table in counts(shown)]


def iql_ma(shown, discount, *, alpha=100.0):
    """(policies, rewards) of single-agent IQ-Learn with a critic of joint actions, seen from each player: the baseline."""
    joint = np.ravel_multi_index(shown.actions.T, shown.sizes)
    shape = (shown.num_states, math.prod(shown.sizes))
    objective = objective_of(
        shape,
        shown.states,
        joint,
        shown.successors,
        shown.done,
        discount=discount,
        chi2_coefficient=1 / (4 * alpha),
        l2_coefficient=1e-5,
    )
    critic, values = np.zeros(shape), objective.demonstrated_values()
    while np.linalg.norm(objective.gradient(critic, values)) > 1e-9:
        critic = objective.newton_step(critic, values)
    reward = objective.rewards(critic) * objective.share
    policy = soft_policy(critic).reshape(-1, *shown.sizes)
    policies, rewards = [], []
    for player, size in enumerate(shown.sizes):
        own = np.unravel_index(objective.action, shown.sizes)[player]
        sums, shares = np.zeros((shown.num_states, size)), np.zeros((shown.num_states, size))
        np.add.at(sums, (objective.state, own), reward)
        np.add.at(shares, (objective.state, own), objective.share)
        rewards.append(np.divide(sums, shares, out=np.full_like(sums, np.nan), where=shares > 0))
        policies.append(policy.sum(axis=tuple(p + 1 for p in range(len(shown.sizes)) if p != player)))
    return policies, rewards


def total_variation(one, other):
    """Mean over states."""
    return 0.5 * np.abs(one - other).sum(axis=1).mean()


def recovery(found, true):
    """The correlation of rewards [S, A] after each state's mean is taken off, over what was recovered."""
    known = np.isfinite(found).all(axis=1)
    one, other = (table[known] - table[known].mean(axis=1, keepdims=True) for table in (found, true))
    return np.corrcoef(one.ravel(), other.ravel())[0, 1]


def nearest_shaping(game, expert, player, found):
    """Of all rewards that explain play as well, found + h(s) - γ E h(s') with h = 0 at the end, the nearest to the true ones.

    Source: Ng, Harada and Russell, Policy invariance under reward transformations, ICML 1999.
    """
    profile = policy_profile(game, expert.policy)
    true, size = expert.marginals.rewards[player], game.sizes[player]
    following = np.stack(
        [marginal(game.transitions[..., state], profile, player) for state in range(game.num_states)], axis=-1
    )
    shaping = np.repeat(np.eye(game.num_states)[:, None], size, axis=1) - game.discount * following
    known = np.isfinite(found)
    h = np.zeros(game.num_states)
    open_states = ~game.terminal
    h[open_states] = np.linalg.lstsq(shaping[known][:, open_states], (true - found)[known])[0]
    return found + shaping @ h


@pytest.mark.parametrize("value_states", ["demonstrated", "visited"])
@pytest.mark.parametrize("transitions", [2_000, 20_000])
def test_policies_and_rewards_are_recovered(transitions, value_states):
    """The bounds hold for the published weight 1/4 of χ², whose bias does not vanish with data, and for a tenth of it."""
    game, expert, shown = expert_play(0, transitions=transitions)
    truth, likely = policy_profile(game, expert.policy), maximum_likelihood(shown)
    visits = {"iterations": 10, "episodes": 50, "steps": transitions // 50} if value_states == "visited" else {}
    for chi2, bound in ((0.025, 0.01), (0.25, None)):
        found = mamql(game, demonstrations=shown, chi2_coefficient=chi2, value_states=value_states, **visits)
        for player, policy in enumerate(policy_profile(game, found.policy)):
            variation = total_variation(policy, truth[player])
            assert variation <= (0.1 if bound is None else total_variation(likely[player], truth[player]) + bound)
            assert recovery(found.marginals.rewards[player], expert.marginals.rewards[player]) >= 0.9


@pytest.mark.parametrize("seed", range(1, 5))
def test_games_that_end_are_recovered_too(seed):
    """Three players, 3,000 episodes up to a terminal state. How soon a match ends is what a shaping hides best."""
    game = unstructured_game(seed=seed, sizes=(3, 4, 3), terminal=True)
    expert = soft_markov_equilibrium(game, until=1e-12)
    shown = demonstrate(game, expert.policy, episodes=3_000, steps=50, seed=seed)
    found = mamql(game, demonstrations=shown, chi2_coefficient=0.025)
    assert found.converged and found.gap <= 1e-9 and found.unique
    for player, policy in enumerate(policy_profile(game, found.policy)):
        assert total_variation(policy, policy_profile(game, expert.policy)[player]) < 0.04
        shaped = nearest_shaping(game, expert, player, found.marginals.rewards[player])
        assert recovery(shaped[:-1], expert.marginals.rewards[player][:-1]) >= 0.95


def test_one_player_is_single_agent_iq_learn():
    """Its loss ``value`` with χ² and α = 1, minimised by somebody else's method."""
    game, _, shown = expert_play(3, transitions=1_000, sizes=(3,))
    found = mamql(game, demonstrations=shown)

    def loss(flat):
        critic = flat.reshape(6, 3)
        value = np.log(np.exp(critic).sum(axis=1))
        onward = 0.9 * value[shown.successors]
        reward = critic[shown.states, shown.actions[:, 0]] - onward
        return (value[shown.states] - onward - reward + reward**2 / 4).mean() + 1e-5 * (critic**2).sum()

    theirs = minimize(loss, np.zeros(18), method="BFGS", options={"gtol": 1e-7})
    assert np.abs(found.marginals.critics[0].ravel() - theirs.x).max() < 1e-4
    assert loss(found.marginals.critics[0].ravel()) == pytest.approx(theirs.fun, abs=1e-9)
    assert found.converged


def test_with_few_demonstrations_marginal_critics_recover_more_than_joint_ones():
    """Three players, 200 transitions: means over six games and all players."""
    ours, theirs = [], []
    for seed in range(6):
        game, expert, shown = expert_play(seed, transitions=200, sizes=(3, 3, 3))
        found, truth = mamql(game, demonstrations=shown), policy_profile(game, expert.policy)
        ways = (
            (ours, policy_profile(game, found.policy), found.marginals.rewards),
            (theirs, *iql_ma(shown, game.discount)),
        )
        for scores, policies, rewards in ways:
            for player in range(3):
                scores.append(
                    (
                        total_variation(policies[player], truth[player]),
                        recovery(rewards[player], expert.marginals.rewards[player]),
                    )
                )
    (variation, correlation), (joint_variation, joint_correlation) = np.mean(ours, axis=0), np.mean(theirs, axis=0)
    assert variation < joint_variation - 0.01 and correlation > joint_correlation + 0.1


def test_values_of_visited_states_are_those_of_demonstrated_ones():
    """To three digits: the policies visit what the demonstrations visit."""
    game, _, shown = expert_play(2, transitions=5_000)
    plain = mamql(game, demonstrations=shown)
    visited = mamql(game, demonstrations=shown, value_states="visited", episodes=50, steps=100, iterations=20)
    for one, other in zip(policy_profile(game, plain.policy), policy_profile(game, visited.policy), strict=True):
        assert np.abs(one - other).max() < 2e-3
    assert plain.converged and not visited.converged and visited.guarantee == "none"


def test_the_smaller_the_price_of_rewards_the_nearer_are_the_frequencies():
    game, _, shown = expert_play(1, transitions=5_000)
    apart = []
    for chi2 in (0.25, 0.025, 1e-6):
        profile = policy_profile(game, mamql(game, demonstrations=shown, chi2_coefficient=chi2, until=1e-10).policy)
        likely = maximum_likelihood(shown)
        apart.append(max(total_variation(one, other) for one, other in zip(profile, likely, strict=True)))
    assert apart[0] > apart[1] > apart[2] and apart[2] < 1e-3


def test_critics_rewards_and_policies_fit_each_other():
    game, _, shown = expert_play(4, transitions=2_000, terminal=True)
    found = mamql(game, demonstrations=shown)
    for player, (critic, rewards) in enumerate(zip(found.marginals.critics, found.marginals.rewards, strict=True)):
        value = np.log(np.exp(critic).sum(axis=1))
        for state, action in np.ndindex(critic.shape):
            here = (shown.states == state) & (shown.actions[:, player] == action)
            ahead = np.where(shown.done[here], 0.0, value[shown.successors[here]])
            expected = critic[state, action] - 0.9 * ahead.mean() if here.any() else math.nan
            assert rewards[state, action] == pytest.approx(expected, abs=1e-12, nan_ok=True)
        assert np.allclose(policy_profile(game, found.policy)[player], soft_policy(critic), atol=1e-12)


def test_what_nobody_showed_has_no_reward_and_states_never_seen_are_played_uniformly():
    game = unstructured_game(seed=0, states=3)
    shown = Demonstrations(
        game="",
        num_states=3,
        sizes=(3, 3),
        states=np.array([0, 0]),
        actions=np.array([[0, 2], [1, 2]]),
        successors=np.array([1, 1]),
        done=np.zeros(2, bool),
    )
    found = mamql(game, demonstrations=shown)
    assert np.isnan(found.marginals.rewards[0]).tolist() == [[False, False, True], [True] * 3, [True] * 3]
    for rows in policy_profile(game, found.policy):
        assert np.allclose(rows[1:], 1 / 3, atol=1e-12)
    seldom = policy_profile(game, found.policy)[0][0, 2]
    assert 0 < seldom < 1e-3 and np.isfinite(found.marginals.critics[0]).all()


def test_relabelled_players_and_actions_are_recovered_relabelled():
    game, _, shown = expert_play(5, transitions=1_000, sizes=(2, 3))
    order = np.array([2, 0, 1])
    turned = markov_game(
        game.transitions[:, :, order].swapaxes(1, 2),
        game.rewards[:, :, :, order].swapaxes(2, 3)[::-1],
        discount=0.9,
        initial=game.initial,
    )
    place = np.argsort(order)
    actions = np.stack((place[shown.actions[:, 1]], shown.actions[:, 0]), axis=1)
    again = mamql(turned, demonstrations=dataclasses.replace(shown, sizes=(3, 2), actions=actions))
    first = mamql(game, demonstrations=shown)
    assert np.allclose(again.marginals.critics[1], first.marginals.critics[0], atol=1e-9)
    assert np.allclose(again.marginals.critics[0], first.marginals.critics[1][:, order], atol=1e-9)
    assert again.values == pytest.approx(first.values[::-1], abs=1e-9)


def test_the_games_rewards_are_not_looked_at():
    game, _, shown = expert_play(6, transitions=1_000)
    unpaid = markov_game(game.transitions, 0 * game.rewards, discount=0.9, initial=game.initial)
    first, second = mamql(game, demonstrations=shown), mamql(unpaid, demonstrations=shown)
    assert first.policy == second.policy and second.values == pytest.approx((0, 0))
    for one, other in zip(first.marginals.rewards, second.marginals.rewards, strict=True):
        assert np.array_equal(one, other, equal_nan=True)


def test_the_certificate_is_the_gradient_and_an_early_stop_is_not_called_converged():
    game, _, shown = expert_play(0, transitions=1_000)
    early = mamql(game, demonstrations=shown, iterations=1)
    assert early.gap > 1e-6 and not early.converged and early.gap_kind == "gradient_norm" and early.unique is None
    assert "gap²" in early.guarantee
    again = mamql(game, demonstrations=shown, iterations=1, until=None)
    assert again.policy == early.policy and not again.converged
    heard = []
    whole = mamql(game, demonstrations=shown, progress=lambda *said: heard.append(said))
    assert tuple(heard) == whole.history and whole.gap <= 1e-9 and whole.iterations < 20


def test_a_dear_reward_leaves_the_least_value_unproven():
    """With c = 2 rewards above 1/4 lie beyond the top of the parabola, and some are where they are large."""
    game, _, shown = expert_play(0, transitions=2_000, scale=3.0)
    found = mamql(game, demonstrations=shown, chi2_coefficient=2.0)
    assert found.gap <= 1e-9 and not found.converged and found.guarantee == "none" and found.unique is None


@pytest.mark.parametrize("value_states", ["demonstrated", "visited"])
def test_an_interrupted_run_goes_on_to_the_same_end(value_states, tmp_path):
    game, _, shown = expert_play(1, transitions=1_000)
    file, settings = tmp_path / "run.npz", {"value_states": value_states, "until": None}
    mamql(game, demonstrations=shown, iterations=3, checkpoint=file, **settings)
    resumed = mamql(game, demonstrations=shown, iterations=7, checkpoint=file, **settings)
    whole = mamql(game, demonstrations=shown, iterations=7, **settings)
    assert resumed.policy == whole.policy and resumed.gap == whole.gap and resumed.history == whole.history
    with pytest.raises(SpecificationError, match="is a checkpoint of mamql"):
        mamql(game, demonstrations=shown, iterations=7, checkpoint=file, chi2_coefficient=0.1, **settings)


def test_demonstrations_may_stand_in_a_file(tmp_path):
    game, _, shown = expert_play(0, transitions=1_000)
    save_demonstrations(shown, tmp_path / "shown.npz")
    assert mamql(game, demonstrations=tmp_path / "shown.npz").policy == mamql(game, demonstrations=shown).policy


def test_demonstrations_are_needed_and_must_be_of_the_game():
    game, _, shown = expert_play(0, transitions=100)
    with pytest.raises(SpecificationError, match="learns from demonstrations"):
        mamql(game)
    with pytest.raises(SpecificationError, match="have 6 states"):
        mamql(unstructured_game(seed=0, states=5), demonstrations=shown)


@pytest.mark.parametrize(
    "settings",
    [
        {"chi2_coefficient": 0.0},
        {"chi2_coefficient": math.nan},
        {"l2_coefficient": 0.0},
        {"l2_coefficient": math.inf},
        {"value_states": "all"},
        {"episodes": 0},
        {"steps": 0},
        {"seed": -1},
        {"iterations": 0},
        {"until": 0.0},
    ],
)
def test_settings_outside_their_range_are_refused(settings):
    game, _, shown = expert_play(0, transitions=100)
    with pytest.raises(ValueError, match=r"must be|value_states is"):
        mamql(game, demonstrations=shown, **settings)


def test_games_of_another_kind_are_refused():
    with pytest.raises(NotProvided, match="mamql needs a tabular Markov game"):
        mamql(load_game("matrix:rps"))
    with pytest.raises(NotProvided, match="has a horizon"):
        mamql(load_game("markov:random(horizon=3)"))

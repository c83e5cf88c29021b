"""SMAX as a vector environment."""

import numpy as np
import pytest
import torch

from arena.games import SpecificationError
from arena.games.smax.rules import Rules, scenario_named
from arena.games.smax.scripted import scripted_actions
from arena.games.smax.simulator import Smax
from arena.games.smax.vector_env import SmaxVectorEnv


def env_of(name="3m", num_envs=16, settings=None, **options):
    return SmaxVectorEnv(Rules(scenario=scenario_named(name), **(settings or {})), num_envs, **options)


def draw(env, info, generator):
    legal = info["legal_actions"].float().flatten(0, 1)
    return torch.multinomial(legal, 1, generator=generator).reshape(env.num_envs, env.units)


def test_shapes_and_spaces():
    env = env_of("5m_vs_6m")
    observations, info = env.reset(seed=1)
    assert observations.shape == env.observation_space.shape == (16, 5, env.rules.observation_width)
    assert info["legal_actions"].shape == (16, 5, 11) and info["world_state"].shape == (16, 11 * 12)
    assert env.action_space.contains(np.full((16, 5), 4))
    observations, rewards, terminated, truncated, info = env.step(torch.full((16, 5), 4))
    assert rewards.shape == terminated.shape == truncated.shape == (16,)
    both = env_of("5m_vs_6m", opponent=None)
    assert both.reset()[0].shape == (16, 11, both.rules.observation_width)
    assert both.step(torch.full((16, 11), 4))[1].shape == (16, 2)


def test_matches_that_are_over_begin_anew_within_the_step():
    env, generator = env_of(num_envs=64), torch.Generator().manual_seed(0)
    observations, info = env.reset(seed=3)
    ended = 0
    for _ in range(60):
        before = env._state.step.clone()
        observations, _, terminated, truncated, info = env.step(draw(env, info, generator))
        over = terminated | truncated
        assert torch.equal(env._state.step, torch.where(over, 0, before + 1))
        assert torch.equal(observations[~over], info["final_observation"][~over])
        assert (observations[over] != info["final_observation"][over]).any() or not over.any()
        assert (env._state.health[over] == 45).all() and info["alive"][over].all()
        ended += int(over.sum())
    assert ended > 64


def test_the_same_seed_gives_the_same_matches_and_another_one_others():
    def rewards_of(seed):
        env, generator = env_of("smacv2_5_units"), torch.Generator().manual_seed(0)
        _, info = env.reset(seed=seed)
        rows = []
        for _ in range(40):
            _, rewards, _, _, info = env.step(draw(env, info, generator))
            rows.append(rewards)
        return torch.stack(rows)

    assert torch.equal(rewards_of(1), rewards_of(1)) and not torch.equal(rewards_of(1), rewards_of(2))


def test_a_reset_without_a_seed_goes_on_with_new_matches():
    env = env_of()
    first, again = env.reset(seed=5)[0], env.reset()[0]
    assert not torch.equal(first, again) and torch.equal(first, env.reset(seed=5)[0])


def test_rewards_are_the_simulators_and_the_bonus_comes_with_the_win():
    env, generator = env_of("3m", num_envs=200, settings={"self_play_reward": True}), torch.Generator().manual_seed(0)
    _, info = env.reset(seed=0)
    won = lost = 0
    for _ in range(30):
        _, rewards, terminated, _, info = env.step(draw(env, info, generator))
        assert torch.equal(rewards == 1, info["won"]) and set(rewards.unique().tolist()) <= {-1.0, 0.0, 1.0}
        won, lost = won + int((rewards == 1).sum()), lost + int((rewards == -1).sum())
        assert terminated[rewards != 0].all()
    assert lost > won


def test_time_runs_out_as_truncation():
    env = env_of(opponent=None, settings={"max_steps": 3})
    env.reset(seed=0)
    for step in range(8):
        _, _, terminated, truncated, _ = env.step(torch.full((16, 6), 4))
        assert not terminated.any() and truncated.all() == (step % 4 == 3)


def test_enemies_that_do_not_shoot_only_chase():
    env = env_of("3m", num_envs=50, opponent_shoots=False)
    env.reset(seed=0)
    for _ in range(20):
        env.step(torch.full((50, 3), 4))
        assert (env._state.health[:, :3] == 45).all()
    assert (env._state.position[:, 3:, 0].mean() - env._state.position[:, :3, 0].mean()).abs() < 8


@pytest.mark.parametrize(("opponent", "units"), [(None, 6), ("closest", 3)])
def test_continuous_actions_have_no_legal_ones(opponent, units):
    env = env_of(opponent=opponent, settings={"actions": "continuous"})
    _, info = env.reset(seed=0)
    assert "legal_actions" not in info and env.single_action_space.shape == (units, 4)
    observations, *_ = env.step(torch.rand(16, units, 4))
    assert torch.isfinite(observations).all()
    assert env.observation_space.dtype == np.float32 and env.action_space.contains(np.ones((16, units, 4), np.float32))


def test_scripted_enemies_of_continuous_actions_act_as_those_of_discrete_ones():
    """While the allies stand still by either kind of actions, all matches are the same, to the last bit."""
    smooth, stepped = env_of("5m_vs_6m", settings={"actions": "continuous"}), env_of("5m_vs_6m")
    for env in (smooth, stepped):
        env.reset(seed=4)
    still = torch.zeros(16, 5, 4)
    still[..., 1] = 1.0  # always move, no way at all
    for _ in range(25):
        left, right = smooth.step(still), stepped.step(torch.full((16, 5), 4))
        assert torch.equal(left[0], right[0]) and torch.equal(left[1], right[1])
    assert (smooth.state.health[:, :5] < 45).any()


def test_continuous_allies_act_as_they_would_with_both_teams_acted_for():
    settings, generator = {"actions": "continuous", "max_steps": 30}, torch.Generator().manual_seed(0)
    env = env_of("2s3z", settings=settings)
    env.reset(seed=4)
    for _ in range(20):
        before, action = env.state, torch.rand(16, 5, 4, generator=generator)
        both = torch.cat((action, torch.rand(16, 5, 4, generator=generator)), 1)
        movement, attack = env.smax.orders(before, both, env._seed)
        _, _, terminated, _, _ = env.step(action)
        assert not terminated.any()
        assert torch.equal(env.state.movement[:, :5], movement[:, :5])
        assert torch.equal(env.state.attack[:, :5], attack[:, :5])
    assert (env.state.attack[:, :5] > 0).any() and (env.state.attack[:, 5:] > 0).any()


def test_no_environments_are_refused():
    with pytest.raises(SpecificationError, match="at least 1"):
        env_of(num_envs=0)


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (torch.full((16, 3), 8), "from 0 to 7; got 8 to 8"),
        (torch.full((16, 3), -1), "from 0 to 7"),
        (torch.full((16, 6), 4), "shape"),
        (torch.full((3,), 4), "shape"),
        (torch.full((16, 3), 4.0), "whole numbers"),
    ],
)
def test_what_is_no_action_is_refused(action, said):
    env = env_of()
    env.reset(seed=0)
    with pytest.raises(ValueError, match=said):
        env.step(action)


def test_actions_may_be_arrays_of_any_whole_numbers():
    ends = []
    for kind in (np.int64, np.int32, np.uint8):
        env = env_of()
        env.reset(seed=np.int64(1))
        ends.append(env.step(np.full((16, 3), 1, kind))[0])
    assert torch.equal(ends[0], ends[1]) and torch.equal(ends[0], ends[2])


def test_continuous_actions_must_be_numbers():
    env = env_of(opponent=None, settings={"actions": "continuous"})
    with pytest.raises(ValueError, match="NaN"):
        env.step(torch.full((16, 6, 4), torch.nan))


def test_each_environment_may_have_a_seed_of_its_own():
    env = env_of(num_envs=3)
    first, again = env.reset(seed=[1, 2, 3])[0], env.reset(seed=[1, 5, 3])[0]
    assert torch.equal(first[::2], again[::2]) and not torch.equal(first[1], again[1])
    assert torch.equal(env.reset(seed=[7, 7, 7])[0], env.reset(seed=7)[0])


@pytest.mark.parametrize("seed", [-1, 1 << 63, [1, 2], [None] * 16])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match="seed must be"):
        env_of().reset(seed=seed)


def test_the_final_info_is_of_the_match_that_is_over():
    env, generator = env_of(num_envs=64), torch.Generator().manual_seed(0)
    _, info = env.reset(seed=3)
    ended = 0
    for _ in range(40):
        _, _, terminated, truncated, info = env.step(draw(env, info, generator))
        over, final = terminated | truncated, info["final_info"]
        for name in ("alive", "legal_actions", "world_state"):
            assert torch.equal(final[name][~over], info[name][~over])
        assert torch.equal(info["world_state"], env.smax.world_state(env.state))
        assert torch.equal(info["legal_actions"], env.smax.legal_actions(env.state)[:, :3])
        health = final["world_state"][terminated][:, :72].reshape(-1, 6, 12)[..., 0]
        assert ((health[:, :3] == 0).all(1) | (health[:, 3:] == 0).all(1)).all()
        ended += int(over.sum())
    assert ended > 64


def test_scripted_enemies_play_on_when_the_trained_units_see_cones():
    cones, lists = env_of(settings={"observation": "conic"}), env_of()
    assert cones.reset(seed=1)[0].shape[2] == 842
    for env in (cones, lists):
        env.reset(seed=1)
        for _ in range(12):
            env.step(torch.full((16, 3), 4))
    assert torch.equal(cones._state.position, lists._state.position)


def test_scripted_enemies_of_a_new_match_remember_nothing_of_the_last():
    env, generator = env_of("smacv2_5_units", num_envs=64), torch.Generator().manual_seed(0)
    _, info = env.reset(seed=3)
    ended = 0
    for _ in range(60):
        *_, terminated, truncated, info = env.step(draw(env, info, generator))
        over = terminated | truncated
        goal, last = env._memory.goal.reshape(64, 5, 2), env._memory.last.reshape(64, 5)
        assert (goal[over] == 0).all() and (last[over] == -1).all()
        assert (goal[~over] != 0).any(-1).all()
        ended += int(over.sum())
    assert ended > 30


def test_scripted_enemies_draw_anew_at_every_step(monkeypatch):
    drawn = []

    def noted(seen, memory, draws, **settings):
        drawn.append(draws)
        return scripted_actions(seen, memory, draws, **settings)

    monkeypatch.setattr("arena.games.smax.vector_env.scripted_actions", noted)
    env = env_of("3m")
    env.reset(seed=0)
    for _ in range(10):
        env.step(torch.full((16, 3), 4))
    assert torch.cat(drawn).unique().numel() > 950  # of 960


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_plays_as_a_cpu_does():
    rules, seed = Rules(scenario=scenario_named("2s3z")), torch.arange(256)
    here, there = Smax(rules), Smax(rules, "cuda")
    mine, theirs = here.start(seed), there.start(seed.cuda())
    stop = torch.full((256, 10), 1)
    for _ in range(20):
        mine, theirs = here.advance(mine, stop, seed), there.advance(theirs, stop.cuda(), seed.cuda())
    assert (mine.position - theirs.position.cpu()).abs().max() < 1e-3


@pytest.mark.parametrize(("name", "actions"), [("5m_vs_6m", "discrete"), ("3m", "continuous")])
def test_the_other_team_can_be_acted_for(name, actions, monkeypatch):
    env = env_of(name, settings={"actions": actions}, team=1)
    both = env_of(name, settings={"actions": actions}, opponent=None)
    allies, generator = env.rules.scenario.num_allies, torch.Generator().manual_seed(0)
    seen, info = env.reset(seed=4)
    all_seen, all_info = both.reset(seed=4)
    assert env.units == env.rules.scenario.num_enemies
    orders, ordered = [], env._orders

    def kept(action):
        orders[:] = ordered(action)
        return tuple(part.clone() for part in orders)  # what a step is given becomes part of the state

    monkeypatch.setattr(env, "_orders", kept)
    monkeypatch.setattr(both, "_orders", lambda _: orders)
    for _ in range(40):
        torch.testing.assert_close(seen, all_seen[:, allies:])
        assert torch.equal(info["alive"], all_info["alive"][:, allies:])
        if actions == "discrete":
            assert torch.equal(info["legal_actions"], all_info["legal_actions"][:, allies:])
            action = draw(env, info, generator)
        else:
            action = torch.rand(16, env.units, 4, generator=generator)
        seen, rewards, *_, info = env.step(action)
        all_seen, all_rewards, *_, all_info = both.step(torch.zeros(both.action_space.shape, dtype=action.dtype))
        assert torch.equal(rewards, all_rewards[:, 1])
        assert not (info["won"] & all_info["won"]).any()


def test_matches_taken_up_from_their_arrays_go_on_as_they_would_have():
    env, generator = env_of("smacv2_5_units"), torch.Generator().manual_seed(0)
    _, info = env.reset(seed=3)
    for _ in range(9):
        info = env.step(draw(env, info, generator))[-1]
    kept, other = env.arrays(), env_of("smacv2_5_units")
    other.restore(kept)
    for _ in range(40):
        action = draw(env, info, generator)
        seen, *_, info = env.step(action)
        assert torch.equal(seen, other.step(action)[0])
    with pytest.raises(SpecificationError, match="must have the shape"):
        env_of("smacv2_5_units", num_envs=3).restore(kept)
    for name, broken in (("unit_type", 99), ("attack", -1), ("step", 10**6), ("begun", -1)):
        with pytest.raises(SpecificationError, match=f"'{name}' of the matches must be from 0"):
            other.restore({**kept, name: np.full_like(kept[name], broken)})

"""SMAX as a PettingZoo parallel environment."""

import warnings

import numpy as np
import pytest

from arena.games import ArenaError, load_game, to_pettingzoo
from arena.games.smax.parallel_env import SmaxParallelEnv
from arena.games.smax.rules import Rules, scenario_named

with warnings.catch_warnings():
    # PettingZoo's tests import an environment in a way that PettingZoo itself deprecates
    warnings.filterwarnings("ignore", message="The old environment creation API", category=DeprecationWarning)
    from pettingzoo.test import parallel_api_test, parallel_seed_test


def env_of(name="3m", settings=None, **options):
    return SmaxParallelEnv(Rules(scenario=scenario_named(name), **(settings or {})), **options)


@pytest.mark.parametrize("opponent", ["closest", None])
def test_it_passes_pettingzoos_own_tests(opponent):
    settings = {"max_steps": 12}
    parallel_api_test(env_of("5m_vs_6m", settings, opponent=opponent), num_cycles=40)
    parallel_seed_test(lambda: env_of("5m_vs_6m", settings, opponent=opponent), num_cycles=20)


def test_the_game_itself_passes_them_too():
    parallel_api_test(to_pettingzoo(load_game("smax:3m(max_steps=8)")), num_cycles=30)


def test_everybody_stays_and_is_paid_until_the_end():
    env = env_of(opponent=None)
    observations, _ = env.reset(seed=2)
    rng = np.random.default_rng(0)
    total = dict.fromkeys(env.possible_agents, 0.0)
    while env.agents:
        assert env.agents == env.possible_agents
        actions = {
            name: int(rng.choice(np.flatnonzero(seen["action_mask"]))) if name.startswith("ally") else 3
            for name, seen in observations.items()
        }
        observations, rewards, terminations, truncations, _ = env.step(actions)
        total = {name: total[name] + rewards[name] for name in total}
    assert len({total[name] for name in total if name.startswith("ally")}) == 1
    assert all(terminations.values()) or all(truncations.values())
    with pytest.raises(ArenaError, match="reset"):
        env.step({})


def test_an_action_that_is_not_legal_is_a_stop():
    stopped, attacking = env_of(), env_of()
    first = [env.reset(seed=1)[0] for env in (stopped, attacking)]
    assert first[0]["ally_0"]["action_mask"][5] == 0
    left = stopped.step(dict.fromkeys(stopped.agents, 4))[0]
    right = attacking.step(dict.fromkeys(attacking.agents, 5))[0]
    assert all(np.array_equal(left[name]["observation"], right[name]["observation"]) for name in left)
    assert stopped.state().shape == (72,) and "ally unit 0" in stopped.render()


def test_the_last_masks_and_state_are_of_the_match_that_is_over():
    env = env_of(opponent=None)
    env.reset(seed=2)
    while env.agents:  # the enemies walk west and into the wall, or are stopped by nobody
        observations, *_ = env.step({name: 4 if name.startswith("ally") else 3 for name in env.agents})
    health = env.state().reshape(-1)[: 6 * 12].reshape(6, 12)[:, 0]
    assert (health[3:] == 0).all()
    for name, seen in observations.items():
        dead = seen["observation"][-10] == 0
        assert dead == name.startswith("enemy")
        assert list(np.flatnonzero(seen["action_mask"])[:5]) == ([4] if dead else [0, 1, 2, 3, 4])


@pytest.mark.parametrize("actions", [{}, {"ally_0": 99}, {"ally_0": -1}, {"ally_0": 0.5}])
def test_what_is_no_action_is_refused(actions):
    env = env_of()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="ally_"):
        env.step({**({"ally_1": 4, "ally_2": 4} if actions else {}), **actions})


def test_continuous_actions_have_no_masks():
    with pytest.raises(ArenaError, match="masks"):
        env_of(settings={"actions": "continuous"})

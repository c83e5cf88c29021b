"""Records matches of JaxMARL's SMAX, the reference that Arena's is held against: run it by hand where jaxmarl is installed.

    python record_jaxmarl.py OUT_FOLDER [SCENARIO ...]
    python record_jaxmarl.py OUT_FOLDER --statistics

The first writes OUT_FOLDER/SCENARIO.npz, small enough to be kept beside the tests. Of each match, step by step: the state, the actions
of all units, the words of chance that were used, and the state, rewards and end that followed; of some steps also legal
actions, observations of both kinds and the world state. The second writes OUT_FOLDER/statistics.npz: how many of
MATCHES matches between scripted teams each side won in scenarios where units push one another, which no two
implementations play alike to the last bit; and how STARTS matches start.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxmarl.environments.smax import heuristic_enemy, map_name_to_scenario
from jaxmarl.environments.smax.smax_env import MAP_NAME_TO_SCENARIO, SMAX

ALLIES_PLAY = ("random", "closest", "idle")
"""What the allies do in the matches that are recorded; enemies are scripted, and idle too where the allies are."""
SHOWN_STEPS = 5
SUBSTEPS = 8
MATCHES, STARTS = 600, 400
CONTACT = ("8m", "2s3z", "3s5z", "5m_vs_6m", "6h_vs_8z", "smacv2_5_units")
STARTING = ("3m", "5m_vs_6m", "smacv2_5_units")
STATE = ("unit_positions", "unit_health", "unit_weapon_cooldowns", "prev_movement_actions", "prev_attack_actions")


def main() -> None:
    folder = Path(sys.argv[1])
    if sys.argv[2:] == ["--statistics"]:
        held = {f"outcomes.{name}": outcomes(name) for name in CONTACT}
        for name in STARTING:
            env = SMAX(scenario=map_name_to_scenario(name))
            _, starts = jax.jit(jax.vmap(env.reset))(jax.random.split(jax.random.PRNGKey(5), STARTS))
            held |= {f"positions.{name}": starts.unit_positions, f"types.{name}": starts.unit_types}
        np.savez_compressed(folder / "statistics.npz", **{key: np.asarray(value) for key, value in held.items()})
        return
    for name in sys.argv[2:] or MAP_NAME_TO_SCENARIO:
        held = recorded(name)
        np.savez_compressed(folder / f"{name}.npz", **held)
        print(name, {key: array.shape for key, array in held.items() if key.startswith("random")}, flush=True)


def recorded(name: str) -> dict[str, np.ndarray]:
    plain, conic, selfish, blind, continuous = (
        SMAX(scenario=map_name_to_scenario(name), **settings)
        for settings in (
            {},
            {"observation_type": "conic"},
            {"use_self_play_reward": True},
            {"see_enemy_actions": False},
            {"action_type": "continuous"},
        )
    )
    held: dict[str, np.ndarray] = {}
    for number, allies in enumerate(ALLIES_PLAY if name == "3m" else ALLIES_PLAY[:2]):
        steps = match(plain, selfish, allies, jax.random.PRNGKey(number))
        for key, values in steps.items():
            held[f"{allies}.{key}"] = np.stack(values)
        held[f"{allies}.unit_types"] = np.asarray(steps_types(plain, number))
        shown = np.unique(np.linspace(0, len(steps["action"]) - 1, SHOWN_STEPS).astype(int))
        held[f"{allies}.shown"] = shown
        if allies != "idle":
            held |= {f"{allies}.{key}": value for key, value in seen(plain, conic, blind, steps, shown, number).items()}
    held |= {f"continuous.{key}": value for key, value in continuous_match(continuous).items()}
    return held


def start(env: SMAX, number: int):
    return env.reset(jax.random.PRNGKey(number))


def steps_types(env: SMAX, number: int):
    return start(env, number)[1].unit_types


def state_of(env: SMAX, steps: dict[str, list], at: int, number: int):
    _, first = start(env, number)
    return first.replace(
        **{key: jnp.asarray(steps[key][at]) for key in STATE}, unit_alive=jnp.asarray(steps["unit_health"][at] > 0)
    )


def noise(env: SMAX, key) -> jax.Array:
    """What `step_env` draws from this key for the cooldowns [SUBSTEPS, units]."""
    key, _ = jax.random.split(key)
    drawn = []
    for _ in range(SUBSTEPS):
        key, world = jax.random.split(key)
        draw = partial(jax.random.uniform, minval=-env.time_per_step, maxval=2 * env.time_per_step)
        drawn.append(jax.vmap(draw)(jax.random.split(world, env.num_agents)))
    return jnp.stack(drawn)


def match(env: SMAX, selfish: SMAX, allies: str, key) -> dict[str, list]:
    n, a = env.num_agents, env.num_allies
    scripts = [heuristic_enemy.create_heuristic_policy(env, team) for team in (0, 1)]
    memory = [
        jax.tree.map(lambda *x: jnp.stack(x), *([heuristic_enemy.get_heuristic_policy_initial_state()] * count))
        for count in (a, n - a)
    ]

    @jax.jit
    def step(key, state, obs, memory):
        keys = jax.random.split(key, 4)
        seen = jnp.stack([obs[agent] for agent in env.agents])
        legal = env.get_avail_actions(state)
        ours, ours_memory = jax.vmap(scripts[0])(jax.random.split(keys[0], a), memory[0], seen[:a])
        theirs, theirs_memory = jax.vmap(scripts[1])(jax.random.split(keys[1], n - a), memory[1], seen[a:])
        if allies == "random":
            ours = jnp.stack(
                [
                    jax.random.categorical(one, jnp.where(legal[agent] > 0, 0.0, -1e9))
                    for one, agent in zip(jax.random.split(keys[2], a), env.agents[:a], strict=True)
                ]
            )
        if allies == "idle":
            ours, theirs = jnp.full_like(ours, 4), jnp.full_like(theirs, 4)
        action = jnp.concatenate([ours, theirs]).astype(jnp.int32)
        actions = {agent: action[i] for i, agent in enumerate(env.agents)}
        obs, after, rewards, done, _ = env.step_env(keys[3], state, actions)
        won = selfish.step_env(keys[3], state, actions)[2]
        two = [jnp.stack([r[env.agents[0]], r[env.agents[-1]]]) for r in (rewards, won)]
        told = {
            "action": action,
            "noise": noise(env, keys[3]),
            "reward": two[0],
            "won": two[1],
            "done": done["__all__"],
        }
        return after, obs, (ours_memory, theirs_memory), told

    obs, state = env.reset(key)
    steps: dict[str, list] = {key: [np.asarray(getattr(state, key))] for key in STATE}
    memory = tuple(memory)
    while True:
        key, one = jax.random.split(key)
        state, obs, memory, told = step(one, state, obs, memory)
        for name, value in told.items():
            steps.setdefault(name, []).append(np.asarray(value))
        for name in STATE:
            steps[name].append(np.asarray(getattr(state, name)))
        if told["done"]:
            return steps


def outcomes(name: str) -> np.ndarray:
    """[3]: matches that allies won, that enemies won, that neither did; both teams scripted, closest targets."""
    env = SMAX(scenario=map_name_to_scenario(name))
    n, a = env.num_agents, env.num_allies
    scripts = [heuristic_enemy.create_heuristic_policy(env, team) for team in (0, 1)]

    def memory(count: int):
        fresh = heuristic_enemy.get_heuristic_policy_initial_state()
        return jax.tree.map(lambda *x: jnp.stack(x), *([fresh] * count))

    def played(key):
        key, first = jax.random.split(key)
        obs, state = env.reset(first)

        def step(carry, _):
            key, state, obs, memories, result = carry
            key, *keys = jax.random.split(key, 4)
            seen = jnp.stack([obs[agent] for agent in env.agents])
            ours, ours_memory = jax.vmap(scripts[0])(jax.random.split(keys[0], a), memories[0], seen[:a])
            theirs, theirs_memory = jax.vmap(scripts[1])(jax.random.split(keys[1], n - a), memories[1], seen[a:])
            action = jnp.concatenate([ours, theirs]).astype(jnp.int32)
            actions = {agent: action[i] for i, agent in enumerate(env.agents)}
            obs, state, _, done, _ = env.step_env(keys[2], state, actions)
            alive = jnp.array([state.unit_alive[:a].any(), state.unit_alive[a:].any()])
            now = jnp.where(alive[0] & ~alive[1], 0, jnp.where(alive[1] & ~alive[0], 1, 2))
            result = jnp.where((result < 0) & done["__all__"], now, result)
            return (key, state, obs, (ours_memory, theirs_memory), result), None

        carry = (key, state, obs, (memory(a), memory(n - a)), jnp.array(-1))
        return jax.lax.scan(step, carry, None, length=101)[0][-1]

    results = jax.jit(jax.vmap(played))(jax.random.split(jax.random.PRNGKey(3), MATCHES))
    return np.bincount(np.asarray(results), minlength=3)


def seen(plain: SMAX, conic: SMAX, blind: SMAX, steps, shown, number: int) -> dict[str, np.ndarray]:
    held: dict[str, list] = {
        "legal_allies": [],
        "legal_enemies": [],
        "unit_list": [],
        "conic": [],
        "blind": [],
        "world": [],
    }
    a = plain.num_allies
    for at in shown:
        state = state_of(plain, steps, int(at), number)
        legal = plain.get_avail_actions(state)
        held["legal_allies"].append(np.stack([legal[agent] for agent in plain.agents[:a]]))
        held["legal_enemies"].append(np.stack([legal[agent] for agent in plain.agents[a:]]))
        for name, env in (("unit_list", plain), ("conic", conic), ("blind", blind)):
            obs = env.get_obs(state)
            held[name].append(np.stack([obs[agent] for agent in env.agents]))
        held["world"].append(plain.get_world_state(state))
    return {name: np.stack(values) for name, values in held.items()}


def continuous_match(env: SMAX) -> dict[str, np.ndarray]:
    """A few decoded actions along a match of random ones, with what was drawn."""
    key = jax.random.PRNGKey(11)
    _, state = env.reset(key)
    held: dict[str, list] = {"action": [], "moves": [], "aims": [], "movement": [], "attack": []}
    held |= {name: [] for name in STATE}
    for _ in range(8):
        key, draw, one = jax.random.split(key, 3)
        action = jax.random.uniform(draw, (env.num_agents, 4))
        _, decode = jax.random.split(one)
        moving, aiming = jax.random.split(decode)
        logit = lambda p: jnp.array([jnp.log(p), jnp.log(1 - p)])  # noqa: E731
        held["moves"].append(jax.random.categorical(moving, logit(action[:, 1]), axis=0) == 0)
        held["aims"].append(jax.random.categorical(aiming, logit(action[:, 0]), axis=0) == 0)
        for name in STATE:
            held[name].append(getattr(state, name))
        held["action"].append(action)
        _, state, _, _, _ = env.step_env(one, state, {agent: action[i] for i, agent in enumerate(env.agents)})
        held["movement"].append(state.prev_movement_actions)
        held["attack"].append(state.prev_attack_actions)
    return {name: np.stack([np.asarray(value) for value in values]) for name, values in held.items()}


if __name__ == "__main__":
    main()

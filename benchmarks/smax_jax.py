"""JaxMARL's side of `benchmarks/smax.py`: started by it in an environment of its own, asked a window at a time.

Reads lines ``SCENARIO MATCHES STEPS``; answers each with the seconds that so many vector steps took, compilation apart, and
the seconds of compilation, the first time that a line's scenario and matches are named.
"""

from __future__ import annotations

import sys
import time

import jax
import jax.numpy as jnp
from jaxmarl import make
from jaxmarl.environments.smax import map_name_to_scenario


def runner(name: str, matches: int, steps: int):
    env = make("HeuristicEnemySMAX", scenario=map_name_to_scenario(name))

    def one(carry, _):
        key, state = carry
        key, draw, play = jax.random.split(key, 3)
        legal = jax.vmap(env.get_avail_actions)(state)
        actions = {
            agent: jax.random.categorical(one, jnp.where(legal[agent] > 0, 0.0, -1e9))
            for agent, one in zip(env.agents, jax.random.split(draw, len(env.agents)), strict=True)
        }
        _, state, rewards, _, _ = jax.vmap(env.step)(jax.random.split(play, matches), state, actions)
        return (key, state), rewards[env.agents[0]].sum()

    key = jax.random.PRNGKey(0)
    _, state = jax.jit(jax.vmap(env.reset))(jax.random.split(key, matches))
    compiled = jax.jit(lambda carry: jax.lax.scan(one, carry, None, length=steps)).lower((key, state)).compile()
    return compiled, (key, state)


def main() -> None:
    known: dict[tuple[str, int, int], list] = {}
    for line in sys.stdin:
        name, matches, steps = line.split()
        asked = (name, int(matches), int(steps))
        compiling = 0.0
        if asked not in known:
            began = time.perf_counter()
            known[asked] = list(runner(*asked))
            compiling = time.perf_counter() - began
        run, carry = known[asked]
        began = time.perf_counter()
        carry, rewards = run(carry)
        jax.block_until_ready(rewards)
        print(time.perf_counter() - began, compiling, flush=True)
        known[asked][1] = carry


if __name__ == "__main__":
    main()

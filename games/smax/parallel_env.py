"""SMAX as a PettingZoo parallel environment, with its own rewards step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from arena.games.errors import ArenaError
from arena.games.smax.rules import STOP, Rules
from arena.games.smax.scripted import AttackMode
from arena.games.smax.vector_env import SmaxVectorEnv
from arena.games.smax.words import map_lines

Observation = dict[str, NDArray[Any]]


class SmaxParallelEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo is read without types
    """One match: the allies against scripted enemies, or with ``opponent=None`` both teams.

    Agents are ``ally_0`` ... and ``enemy_0`` .... All of them stay until the match is over, so that who fell for a victory is
    paid for it; the dead may only stop. Observations are ``{"observation", "action_mask"}``, 1 = legal, and the mask stands
    in the info too; ``state()`` is the world state. An action that is not legal is a stop.
    """

    def __init__(self, rules: Rules, *, opponent: AttackMode | None = "closest", opponent_shoots: bool = True):
        """Args as of `SmaxVectorEnv`; actions must be discrete.

        Raises:
            ArenaError: continuous actions, which have no mask.
        """
        if rules.actions != "discrete":
            raise ArenaError("the parallel environment has action masks, which continuous actions have not")
        self._env = SmaxVectorEnv(rules, 1, opponent=opponent, opponent_shoots=opponent_shoots)
        self.metadata = {"name": f"smax_{rules.scenario.name}", "render_modes": ["ansi"], "is_parallelizable": True}
        self.render_mode = "ansi"
        names = [f"ally_{unit}" for unit in range(rules.scenario.num_allies)]
        names += [f"enemy_{unit}" for unit in range(rules.scenario.num_enemies)]
        self.possible_agents = names[: self._env.units]
        self.agents: list[str] = []
        self._seen: dict[str, Observation] = {}
        self._world: NDArray[np.float32] = np.zeros(rules.world_state_width, np.float32)
        self.observation_spaces: dict[str, spaces.Space[Any]] = {
            agent: spaces.Dict(
                {
                    "observation": spaces.Box(-np.inf, np.inf, (rules.observation_width,), np.float32),
                    "action_mask": spaces.Box(0, 1, (rules.num_actions,), np.int8),
                }
            )
            for agent in self.possible_agents
        }
        self.action_spaces: dict[str, spaces.Space[Any]] = {
            agent: spaces.Discrete(rules.num_actions) for agent in self.possible_agents
        }

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        observations, info = self._env.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return self._told(observations, info)

    def step(
        self, actions: dict[str, int]
    ) -> tuple[
        dict[str, Observation],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        if not self.agents:
            raise ArenaError("there is no match to step; call reset() first")
        for agent in self.agents:
            if agent not in actions or not self.action_spaces[agent].contains(actions[agent]):
                raise ValueError(f"{agent} needs an action of {self.action_spaces[agent]}; got {actions.get(agent)!r}")
        legal = [self._seen[agent]["action_mask"][actions[agent]] for agent in self.agents]
        chosen = [int(actions[agent]) if allowed else STOP for agent, allowed in zip(self.agents, legal, strict=True)]
        observations, rewards, terminated, truncated, info = self._env.step(torch.tensor([chosen]))
        over = bool(terminated | truncated)
        told = self._told(info["final_observation"], info["final_info"]) if over else self._told(observations, info)
        earned = rewards.reshape(-1).tolist()
        paid = {agent: earned[0 if agent.startswith("ally") else 1] for agent in self.agents}
        ends = dict.fromkeys(self.agents, bool(terminated)), dict.fromkeys(self.agents, bool(truncated))
        if over:
            self.agents = []
        return told[0], paid, *ends, told[1]

    def state(self) -> NDArray[np.float32]:
        """The world state, float32 [world_state_width]."""
        return self._world

    def render(self) -> str:
        """The map as text."""
        return "\n".join(map_lines(self._env.state, self._env.rules))

    def close(self) -> None:
        """Nothing is held open."""

    def _told(
        self, observations: torch.Tensor, info: dict[str, Any]
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        masks = info["legal_actions"][0].numpy().astype(np.int8)
        self._world = info["world_state"][0].numpy()
        self._seen = {
            agent: {"observation": observations[0, unit].numpy(), "action_mask": masks[unit]}
            for unit, agent in enumerate(self.agents)
        }
        return dict(self._seen), {agent: {"action_mask": seen["action_mask"]} for agent, seen in self._seen.items()}

"""One match of a PettingZoo environment, turn by turn (AEC) or with simultaneous moves (parallel)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.game import GameInfo
from arena.games.pettingzoo_facts import Facts
from arena.games.pettingzoo_spaces import MASK, Flatten, PlayerActions


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """All that the matches of one game share. ``agents``: PettingZoo's names of the players, in order of players."""

    info: GameInfo
    make: Callable[[], Any]
    agents: tuple[str, ...]
    actions: tuple[PlayerActions, ...]
    flatten: tuple[Flatten, ...]
    facts: Facts


class Table(Protocol):
    """One match in progress.

    ``due``: the players who must choose now, ascending, empty when the match is over; ``legal``: for each of them the
    numbers that may be chosen, empty in a game of vectors. ``returns``: sums of rewards so far, one a player.
    """

    env: Any
    due: list[int]
    legal: list[list[int]]
    returns: list[float]
    truncated: bool
    history: list[Any]

    def start(self, seed: int) -> None:
        """A new match; `seed` [0, 2^31) is what the environment draws its chance from."""
        ...

    def play(self, actions: Sequence[Any]) -> None:
        """One action of the player due; with simultaneous moves one action a player, whatever it is where none is due."""
        ...

    def observe(self, player: int) -> object:
        """What a player observes now; after the end, what there was to see last."""
        ...


class TurnTable:
    """A match of an AEC environment: as in PettingZoo's own loop, a player is paid when its turn comes or when it is out.

    Players who are out step with None until nobody or a living player is selected.
    """

    __slots__ = ("_observation", "_seats", "blueprint", "due", "env", "history", "legal", "returns", "truncated")

    def __init__(self, blueprint: Blueprint):
        self.blueprint = blueprint
        self.env = blueprint.make()
        self._seats = {agent: player for player, agent in enumerate(blueprint.agents)}
        self._observation: object = None
        self.due: list[int] = []
        self.legal: list[list[int]] = []
        self.returns: list[float] = []
        self.truncated = False
        self.history: list[Any] = []

    def start(self, seed: int) -> None:
        self.env.reset(seed=seed)
        self.returns = [0.0] * len(self._seats)
        self.truncated = False
        self.history = []
        self._settle()

    def play(self, actions: Sequence[Any]) -> None:
        (action,) = actions
        self.history.append(action)
        self.env.step(self.blueprint.actions[self.due[0]].decode(action))
        self._settle()

    def observe(self, player: int) -> object:
        if [player] == self.due:
            return self._observation
        return self.env.observe(self.blueprint.agents[player])

    def _settle(self) -> None:
        """Finds who is due, or that the match is over."""
        env, seats = self.env, self._seats
        while agents := env.agents:
            terminations, truncations, rewards = env.terminations, env.truncations, env._cumulative_rewards
            if all(terminations[agent] or truncations[agent] for agent in agents):
                for agent in agents:
                    self.returns[seats[agent]] += float(rewards[agent])
                    self.truncated |= not terminations[agent]
                break
            agent = env.agent_selection
            player = seats[agent]
            self.returns[player] += float(rewards[agent])
            if not (terminations[agent] or truncations[agent]):
                self._observation = observation = env.observe(agent)
                self.due = [player]
                self.legal = [legal_actions(self.blueprint.actions[player], observation, env.infos[agent])]
                return
            self.truncated |= not terminations[agent]
            env.step(None)
        self.due, self.legal = [], []


class JointTable:
    """A match of a parallel environment: every living player moves at once."""

    __slots__ = ("_observations", "_seats", "blueprint", "due", "env", "history", "legal", "returns", "truncated")

    def __init__(self, blueprint: Blueprint):
        self.blueprint = blueprint
        self.env = blueprint.make()
        self._seats = {agent: player for player, agent in enumerate(blueprint.agents)}
        self._observations: dict[str, object] = {}
        self.due: list[int] = []
        self.legal: list[list[int]] = []
        self.returns: list[float] = []
        self.truncated = False
        self.history: list[Any] = []

    def start(self, seed: int) -> None:
        observations, infos = self.env.reset(seed=seed)
        self.returns = [0.0] * len(self._seats)
        self.truncated = False
        self.history = []
        self._observations = dict(observations)
        self._settle(set(), infos)

    def play(self, actions: Sequence[Any]) -> None:
        self.history.extend(actions)
        names, players = self.blueprint.agents, self.blueprint.actions
        joint = {names[player]: players[player].decode(actions[player]) for player in self.due}
        observations, rewards, terminations, truncations, infos = self.env.step(joint)
        for agent, reward in rewards.items():
            self.returns[self._seats[agent]] += float(reward)
        self._observations.update(observations)
        out = {agent for agent in joint if terminations.get(agent) or truncations.get(agent)}
        self.truncated |= any(not terminations.get(agent) for agent in out)
        self._settle(out, infos)

    def observe(self, player: int) -> object:
        return self._observations[self.blueprint.agents[player]]

    def _settle(self, out: set[str], infos: dict[str, dict[str, object]]) -> None:
        self.due = sorted(self._seats[agent] for agent in self.env.agents if agent not in out)
        names, players = self.blueprint.agents, self.blueprint.actions
        self.legal = [
            legal_actions(players[player], self._observations[names[player]], infos.get(names[player], {}))
            for player in self.due
        ]


def legal_actions(actions: PlayerActions, observation: object, info: dict[str, object]) -> list[int]:
    """The numbers that the mask allows, in the observation or else in the info; all without a mask.

    A mask without any 1 allows action 0, as sampling from it in Gymnasium does.
    """
    mask = mask_of(observation, info)
    if mask is None:
        return list(actions.legal)
    allowed: list[int] = mask.nonzero()[0].tolist()
    return allowed or [0]


def mask_of(observation: object, info: dict[str, object]) -> NDArray[np.int8] | None:
    """The action mask in an observation, or else in its info."""
    mask: NDArray[np.int8] | None = observation.get(MASK) if isinstance(observation, dict) else None
    if mask is None and MASK in info:
        mask = np.asarray(info[MASK], np.int8)
    return mask

"""Arena's games as PettingZoo environments: AEC where players take turns, parallel where they move at once.

Observations are what agents of Arena get as a tensor, or who is asked (one-hot) where a game has no tensor. In games of
discrete actions they are ``{"observation", "action_mask"}`` as in PettingZoo's classic family, and the mask stands in the
info too; 1 = legal. A player who does not move has no legal action; where all move at once but one has nothing to
choose, it may choose 0, which is ignored. Rewards are the returns, given when the match is over. After the end a player
observes what it saw last.

An action that is not legal ends the match, as PettingZoo's classic environments have it: the player who chose it gets the
game's least utility (-1 where the game does not say), the others 0.
"""

from __future__ import annotations

from typing import Any

from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv

from arena.games.errors import ArenaError
from arena.games.game import Game
from arena.games.pettingzoo_match import Observation, OneTable


def to_pettingzoo(game: Game) -> ArenaAec | ArenaParallel:
    """The game as a PettingZoo environment; AEC or parallel as `GameInfo.dynamics` says.

    Every reset without a seed begins a new match of the sequence that the last seed began; a first reset without a seed
    begins a sequence of its own. A pickled environment comes back before its first reset.

    `step` raises an `ArenaError` where no match is on.
    """
    return ArenaParallel(game) if game.info.simultaneous else ArenaAec(game)


class ArenaAec(AECEnv):  # type: ignore[misc]  # PettingZoo is read without types
    """A game of turns as an AEC environment."""

    def __init__(self, game: Game):
        self.game = game
        self.metadata = {"name": game.info.specification, "render_modes": ["ansi"], "is_parallelizable": False}
        self.render_mode = "ansi"
        self._match = OneTable(game)
        self.possible_agents = list(self._match.agents)
        self.agents: list[str] = []
        self.observation_spaces = {agent: self._match.observation_space() for agent in self.possible_agents}
        self.action_spaces = self._match.action_spaces()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        self._match.begin(seed)
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self._skip_agent_selection = None
        self.agent_selection = self.agents[0]
        self._settle()

    def step(self, action: Any) -> None:
        if not self.agents:
            raise ArenaError("there is no match to step; call reset() first")
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        self._cumulative_rewards[agent] = 0.0
        self._match.play({self._match.players[agent]: action})
        self._settle()

    def observe(self, agent: str) -> Observation:
        return self._match.observe(self._match.players[agent])

    def render(self) -> str:
        return self._match.render()

    def close(self) -> None:
        """Nothing is held open."""

    def __reduce__(self) -> tuple[Any, ...]:
        return to_pettingzoo, (self.game,)

    def _settle(self) -> None:
        """Selects the player due, or ends the match."""
        match = self._match
        if match.due:
            self.agent_selection = self.possible_agents[match.due[0]]
        else:
            self.rewards = _rewards(match)
            self.terminations = dict.fromkeys(self.agents, not match.truncated)
            self.truncations = dict.fromkeys(self.agents, match.truncated)
            self._accumulate_rewards()
            self._deads_step_first()
        self.infos = {agent: match.info_of(match.players[agent]) for agent in self.agents}


class ArenaParallel(ParallelEnv):  # type: ignore[misc]  # PettingZoo is read without types
    """A game of simultaneous moves as a parallel environment."""

    def __init__(self, game: Game):
        self.game = game
        self.metadata = {"name": game.info.specification, "render_modes": ["ansi"]}
        self.render_mode = "ansi"
        self._match = OneTable(game)
        self.possible_agents = list(self._match.agents)
        self.agents: list[str] = []
        self.observation_spaces = {agent: self._match.observation_space() for agent in self.possible_agents}
        self.action_spaces = self._match.action_spaces()

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        self._match.begin(seed)
        self.agents = list(self.possible_agents)
        return self._views()

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Observation], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        if not self.agents:
            raise ArenaError("there is no match to step; call reset() first")
        match = self._match
        match.play({match.players[agent]: action for agent, action in actions.items()})
        over = not match.due
        rewards = _rewards(match) if over else dict.fromkeys(self.agents, 0.0)
        terminations = dict.fromkeys(self.agents, over and not match.truncated)
        truncations = dict.fromkeys(self.agents, over and match.truncated)
        observations, infos = self._views()
        if over:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def render(self) -> str:
        return self._match.render()

    def close(self) -> None:
        """Nothing is held open."""

    def __reduce__(self) -> tuple[Any, ...]:
        return to_pettingzoo, (self.game,)

    def _views(self) -> tuple[dict[str, Observation], dict[str, dict[str, Any]]]:
        match = self._match
        observations = {agent: match.observe(match.players[agent]) for agent in self.agents}
        return observations, {agent: match.info_of(match.players[agent]) for agent in self.agents}


def _rewards(match: OneTable) -> dict[str, float]:
    return dict(zip(match.agents, match.returns.tolist(), strict=True))

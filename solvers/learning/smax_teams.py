"""Teams of SMAX as an `Environment`: the learner has all units of a team, against a scripted one, on the device where it learns.

At half of the tables they are the allies, at the others the enemies, as matches of the arena are played from both sides. A
reward is the team's, the same for all of its units, the dead ones too: the share of the other team's health that was lost, and
the bonus of a won battle. A seat more than a team has units never acts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.nn.functional import pad

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.smax.game import SmaxGame
from arena.games.smax.rules import OWN_FEATURES, Rules
from arena.games.smax.units import UNIT_TYPES
from arena.games.smax.vector_env import SmaxVectorEnv
from arena.solvers.checkpoint import State, part, prefixed
from arena.solvers.learning.environment import Facts, Happened, Seen

Now: TypeAlias = tuple[Tensor, dict[str, Any]]
TEAMS: tuple[Literal[0, 1], ...] = (0, 1)


class SmaxTeams:
    """See `Environment`. ``won`` bool [N]: which matches the learner's team won by the last step."""

    def __init__(self, rules: Rules, tables: int, *, seed: int, central: bool, device: str | torch.device = "cpu"):
        """Args:
        rules: of a scenario with discrete actions.
        tables: N, matches at once.
        seed: of all chance, the scripted team's among it.
        central: whether a critic may read the state of the match.
        device: where matches are played and tensors are.
        """
        sizes = rules.scenario.num_allies, rules.scenario.num_enemies
        halves = tables - tables // 2, tables // 2
        self.sides = [SmaxVectorEnv(rules, halves[team], team=team, device=device) for team in TEAMS if halves[team]]
        self.facts = Facts(
            tables=tables,
            seats=max(sizes),
            players=max(sizes),
            inputs=rules.observation_width,
            actions=rules.num_actions,
            state=rules.world_state_width + len(TEAMS) if central else 0,
        )
        self.won = torch.zeros(tables, dtype=torch.bool, device=device)
        self._largest = _largest(rules).to(device)
        self._player = torch.arange(max(sizes), device=device).repeat(tables, 1)
        self._now: list[Now] = [side.reset(seed=(2 * seed + side.team) % (1 << 63)) for side in self.sides]

    def seen(self) -> Seen:
        return Seen(
            observation=self._together([observed for observed, _ in self._now]),
            state=self._state(),
            legal=self._together([told["legal_actions"] for _, told in self._now]),
            player=self._player,
            acting=self._together([told["alive"] for _, told in self._now]),
        )

    def step(self, action: Tensor) -> Happened:
        sizes = [side.num_envs for side in self.sides]
        self._now, rewards, overs, won = [], [], [], []
        for side, own in zip(self.sides, torch.split(action, sizes), strict=True):
            observed, reward, terminated, truncated, told = side.step(own[:, : side.units])
            self._now.append((observed, told))
            rewards.append(reward)
            overs.append(terminated | truncated)
            won.append(told["won"])
        self.won = torch.cat(won)
        return Happened(reward=torch.cat(rewards)[:, None].repeat(1, self.facts.players), over=torch.cat(overs))

    def arrays(self) -> State:
        found: State = {}
        for side in self.sides:
            found |= prefixed(str(side.team), side.arrays())
        return found

    def restore(self, arrays: State) -> None:
        for side in self.sides:
            side.restore(part(str(side.team), arrays))
        self._now = [side.seen() for side in self.sides]

    def _together(self, columns: Sequence[Tensor]) -> Tensor:
        """Columns [n, units, ...] of the sides, one below the other, with as many seats as the larger team has units."""
        seats = self.facts.seats
        return torch.cat([pad(one, (0, 0) * (one.ndim - 2) + (0, seats - one.shape[1])) for one in columns])

    def _state(self) -> Tensor:
        """The whole match, every number at most about 1, and which team reads it; the same for all seats."""
        facts, rows = self.facts, []
        if not facts.state:
            return self._largest.new_zeros(facts.tables, facts.seats, 0)
        for side, (_, told) in zip(self.sides, self._now, strict=True):
            world = told["world_state"] / self._largest
            team = torch.tensor([side.team == one for one in TEAMS], device=world.device).expand(len(world), -1)
            rows.append(torch.cat((world, team), 1))
        return torch.cat(rows)[:, None].expand(-1, facts.seats, -1)


def rules_of(game: Game) -> Rules:
    """The rules by which teams learn a game.

    Raises:
        NotProvided: no game of SMAX, or continuous actions.
    """
    if not isinstance(game, SmaxGame) or game.rules.actions != "discrete":
        raise NotProvided(
            f"teams learn SMAX with discrete actions, for example smax:3m, not {game.info.specification}; ppo learns any game"
        )
    return game.rules


def _largest(rules: Rules) -> Tensor:
    """What each number of a `world_state` is at most, cooldowns about."""
    unit = torch.ones(OWN_FEATURES)
    unit[0] = max(kind.health for kind in UNIT_TYPES)
    unit[1:3] = rules.size
    teams, types = torch.ones(rules.num_units), torch.full((rules.num_units,), float(len(UNIT_TYPES)))
    return torch.cat((unit.repeat(rules.num_units), teams, types))

"""The rules of one SMAX game: a scenario and its settings, and the tensors that follow from them on a device."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch

from arena.games.errors import SpecificationError, UnknownName
from arena.games.smax.scenarios import SCENARIOS, Scenario
from arena.games.smax.units import UNIT_TYPES

MOVES = 5
"""Actions 0..4: north, east, south, west, stop; the next ones attack."""
STOP = MOVES - 1
UNIT_FEATURES = 7 + len(UNIT_TYPES)
"""Of another unit: health, position x, y, last movement x, y, last target, cooldown, type."""
OWN_FEATURES = 4 + len(UNIT_TYPES)
"""Of the unit itself: health, position x, y, cooldown, type."""
CONE_SECTIONS, CONE_UNITS = 32, 2
"""A conic observation has so many sections, with at most so many units each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides a match besides the actions and the words of chance; defaults are JaxMARL 0.2.0's.

    ``max_steps``: JaxMARL looks at the limit before it counts the step, so that a match ends at step max_steps + 1.
    ``self_play_reward``: only winning counts, +bonus and -bonus; else each team also earns the health that it takes.
    """

    scenario: Scenario
    observation: Literal["unit_list", "conic"] = "unit_list"
    actions: Literal["discrete", "continuous"] = "discrete"
    self_play_reward: bool = False
    see_enemy_actions: bool = True
    walls_cause_death: bool = True
    max_steps: int = 100
    won_battle_bonus: float = 1.0
    size: float = 32.0
    substeps: int = 8
    substep_s: float = 1 / 16

    def __post_init__(self) -> None:
        if self.max_steps < 1 or self.substeps < 1:
            raise SpecificationError(
                f"max_steps and substeps must be at least 1; got {self.max_steps} and {self.substeps}"
            )
        if not (self.size > 0 and self.substep_s > 0):
            raise SpecificationError(f"size and substep_s must be positive; got {self.size} and {self.substep_s}")

    @property
    def num_units(self) -> int:
        return self.scenario.num_units

    @property
    def words_per_step(self) -> int:
        """Words of chance: a cooldown's deviation for each unit and substep, then two for each unit's continuous action."""
        return (self.substeps + 2) * self.num_units

    @property
    def num_actions(self) -> int:
        """Of the team that has the more enemies; the other has its last ones never legal."""
        return MOVES + max(self.scenario.num_allies, self.scenario.num_enemies)

    @property
    def observation_width(self) -> int:
        others = self.num_units - 1 if self.observation == "unit_list" else CONE_SECTIONS * CONE_UNITS
        return others * UNIT_FEATURES + OWN_FEATURES

    @property
    def world_state_width(self) -> int:
        return self.num_units * (OWN_FEATURES + 2)


def scenario_named(name: str) -> Scenario:
    """The scenario of this name.

    Raises:
        UnknownName: there is none; the message has the nearest.
    """
    if name not in SCENARIOS:
        raise UnknownName("SMAX scenario", name, SCENARIOS)
    return SCENARIOS[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constants:
    """Tensors that rules imply, on one device; n units, allies first.

    By type [6]: ``speed``, ``damage``, ``attack_range``, ``sight_range``, ``radius``, ``health``, ``cooldown``.
    ``is_ally`` [n]; ``others`` [n, n - 1]: the units that each observes, in its order: allies count upwards, enemies
    downwards, so that both see their own team first; ``largest_action`` [n], by which a last target is scaled.
    ``foes`` [n, F], F = the larger team: the unit that each attack action aims at, the unit itself where there is none;
    ``is_foe`` [n, F]: whether there is one.
    ``directions`` [5, 2]: of the moves.
    """

    speed: torch.Tensor = field(repr=False)
    damage: torch.Tensor = field(repr=False)
    attack_range: torch.Tensor = field(repr=False)
    sight_range: torch.Tensor = field(repr=False)
    radius: torch.Tensor = field(repr=False)
    health: torch.Tensor = field(repr=False)
    cooldown: torch.Tensor = field(repr=False)
    is_ally: torch.Tensor = field(repr=False)
    others: torch.Tensor = field(repr=False)
    largest_action: torch.Tensor = field(repr=False)
    foes: torch.Tensor = field(repr=False)
    is_foe: torch.Tensor = field(repr=False)
    directions: torch.Tensor = field(repr=False)


def constants(rules: Rules, device: torch.device) -> Constants:
    """The tensors that the rules imply."""
    allies, n = rules.scenario.num_allies, rules.num_units
    ally_ids, enemy_ids = list(range(allies)), list(range(allies, n))
    foes = [enemy_ids if unit < allies else ally_ids[::-1] for unit in range(n)]
    longest = max(map(len, foes))
    order = [list(range(n)) if unit < allies else list(range(n - 1, -1, -1)) for unit in range(n)]
    # one diagonal step turned by 45 degrees, in single precision as the reference computes it: a hair below 1
    side = torch.tensor(1.0) / torch.tensor(2.0).sqrt()
    step = float(side * side + side * side)

    def column(name: str) -> torch.Tensor:
        return torch.tensor([getattr(kind, name) for kind in UNIT_TYPES], dtype=torch.float32, device=device)

    return Constants(
        speed=column("speed"),
        damage=column("damage"),
        attack_range=column("attack_range"),
        sight_range=column("sight_range"),
        radius=column("radius"),
        health=column("health"),
        cooldown=column("cooldown"),
        is_ally=torch.tensor([unit < allies for unit in range(n)], device=device),
        others=torch.tensor([[other for other in order[unit] if other != unit] for unit in range(n)], device=device),
        largest_action=torch.tensor([MOVES - 1 + len(foes[unit]) for unit in range(n)], device=device).float(),
        foes=torch.tensor([[*row, *[unit] * (longest - len(row))] for unit, row in enumerate(foes)], device=device),
        is_foe=torch.tensor([[place < len(row) for place in range(longest)] for row in foes], device=device),
        directions=torch.tensor([(0, step), (step, 0), (0, -step), (-step, 0), (0, 0)], device=device),
    )

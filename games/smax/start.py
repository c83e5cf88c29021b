"""How SMAX matches start: who stands where, and in drawn scenarios which units meet, as functions of the chance seed."""

from __future__ import annotations

import torch

from arena.games.smax.dynamics import pushed_apart
from arena.games.smax.rules import Constants, Rules
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES
from arena.games.tensor_words import uniform

SPREAD = 2.0
"""Units stand within this of their place, in each direction."""
CORNERS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


def start_state(seed: torch.Tensor, rules: Rules, constants: Constants) -> State:
    """Matches as they start, with overlapping units pushed apart once.

    Drawn scenarios follow SMACv2 as JaxMARL 0.2.0 does: with even chances one team surrounds the other, or the enemies
    mirror the allies; enemies have the allies' types, and those beyond their number are marines.

    Args:
        seed: chance seeds, int64 [B].
    """
    draws = _Draws(seed)
    unit_type, position = _types(draws, rules), _in_two_camps(draws, rules, constants)
    if rules.scenario.drawn:
        surrounds = draws.take(1)[:, :, None] < 0.5
        position = torch.where(surrounds, _surrounded(draws, rules, constants), _mirrored(draws, rules))
    health = constants.health[unit_type]
    units = unit_type.shape
    return State(
        position=pushed_apart(position, health > 0, unit_type, constants),
        health=health,
        cooldown=torch.zeros(units, device=seed.device),
        unit_type=unit_type,
        movement=torch.zeros((*units, 2), device=seed.device),
        attack=torch.zeros(units, dtype=torch.int64, device=seed.device),
        step=torch.zeros(len(seed), dtype=torch.int64, device=seed.device),
    )


class _Draws:
    """Consecutive words of each chance seed."""

    def __init__(self, seed: torch.Tensor):
        self.seed, self.count = seed, 0

    def take(self, count: int) -> torch.Tensor:
        """[B, count] in [0, 1)."""
        counter = torch.arange(self.count, self.count + count, device=self.seed.device)
        self.count += count
        return uniform(self.seed[:, None], counter)

    def points(self, count: int) -> torch.Tensor:
        """[B, count, 2] in [0, 1)."""
        return self.take(2 * count).reshape(-1, count, 2)

    def places(self, count: int) -> torch.Tensor:
        """[B, count, 2]: how far units stand from their place."""
        return (2 * self.points(count) - 1) * SPREAD


def _types(draws: _Draws, rules: Rules) -> torch.Tensor:
    scenario, device = rules.scenario, draws.seed.device
    given = torch.tensor([*scenario.allies, *scenario.enemies], device=device).repeat(len(draws.seed), 1)
    if scenario.drawn:
        drawn = (draws.take(scenario.num_allies) * len(UNIT_TYPES)).long()
        copied = min(scenario.num_allies, scenario.num_enemies)
        given[:, : scenario.num_allies] = drawn
        given[:, scenario.num_allies : scenario.num_allies + copied] = drawn[:, :copied]
    return given


def _in_two_camps(draws: _Draws, rules: Rules, constants: Constants) -> torch.Tensor:
    camps = torch.tensor([[rules.size / 4, rules.size / 2], [rules.size * 3 / 4, rules.size / 2]])
    return camps.to(draws.seed.device)[(~constants.is_ally).long()] + draws.places(rules.num_units)


def _mirrored(draws: _Draws, rules: Rules) -> torch.Tensor:
    """Each team anywhere in its half; enemies mirror allies as far as there are allies."""
    allies, size = rules.scenario.num_allies, rules.size
    position = draws.points(rules.num_units) * torch.tensor([size / 2, size], device=draws.seed.device)
    copied = min(allies, rules.scenario.num_enemies)
    position[:, allies:, 0] += size / 2
    position[:, allies : allies + copied, 0] = size - position[:, :copied, 0]
    position[:, allies : allies + copied, 1] = position[:, :copied, 1]
    return position


def _surrounded(draws: _Draws, rules: Rules, constants: Constants) -> torch.Tensor:
    """One team, drawn with even chances, in the middle; the other in groups on the four diagonals."""
    device, n = draws.seed.device, rules.num_units
    corners = torch.tensor(CORNERS, device=device) * rules.size
    inwards = draws.take(len(CORNERS))[..., None]
    groups = inwards * (rules.size / 2) + (1 - inwards) * corners
    pick = (draws.take(n) * len(CORNERS)).long()
    outside = groups.gather(1, pick[..., None].expand(-1, -1, 2))
    allies_inside = draws.take(1) < 0.5
    inside = (allies_inside == constants.is_ally)[..., None]
    return torch.where(inside, torch.tensor(rules.size / 2, device=device), outside) + draws.places(n)

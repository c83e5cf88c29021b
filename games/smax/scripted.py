"""The scripted teams of SMAX: from one unit's observation to its action, as JaxMARL 0.2.0's heuristic decides.

Shoot at whom you shot last while that unit lives in range, else at the ``closest`` or a ``random`` one in range, or, which
is Arena's own, at the ``weakest``: the one with the least health. With nobody in range chase a random enemy in sight;
with nobody in sight walk to the point across the centre from where you began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from arena.games.errors import SpecificationError
from arena.games.smax.kernels import CLOSEST, RANDOM, WEAKEST, scripted
from arena.games.smax.rules import MOVES, OWN_FEATURES, UNIT_FEATURES, Constants, Rules
from arena.games.smax.units import UNIT_TYPES

AttackMode = Literal["closest", "weakest", "random"]
NOBODY = -1
MODES: tuple[AttackMode, ...] = ("closest", "weakest", "random")
assert (MODES.index("closest"), MODES.index("weakest"), MODES.index("random")) == (CLOSEST, WEAKEST, RANDOM)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """What a scripted unit keeps in mind, a row a unit: ``goal`` float32 [R, 2], ``last`` int64 [R], the last enemy shot at."""

    goal: torch.Tensor
    last: torch.Tensor


def fresh_memory(rows: int, device: torch.device) -> Memory:
    """Before the first decision."""
    return Memory(goal=torch.zeros(rows, 2, device=device), last=torch.full((rows,), NOBODY, device=device))


def scripted_actions(
    seen: torch.Tensor,
    memory: Memory,
    draws: torch.Tensor,
    *,
    team: int,
    mode: AttackMode,
    shoots: bool = True,
    rules: Rules,
    constants: Constants,
) -> tuple[torch.Tensor, Memory]:
    """(actions int64 [R], what is kept in mind) of units of one team.

    Args:
        seen: observations of kind ``unit_list``, float32 [R, observation_width].
        draws: float32 [R, 2] in [0, 1): whom to shoot at, whom to chase.
        team: 0 the allies, 1 the enemies.
        shoots: whether they shoot at all; units that do not only chase.
    """
    if rules.observation != "unit_list" or rules.actions != "discrete":
        raise SpecificationError("scripted teams need unit_list observations and discrete actions")
    if seen.device.type == "cpu":
        return _compiled(seen, memory, draws, team, mode, shoots, rules, constants)
    return _in_torch(seen, memory, draws, team, mode, shoots, rules, constants)


def _compiled(
    seen: torch.Tensor,
    memory: Memory,
    draws: torch.Tensor,
    team: int,
    mode: AttackMode,
    shoots: bool,
    rules: Rules,
    constants: Constants,
) -> tuple[torch.Tensor, Memory]:
    goal, last = memory.goal.clone(), memory.last.clone()
    action = torch.empty(len(seen), dtype=torch.int64)
    sizes = rules.scenario.num_allies, rules.scenario.num_enemies
    scripted(
        seen.contiguous().numpy(),
        goal.numpy(),
        last.numpy(),
        draws.contiguous().numpy(),
        (sizes[team] - 1) * UNIT_FEATURES,
        sizes[1 - team],
        MODES.index(mode),
        shoots,
        np.float32(rules.size),
        constants.sight_range.numpy(),
        constants.attack_range.numpy(),
        constants.health.numpy(),
        action.numpy(),
    )
    return action, Memory(goal=goal, last=last)


def _in_torch(
    seen: torch.Tensor,
    memory: Memory,
    draws: torch.Tensor,
    team: int,
    mode: AttackMode,
    shoots: bool,
    rules: Rules,
    constants: Constants,
) -> tuple[torch.Tensor, Memory]:
    sizes = rules.scenario.num_allies, rules.scenario.num_enemies
    begin, own = (sizes[team] - 1) * UNIT_FEATURES, (rules.num_units - 1) * UNIT_FEATURES
    enemies = seen[:, begin:own].reshape(len(seen), sizes[1 - team], UNIT_FEATURES)
    kind = seen[:, -len(UNIT_TYPES) :].argmax(1)
    position = seen[:, own + 1 : own + 3] * rules.size
    offset = enemies[..., 1:3] * constants.sight_range[kind][:, None, None]
    visible = enemies[..., 0] > 0
    distance = offset.norm(dim=-1)
    near = visible & (distance < constants.attack_range[kind][:, None])
    if mode == "random":
        new = _drawn(near, draws[:, 0])
    else:
        worth = distance if mode == "closest" else enemies[..., 0] * _full_health(enemies, constants)
        new = torch.where(near, worth, torch.inf).argmin(1)
    again = (memory.last != NOBODY) & near.gather(1, memory.last.clamp(min=0)[:, None])[:, 0]
    aimed = torch.where(again, memory.last, new)
    first = (memory.goal == 0).all(1) & (memory.last == NOBODY)
    goal = torch.where(first[:, None], rules.size - position, memory.goal)
    chased = offset.gather(1, _drawn(visible, draws[:, 1])[:, None, None].expand(-1, 1, 2))[:, 0]
    way = torch.where(visible.any(1)[:, None], chased, goal - position)
    walk = torch.stack((way[:, 1], way[:, 0], -way[:, 1], -way[:, 0]), 1).argmax(1)
    can_shoot = near.any(1)
    action = torch.where(can_shoot, aimed + MOVES, walk) if shoots else walk
    return action, Memory(goal=goal, last=torch.where(can_shoot, aimed, NOBODY))


def _full_health(enemies: torch.Tensor, constants: Constants) -> torch.Tensor:
    return constants.health[enemies[..., UNIT_FEATURES - len(UNIT_TYPES) :].argmax(-1)]


def _drawn(among: torch.Tensor, draw: torch.Tensor) -> torch.Tensor:
    """One of the units marked in each row [R, F], the first where there is none."""
    count = among.cumsum(1)
    wanted = (draw * count[:, -1]).long() + 1
    return (count == wanted[:, None]).int().argmax(1)


assert 4 + len(UNIT_TYPES) == OWN_FEATURES

"""One step of SMAX in torch: eight substeps in which units move, shoot, die and push one another apart.

SMAX dynamics of JaxMARL 0.2.0 (Rutherford et al., JaxMARL, NeurIPS 2024, arXiv:2311.10090), on any device. On a CPU the
compiled twin in `kernels` does the same, faster.
"""

from __future__ import annotations

import torch

from arena.games.smax import kernels
from arena.games.smax.random_words import step_counter
from arena.games.smax.rules import MOVES, Constants, Rules
from arena.games.smax.state import State
from arena.games.tensor_words import uniform

NEVER_ZERO = 1e-6
"""Added to distances before they divide."""


def advanced(
    state: State,
    movement: torch.Tensor,
    attack: torch.Tensor,
    seed: torch.Tensor,
    rules: Rules,
    constants: Constants,
) -> State:
    """The state after one step.

    Args:
        movement: float32 [B, n, 2], at most of length 1.
        attack: int64 [B, n], an action that attacks, or 0.
        seed: chance seeds, int64 [B]: whoever shoots waits for its cooldown and a drawn deviation.
    """
    if state.device.type == "cpu":
        position, health, cooldown = kernels.advance(state, movement, attack, seed, rules, constants)
    else:
        target = targets(attack, constants)
        deviation = deviations(seed, state.step, rules)
        position, health, cooldown = state.position, state.health, state.cooldown
        moved = movement * constants.speed[state.unit_type][..., None] * rules.substep_s
        for substep in range(rules.substeps):
            position, health, cooldown = _substep(
                position, health, cooldown, state.unit_type, moved, target, deviation[:, substep], rules, constants
            )
    return State(
        position=position,
        health=health,
        cooldown=cooldown,
        unit_type=state.unit_type,
        movement=movement,
        attack=attack,
        step=state.step + 1,
    )


def deviations(seed: torch.Tensor, step: torch.Tensor, rules: Rules) -> torch.Tensor:
    """float32 [B, substeps, n], in seconds: what is added to the cooldown of a unit that shoots then, from one substep less
    to two more."""
    counter = step_counter(step, rules.words_per_step)[:, : rules.substeps * rules.num_units]
    drawn = (uniform(seed[:, None], counter) * 3 - 1) * rules.substep_s
    return drawn.reshape(len(seed), rules.substeps, rules.num_units)


def targets(attack: torch.Tensor, constants: Constants) -> torch.Tensor:
    """The unit that each attack [B, n] aims at; the unit itself where it attacks nobody."""
    last = MOVES + constants.foes.shape[1] - 1
    place = attack.clamp(min=MOVES, max=last) - MOVES
    aimed = constants.foes.expand(len(attack), -1, -1).gather(2, place[..., None])[..., 0]
    itself = torch.arange(attack.shape[1], device=attack.device).expand_as(attack)
    return torch.where((attack < MOVES) | (attack > last), itself, aimed)


def pushed_apart(
    position: torch.Tensor, alive: torch.Tensor, unit_type: torch.Tensor, constants: Constants
) -> torch.Tensor:
    """Positions [B, n, 2] after living units that overlap have pushed one another half of the way apart."""
    radius = constants.radius[unit_type]
    delta = position[:, :, None] - position[:, None]
    distance = delta.norm(dim=-1) + torch.eye(position.shape[1], device=position.device) + NEVER_ZERO
    overlap = torch.relu((radius[:, :, None] + radius[:, None]) / distance - 1)
    overlap = torch.where(alive[:, :, None] & alive[:, None], overlap, 0.0)
    pushed = position + (delta * overlap[..., None]).sum(2) / 2
    return torch.where(alive[..., None], pushed, position)


def _substep(
    position: torch.Tensor,
    health: torch.Tensor,
    cooldown: torch.Tensor,
    unit_type: torch.Tensor,
    moved: torch.Tensor,
    target: torch.Tensor,
    deviation: torch.Tensor,
    rules: Rules,
    constants: Constants,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Shots are judged by where everybody stood before; damage is simultaneous; the wall kills whoever touches it."""
    alive = health > 0
    aimed = position.gather(1, target[..., None].expand(-1, -1, 2))
    fires = (position - aimed).norm(dim=-1) < constants.attack_range[unit_type]
    fires &= alive & alive.gather(1, target) & (cooldown <= 0)
    fires &= target != torch.arange(target.shape[1], device=target.device)
    hurt = torch.where(fires, -constants.damage[unit_type], 0.0)
    health = health.scatter_add(1, target, hurt).clamp(min=0.0)
    again = constants.cooldown[unit_type] + deviation - cooldown
    cooldown = cooldown + torch.where(fires, again, -rules.substep_s)
    position = torch.where(alive[..., None], (position + moved).clamp(0.0, rules.size), position)
    if rules.walls_cause_death:
        health = torch.where(((position <= 0) | (position >= rules.size)).any(-1), 0.0, health)
    return pushed_apart(position, health > 0, unit_type, constants), health, cooldown

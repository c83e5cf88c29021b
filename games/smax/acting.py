"""What units may do and what they do: legal actions, and actions as movements and attacks."""

from __future__ import annotations

import math

import torch

from arena.games.smax import kernels
from arena.games.smax.rules import MOVES, STOP, Constants, Rules
from arena.games.smax.state import State

CONTINUOUS_WIDTH = 4
OWN_TEAM = 1e8
"""Added to the distance of team mates, so that the nearest unit is an enemy."""


def legal_actions(
    state: State, match: torch.Tensor, unit: torch.Tensor, rules: Rules, constants: Constants
) -> torch.Tensor:
    """bool [R, num_actions] of these units: the living move, and attack living enemies in range; everybody may stop.

    Args:
        match, unit: int64 [R].
    """
    if state.device.type == "cpu":
        return kernels.legal_actions(state, match, unit, rules, constants)
    return _all_legal_actions(state, rules, constants)[match, unit]


def decoded(action: torch.Tensor, constants: Constants) -> tuple[torch.Tensor, torch.Tensor]:
    """(movement [B, n, 2], attack [B, n]) of discrete actions, int64 [B, n]."""
    if action.device.type == "cpu":
        return kernels.decoded(action, constants)
    return constants.directions[action.clamp(min=0, max=STOP)], torch.where(action >= MOVES, action, 0)


def decoded_continuous(
    action: torch.Tensor, draws: torch.Tensor, state: State, rules: Rules, constants: Constants
) -> tuple[torch.Tensor, torch.Tensor]:
    """(movement [B, n, 2], attack [B, n]) of continuous actions.

    The numbers of an action, in 0..1: the chance of aiming by the coordinates and not at the last target again; the chance
    of moving and not attacking (named the other way round in JaxMARL 0.2.0, which this follows); then polar coordinates
    around the unit, the radius and the angle as a share of a whole turn. Who attacks by them attacks the enemy nearest to
    the point, dead or alive.

    Args:
        action: float32 [B, n, 4].
        draws: float32 [B, n, 2] in [0, 1): whether it moves, whether it aims anew.
    """
    action = action.clamp(0.0, 1.0)
    moves = draws[..., 0] < action[..., 1]
    aims = draws[..., 1] < action[..., 0]
    angle = action[..., 3] * 2 * math.pi
    point = action[..., 2:3] * torch.stack((angle.cos(), angle.sin()), -1)
    movement = torch.where(moves[..., None], point, 0.0)
    distance = ((state.position + point)[:, :, None] - state.position[:, None]).norm(dim=-1)
    same_team = constants.is_ally[:, None] == constants.is_ally
    nearest = (distance + same_team * OWN_TEAM).argmin(-1)
    allies = rules.scenario.num_allies
    place = torch.where(constants.is_ally, nearest - allies, allies - 1 - nearest) + MOVES
    attack = torch.where(aims, place, state.attack)
    return movement, torch.where(moves, 0, attack)


def _all_legal_actions(state: State, rules: Rules, constants: Constants) -> torch.Tensor:
    alive = state.alive
    allowed = torch.zeros((*alive.shape, rules.num_actions), dtype=torch.bool, device=state.device)
    allowed[..., :MOVES] = alive[..., None]
    allowed[..., STOP] = True
    distance = (state.position[:, :, None] - state.position[:, None]).norm(dim=-1)
    near = distance < constants.attack_range[state.unit_type][..., None]
    near &= alive[:, :, None] & alive[:, None]
    aimed = near.gather(2, constants.foes.expand(len(near), -1, -1)) & constants.is_foe
    allowed[..., MOVES : MOVES + aimed.shape[2]] = aimed
    return allowed

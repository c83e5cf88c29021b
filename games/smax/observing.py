"""What units see, and what a central critic may know: observations of JaxMARL 0.2.0, feature by feature."""

from __future__ import annotations

import math

import torch

from arena.games.smax import kernels
from arena.games.smax.rules import CONE_SECTIONS, CONE_UNITS, OWN_FEATURES, UNIT_FEATURES, Constants, Rules
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES

NEVER_ZERO = 1e-8


def observations(
    state: State, match: torch.Tensor, unit: torch.Tensor, rules: Rules, constants: Constants
) -> torch.Tensor:
    """float32 [R, observation_width], what these units see: the others, then the unit itself; all 0 for the dead.

    ``unit_list``: each other unit that lives and is in sight, 0 in its place otherwise; own team first. ``conic``: up to two
    units in each of 32 sections around the unit, by number; as in the reference the dead are seen too, and unit 0 never.

    Args:
        match, unit: int64 [R].
    """
    if rules.observation == "unit_list" and state.device.type == "cpu":
        return kernels.unit_list(state, match, unit, rules, constants)
    return all_observations(state, rules, constants)[match, unit]


def all_observations(state: State, rules: Rules, constants: Constants) -> torch.Tensor:
    """The same of all units, float32 [B, n, observation_width], in operations that every device has."""
    seen = _conic(state, rules, constants) if rules.observation == "conic" else _unit_list(state, rules, constants)
    return torch.cat((seen, _own_features(state, rules, constants)), -1)


def world_state(state: State, constants: Constants) -> torch.Tensor:
    """float32 [B, world_state_width]: each living unit's health, position in map units, cooldown in seconds and type; then all
    teams (0 the allies, 1 the enemies), then all types."""
    if state.device.type == "cpu":
        return kernels.world_state(state, constants)
    return world_state_in_torch(state, constants)


def world_state_in_torch(state: State, constants: Constants) -> torch.Tensor:
    """The same in operations that every device has."""
    told = torch.cat(
        (_health(state, constants)[..., None], state.position, state.cooldown[..., None], _kinds(state)), -1
    )
    told = torch.where(state.alive[..., None], told, 0.0)
    teams = (~constants.is_ally).float().expand(len(state), -1)
    return torch.cat((told.flatten(1), teams, state.unit_type.float()), -1)


def _unit_list(state: State, rules: Rules, constants: Constants) -> torch.Tensor:
    others, alive = constants.others, state.alive
    offset = state.position[:, others] - state.position[:, :, None]
    sight = constants.sight_range[state.unit_type]
    visible = (offset.norm(dim=-1) < sight[..., None]) & alive[..., None] & alive[:, others]
    shown = torch.cat((offset / sight[..., None, None], _shown(state, rules, constants, others)), -1)
    return torch.where(visible[..., None], _in_order(shown), 0.0).flatten(2)


def _conic(state: State, rules: Rules, constants: Constants) -> torch.Tensor:
    n = rules.num_units
    everybody = torch.arange(n, device=state.device).expand(n, -1)
    sight = constants.sight_range[state.unit_type]
    offset = (state.position[:, None] - state.position[:, :, None]) / sight[..., None, None]
    angle = (offset[..., 1] / (offset[..., 0] + NEVER_ZERO)).atan()
    angle = angle + (offset[..., 0] < 0) * (2 * (offset[..., 1] > 0).float() - 1) * math.pi
    edges = 2 * math.pi * (torch.arange(CONE_SECTIONS + 1, device=state.device) / CONE_SECTIONS) - math.pi
    inside = (angle[:, :, None] > edges[:-1, None]) & (angle[:, :, None] < edges[1:, None])
    candidates = (offset.norm(dim=-1) < 1) & ~torch.eye(n, dtype=torch.bool, device=state.device) & (everybody > 0)
    inside &= candidates[:, :, None]  # [B, n, sections, n]
    rank = inside.cumsum(-1)
    shown = _in_order(torch.cat((offset, _shown(state, rules, constants, everybody)), -1))
    places = [
        torch.einsum("bist,bitf->bisf", (inside & (rank == place)).float(), shown) for place in range(1, CONE_UNITS + 1)
    ]
    seen = torch.stack(places, 3)  # [B, n, sections, units, features]
    return torch.where(state.alive[:, :, None, None, None], seen, 0.0).flatten(2)


def _shown(state: State, rules: Rules, constants: Constants, others: torch.Tensor) -> torch.Tensor:
    """[B, n, others, features]: what each unit shows of itself to those that look, the offset apart."""
    movement, target = state.movement[:, others], (state.attack / constants.largest_action)[:, others]
    if not rules.see_enemy_actions:
        own = constants.is_ally[:, None] == constants.is_ally[others]
        movement, target = torch.where(own[..., None], movement, 0.0), torch.where(own, target, 0.0)
    health, cooldown = _health(state, constants)[:, others], _cooldown(state, constants)[:, others]
    return torch.cat(
        (health[..., None], movement, target[..., None], cooldown[..., None], _kinds(state)[:, others]), -1
    )


def _in_order(shown: torch.Tensor) -> torch.Tensor:
    """Health before the offset."""
    return torch.cat((shown[..., 2:3], shown[..., :2], shown[..., 3:]), -1)


def _own_features(state: State, rules: Rules, constants: Constants) -> torch.Tensor:
    health, cooldown = _health(state, constants)[..., None], _cooldown(state, constants)[..., None]
    told = torch.cat((health, state.position / rules.size, cooldown, _kinds(state)), -1)
    return torch.where(state.alive[..., None], told, 0.0)


def _health(state: State, constants: Constants) -> torch.Tensor:
    return state.health / constants.health[state.unit_type]


def _cooldown(state: State, constants: Constants) -> torch.Tensor:
    return (state.cooldown / constants.cooldown[state.unit_type]).clamp(0.0, 1.0)


def _kinds(state: State) -> torch.Tensor:
    return torch.nn.functional.one_hot(state.unit_type, len(UNIT_TYPES)).float()


assert UNIT_FEATURES == OWN_FEATURES + 3

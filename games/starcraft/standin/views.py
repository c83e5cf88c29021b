"""What a player of the stand-in sees: units, score, selection, and layers where the client asked for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from s2clientprotocol import raw_pb2, sc2api_pb2, score_pb2

from arena.games.starcraft.standin.battle import Battle, Order
from arena.games.starcraft.standin.layers import paint
from arena.games.starcraft.standin.orders import ABILITY_OF, AT_POINT, HOLDS, STOPS, Eye
from arena.games.starcraft.standin.units import NEUTRAL, TYPES

HEIGHT = 8.0
SUPPLY = 200
MINIMAP_RADIUS = 0.5  # pixels


def visible(battle: Battle, player: int, *, all_seen: bool) -> NDArray[np.bool_]:
    """Which units a player sees: his own, nobody's, and whatever is within sight of his."""
    own = battle.owner == player
    if all_seen:
        return np.ones(len(battle), np.bool_)
    near = (battle.distances() <= battle.of("sight")[:, None]) & own[:, None]
    seen: NDArray[np.bool_] = own | (battle.owner == NEUTRAL) | near.any(axis=0)
    return seen


def observe(
    battle: Battle,
    player: int,
    eye: Eye,
    options: sc2api_pb2.InterfaceOptions,
    *,
    all_seen: bool,
    score: float,
    dead: Sequence[int],
) -> sc2api_pb2.Observation:
    """A player's observation in the form that its client asked for. ``dead``: tags that fell since he last looked."""
    seen = visible(battle, player, all_seen=all_seen)
    own = battle.owner == player
    count = int(own.sum())
    told = sc2api_pb2.Observation(game_loop=battle.loop)
    told.player_common.CopyFrom(
        sc2api_pb2.PlayerCommon(
            player_id=player, minerals=0, vespene=0, food_cap=SUPPLY, food_used=count, food_army=count,
            food_workers=0, idle_worker_count=0, army_count=count, warp_gate_count=0, larva_count=0,
        )
    )  # fmt: skip
    told.score.score_type = score_pb2.Score.Curriculum
    told.score.score = int(score)
    told.score.score_details.killed_value_units = sum(
        worth for owner, worth in battle.fallen.items() if owner not in (player, NEUTRAL)
    )
    chosen = np.flatnonzero(own & battle.selected)
    if len(chosen):
        for ability in (*AT_POINT[::2], STOPS[0], HOLDS[0]):
            told.abilities.add(ability_id=ability, requires_point=ability in AT_POINT)
    if options.raw:
        told.raw_data.event.dead_units.extend(dead)
        _tell_raw(told.raw_data, battle, player, eye, seen)
    if options.HasField("feature_layer"):
        _tell_layers(told, battle, player, eye, seen)
    _tell_selection(told, battle, chosen)
    return told


def _tell_raw(told: raw_pb2.ObservationRaw, battle: Battle, player: int, eye: Eye, seen: NDArray[np.bool_]) -> None:
    told.player.camera.x, told.player.camera.y = eye.x, eye.y
    cells = battle.size[0] * battle.size[1]
    for image, bits, content in (
        (told.map_state.visibility, 8, b"\2" * cells),
        (told.map_state.creep, 1, bytes(-(-cells // 8))),
    ):
        image.bits_per_pixel, image.data = bits, content
        image.size.x, image.size.y = battle.size
    for place in np.flatnonzero(seen).tolist():
        kind, owner = TYPES[battle.row[place]], int(battle.owner[place])
        unit = told.units.add(
            display_type=raw_pb2.Visible,
            alliance=raw_pb2.Self if owner == player else raw_pb2.Neutral if owner == NEUTRAL else raw_pb2.Enemy,
            tag=int(battle.tag[place]), unit_type=int(battle.number[place]), owner=owner,
            facing=battle.facing[place], radius=kind.radius, build_progress=1.0, cloak=raw_pb2.NotCloaked,
            is_selected=bool(battle.selected[place]), is_on_screen=True, health=max(0.0, battle.health[place]),
            health_max=kind.health, shield=battle.shield[place], shield_max=kind.shield,
            energy=battle.energy[place], energy_max=kind.energy, weapon_cooldown=max(0.0, battle.cooldown[place]),
            is_active=bool(battle.order[place]), is_powered=True, is_flying=kind.flying,
        )  # fmt: skip
        unit.pos.x, unit.pos.y, unit.pos.z = battle.x[place], battle.y[place], HEIGHT
        if owner == player:
            _tell_order(unit, battle, place)


def _tell_order(unit: raw_pb2.Unit, battle: Battle, place: int) -> None:
    order = Order(int(battle.order[place]))
    if order is Order.NONE:
        return
    told = unit.orders.add(ability_id=ABILITY_OF[order])
    if order in (Order.ATTACK, Order.HEAL):
        told.target_unit_tag = int(battle.target[place])
    elif order is not Order.HOLD:
        told.target_world_space_pos.x, told.target_world_space_pos.y = battle.goal_x[place], battle.goal_y[place]


def _tell_selection(told: sc2api_pb2.Observation, battle: Battle, chosen: NDArray[np.int64]) -> None:
    panel = told.ui_data
    for place in chosen.tolist():
        unit = panel.single.unit if len(chosen) == 1 else panel.multi.units.add()
        unit.unit_type, unit.player_relative = int(battle.number[place]), raw_pb2.Self
        unit.health, unit.shields = int(battle.health[place]), int(battle.shield[place])
        unit.energy, unit.build_progress = int(battle.energy[place]), 1.0


def _tell_layers(told: sc2api_pb2.Observation, battle: Battle, player: int, eye: Eye, seen: NDArray[np.bool_]) -> None:
    shown = np.flatnonzero(seen)
    left, top = eye.corner
    on_screen = (battle.x[shown] - left) / eye.scale, (top - battle.y[shown]) / eye.scale
    paint(
        told.feature_layer_data.renders, battle, player, shown, on_screen, battle.of("radius")[shown] / eye.scale,
        eye.screen,
    )  # fmt: skip
    width, height = battle.size
    on_minimap = battle.x[shown] / width * eye.minimap[0], (1 - battle.y[shown] / height) * eye.minimap[1]
    paint(
        told.feature_layer_data.minimap_renders, battle, player, shown, on_minimap,
        np.full(len(shown), MINIMAP_RADIUS), eye.minimap,
    )  # fmt: skip

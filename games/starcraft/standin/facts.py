"""What does not change during a match of the stand-in: the field, the players, the kinds of units, and distances."""

from __future__ import annotations

from functools import cache

import numpy as np
from s2clientprotocol import data_pb2, error_pb2, query_pb2, sc2api_pb2

from arena.games.starcraft.standin.battle import Battle
from arena.games.starcraft.standin.orders import ABILITIES, AT_POINT, HEALS, STOPS
from arena.games.starcraft.standin.units import NUM_TYPES, ROW_OF_NUMBER, TOLD_NUMBER, TYPES

LOOPS_A_SECOND = 16.0  # "normal" speed, in which the game tells its data


@cache
def unit_data() -> sc2api_pb2.ResponseData:
    """The types of units and abilities, most of them names without anything behind them."""
    told = sc2api_pb2.ResponseData()
    for ability in ABILITIES:
        target = data_pb2.AbilityData.PointOrUnit if ability in AT_POINT else data_pb2.AbilityData.Unit
        told.abilities.add(
            ability_id=ability,
            link_name=f"ability{ability}",
            link_index=0,
            button_name=f"ability{ability}",
            friendly_name=f"ability{ability}",
            available=True,
            target=target if ability in (*AT_POINT, *HEALS) else getattr(data_pb2.AbilityData, "None"),
        )
    names = {number: f"RL_{name}" for name, number in TOLD_NUMBER.items()}
    for number in range(NUM_TYPES):
        row = ROW_OF_NUMBER.get(number)
        unit = told.units.add(unit_id=number, name="", available=row is not None)
        if row is None:
            continue
        kind = TYPES[row]
        unit.name = names.get(number, kind.name)
        unit.mineral_cost, unit.race, unit.movement_speed = kind.minerals, kind.race, kind.speed * LOOPS_A_SECOND
        unit.sight_range, unit.armor, unit.food_required = kind.sight, kind.armor, 1
        if kind.damage:
            unit.weapons.add(
                type=data_pb2.Weapon.Any,
                damage=kind.damage,
                attacks=kind.attacks,
                range=kind.reach,
                speed=kind.cooldown / LOOPS_A_SECOND,
            )
    return told


def tell_field(told: sc2api_pb2.ResponseGameInfo, battle: Battle, homes: list[tuple[float, float]]) -> None:
    """A level field that is passable everywhere; ``homes``: where the other players begin."""
    width, height = battle.size
    start = told.start_raw
    start.map_size.x, start.map_size.y = width, height
    start.playable_area.p0.x, start.playable_area.p0.y = 0, 0
    start.playable_area.p1.x, start.playable_area.p1.y = width, height
    for image, bits, value in (
        (start.pathing_grid, 1, 255),
        (start.placement_grid, 1, 255),
        (start.terrain_height, 8, 127),
    ):
        image.bits_per_pixel, image.data = bits, bytes([value]) * (width * height * bits // 8)
        image.size.x, image.size.y = width, height
    for x, y in homes:
        start.start_locations.add(x=x, y=y)


def answer_query(asked: query_pb2.RequestQuery, battle: Battle) -> query_pb2.ResponseQuery:
    """Straight distances, the abilities that units have, and room everywhere."""
    told = query_pb2.ResponseQuery()
    for way in asked.pathing:
        start = (way.start_pos.x, way.start_pos.y)
        if way.HasField("unit_tag") and (place := int(battle.places(np.array([way.unit_tag]))[0])) >= 0:
            start = float(battle.x[place]), float(battle.y[place])
        told.pathing.add(distance=float(np.hypot(way.end_pos.x - start[0], way.end_pos.y - start[1])))
    for unit in asked.abilities:
        place = int(battle.places(np.array([unit.unit_tag]))[0])
        found = told.abilities.add(unit_tag=unit.unit_tag, unit_type_id=int(battle.number[place]) if place >= 0 else 0)
        for ability in (*AT_POINT[::2], STOPS[0]):
            found.abilities.add(ability_id=ability, requires_point=ability in AT_POINT)
    for _ in asked.placements:
        told.placements.add(result=error_pb2.Success)
    return told

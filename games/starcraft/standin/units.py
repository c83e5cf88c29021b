"""The units of the stand-in: a few numbers each, in the sizes and with the names and numbers that clients know from StarCraft II.

Not StarCraft's balance: no upgrades, no bonus damage, no difference between air and ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

TERRAN, ZERG, PROTOSS = 1, 2, 3
NEUTRAL = 16
"""The owner of what belongs to nobody."""
NUM_TYPES = 2013
"""How many types of units `ResponseData` lists. The last nine are SMACv2's own units, which do not fight unless told to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitType:
    """Distances in cells, times in game loops; ``reach`` is from edge to edge. Without ``damage`` it cannot attack, without
    ``speed`` it is scenery."""

    name: str
    number: int
    race: int = 0
    health: int = 0
    shield: int = 0
    energy: int = 0
    armor: int = 0
    damage: int = 0
    attacks: int = 1
    reach: float = 0.0
    cooldown: float = 0.0
    speed: float = 0.0
    radius: float = 0.375
    sight: int = 9
    minerals: int = 0
    splash: float = 0.0
    heals: bool = False
    flying: bool = False


MARINE = UnitType(
    name="Marine", number=48, race=TERRAN, health=45, damage=6, reach=5, cooldown=13.7, speed=0.1406, minerals=50
)
MARAUDER = UnitType(
    name="Marauder", number=51, race=TERRAN, health=125, armor=1, damage=10, reach=6, cooldown=24, speed=0.1406,
    radius=0.5625, sight=10, minerals=100,
)  # fmt: skip
MEDIVAC = UnitType(
    name="Medivac", number=54, race=TERRAN, health=150, energy=200, armor=1, reach=4, speed=0.1563, radius=0.75,
    sight=11, minerals=100, heals=True, flying=True,
)  # fmt: skip
ZEALOT = UnitType(
    name="Zealot", number=73, race=PROTOSS, health=100, shield=50, armor=1, damage=8, attacks=2, reach=0.1,
    cooldown=19.3, speed=0.1406, radius=0.5, minerals=100,
)  # fmt: skip
STALKER = UnitType(
    name="Stalker", number=74, race=PROTOSS, health=80, shield=80, armor=1, damage=13, reach=6, cooldown=30,
    speed=0.1846, radius=0.625, sight=10, minerals=125,
)  # fmt: skip
COLOSSUS = UnitType(
    name="Colossus", number=4, race=PROTOSS, health=200, shield=150, armor=1, damage=10, attacks=2, reach=7,
    cooldown=24, speed=0.1406, radius=1.0, sight=10, minerals=300,
)  # fmt: skip
ZERGLING = UnitType(
    name="Zergling", number=105, race=ZERG, health=35, damage=5, reach=0.1, cooldown=11.1, speed=0.1846, sight=8,
    minerals=25,
)  # fmt: skip
BANELING = UnitType(
    name="Baneling", number=9, race=ZERG, health=30, damage=16, reach=0.25, cooldown=13, speed=0.1563, sight=8,
    minerals=50, splash=2.2,
)  # fmt: skip
HYDRALISK = UnitType(
    name="Hydralisk", number=107, race=ZERG, health=90, damage=12, reach=5, cooldown=13, speed=0.1406, radius=0.625,
    minerals=100,
)  # fmt: skip
ROACH = UnitType(
    name="Roach", number=110, race=ZERG, health=145, armor=1, damage=16, reach=4, cooldown=32, speed=0.1406,
    radius=0.625, minerals=75,
)  # fmt: skip
MINERAL_SHARD = UnitType(name="MineralShard", number=1680, radius=0.5)
BEACON = UnitType(name="Beacon_Protoss", number=317, radius=2.0)

TYPES = (
    MARINE, MARAUDER, MEDIVAC, ZEALOT, STALKER, COLOSSUS, ZERGLING, BANELING, HYDRALISK, ROACH, MINERAL_SHARD, BEACON,
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in TYPES}
TOLD = ("Baneling", "Colossus", "Hydralisk", "Marauder", "Marine", "Medivac", "Stalker", "Zealot", "Zergling")
"""What SMACv2's maps have copies of that act on orders alone, in the order of their numbers."""
TOLD_NUMBER = {name: NUM_TYPES - len(TOLD) + place for place, name in enumerate(TOLD)}
ROW_OF_NUMBER = {kind.number: row for row, kind in enumerate(TYPES)} | {
    number: TYPES.index(BY_NAME[name]) for name, number in TOLD_NUMBER.items()
}
"""A unit's type as clients name it -> its row in `TYPES` and `columns`."""


@cache
def columns() -> dict[str, NDArray[np.float64]]:
    """Each number of the types as a column, a row a type."""
    names = (
        "health",
        "shield",
        "energy",
        "armor",
        "damage",
        "attacks",
        "reach",
        "cooldown",
        "speed",
        "radius",
        "sight",
    )
    return {
        name: np.array([getattr(kind, name) for kind in TYPES], np.float64)
        for name in (*names, "minerals", "splash", "heals")
    }

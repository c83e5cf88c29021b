"""The units of SMAX: constants of JaxMARL 0.2.0 (Apache-2.0), which took them from StarCraft II."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnitType:
    """``speed`` in map units a second; ``attack_range``, ``sight_range``, ``radius`` in map units; ``cooldown`` in seconds.

    ``letter`` stands for the type on a drawn map.
    """

    name: str
    letter: str
    speed: float
    damage: float
    attack_range: float
    sight_range: float
    radius: float
    health: float
    cooldown: float


UNIT_TYPES = (
    UnitType("marine", "m", 3.15, 9, 5, 9, 0.375, 45, 0.61),
    UnitType("marauder", "M", 2.25, 10, 6, 10, 0.5625, 125, 1.07),
    UnitType("stalker", "s", 4.13, 13, 6, 10, 0.625, 160, 1.87),
    UnitType("zealot", "Z", 3.15, 8, 2, 9, 0.5, 150, 0.86),
    UnitType("zergling", "z", 4.13, 5, 2, 8, 0.375, 35, 0.5),
    UnitType("hydralisk", "h", 3.15, 12, 5, 9, 0.625, 80, 0.59),
)
MARINE, MARAUDER, STALKER, ZEALOT, ZERGLING, HYDRALISK = range(len(UNIT_TYPES))

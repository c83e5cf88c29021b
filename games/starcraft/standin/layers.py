"""Feature layers: what a player sees, as images of numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from s2clientprotocol import raw_pb2, spatial_pb2

from arena.games.starcraft.standin.battle import Battle
from arena.games.starcraft.standin.units import NEUTRAL

LEAST_RADIUS = 0.7  # pixels: whoever is seen fills one
_FLAT = {"visibility_map": 2, "height_map": 127, "pathable": 1}
"""What is the same everywhere on these fields: seen, level, passable."""


def paint(
    renders: spatial_pb2.FeatureLayers | spatial_pb2.FeatureLayersMinimap,
    battle: Battle,
    player: int,
    shown: NDArray[np.int64],
    at: tuple[NDArray[np.float64], NDArray[np.float64]],
    radius: NDArray[np.float64],
    size: tuple[int, int],
) -> None:
    """Fills in the layers that both kinds of image have, units as discs; later units cover earlier ones.

    Args:
        renders: the images.
        battle: what is seen.
        player: who sees.
        shown: the places of the units that he sees.
        at: where each is, in pixels.
        radius: of each, in pixels.
        size: of the images in pixels.
    """
    top = _covering(at, radius, size)
    for name, (bits, values) in _values(battle, player, shown).items():
        if hasattr(renders, name):
            kind = np.int32 if bits == 32 else np.uint8
            table = np.append(values, 0).astype(kind)  # -1, where nobody is, reads the last
            _fill(getattr(renders, name), table[top], bits)
    for name, value in _FLAT.items():
        if hasattr(renders, name):
            _fill(getattr(renders, name), np.full(top.shape, value, np.uint8), 8)


def _covering(
    at: tuple[NDArray[np.float64], NDArray[np.float64]], radius: NDArray[np.float64], size: tuple[int, int]
) -> NDArray[np.int64]:
    """Which unit each pixel [rows, columns] shows; -1 none."""
    columns, rows = size
    top = np.full((rows, columns), -1)
    for number, (x, y, reach) in enumerate(zip(at[0].tolist(), at[1].tolist(), radius.tolist(), strict=True)):
        first_x, last_x = max(0, int(x - reach)), min(columns - 1, int(x + reach))
        first_y, last_y = max(0, int(y - reach)), min(rows - 1, int(y + reach))
        if first_x > last_x or first_y > last_y:
            continue
        across, down = np.arange(first_x, last_x + 1) - x, np.arange(first_y, last_y + 1) - y
        disc = down[:, None] ** 2 + across**2 <= max(reach, LEAST_RADIUS) ** 2
        top[first_y : last_y + 1, first_x : last_x + 1][disc] = number
    return top


def _values(battle: Battle, player: int, shown: NDArray[np.int64]) -> dict[str, tuple[int, NDArray[np.float64]]]:
    """Layer -> bits a pixel, and the number that each unit has in it."""
    owner, health, most = battle.owner[shown], battle.health[shown], battle.of("health")[shown]
    relative = np.where(owner == player, raw_pb2.Self, np.where(owner == NEUTRAL, raw_pb2.Neutral, raw_pb2.Enemy))
    shield, most_shield = battle.shield[shown], battle.of("shield")[shown]
    return {
        "unit_type": (32, battle.number[shown].astype(np.float64)),
        "player_relative": (8, relative.astype(np.float64)),
        "player_id": (8, owner.astype(np.float64)),
        "selected": (8, battle.selected[shown].astype(np.float64)),
        "unit_hit_points": (32, health),
        "unit_hit_points_ratio": (8, 255 * health / np.maximum(1, most)),
        "unit_shields": (32, shield),
        "unit_shields_ratio": (8, 255 * shield / np.maximum(1, most_shield)),
        "unit_density": (8, np.ones(len(shown))),
        "unit_density_aa": (8, np.full(len(shown), 16.0)),
    }


def _fill(image: object, pixels: NDArray[np.generic], bits: int) -> None:
    image.bits_per_pixel = bits  # type: ignore[attr-defined]  # an ImageData, whose package has no types
    image.size.y, image.size.x = pixels.shape  # type: ignore[attr-defined]
    image.data = pixels.tobytes()  # type: ignore[attr-defined]

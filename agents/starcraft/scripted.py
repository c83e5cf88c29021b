"""Scripted players of StarCraft II as pysc2 agents: from what is seen to one action, on feature layers or on raw units.

They are baselines, and no more: without an economy, and the same for every enemy.
"""

# ruff: noqa: ARG001 -- every script takes the same

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from arena.games.starcraft.pysc2_repair import repair_pysc2

repair_pysc2()

from pysc2.lib import actions, features  # noqa: E402

SCREEN, RAW = actions.FUNCTIONS, actions.RAW_FUNCTIONS
SELF, NEUTRAL, ENEMY = 1, 3, 4
UNIT = features.FeatureUnit

Size = tuple[int, int]
Script = Callable[[Any, np.random.Generator, Size], Any]
"""(pysc2's observation, draws, the size of the map in raw coordinates) -> pysc2's action."""


def screen_collect(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """The army to the nearest thing that belongs to nobody: a beacon, a mineral shard; where none is seen, anywhere."""
    if SCREEN.Move_screen.id not in seen.available_actions:
        return _select(seen)
    goals = _nearest(seen, NEUTRAL)
    return SCREEN.Move_screen("now", _anywhere(seen, draws) if goals is None else goals)


def screen_attack(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """The army at the nearest enemy on the screen; where none is seen, to any place of the minimap."""
    if SCREEN.Attack_screen.id not in seen.available_actions:
        return _select(seen)
    enemy = _nearest(seen, ENEMY)
    if enemy is not None:
        return SCREEN.Attack_screen("now", enemy)
    rows, columns = seen.feature_minimap.player_relative.shape
    return SCREEN.Attack_minimap("now", (int(draws.integers(columns)), int(draws.integers(rows))))


def screen_random(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """Any available action with any arguments, each with the same chance."""
    function = SCREEN[int(draws.choice(seen.available_actions))]
    sizes = {"screen": seen.feature_screen.shape[:0:-1], "minimap": seen.feature_minimap.shape[:0:-1]}
    arguments = []
    for kind in function.args:
        bounds = sizes[kind.name.rstrip("2")] if kind.name in ("screen", "screen2", "minimap") else kind.sizes
        arguments.append([int(draws.integers(bound)) for bound in bounds])
    return actions.FunctionCall(function.id, arguments)


def raw_attack(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """All units at the weakest enemy that is seen; where none is seen, to any place."""
    own, foes = _units(seen, SELF), _units(seen, ENEMY)
    if not len(own):
        return RAW.no_op()
    if len(foes):
        weakest = foes[np.argmin(foes[:, UNIT.health] + foes[:, UNIT.shield])]
        return RAW.Attack_unit("now", _tags(own), int(weakest[UNIT.tag]))
    return RAW.Attack_pt("now", _tags(own), _place(draws, size))


def raw_charge(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """All units to where the enemy nearest to them is, shooting at whatever they meet; else to any place."""
    return _all_to_nearest(seen, ENEMY, RAW.Attack_pt, _place(draws, size))


def raw_collect(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """All units to the nearest thing that belongs to nobody; else to any place."""
    return _all_to_nearest(seen, NEUTRAL, RAW.Move_pt, _place(draws, size))


def raw_random(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """One of its units, drawn, to any place, moving or attacking."""
    own = _units(seen, SELF)
    if not len(own):
        return RAW.no_op()
    order = RAW.Move_pt if draws.integers(2) else RAW.Attack_pt
    return order("now", [int(own[draws.integers(len(own)), UNIT.tag])], _place(draws, size))


def wait(seen: Any, draws: np.random.Generator, size: Size) -> Any:
    """Nothing, ever: units defend themselves as far as the game lets them."""
    return RAW.no_op() if hasattr(seen, "raw_units") else SCREEN.no_op()


SCRIPTS: dict[tuple[str, str], Script] = {
    ("feature", "attack"): screen_attack,
    ("feature", "collect"): screen_collect,
    ("feature", "random"): screen_random,
    ("feature", "wait"): wait,
    ("raw", "attack"): raw_attack,
    ("raw", "charge"): raw_charge,
    ("raw", "collect"): raw_collect,
    ("raw", "random"): raw_random,
    ("raw", "wait"): wait,
}
"""By interface and name."""


def _select(seen: Any) -> Any:
    if SCREEN.select_army.id in seen.available_actions:
        return SCREEN.select_army("select")
    return SCREEN.no_op()


def _nearest(seen: Any, relation: int) -> tuple[int, int] | None:
    """The middle of such a thing on the screen that is nearest to one's own units, or None."""
    screen = np.asarray(seen.feature_screen.player_relative)
    rows, columns = np.nonzero(screen == relation)
    if not len(rows):
        return None
    own_rows, own_columns = np.nonzero(screen == SELF)
    middle = (own_rows.mean(), own_columns.mean()) if len(own_rows) else (screen.shape[0] / 2, screen.shape[1] / 2)
    nearest = int(np.argmin(np.hypot(rows - middle[0], columns - middle[1])))
    things, _ = label(screen == relation)
    its_rows, its_columns = np.nonzero(things == things[rows[nearest], columns[nearest]])
    return int(its_columns.mean()), int(its_rows.mean())


def _all_to_nearest(seen: Any, alliance: int, order: Any, otherwise: list[int]) -> Any:
    """An order to all own units, about the place of the nearest unit of an alliance."""
    own, goals = _units(seen, SELF), _units(seen, alliance)
    if not len(own):
        return RAW.no_op()
    if not len(goals):
        return order("now", _tags(own), otherwise)
    places, middle = goals[:, [UNIT.x, UNIT.y]], own[:, [UNIT.x, UNIT.y]].mean(axis=0)
    nearest = places[np.argmin(np.hypot(*(places - middle).T))]
    return order("now", _tags(own), nearest.tolist())


def _anywhere(seen: Any, draws: np.random.Generator) -> tuple[int, int]:
    rows, columns = seen.feature_screen.player_relative.shape
    return int(draws.integers(columns)), int(draws.integers(rows))


def _units(seen: Any, alliance: int) -> NDArray[np.int64]:
    units = np.asarray(seen.raw_units)
    found: NDArray[np.int64] = units[units[:, UNIT.alliance] == alliance] if len(units) else units.reshape(0, 1)
    return found


def _tags(units: NDArray[np.int64]) -> list[int]:
    return [int(tag) for tag in units[:, UNIT.tag]]


def _place(draws: np.random.Generator, size: Size) -> list[int]:
    return [int(draws.integers(size[0])), int(draws.integers(size[1]))]

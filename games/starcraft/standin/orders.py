"""What clients tell their units, as orders: raw commands, and commands on the screen to what is selected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from s2clientprotocol import error_pb2, raw_pb2, sc2api_pb2, spatial_pb2

from arena.games.starcraft.standin.battle import Battle, Order

MOVES, ATTACKS, STOPS, HOLDS = (16, 3794), (23, 3674), (4, 3665), (18, 3793)
SMART, HEALS = (1,), (386,)
ABILITIES = (*MOVES, *ATTACKS, *STOPS, *HOLDS, *SMART, *HEALS)
"""The abilities of the game that units have here, each by its own and by its general number."""
AT_POINT = (*MOVES, *ATTACKS, *SMART)
"""Those that take a point or a unit."""
ABILITY_OF = {Order.MOVE: 16, Order.ATTACK_TO: 23, Order.ATTACK: 23, Order.HOLD: 18, Order.HEAL: 386}


@dataclass(slots=True)
class Eye:
    """What of the field a player's screen and minimap show. ``width``: of the screen in cells; resolutions in pixels."""

    x: float
    y: float
    width: float
    screen: tuple[int, int]
    minimap: tuple[int, int]

    @property
    def scale(self) -> float:
        """Cells a pixel of the screen."""
        return self.width / max(1, self.screen[0])

    @property
    def corner(self) -> tuple[float, float]:
        """The field's point at the top left of the screen, whose y grows downwards."""
        return self.x - self.width / 2, self.y + self.scale * self.screen[1] / 2

    def on_field(self, x: float, y: float) -> tuple[float, float]:
        """The middle of a pixel of the screen as a point of the field."""
        left, top = self.corner
        return left + (x + 0.5) * self.scale, top - (y + 0.5) * self.scale

    def from_minimap(self, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        return (x + 0.5) / self.minimap[0] * size[0], (1 - (y + 0.5) / self.minimap[1]) * size[1]


def carry_out(action: sc2api_pb2.Action, battle: Battle, player: int, eye: Eye) -> int:
    """Does what a player's action says; a value of `ActionResult`."""
    if action.action_raw.HasField("camera_move"):
        point = action.action_raw.camera_move.center_world_space
        eye.x, eye.y = point.x, point.y
    own = battle.owner == player
    if action.action_ui.HasField("select_army"):
        battle.selected[own] = True
    screen = action.action_feature_layer
    _select_on_screen(screen, battle, own, eye)
    if screen.HasField("camera_move"):
        point = screen.camera_move.center_minimap
        eye.x, eye.y = eye.from_minimap(point.x, point.y, battle.size)
    if screen.HasField("unit_command"):
        return command(_to_raw(screen.unit_command, battle, own, eye), battle, player)
    if action.action_raw.HasField("unit_command"):
        return command(action.action_raw.unit_command, battle, player)
    return int(error_pb2.Success)


def command(given: raw_pb2.ActionRawUnitCommand, battle: Battle, player: int) -> int:
    """A raw command to units of the player; `ActionResult.Error` where none of them can follow it."""
    units = battle.places(np.array(given.unit_tags, np.int64))
    units = units[units >= 0]
    units = units[battle.owner[units] == player]
    target = -1
    if given.HasField("target_unit_tag"):
        target = int(battle.places(np.array([given.target_unit_tag], np.int64))[0])
    point = None
    if given.HasField("target_world_space_pos"):
        point = given.target_world_space_pos.x, given.target_world_space_pos.y
    elif target >= 0:
        point = float(battle.x[target]), float(battle.y[target])
    order = _order(given.ability_id, target, point, battle, player)
    if order is None or not len(units):
        return int(error_pb2.Error)
    battle.order[units] = order
    if order in (Order.ATTACK, Order.HEAL):
        battle.target[units] = battle.tag[target]
    elif point is not None:
        battle.goal_x[units], battle.goal_y[units] = point
    return int(error_pb2.Success)


def _order(ability: int, target: int, point: tuple[float, float] | None, battle: Battle, player: int) -> Order | None:
    if ability in STOPS:
        return Order.NONE
    if ability in HOLDS:
        return Order.HOLD
    if ability in HEALS and target >= 0:
        return Order.HEAL
    fights = target >= 0 and battle.owner[target] != player and battle.of("speed")[target] > 0
    if ability in ATTACKS + SMART and fights:
        return Order.ATTACK
    if point is not None and ability in ATTACKS:
        return Order.ATTACK_TO
    if point is not None and ability in MOVES + SMART:
        return Order.MOVE
    return None


def _to_raw(
    given: spatial_pb2.ActionSpatialUnitCommand, battle: Battle, own: NDArray[np.bool_], eye: Eye
) -> raw_pb2.ActionRawUnitCommand:
    """A command on screen or minimap to the selected units."""
    raw = raw_pb2.ActionRawUnitCommand(
        ability_id=given.ability_id, unit_tags=battle.tag[own & battle.selected].tolist()
    )
    if given.HasField("target_screen_coord"):
        at = eye.on_field(given.target_screen_coord.x, given.target_screen_coord.y)
    elif given.HasField("target_minimap_coord"):
        at = eye.from_minimap(given.target_minimap_coord.x, given.target_minimap_coord.y, battle.size)
    else:
        return raw
    raw.target_world_space_pos.x, raw.target_world_space_pos.y = at
    far = np.hypot(battle.x - at[0], battle.y - at[1])
    pointed = (far <= battle.of("radius")) & ~own & (battle.of("speed") > 0)
    if pointed.any():
        raw.target_unit_tag = int(battle.tag[np.where(pointed, far, np.inf).argmin()])
        raw.ClearField("target_world_space_pos")
    return raw


def _select_on_screen(given: spatial_pb2.ActionSpatial, battle: Battle, own: NDArray[np.bool_], eye: Eye) -> None:
    if given.HasField("unit_selection_point"):
        point = given.unit_selection_point.selection_screen_coord
        x, y = eye.on_field(point.x, point.y)
        near = np.hypot(battle.x - x, battle.y - y) <= battle.of("radius") + eye.scale
        battle.selected[own] = near[own]
    if given.HasField("unit_selection_rect"):
        if not given.unit_selection_rect.selection_add:
            battle.selected[own] = False
        for rect in given.unit_selection_rect.selection_screen_coord:
            (left, top), (right, bottom) = eye.on_field(rect.p0.x, rect.p0.y), eye.on_field(rect.p1.x, rect.p1.y)
            across = (battle.x >= min(left, right)) & (battle.x <= max(left, right))
            down = (battle.y >= min(top, bottom)) & (battle.y <= max(top, bottom))
            battle.selected |= own & across & down

"""SMAX in words: what a unit sees, an action, and the whole map as text."""

from __future__ import annotations

from typing import Any

from arena.games.smax.rules import MOVES, Constants, Rules
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES

DIRECTIONS = ("north", "east", "south", "west", "stop")
COLUMNS, ROWS = 64, 32
"""Cells of the map in text: about twice as high as wide in a terminal."""


def move_text(action: Any, unit: int, rules: Rules) -> str:
    """``north``, ``attack 4`` (the number of the unit), or a continuous action's numbers."""
    if rules.actions == "continuous":
        return "(" + ", ".join(f"{float(value):.2f}" for value in action) + ")"
    number = int(action)
    if not 0 <= number < rules.num_actions:
        return str(number)
    if number < MOVES:
        return DIRECTIONS[number]
    return f"attack {aimed_at(number, unit, rules)}"


def aimed_at(action: int, unit: int, rules: Rules) -> int:
    """The unit that an attack of `unit` aims at: enemies from the first on, allies from the last."""
    allies, place = rules.scenario.num_allies, action - MOVES
    return allies + place if unit < allies else allies - 1 - place


def unit_lines(state: State, unit: int, constants: Constants) -> list[str]:
    """What a unit of the one match sees, a line a unit, itself first."""
    if not state.alive[0, unit]:
        return [f"unit {unit} is dead"]
    x, y = state.position[0, unit].tolist()
    lines = [f"you: {_told(state, unit)} at ({x:.1f}, {y:.1f}), may attack in {max(state.cooldown[0, unit], 0):.2f} s"]
    sight = constants.sight_range[state.unit_type[0, unit]]
    for other in constants.others[unit].tolist():
        offset = state.position[0, other] - state.position[0, unit]
        if state.alive[0, other] and offset.norm() < sight:
            side = "ally" if constants.is_ally[other] == constants.is_ally[unit] else "enemy"
            lines.append(f"{side}: {_told(state, other)} at ({x + offset[0]:.1f}, {y + offset[1]:.1f})")
    return lines


def map_lines(state: State, rules: Rules) -> list[str]:
    """The map of the one match from north to south, a letter a living unit, enemies in brackets; then a line a unit."""
    cells = [[" "] * COLUMNS for _ in range(ROWS)]
    for unit in range(rules.num_units):
        if state.alive[0, unit]:
            x, y = (state.position[0, unit] / rules.size).tolist()
            row, column = ROWS - 1 - min(int(y * ROWS), ROWS - 1), min(int(x * COLUMNS), COLUMNS - 1)
            letter = UNIT_TYPES[int(state.unit_type[0, unit])].letter
            cells[row][column] = letter
            if unit >= rules.scenario.num_allies:
                for beside, bracket in ((column - 1, "["), (column + 1, "]")):
                    if 0 <= beside < COLUMNS and cells[row][beside] == " ":
                        cells[row][beside] = bracket
    lines = ["+" + "-" * COLUMNS + "+", *("|" + "".join(row) + "|" for row in cells), "+" + "-" * COLUMNS + "+"]
    for unit in range(rules.num_units):
        x, y = state.position[0, unit].tolist()
        side = "ally" if unit < rules.scenario.num_allies else "enemy"
        lines.append(f"{side} {_told(state, unit)} at ({x:.1f}, {y:.1f})" + ("" if state.alive[0, unit] else ", dead"))
    return lines


def _told(state: State, unit: int) -> str:
    kind = UNIT_TYPES[int(state.unit_type[0, unit])]
    return f"unit {unit}, {kind.name} {float(state.health[0, unit]):.0f}/{kind.health:.0f}"

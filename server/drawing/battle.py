"""A SMAX map: units as discs of their true radius, what health they have left as a ring, shots as lines, the dead in grey.

Allies are plain discs, enemies are ringed ones in another colour, their shots dashed. Only what a film shows is drawn, and
the map is cut to where the film's units ever are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from arena.server import numbers
from arena.server.drawing.svg import el, picture, text

if TYPE_CHECKING:
    from arena.film import Film, Shot

WIDTH = 528  # units of the drawing: pixels on a wide screen
LEAST = 14.0  # map units across; less would make giants of units
MARGIN = 2.0  # map units around the units
FLATTEST = 0.6  # height by width
GRID = 4  # map units
RING = 3.5  # from the disc to the middle of the ring of health

SIDES = ("allies", "enemies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The part of the map that is drawn: its left and upper border in map units, pixels a map unit, and the height in pixels."""

    left: float
    top: float
    scale: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A place of the map in the drawing, north up."""
        return (x - self.left) * self.scale, (self.top - y) * self.scale


def stage_of(film: Film) -> Stage:
    """The part of the map in which everything happens that the film shows."""
    low, high = np.nanmin(film.position, axis=(0, 1)) - MARGIN, np.nanmax(film.position, axis=(0, 1)) + MARGIN
    size = float(film.rules.size)
    width = max(LEAST, float(high[0] - low[0]), float(high[1] - low[1]))
    height = max(float(high[1] - low[1]), FLATTEST * width)
    centre = (low + high) / 2
    left, bottom = (_inside(float(centre[k]) - span / 2, span, size) for k, span in ((0, width), (1, height)))
    scale = WIDTH / width
    return Stage(left=left, top=bottom + height, scale=scale, height=round(height * scale))


def battle(film: Film, move: int) -> Markup:
    """The map after a move, with the shots of that move."""
    stage, frame = stage_of(film), move * film.per_step
    units = [unit for unit in range(len(film.kinds)) if film.shown[frame, unit]]
    lying = [unit for unit in units if film.health[frame, unit] <= 0]
    standing = [unit for unit in units if film.health[frame, unit] > 0]
    drawn = [unit_mark(film, stage, unit, frame) for unit in (*lying, *standing)]
    layers = [
        *ground(film, stage, frame),
        el("g", *(shot_mark(film, stage, shot) for shot in film.shots_of(move)), data_layer="shots"),
        el("g", *drawn, data_layer="units"),
    ]
    return picture(layers, told(film, move), width=WIDTH, height=stage.height, cls="chart battle")


def side_mark(side: int) -> Markup:
    """The small disc that stands for a side in the key above a map."""
    disc = el("g", *unit_parts("", 24, 0)[:1], cls=f"unit key-unit side-{side}")
    return el("svg", disc, width=14, height=14, viewBox="-30 -30 60 60", aria_hidden="true")


def ground(film: Film, stage: Stage, frame: int, *, sight: Sequence[Markup] = ()) -> list[Markup]:
    """The field, a line each `GRID` map units, the border that kills, and how far the viewing unit sees; ``sight``: what
    moves that circle."""
    size, marks = film.rules.size, [el("rect", cls="field", width=WIDTH, height=stage.height, rx=4)]
    for step in range(GRID, math.ceil(size), GRID):
        x, y = stage.at(step, step)
        if 0 < x < WIDTH:
            marks.append(el("line", cls="grid", x1=x, x2=x, y1=0, y2=stage.height))
        if 0 < y < stage.height:
            marks.append(el("line", cls="grid", x1=0, x2=WIDTH, y1=y, y2=y))
    (left, top), (right, bottom) = stage.at(0, size), stage.at(size, 0)
    for x in (left, right):
        if 0 < x < WIDTH:
            marks.append(el("line", cls="border", x1=x, x2=x, y1=max(top, 0), y2=min(bottom, stage.height)))
    for y in (top, bottom):
        if 0 < y < stage.height:
            marks.append(el("line", cls="border", x1=max(left, 0), x2=min(right, WIDTH), y1=y, y2=y))
    kind = film.kinds[film.view] if film.view is not None else None
    if film.view is not None and kind is not None:
        x, y = stage.at(*film.position[frame, film.view].tolist())
        inner = el("circle", *sight, cls="sight", cx=x, cy=y, r=kind.sight_range * stage.scale, data_layer="sight")
        marks.append(el("svg", inner, width=WIDTH, height=stage.height, cls="cut"))
    return marks


def unit_mark(film: Film, stage: Stage, unit: int, frame: int) -> Markup:
    """One unit: its disc, its ring of health, the letter of its type."""
    kind = film.kinds[unit]
    assert kind is not None, "a unit that is shown has a type"
    x, y = stage.at(*film.position[frame, unit].tolist())
    left = share_left(film, unit, frame)
    return el(
        "g",
        *unit_parts(kind.letter, kind.radius * stage.scale, left),
        cls=unit_class(film, unit, dead=left == 0),
        transform=f"translate({x:.1f} {y:.1f})",
    )


def unit_parts(letter: str, radius: float, left: float, *, drain: Sequence[Markup] = ()) -> list[Markup]:
    """Disc, ring and letter around the origin; ``left``: percent of the health, ``drain``: what changes it."""
    ring = radius + RING
    return [
        el("circle", cls="body", r=radius),
        el("circle", cls="spent", r=ring),
        el(
            "circle",
            *drain,
            cls="left",
            r=ring,
            pathLength=100,
            stroke_dasharray=f"{left:g} 100",
            transform="rotate(-90)",
        ),
        text(letter, cls="mid", dy=".35em"),
    ]


def unit_class(film: Film, unit: int, *, dead: bool) -> str:
    return f"unit side-{film.side(unit)}{' me' if unit == film.view else ''}{' dead' if dead else ''}"


def share_left(film: Film, unit: int, frame: int) -> float:
    """Percent of its health, in whole numbers, 0 only for the dead."""
    kind, health = film.kinds[unit], float(film.health[frame, unit])
    assert kind is not None, "a unit that is shown has a type"
    return 0 if health <= 0 else max(1, round(health / kind.health * 100))


def shot_mark(film: Film, stage: Stage, shot: Shot) -> Markup:
    """A line from the shooter to the target."""
    (x1, y1), (x2, y2) = shot_ends(film, stage, shot)
    return el("line", cls=f"shot side-{film.side(shot.shooter)}", x1=x1, y1=y1, x2=x2, y2=y2)


def shot_ends(film: Film, stage: Stage, shot: Shot) -> tuple[tuple[float, float], tuple[float, float]]:
    """In the drawing: from the edge of the shooter's disc to the centre of the target."""
    kind = film.kinds[shot.shooter]
    (x1, y1), end = stage.at(*shot.start), stage.at(*shot.end)
    length = math.hypot(end[0] - x1, end[1] - y1)
    ahead = min(1.0, kind.radius * stage.scale / length) if kind is not None and length > 0 else 0.0
    return (x1 + ahead * (end[0] - x1), y1 + ahead * (end[1] - y1)), end


def told(film: Film, move: int) -> str:
    """The drawing in words: who is left of each side, or what the viewing unit sees."""
    frame, scenario = move * film.per_step, film.rules.scenario
    start = f"SMAX {scenario.name} after {numbers.counted(move, 'move')}"
    standing = np.where(film.shown[frame], film.health[frame], 0)
    if film.view is None:
        parts = []
        for side, units in enumerate((range(scenario.num_allies), range(scenario.num_allies, scenario.num_units))):
            healths = [float(standing[unit]) for unit in units]
            alive = sum(health > 0 for health in healths)
            parts.append(f"{SIDES[side]}: {alive} of {len(healths)} alive, health {sum(healths):.0f}")
        return f"{start}; {'; '.join(parts)}"
    if standing[film.view] <= 0:
        return f"{start}; unit {film.view} is dead"
    mine = film.side(film.view)
    seen = [unit for unit in np.flatnonzero(standing > 0).tolist() if unit != film.view]
    friends = sum(film.side(unit) == mine for unit in seen)
    return (
        f"{start}; unit {film.view}, health {standing[film.view]:.0f}, sees {numbers.counted(friends, 'unit')} "
        f"of its team and {numbers.counted(len(seen) - friends, 'enemy', 'enemies')}"
    )


def happened(film: Film, move: int) -> str:
    """What a move did, in a few words for a list of moves: ``3 shots; unit 4 falls``."""
    shots = len(film.shots_of(move))
    before, after = film.health[(move - 1) * film.per_step], film.health[move * film.per_step]
    fallen = np.flatnonzero((before > 0) & (after <= 0)).tolist()
    parts = [numbers.counted(shots, "shot")] if shots else []
    if fallen:
        names = ", ".join(map(str, fallen))
        parts.append(f"unit {names} falls" if len(fallen) == 1 else f"units {names} fall")
    return "; ".join(parts) or "they move"


def as_json(film: Film) -> dict[str, object]:
    """All frames for a player in the browser, in units of the drawing.

    ``frames``: of each, unit, x, y and percent of health of all that it shows, one after the other; units without a kind are
    never shown. ``shots``: frame, side, then both ends.
    """
    stage = stage_of(film)
    units = [
        None
        if kind is None
        else {
            "class": unit_class(film, unit, dead=False),
            "letter": kind.letter,
            "radius": round(kind.radius * stage.scale, 2),
        }
        for unit, kind in enumerate(film.kinds)
    ]
    frames: list[list[float]] = []
    for frame in range(len(film.position)):
        row: list[float] = []
        for unit in np.flatnonzero(film.shown[frame]).tolist():
            x, y = stage.at(*film.position[frame, unit].tolist())
            row += [unit, round(x, 1), round(y, 1), share_left(film, unit, frame)]
        frames.append(row)
    shots = []
    for shot in film.shots:
        (x1, y1), (x2, y2) = shot_ends(film, stage, shot)
        shots.append([shot.frame, film.side(shot.shooter), *(round(value, 1) for value in (x1, y1, x2, y2))])
    return {
        "per_step": film.per_step,
        "view": film.view,
        "ring": RING,
        "units": units,
        "frames": frames,
        "shots": shots,
        "labels": [told(film, move) for move in range(film.moves + 1)],
    }


def _inside(low: float, span: float, size: float) -> float:
    """The lower border moved so that the drawing stays within a margin of the map, where it can."""
    return min(max(low, -MARGIN), max(size + MARGIN - span, -MARGIN))

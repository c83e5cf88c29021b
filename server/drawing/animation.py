"""Matches as animated SVG files: a map frame by frame, a board position by position, in a loop. No script, one file."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from arena.server.drawing.battle import (
    WIDTH,
    ground,
    share_left,
    shot_mark,
    stage_of,
    told,
    unit_class,
    unit_parts,
)
from arena.server.drawing.standalone import document
from arena.server.drawing.svg import el, text

if TYPE_CHECKING:
    from arena.film import Film

MOVE_S = 0.26  # of a map
POSITION_S = 0.8  # of a board
HOLD_S = 2.0  # the end stays
HEAD = 48  # above the drawing: a line a side
FOOT = 10
SHOT_FRAMES = 2


def animated_map(film: Film, names: Sequence[str]) -> str:
    """A film as a file; ``names``: of the sides."""
    stage = stage_of(film)
    frames = [*range(len(film.position))]
    hold = max(1, round(HOLD_S / MOVE_S * film.per_step))
    clock = _Clock(frames=len(frames) + hold, seconds=(len(frames) + hold) * MOVE_S / film.per_step)
    units = [_unit(film, unit, clock) for unit in range(len(film.kinds)) if film.kinds[unit] is not None]
    shots = [
        el(
            "g",
            shot_mark(film, stage, shot),
            clock.between(shot.frame, shot.frame + min(SHOT_FRAMES, film.per_step)),
            visibility="hidden",
        )
        for shot in film.shots
    ]
    drawing = el("g", *_ground(film, clock), *shots, *units, cls="chart battle", transform=f"translate(0 {HEAD})")
    way = el("animate", attributeName="width", values=f"0;{WIDTH};{WIDTH}", keyTimes=f"0;{len(frames) / clock.frames:.4f};1", **clock.loop)  # fmt: skip
    bar = el("rect", way, cls="f-ink", y=HEAD + stage.height + 3, height=3, width=0)
    height = HEAD + stage.height + FOOT
    return document(
        *heads(names), drawing, bar, width=WIDTH, height=height, label=f"{told(film, film.moves)}, as a film"
    )


def animated_board(drawings: Sequence[Markup], names: Sequence[str]) -> str:
    """Drawn positions one after the other as a file; ``names``: of the seats, where their marks need a key."""
    head = HEAD if names else 0
    hold = max(1, round(HOLD_S / POSITION_S))
    clock = _Clock(frames=len(drawings) + hold, seconds=(len(drawings) + hold) * POSITION_S)
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawings[0])
    label = re.search(r'aria-label="([^"]*)"', drawings[-1])
    assert box and label, "a drawn position has its size and says what it shows"
    width, height = float(box[1]), float(box[2])
    shown = []
    for at, drawing in enumerate(drawings):
        last = at == len(drawings) - 1
        placed = Markup(str(drawing).replace("<svg ", f'<svg y="{head}" width="{width:g}" height="{height:g}" ', 1))  # noqa: S704  drawn by us
        shown.append(
            el(
                "g",
                placed,
                clock.between(at, clock.frames if last else at + 1),
                visibility="hidden" if at else "visible",
            )
        )
    return document(*heads(names), *shown, width=width, height=head + height, label=html.unescape(label[1]))


def heads(names: Sequence[str]) -> list[Markup]:
    """A line a side: its mark and its name."""
    lines = []
    for side, name in enumerate(names[:2]):
        y = 16 + 18 * side
        mark = el("g", *unit_parts("", 6, 0)[:1], cls=f"unit side-{side}", transform=f"translate(8 {y - 4})")
        lines += [mark, text(name, x=22, y=y, cls="t-b")]
    return lines


class _Clock:
    """The loop of a file: so many frames in so many seconds."""

    def __init__(self, *, frames: int, seconds: float):
        self.frames = frames
        self.loop = {"dur": f"{seconds:.2f}s", "repeatCount": "indefinite"}

    def at(self, frame: int) -> str:
        """A frame as a share of the loop."""
        return f"{frame / self.frames:.5f}".rstrip("0").rstrip(".") or "0"

    def between(self, first: int, end: int) -> Markup:
        """Visible from the frame `first` up to `end`."""
        on = np.zeros(self.frames, np.bool_)
        on[first:end] = True
        return self.while_true(on)

    def while_true(self, on: NDArray[np.bool_]) -> Markup:
        """Visible in these frames."""
        return self.steps("visibility", ["visible" if one else "hidden" for one in on.tolist()])

    def steps(self, attribute: str, values: Sequence[str]) -> Markup:
        """An attribute that jumps: a value a frame, written where it changes; the last one stays."""
        changes = [k for k in range(len(values)) if k == 0 or values[k] != values[k - 1]]
        return el(
            "animate",
            attributeName=attribute,
            calcMode="discrete",
            values=";".join(values[k] for k in changes),
            keyTimes=";".join(self.at(k) for k in changes),
            **self.loop,
        )

    def glide(self, places: Sequence[str]) -> Markup:
        """A translation that goes evenly from one frame's place to the next; the last one stays."""
        changes = [
            k for k in range(len(places)) if k == 0 or places[k] != places[k - 1] or places[min(k + 1, len(places) - 1)] != places[k]
        ]  # fmt: skip
        return el(
            "animateTransform",
            attributeName="transform",
            type="translate",
            values=";".join([*(places[k] for k in changes), places[-1]]),
            keyTimes=";".join([*(self.at(k) for k in changes), "1"]),
            **self.loop,
        )


def _unit(film: Film, unit: int, clock: _Clock) -> Markup:
    """A unit that moves, loses health, and lies dead in another form; not there where the film does not show it."""
    kind, stage = film.kinds[unit], stage_of(film)
    assert kind is not None, "only of units that are shown"
    seen = np.flatnonzero(film.shown[:, unit])
    where = seen[np.maximum(np.searchsorted(seen, np.arange(len(film.position)), side="right") - 1, 0)]
    left = [share_left(film, unit, frame) for frame in where.tolist()]
    places = []
    for frame in where.tolist():
        x, y = stage.at(*film.position[frame, unit].tolist())
        places.append(f"{x:.1f} {y:.1f}")
    lives = film.shown[:, unit] & (np.array(left) > 0)
    lies = film.shown[:, unit] & (np.array(left) == 0)
    radius, drain = kind.radius * stage.scale, [clock.steps("stroke-dasharray", [f"{share:g} 100" for share in left])]
    parts = [
        el(
            "g",
            *unit_parts(kind.letter, radius, left[0], drain=drain),
            clock.while_true(_held(lives, clock.frames)),
            cls=unit_class(film, unit, dead=False),
        )
    ]
    if lies.any():
        dead = unit_parts(kind.letter, radius, 0)
        parts.insert(
            0,
            el(
                "g",
                dead[0],
                dead[3],
                clock.while_true(_held(lies, clock.frames)),
                cls=unit_class(film, unit, dead=True),
                visibility="hidden",
            ),
        )
    return el("g", clock.glide(places), *parts, transform=f"translate({places[0]})")


def _held(on: NDArray[np.bool_], frames: int) -> NDArray[np.bool_]:
    """The same up to the end of the loop: the last frame stays."""
    return np.concatenate((on, np.repeat(on[-1:], frames - len(on))))


def _ground(film: Film, clock: _Clock) -> list[Markup]:
    """The field; the circle of sight goes with its unit."""
    stage = stage_of(film)
    if film.view is None:
        return ground(film, stage, 0)
    places = [stage.at(*place) for place in film.position[:, film.view].tolist()]
    moves = [clock.steps(name, [f"{place[axis]:.1f}" for place in places]) for axis, name in enumerate(("cx", "cy"))]
    return ground(film, stage, 0, sight=moves)

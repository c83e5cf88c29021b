"""A film of a map as pictures of pixels, in the style sheet's light colours: what GIF and MP4 files are made of."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arena.games import NotProvided
from arena.server.drawing.animation import HEAD, HOLD_S
from arena.server.drawing.battle import GRID, RING, WIDTH, share_left, shot_ends, stage_of
from arena.server.drawing.standalone import tokens

if TYPE_CHECKING:
    from arena.film import Film

FINER = 2  # drawn so much larger, then averaged: edges without steps
FOOT = 12
DASH = 6.0
SHOT_FRAMES = 2.0

Picture = NDArray[np.uint8]
"""[height, width, 3], both even."""


def moments(film: Film, *, per_move: int, move_s: float) -> list[float]:
    """The times of a film's pictures, in its frames: so many a move, then the end for a while."""
    frames = [k * film.per_step / per_move for k in range(film.moves * per_move + 1)]
    return frames + [float(film.moves * film.per_step)] * round(HOLD_S / move_s * per_move)


def pictures(film: Film, names: Sequence[str], times: Sequence[float]) -> Iterator[Picture]:
    """The pictures of a film at these times; between two frames units are on their way.

    Raises:
        NotProvided: pygame is not installed.
    """
    painter = _Painter(film, names)
    for time in times:
        yield painter.picture(time)


class _Painter:
    """A canvas, its fonts, and the colours of the style sheet."""

    def __init__(self, film: Film, names: Sequence[str]):
        os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
        try:
            import pygame
        except ImportError:
            raise NotProvided("GIF and MP4 files are drawn with pygame: pip install pygame-ce") from None
        pygame.font.init()
        self.pygame, self.film, self.names, self.stage = pygame, film, names, stage_of(film)
        self.height = math.ceil((HEAD + self.stage.height + FOOT) / 2) * 2
        self.letters, self.words = (pygame.font.Font(None, round(size * FINER)) for size in (17, 20))
        named = tokens()
        self.colours = {name: pygame.Color(value) for name, value in named.items() if value.startswith("#")}
        self.canvas = pygame.Surface((WIDTH * FINER, self.height * FINER), depth=24)

    def picture(self, time: float) -> Picture:
        film, stage = self.film, self.stage
        frame = min(math.floor(time), len(film.position) - 1)
        self.canvas.fill(self.colours["paper"])
        self._ground(frame)
        for shot in film.shots:
            if max(time - min(SHOT_FRAMES, film.per_step), 0) <= shot.frame < time:
                self._shot(*shot_ends(film, stage, shot), film.side(shot.shooter))
        shown = np.flatnonzero(film.shown[frame]).tolist()
        for unit in sorted(shown, key=lambda unit: film.health[frame, unit] > 0):
            self._unit(unit, frame, time - frame)
        self._frame_around(time)
        small = self.pygame.transform.smoothscale(self.canvas, (WIDTH, self.height))
        pixels: Picture = self.pygame.surfarray.array3d(small).transpose(1, 0, 2)
        return np.ascontiguousarray(pixels)

    def _ground(self, frame: int) -> None:
        film, stage, size = self.film, self.stage, self.film.rules.size
        self._rect(0, 0, WIDTH, stage.height, "panel")
        if film.view is not None and (kind := film.kinds[film.view]) is not None:
            x, y = stage.at(*film.position[frame, film.view].tolist())
            self._circle(x, y, kind.sight_range * stage.scale, "paper")
        for step in range(GRID, math.ceil(size), GRID):
            x, y = stage.at(step, step)
            self._line((x, 0), (x, stage.height), "rule", 1)
            self._line((0, y), (WIDTH, y), "rule", 1)
        (left, top), (right, bottom) = stage.at(0, size), stage.at(size, 0)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for start, end in pairwise(corners):
            self._line(start, end, "rose", 2, dashed=True)

    def _unit(self, unit: int, frame: int, share: float) -> None:
        film, kind = self.film, self.film.kinds[unit]
        assert kind is not None, "a unit that is shown has a type"
        place = film.position[frame, unit]
        left = share_left(film, unit, frame)
        after = min(frame + 1, len(film.position) - 1)
        if left > 0 and film.shown[after, unit]:
            place = place + np.float32(share) * (film.position[after, unit] - place)
        x, y = self.stage.at(*place.tolist())
        radius, side = kind.radius * self.stage.scale, film.side(unit)
        if left == 0:
            self._circle(x, y, radius, "edge")
            self._circle(x, y, radius - 1.5, "paper")
            self._letter(kind.letter, x, y, "ink-3")
            return
        ring = "ink" if side else "disc-0"
        self._ring(x, y, radius + RING, left / 100, ring)
        edge = "ink" if side or unit == film.view else "disc-0"
        self._circle(x, y, radius + 1, edge)
        self._circle(x, y, radius - (2 if unit == film.view else 1), f"disc-{side}")
        self._letter(kind.letter, x, y, "ink" if side else "on-deep")

    def _shot(self, start: tuple[float, float], end: tuple[float, float], side: int) -> None:
        self._line(start, end, "ochre" if side else "disc-0", 2, dashed=bool(side))

    def _frame_around(self, time: float) -> None:
        """What lies over the map's edges: the names above, the way that the film has gone below."""
        total = self.film.moves * self.film.per_step
        self._rect(0, -HEAD, WIDTH, HEAD, "paper")
        self._rect(0, self.stage.height, WIDTH, self.height - HEAD - self.stage.height, "paper")
        self._rect(0, self.stage.height + 3, WIDTH * min(time / max(total, 1), 1.0), 3, "ink")
        for side, name in enumerate(self.names[:2]):
            y = 18 * side - HEAD + 13
            if side:
                self._circle(9, y, 7, "ink")
            self._circle(9, y, 5.5 if side else 6.5, f"disc-{side}")
            drawn = self.words.render(name, True, self.colours["ink"])
            self.canvas.blit(drawn, drawn.get_rect(midleft=self._at(22, y)))
        move = f"move {min(math.ceil(time / self.film.per_step), self.film.moves)} of {self.film.moves}"
        drawn = self.words.render(move, True, self.colours["ink-3"])
        self.canvas.blit(drawn, drawn.get_rect(midright=self._at(WIDTH - 4, 13 - HEAD)))

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return round(x * FINER), round((y + HEAD) * FINER)

    def _circle(self, x: float, y: float, radius: float, colour: str) -> None:
        self.pygame.draw.circle(self.canvas, self.colours[colour], self._at(x, y), max(radius, 0) * FINER)

    def _rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        left, top = self._at(x, y)
        area = self.pygame.Rect(left, top, math.ceil(width * FINER), math.ceil(height * FINER))
        self.canvas.fill(self.colours[colour], area)

    def _ring(self, x: float, y: float, radius: float, share: float, colour: str) -> None:
        """What is left clockwise from above, the rest pale."""
        width = 2.5
        for part, name in ((1.0, "rule-2"), (share, colour)):
            steps = max(2, math.ceil(part * 48))
            turns = [part * 2 * math.pi * k / steps for k in range(steps + 1)]
            edge = [(radius + width / 2, turn) for turn in turns] + [(radius - width / 2, turn) for turn in turns[::-1]]
            corners = [self._at(x + r * math.sin(turn), y - r * math.cos(turn)) for r, turn in edge]
            self.pygame.draw.polygon(self.canvas, self.colours[name], corners)

    def _line(
        self, start: tuple[float, float], end: tuple[float, float], colour: str, width: int, *, dashed: bool = False
    ) -> None:
        length = math.dist(start, end)
        pieces = max(1, round(length / DASH)) if dashed else 1
        for piece in range(0, pieces, 2 if dashed else 1):
            ends = [
                self._at(start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1]))
                for part in (piece / pieces, (piece + 1) / pieces)
            ]
            self.pygame.draw.line(self.canvas, self.colours[colour], ends[0], ends[1], width * FINER)

    def _letter(self, letter: str, x: float, y: float, colour: str) -> None:
        drawn = self.letters.render(letter, True, self.colours[colour])
        self.canvas.blit(drawn, drawn.get_rect(center=self._at(x, y)))

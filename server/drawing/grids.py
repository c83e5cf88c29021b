"""Board games on squares, crossings and hexagons drawn: pieces in their seats' colours and marks, the last move ringed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup

from arena.server.drawing.svg import el, picture, text
from arena.server.position_grid import Cell, Piece, PositionGrid

CELL = 44.0
MARGIN = 24.0
FIGURES = {"k": "♔♚", "q": "♕♛", "r": "♖♜", "b": "♗♝", "n": "♘♞", "p": "♙♟"}
AS_TEXT = "\N{VARIATION SELECTOR-15}"  # else a pawn may come as a coloured picture
STARS = {9: (2, 4, 6), 13: (3, 6, 9), 19: (3, 9, 15)}
RADIUS = {"squares": 17.0, "crossings": 19.0, "hexagons": 16.0}

Place = Callable[[Cell], tuple[float, float]]


def stone_mark(seat: int, x: float, y: float, *, size: float, cls: str) -> Markup:
    """A cross for seat 0, a ring for seat 1."""
    if seat % 2:
        return el("circle", cls=cls, cx=x, cy=y, r=size)
    return el("path", cls=cls, d=f"M{x - size:g} {y - size:g}L{x + size:g} {y + size:g}M{x + size:g} {y - size:g}L{x - size:g} {y + size:g}")  # fmt: skip


def grid_drawing(grid: PositionGrid, label: str) -> Markup:
    """A position with its coordinates."""
    ground = {"squares": _squares, "crossings": _crossings, "hexagons": _hexagons}[grid.game.shape]
    marks, place, width, height = ground(grid)
    radius = RADIUS[grid.game.shape]
    for cell, piece in sorted(grid.pieces.items()):
        marks += _piece(piece, *place(cell), radius)
    marks += [el("circle", cls="last", cx=x, cy=y, r=radius + 2) for x, y in map(place, sorted(grid.last))]
    return picture(marks, label, width=width, height=height, cls="chart grid-board")


def _piece(piece: Piece, x: float, y: float, radius: float) -> list[Markup]:
    if piece.figure:
        figure = FIGURES[piece.figure][1 - piece.seat] + AS_TEXT
        return [text(figure, x=x, y=y, dy=".36em", cls=f"mid figure disc-{piece.seat}")]
    marks = [
        el("circle", cls=f"disc-{piece.seat}", cx=x, cy=y, r=radius),
        stone_mark(piece.seat, x, y, size=radius * 0.34, cls="disc-mark"),
    ]
    return [*marks, el("circle", cls="disc-mark", cx=x, cy=y, r=radius * 0.72)] if piece.crowned else marks


def _squares(grid: PositionGrid) -> tuple[list[Markup], Place, float, float]:
    def place(cell: Cell) -> tuple[float, float]:
        return MARGIN + (cell[1] + 0.5) * CELL, (cell[0] + 0.5) * CELL + 1

    marks = []
    for row in range(grid.height):
        for column in range(grid.width):
            x, y = place((row, column))
            marks.append(
                el(
                    "rect",
                    cls="square dark" if (row + column) % 2 else "square",
                    x=x - CELL / 2,
                    y=y - CELL / 2,
                    width=CELL,
                    height=CELL,
                )
            )
    width, height = grid.width * CELL + MARGIN + 1, grid.height * CELL + MARGIN
    return [*marks, *_coordinates(grid, place, height)], place, width, height


def _crossings(grid: PositionGrid) -> tuple[list[Markup], Place, float, float]:
    def place(cell: Cell) -> tuple[float, float]:
        return MARGIN + (cell[1] + 0.5) * CELL, (cell[0] + 0.5) * CELL + 1

    (left, top), (right, bottom) = place((0, 0)), place((grid.height - 1, grid.width - 1))
    marks = [el("line", cls="crossing", x1=left, x2=right, y1=y, y2=y) for _, y in _edge(place, grid.height, down=True)]
    marks += [
        el("line", cls="crossing", x1=x, x2=x, y1=top, y2=bottom) for x, _ in _edge(place, grid.width, down=False)
    ]
    if grid.height == grid.width:
        stars = STARS.get(grid.width, ())
        marks += [
            el("circle", cls="f-edge", cx=x, cy=y, r=3)
            for x, y in (place((row, column)) for row in stars for column in stars)
        ]
    width, height = grid.width * CELL + MARGIN + 1, grid.height * CELL + MARGIN
    return [*marks, *_coordinates(grid, place, height)], place, width, height


def _hexagons(grid: PositionGrid) -> tuple[list[Markup], Place, float, float]:
    """Each row half a cell further to the right. The edges that a seat joins have its colour: top and bottom for the first one."""
    step = CELL * math.sqrt(3) / 2

    def place(cell: Cell) -> tuple[float, float]:
        return MARGIN + 12 + (cell[1] + 0.5 + cell[0] / 2) * CELL, MARGIN + 8 + (cell[0] + 0.5) * step

    side = CELL / math.sqrt(3)

    def corner(cell: Cell, number: int) -> tuple[float, float]:
        """Clockwise from the top."""
        (x, y), turn = place(cell), math.pi / 3 * number
        return x + side * math.sin(turn), y - side * math.cos(turn)

    marks = []
    for row in range(grid.height):
        for column in range(grid.width):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (corner((row, column), k) for k in range(6)))
            marks.append(el("polygon", cls="hexagon", points=points))
    rows, columns = range(grid.height), range(grid.width)
    last_row, last_column = grid.height - 1, grid.width - 1
    edges = (
        (0, [corner((0, column), k) for column in columns for k in (5, 0, 1)]),
        (0, [corner((last_row, column), k) for column in columns for k in (4, 3, 2)]),
        (1, [corner((row, 0), k) for row in rows for k in (5, 4)]),
        (1, [corner((row, last_column), k) for row in rows for k in (1, 2)]),
    )  # each row's lower corner is the upper one of the side to the next row
    for seat, corners in edges:
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners)
        marks.append(el("path", cls=f"line bold edge-{seat}", d=path))
    for column in columns:
        x, _ = place((0, column))
        marks.append(text(grid.game.files[column], x=x - CELL / 4, y=MARGIN - 4, cls="mid t-3"))
    for row in rows:
        x, y = place((row, 0))
        marks.append(text(str(grid.rank(row)), x=x - CELL / 2 - 10, y=y + 4, cls="end t-3"))
    right, bottom = place((last_row, last_column))
    return marks, place, right + CELL / 2 + 6, bottom + side + 6


def _coordinates(grid: PositionGrid, place: Place, height: float) -> list[Markup]:
    files = [
        text(grid.game.files[column], x=x, y=height - 6, cls="mid t-3")
        for column, (x, _) in enumerate(_edge(place, grid.width, down=False))
    ]
    ranks = [
        text(str(grid.rank(row)), x=MARGIN - 8, y=y + 4, cls="end t-3")
        for row, (_, y) in enumerate(_edge(place, grid.height, down=True))
    ]
    return files + ranks


def _edge(place: Place, size: int, *, down: bool) -> Sequence[tuple[float, float]]:
    """Where the cells of the first column, or of the first row, are."""
    return [place((k, 0) if down else (0, k)) for k in range(size)]

"""Positions of board games as grids of pieces: what OpenSpiel's texts of chess, go, hex, othello and the like say."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Shape = Literal["squares", "crossings", "hexagons"]
Cell = tuple[int, int]
"""(row from the top, column)."""

FILES = "abcdefghijklmnopqrstuvwxyz"
GO_FILES = FILES.replace("i", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a letter of the text stands for. ``figure``: of chess, '' for a plain stone; ``crowned``: a king of checkers."""

    seat: int
    name: str
    figure: str = ""
    crowned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GridGame:
    """How one game writes and shows its positions.

    ``pieces``: by the letter of the text; ``rows``: the text's lines of cells, from the top; ``shape``: what cells are; ``down``: whether
    rows are numbered from the top; ``names_cells``: whether a move in words names all its cells; ``sides``: what the seats' stones are called; ``files``: the letters of the columns.
    """

    title: str
    pieces: Mapping[str, Piece]
    rows: Callable[[str], list[str]]
    shape: Shape
    sides: tuple[str, str]
    down: bool = False
    names_cells: bool = True
    files: str = FILES


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionGrid:
    """A position read. ``pieces`` by cell; ``last``: the cells of the last move."""

    game: GridGame
    height: int
    width: int
    pieces: Mapping[Cell, Piece]
    last: frozenset[Cell]

    def name(self, cell: Cell) -> str:
        """``e4``."""
        return f"{self.game.files[cell[1]]}{self.rank(cell[0])}"

    def rank(self, row: int) -> int:
        return row + 1 if self.game.down else self.height - row

    def spoken(self) -> str:
        """All pieces in words, by side: ``black a1, b2; white none``."""
        said = []
        for seat, side in enumerate(self.game.sides):
            mine = [
                f"{piece.name} {self.name(cell)}".strip()
                for cell, piece in sorted(self.pieces.items())
                if piece.seat == seat
            ]
            said.append(f"{side} {', '.join(mine) or 'none'}")
        return "; ".join(said)


def read_grid(game: GridGame, text: str, *, before: str, said: Iterable[str]) -> PositionGrid | None:
    """A position from its text; None where the text is not of this game.

    Args:
        game: what the text is of.
        text: the position's.
        before: the text of the position before it, '' at the start.
        said: the last move in words, where they name its cells.
    """
    rows = game.rows(text)
    if not rows or len({len(row) for row in rows}) != 1 or len(rows[0]) > len(game.files):
        return None
    pieces = {
        (at, column): game.pieces[letter]
        for at, row in enumerate(rows)
        for column, letter in enumerate(row)
        if letter in game.pieces
    }
    height, width = len(rows), len(rows[0])
    grid = PositionGrid(game=game, height=height, width=width, pieces=pieces, last=frozenset())
    named = {grid.name((row, column)): (row, column) for row in range(height) for column in range(width)}
    words = " ".join(said)
    if not game.names_cells:
        old = game.rows(before)
        last = {
            (row, column)
            for (row, column) in named.values()
            if len(old) == height and old[row][column] != rows[row][column]
        }
    else:
        last = {named[word] for word in re.findall(r"[a-z]\d+", words) if word in named}
    return PositionGrid(game=game, height=height, width=width, pieces=pieces, last=frozenset(last))


def _of_fen(text: str) -> list[str]:
    found = re.match(r"[pnbrqkPNBRQK1-8/]+ [wb] ", text)
    if found is None:
        return []
    board = re.sub(r"\d", lambda number: "." * int(number[0]), found[0].split(" ")[0])
    return board.split("/")


def _numbered(letters: str) -> Callable[[str], list[str]]:
    """Lines of cells behind their number, as ``8bb.bbbbb`` or `` 9 +X+O``."""
    line = re.compile(rf"^ *\d+ ?((?:[{re.escape(letters)}] ?)+?)(?: ?\d+)?$", re.MULTILINE)
    return lambda text: [row.replace(" ", "") for row in line.findall(text)]


def _slanted(text: str) -> list[str]:
    """Lines of hexagons, each further to the right than the one above it."""
    return [
        "".join(line.split()) for line in text.splitlines() if re.fullmatch(r"\s*[.xoyzpq](?: [.xoyzpq])*\s*", line)
    ]


_FIGURES = {"k": "king", "q": "queen", "r": "rook", "b": "bishop", "n": "knight", "p": "pawn"}


def _stones(first: str, second: str) -> dict[str, Piece]:
    return {first: Piece(seat=0, name=""), second: Piece(seat=1, name="")}


GRID_GAMES: Mapping[str, GridGame] = {
    "chess": GridGame(
        title="Chess",
        pieces={
            letter: Piece(seat=int(letter.isupper()), name=_FIGURES[letter.lower()], figure=letter.lower())
            for letter in "kqrbnpKQRBNP"
        },
        rows=_of_fen,
        shape="squares",
        sides=("black", "white"),
        names_cells=False,  # where a piece comes to, not whence
    ),
    "go": GridGame(
        title="Go",
        pieces=_stones("X", "O"),
        rows=_numbered("+XO"),
        shape="crossings",
        sides=("black", "white"),
        files=GO_FILES,
    ),
    "hex": GridGame(
        title="Hex", pieces=_stones("x", "o"), rows=_slanted, shape="hexagons", sides=("first", "second"), down=True
    ),
    "othello": GridGame(
        title="Othello",
        pieces=_stones("x", "o"),
        rows=_numbered("-xo"),
        shape="squares",
        sides=("black", "white"),
        down=True,
    ),
    "breakthrough": GridGame(
        title="Breakthrough", pieces=_stones("b", "w"), rows=_numbered(".bw"), shape="squares", sides=("black", "white")
    ),
    "checkers": GridGame(
        title="Checkers",
        pieces={
            **_stones("o", "+"),
            "8": Piece(seat=0, name="king", crowned=True),
            "*": Piece(seat=1, name="king", crowned=True),
        },
        rows=_numbered(".o+8*"),
        shape="squares",
        sides=("first", "second"),
    ),
    "clobber": GridGame(
        title="Clobber", pieces=_stones("o", "x"), rows=_numbered(".ox"), shape="squares", sides=("first", "second")
    ),
}
"""OpenSpiel's, by name. Everybody sees all of their positions."""

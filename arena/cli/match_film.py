"""`arena match replay --out`: a recorded match as an animated picture, in the form that the file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arena.games import Game, SpecificationError

if TYPE_CHECKING:
    from arena.film import Film
    from arena.ledger import Tournament
    from arena.replay import Position
    from arena.results import MatchResult
    from arena.server.drawing.raster import Picture

SUFFIXES = (".svg", ".gif", ".mp4")
GIF_A_MOVE, GIF_DELAY_CS = 4, 6
MP4_A_MOVE, MP4_A_SECOND = 8, 30
SAMPLES = 10
"""Pictures of which a GIF's colours are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """``pictures``: how many, None in an SVG file, which has no frames."""

    file: Path
    size: int
    pictures: int | None


def check_file(file: Path, *, force: bool) -> None:
    """Raises `SpecificationError` where the file could not be written: asked before any work."""
    if file.suffix.lower() not in SUFFIXES:
        raise SpecificationError(f"a film is written as {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}; got {file.name}")
    if file.is_dir() or not file.parent.is_dir():
        raise SpecificationError(f"cannot write {file}: {'it is a folder' if file.is_dir() else f'there is no folder {file.parent}'}")  # fmt: skip
    if file.exists() and not force:
        raise SpecificationError(f"{file} exists; --force replaces it")


def write_film(
    file: Path,
    *,
    game: Game,
    tournament: Tournament,
    result: MatchResult,
    positions: Sequence[Position],
    view: int | None,
) -> Written:
    """Writes a match to a file that `check_file` let pass, with progress shown.

    Raises:
        SpecificationError: nothing draws the game, or not in this form.
        NotProvided: what draws the form is not installed.
    """
    from arena.film import film_of
    from arena.games.smax.game import SmaxGame
    from arena.server.teams import sides_of

    names = [side.label for side in sides_of(tournament, result)]
    kind = file.suffix.lower()
    # written beside and moved: an interrupted run leaves nothing half done
    part = file.with_name(f".{file.name}.part")
    pictures: int | None = None
    try:
        if isinstance(game, SmaxGame):
            film = film_of(game, result, view)
            if kind == ".svg":
                from arena.server.drawing.animation import animated_map

                part.write_text(animated_map(film, names), encoding="utf-8")
            else:
                pictures = _write_pictures(part, kind, film, names)
        else:
            part.write_text(_board_film(kind, game, tournament, result, positions, names, view), encoding="utf-8")
        os.replace(part, file)
    except OSError as error:
        raise SpecificationError(f"cannot write {file}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)
    return Written(file=file, size=file.stat().st_size, pictures=pictures)


def _write_pictures(part: Path, kind: str, film: Film, names: Sequence[str]) -> int:
    from arena.cli.output import progress
    from arena.server.drawing.animation import MOVE_S
    from arena.server.drawing.raster import moments, pictures

    times = moments(film, per_move=GIF_A_MOVE if kind == ".gif" else MP4_A_MOVE, move_s=MOVE_S)
    with progress("drawing", unit="pictures") as told:
        drawn = _counted(pictures(film, names, times), len(times), told)
        if kind == ".gif":
            from arena.server.drawing.gif import write_gif

            samples = list(pictures(film, names, times[:: max(1, len(times) // SAMPLES)]))
            with part.open("wb") as stream:
                write_gif(stream, drawn, samples=samples, delay_cs=GIF_DELAY_CS)
        else:
            from arena.server.drawing.mp4 import find_ffmpeg, write_mp4

            find_ffmpeg()
            height, width = next(iter(pictures(film, names, times[:1]))).shape[:2]
            write_mp4(part, drawn, width=width, height=height, per_second=MP4_A_SECOND)
    return len(times)


def _counted(drawn: Iterator[Picture], total: int, told: Callable[[int, int], None]) -> Iterator[Picture]:
    for number, picture in enumerate(drawn, 1):
        yield picture
        told(number, total)


def _board_film(
    kind: str,
    game: Game,
    tournament: Tournament,
    result: MatchResult,
    positions: Sequence[Position],
    names: Sequence[str],
    view: int | None,
) -> str:
    from arena.server.boards import Scene, board_of
    from arena.server.drawing.animation import animated_board

    board = board_of(tournament.game)
    if board is None:
        raise SpecificationError(f"nothing draws {game.info.title}; without --out its positions are told in text")
    if kind != ".svg":
        raise SpecificationError(f"a board is written as .svg; {kind[1:].upper()} films are of maps, as SMAX has them")
    drawings = []
    for at, position in enumerate(positions):
        last = at == len(positions) - 1
        scene = Scene(
            position=position,
            names=tuple(names),
            to_move=None if last else positions[at + 1].player,
            view=view,
            returns=result.returns if last else None,
            before=positions[at - 1] if at else None,
        )
        drawing = board.draw(scene)
        if drawing is None:
            raise SpecificationError(f"position {at} cannot be drawn; without --out it is told in text")
        drawings.append(drawing)
    return animated_board(drawings, names if board.marks else ())

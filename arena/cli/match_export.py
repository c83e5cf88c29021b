"""`arena match export` and `arena tournament export`: recorded matches as files of the form that the name asks for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:
    from arena.source import Source

FORMATS = ("jsonl", "csv", "parquet", "pgn")

Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="A file: .jsonl, .csv, .parquet or .pgn; stdout without it."),
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="jsonl, csv, parquet or pgn; by the file's name without it."),
]


def format_of(output: Path | None, asked: str | None) -> str:
    """The form that is asked for, or that the file's name tells.

    Raises:
        UnknownName: no such form.
        SpecificationError: the name tells none, or the form cannot go to stdout.
    """
    from arena.games import SpecificationError, UnknownName

    if asked is not None and asked not in FORMATS:
        raise UnknownName("format", asked, FORMATS)
    if output is None:
        if asked == "parquet":
            raise SpecificationError("a Parquet file does not go to stdout; name it with --output")
        return asked or "jsonl"
    suffix = output.suffix.lower().removeprefix(".")
    told = "jsonl" if suffix == "ndjson" else suffix
    if asked is None and told not in FORMATS:
        raise SpecificationError(
            f"matches are written as .jsonl, .csv, .parquet or .pgn; got {output.name}: rename it, or say --format"
        )
    return asked or told


def write_matches(
    source: Source, output: Path | None, kind: str, *, game: str | None = None, tournament: str | None = None
) -> None:
    """Writes the matches of a ``game``, of a ``tournament``, or all; into a file with progress shown.

    Raises:
        SpecificationError: the file cannot be written.
        NotProvided: a game that PGN cannot tell, or pyarrow is not installed.
    """
    from arena.cli.output import progress
    from arena.games.array_file import replace_file

    if output is None:
        source.export(sys.stdout.buffer, kind, game=game, tournament=tournament)
        sys.stdout.buffer.flush()
        return
    written = 0

    def fill(stream: BinaryIO) -> None:
        nonlocal written
        written = source.export(stream, kind, game=game, tournament=tournament, progress=told)

    with progress("writing") as told:
        replace_file(output, fill, what="matches to")
    sys.stderr.write(f"wrote {output}: {written:,} matches, {output.stat().st_size:,} bytes\n")


def write_votes(votes: bytes, output: Path | None) -> None:
    """Writes votes to a file, or to stdout without one."""
    from arena.games.array_file import replace_file

    if output is None:
        sys.stdout.buffer.write(votes)
        sys.stdout.buffer.flush()
        return
    replace_file(output, lambda stream: stream.write(votes), what="votes to")
    sys.stderr.write(f"wrote {output}: {len(votes):,} bytes\n")

"""`arena match export` and `arena tournament export`: recorded matches as files of the form that the name asks for."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO, TypeVar

import typer

if TYPE_CHECKING:
    from arena.ledger import Ledger
    from arena.match_export import Chosen, MatchColumns

FORMATS = ("jsonl", "csv", "parquet", "pgn")
TOLD_EVERY = 500  # matches
Item = TypeVar("Item")

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


def write_matches(ledger: Ledger, chosen: Chosen, output: Path | None, kind: str) -> None:
    """Writes the chosen matches, one block of the ledger in memory at a time; into a file with progress shown.

    Raises:
        SpecificationError: the file cannot be written.
        NotProvided: a game that PGN cannot tell, or pyarrow is not installed.
    """
    from arena.cli.output import progress
    from arena.games.array_file import replace_file

    if output is None:
        _write_text(sys.stdout, ledger, chosen, kind, lambda _done, _planned: None)
        return
    with progress("writing") as told:
        replace_file(output, lambda stream: _write(stream, ledger, chosen, kind, told), what="matches to")
    sys.stderr.write(f"wrote {output}: {chosen.matches:,} matches, {output.stat().st_size:,} bytes\n")


def _write(stream: BinaryIO, ledger: Ledger, chosen: Chosen, kind: str, told: Callable[[int, int], None]) -> None:
    from arena.match_export import has_real_actions, match_columns
    from arena.match_files import write_parquet

    if kind == "parquet":
        blocks = _counted(match_columns(ledger, chosen), _length, chosen.matches, told)
        write_parquet(stream, blocks, real_actions=has_real_actions(ledger, chosen))
        return
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        _write_text(text, ledger, chosen, kind, told)
    finally:
        text.detach()  # the stream is closed, and moved to its place, by whoever opened it


def _write_text(stream: TextIO, ledger: Ledger, chosen: Chosen, kind: str, told: Callable[[int, int], None]) -> None:
    from arena.match_export import match_columns, most_sides
    from arena.match_files import write_csv, write_jsonl
    from arena.pgn import pgn_games

    if kind == "pgn":
        stream.writelines(_counted(pgn_games(ledger, chosen), lambda _game: 1, chosen.matches, told))
        return
    blocks = _counted(match_columns(ledger, chosen), _length, chosen.matches, told)
    if kind == "csv":
        write_csv(stream, blocks, sides=most_sides(chosen))
    else:
        write_jsonl(stream, blocks)


def _length(columns: MatchColumns) -> int:
    return len(columns["match"])


def _counted(
    items: Iterable[Item], matches: Callable[[Item], int], total: int, told: Callable[[int, int], None]
) -> Iterator[Item]:
    done, said = 0, 0
    for item in items:
        yield item
        done += matches(item)
        if done >= said + TOLD_EVERY or done == total:
            told(done, total)
            said = done

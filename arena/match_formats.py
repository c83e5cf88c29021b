"""Recorded matches in the form that is asked for: JSON lines, CSV, Parquet, PGN; one block of the ledger in memory at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Literal, TextIO, TypeVar

from arena.ledger import Ledger
from arena.match_export import Chosen, MatchColumns, has_real_actions, match_columns, most_sides
from arena.match_files import write_csv, write_jsonl, write_parquet
from arena.pgn import pgn_games

Format = Literal["jsonl", "csv", "parquet", "pgn"]
Progress = Callable[[int, int], None]
TOLD_EVERY = 500  # matches
Item = TypeVar("Item")


def write_matches(stream: BinaryIO, ledger: Ledger, chosen: Chosen, kind: str, told: Progress) -> None:
    """Writes the chosen matches; ``told`` hears (written, planned) now and then.

    Raises:
        NotProvided: a game that PGN cannot tell, or pyarrow is not installed.
    """
    if kind == "parquet":
        blocks = _counted(match_columns(ledger, chosen), _length, chosen.matches, told)
        write_parquet(stream, blocks, real_actions=has_real_actions(ledger, chosen))
        return
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    try:
        write_matches_as_text(text, ledger, chosen, kind, told)
    finally:
        text.detach()  # the stream is closed, and moved to its place, by whoever opened it


def write_matches_as_text(stream: TextIO, ledger: Ledger, chosen: Chosen, kind: str, told: Progress) -> None:
    """As `write_matches`, in one of the forms that are text."""
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


def _counted(items: Iterable[Item], matches: Callable[[Item], int], total: int, told: Progress) -> Iterator[Item]:
    done, said = 0, 0
    for item in items:
        yield item
        done += matches(item)
        if done >= said + TOLD_EVERY or done == total:
            told(done, total)
            said = done

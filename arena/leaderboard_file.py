"""A leaderboard as a file: JSON with all of it, CSV and Parquet with a row an agent. The same leaderboard gives the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

from arena.games import NotProvided, SpecificationError
from arena.games.array_file import replace_file
from arena.leaderboards.leaderboard import Leaderboard
from arena.match_files import PARQUET_MISSING

SUFFIXES = (".json", ".csv", ".parquet")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Number = str | int | float
Interval = tuple[Number, Number, Number]
"""A number and the ends of its interval; '' for what is not known."""
WHOLE = ("rank_from", "rank_to", "matches", "wins", "draws", "losses", "forfeits")


def check_leaderboard_file(path: Path) -> None:
    """Raises `SpecificationError` where the name does not say which form it is: asked before any work."""
    if path.suffix.lower() not in SUFFIXES:
        raise SpecificationError(f"a leaderboard is written as .json, .csv or .parquet; got {path.name}")


def write_leaderboard(
    path: Path,
    board: Leaderboard,
    *,
    facts: Mapping[str, object],
    exploitability: Mapping[str, float] | None = None,
    at_least: Mapping[str, float] | None = None,
) -> None:
    """Writes a leaderboard, in the form that the name's ending says.

    Args:
        path: .json, .csv or .parquet.
        board: what is written.
        facts: what is known beside it, such as the game; the head of a JSON file, text in a Parquet file.
        exploitability: by agent, exactly; a column where any is known.
        at_least: by agent, lower bounds of exploitability; a column where any is known.

    Raises:
        SpecificationError: another ending, or the file cannot be written.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    check_leaderboard_file(path)
    suffix = path.suffix.lower()

    def fill(stream: BinaryIO) -> None:
        if suffix == ".json":
            shown = {**facts, "leaderboard": board.to_dict()}
            stream.write(json.dumps(shown, indent=2, allow_nan=False, ensure_ascii=False).encode() + b"\n")
        elif suffix == ".csv":
            stream.write(leaderboard_csv(board, exploitability or {}, at_least or {}).encode())
        else:
            _write_parquet(stream, board, facts, leaderboard_rows(board, exploitability or {}, at_least or {}))

    replace_file(path, fill, what="the leaderboard to")


def leaderboard_csv(
    board: Leaderboard,
    exploitability: Mapping[str, float],
    at_least: Mapping[str, float],
    *,
    beside: Mapping[str, Mapping[str, Interval]] = MappingProxyType({}),
) -> str:
    """A line an agent under one of heads. ``beside``: further numbers by name, with their intervals three columns each, by agent."""
    rows = leaderboard_rows(board, exploitability, at_least)
    for name, known in beside.items():
        columns = (name, f"{name}_low", f"{name}_high")
        rows = [{**row, **dict(zip(columns, known.get(str(row["agent"]), ("", "", "")), strict=True))} for row in rows]
    heads = list(rows[0]) if rows else ["agent"]
    return csv_text([heads, *(list(row.values()) for row in rows)])


def leaderboard_rows(
    board: Leaderboard, exploitability: Mapping[str, float], at_least: Mapping[str, float] | None = None
) -> list[dict[str, str | int | float]]:
    """A flat dictionary an agent; exploitability, and lower bounds of it, are columns where they are known of anybody."""
    rows = board.to_csv_rows()
    for head, known in (("exploitability", exploitability), ("exploitability_at_least", at_least or {})):
        if known:
            rows = [{**row, head: known.get(str(row["agent"]), "")} for row in rows]
    return rows


def csv_text(rows: Sequence[Sequence[object]]) -> str:
    """Comma-separated text; words that a spreadsheet would run as a formula get a quote in front."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value for value in row]
        for row in rows
    )
    return out.getvalue()


def _write_parquet(
    stream: BinaryIO, board: Leaderboard, facts: Mapping[str, object], rows: list[dict[str, str | int | float]]
) -> None:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(PARQUET_MISSING) from missing
    told = {
        **facts,
        "method": board.method,
        "confidence": board.confidence,
        "finding": board.finding,
        "notes": board.notes,
    }
    names = list(rows[0]) if rows else ["agent"]
    kinds = {"agent": pa.string(), "provisional": pa.bool_(), **dict.fromkeys(WHOLE, pa.int64())}
    schema = pa.schema(
        [(name, kinds.get(name, pa.float64())) for name in names],
        metadata={name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items()},
    )
    cells = [
        {name: None if value == "" else bool(value) if name == "provisional" else value for name, value in row.items()}
        for row in rows
    ]
    pq.write_table(pa.Table.from_pylist(cells, schema=schema), stream, compression="zstd")

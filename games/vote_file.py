"""Tables of votes in CSV, JSON lines and Parquet files, read column by column.

``model_a``, ``model_b`` and ``winner``, and if wished ``weight``, ``context``, ``judge`` and ``id``; see
`arena.games.vote_columns` for what else they may be called. Columns that are none of these are passed over.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from arena.games.errors import NotProvided, SpecificationError
from arena.games.vote_columns import VoteColumns, plain, vote_columns
from arena.games.vote_table import Column, Nested, VoteTable, column_of, votes_of_table
from arena.games.votes import Votes

if TYPE_CHECKING:
    from _csv import Reader

TABLES = (".csv", ".jsonl", ".ndjson", ".parquet")
MAX_BYTES = 2_000_000_000
NEEDED = "model_a, model_b and winner"


def read_votes(path: str | Path) -> Votes:
    """The votes of a file, by its ending: ``.csv``, ``.jsonl`` (or ``.ndjson``), ``.parquet``.

    Candidates, contexts and judges come in the order of their names, votes in the order of the file.

    Raises:
        SpecificationError: the file is missing, too large, or no table of votes; the message names row and column.
        NotProvided: a Parquet file, and pyarrow is not installed.
    """
    content = content_of(path, most_bytes=MAX_BYTES)
    return votes_of(content, path=str(path), suffix=Path(path).suffix.lower())


def content_of(path: str | Path, *, most_bytes: int) -> bytes:
    """All of a file.

    Raises:
        SpecificationError: it cannot be read, or is larger.
    """
    try:
        place = Path(path).expanduser()
        if place.stat().st_size > most_bytes:
            raise SpecificationError(f"{path}: larger than {most_bytes // 10**9} GB; split it")
        return place.read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL; a home of nobody
        raise SpecificationError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def text_of(content: bytes, path: str) -> str:
    """The content of a text file.

    Raises:
        SpecificationError: no UTF-8; the message names the line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SpecificationError(f"{path}, line {line}: not UTF-8 text: byte {error.start} cannot be read") from None


def votes_of(content: bytes, *, path: str, suffix: str) -> Votes:
    """The votes of a file's content.

    Raises:
        SpecificationError: as `read_votes`.
        NotProvided: as `read_votes`.
    """
    readers: dict[str, Callable[[bytes, str], VoteTable]] = {
        ".csv": _csv_table,
        ".jsonl": _json_table,
        ".ndjson": _json_table,
        ".parquet": _parquet_table,
    }
    if suffix not in readers:
        raise SpecificationError(f"{path}: votes are read from files that end in {', '.join(readers)}")
    return votes_of_table(readers[suffix](content, path))


def csv_head(content: bytes, path: str) -> list[str]:
    """The cells of the first line that is neither empty nor a comment; [] where there is none.

    Raises:
        SpecificationError: no UTF-8, or no CSV.
    """
    text = text_of(content, path)
    return _csv_begin(text, path)[1]


def _csv_table(content: bytes, path: str) -> VoteTable:
    text = text_of(content, path)
    reader, head = _csv_begin(text, path)
    if not head:
        raise SpecificationError(f"{path} is empty")
    line = reader.line_num
    columns = vote_columns(head, lambda _: f"{path}, line {line}")
    try:
        rows = [row for row in reader if row and (row[0] or any(map(str.strip, row)))]
    except csv.Error as error:
        raise SpecificationError(f"{path}, line {reader.line_num}: no CSV: {error}") from None

    def where(row: int) -> str:
        return f"{path}, line {_csv_line(text, path, row)}"

    if not set(map(len, rows)) <= {len(head)}:
        short = next(k for k, row in enumerate(rows) if len(row) != len(head))
        raise SpecificationError(f"{where(short)}: {len(rows[short])} cells; the head has {len(head)}")
    return _table(path, where, columns, head, lambda place: column_of(plain(head[place]), [row[place] for row in rows]))


def _csv_begin(text: str, path: str) -> tuple[Reader, list[str]]:
    """(a reader behind the head, the head's cells); semicolons stand between cells where the head has no comma."""
    for separator in ",;":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
        head: list[str] = []
        try:
            for cells in reader:
                if any(map(str.strip, cells)) and not cells[0].startswith("#"):
                    head = cells
                    break
        except csv.Error as error:
            raise SpecificationError(f"{path}, line {reader.line_num}: no CSV: {error}") from None
        if len(head) > 1 or not any(";" in cell for cell in head):
            break
    return reader, head


def _csv_line(text: str, path: str, row: int) -> int:
    """The line on which a row of the table ends."""
    reader, _ = _csv_begin(text, path)
    seen = -1
    for cells in reader:
        seen += bool(cells and (cells[0] or any(map(str.strip, cells))))
        if seen == row:
            break
    return reader.line_num


def _json_table(content: bytes, path: str) -> VoteTable:
    lines = list(io.StringIO(text_of(content, path), newline=None))
    numbers = [number for number, line in enumerate(lines, 1) if not line.isspace()]
    decode = json.JSONDecoder(object_pairs_hook=_object).decode
    rows: list[dict[str, object]] = []
    for number in numbers:
        try:
            value = decode(lines[number - 1])
        except (ValueError, RecursionError) as error:
            raise SpecificationError(f"{path}, line {number}: no JSON: {error}") from None
        if not isinstance(value, dict):
            raise SpecificationError(f"{path}, line {number}: expected an object with {NEEDED}")
        rows.append(value)
    if not rows:
        raise SpecificationError(f"{path} is empty")
    keys: dict[str, None] = {}
    for value in rows:
        keys.update(dict.fromkeys(value))
    head = list(keys)

    def where(row: int) -> str:
        return f"{path}, line {numbers[row]}"

    def where_is(key: str) -> str:
        return where(next((row for row, value in enumerate(rows) if key in map(plain, value)), 0))

    columns = vote_columns(head, where_is)
    return _table(
        path, where, columns, head, lambda place: column_of(plain(head[place]), [row.get(head[place]) for row in rows])
    )


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object with a key that stands twice")
    return found


def _parquet_table(content: bytes, path: str) -> VoteTable:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(f"{path}: Parquet files need: pip install 'minimax-arena[parquet]'") from missing

    def column(name: str, cells: pa.ChunkedArray) -> Column:
        if pa.types.is_dictionary(cells.type):
            cells = cells.cast(cells.type.value_type)
        if pa.types.is_nested(cells.type):
            kind = "dict" if pa.types.is_struct(cells.type) else "list"
            codes = np.asarray(cells.is_null().to_numpy(), np.int64)
            return Column(name, [Nested(kind), None], codes)
        if pa.types.is_null(cells.type):
            return Column(name, [None], np.zeros(len(cells), np.int64))
        encoded = cells.combine_chunks().dictionary_encode(null_encoding="encode")
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        return Column(name, encoded.dictionary.to_pylist(), np.asarray(encoded.indices.to_numpy(), np.int64))

    try:
        with pq.ParquetFile(pa.BufferReader(content)) as file:
            head = file.schema_arrow.names
            columns = vote_columns(head, lambda _: path)
            read = file.read(columns=[head[place] for place in columns.used])
        found = {place: column(plain(head[place]), read.column(head[place])) for place in columns.used}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SpecificationError(f"{path}: no Parquet: {error}") from None
    return _table(path, lambda row: f"{path}, row {row + 1}", columns, head, found.__getitem__)


def _table(
    path: str,
    where: Callable[[int], str],
    columns: VoteColumns,
    head: Sequence[str],
    column: Callable[[int], Column],
) -> VoteTable:
    def one(place: int | None) -> Column | None:
        return None if place is None else column(place)

    return VoteTable(
        path=path,
        where=where,
        first=column(columns.first),
        second=column(columns.second),
        outcome={plain(head[place]): column(place) for place in columns.outcome},
        weight=one(columns.weight),
        context=one(columns.context),
        judge=one(columns.judge),
        id=one(columns.id),
    )

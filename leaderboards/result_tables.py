"""The columns of a results file as they stand in it, for `result_columns`: each different text once, cells as numbers of texts.

CSV and JSON go through the parsers that read them row by row too, Parquet through columns alone. What cannot be read is no
matter of this module: it answers None.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.leaderboards.result_columns import Cells, Doubt
from arena.leaderboards.result_rows import MAX_PLAYERS, agent_columns, cell_text, check_columns, return_columns

if TYPE_CHECKING:
    import pyarrow as pa

MAX_LINE = 1_000_000
ROWS = 128  # held as Python objects at once: so few that they are young when they are dropped
PASSED_OVER = frozenset({"actions", "seconds", "seats"})  # columns of exports that are large and rate nothing
SINGLE = ("score", "result", "winner", "weight", "forfeit", "pair", "tournament", "game", "judge")
LISTS = ("agents", "players", "models", "returns")


class _Text(Protocol):
    def readline(self, limit: int, /) -> str: ...


class _Codes(dict[str, int]):
    """The number of each text, in the order in which they are asked for first."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


class _Column:
    """Cells that come in parts."""

    def __init__(self) -> None:
        self.numbers = _Codes()
        self.parts: list[NDArray[np.int64]] = []

    def add(self, texts: Sequence[str]) -> None:
        self.parts.append(np.fromiter(map(self.numbers.__getitem__, texts), np.int64, len(texts)))

    def cells(self) -> Cells:
        return Cells(np.concatenate(self.parts), [text.strip() for text in self.numbers])


def read_columns(path: Path) -> dict[str, Cells] | None:
    """The columns that results are read from, by name; None where the file is not of plain columns, or is none of these formats."""
    readers = {".csv": _csv_columns, ".jsonl": _jsonl_columns, ".ndjson": _jsonl_columns, ".parquet": _parquet_columns}
    reader = readers.get(path.suffix.lower())
    try:
        return reader(path) if reader is not None else None
    except (Doubt, SpecificationError, csv.Error, ImportError, OSError, ValueError, RecursionError):
        return None


def lines_of(file: _Text, path: Path) -> Iterator[str]:
    """The lines of a text file. Raises `SpecificationError` where one is too long or no text."""
    number = 0
    read = file.readline
    while True:
        try:
            line = read(MAX_LINE + 1)
        except UnicodeDecodeError:
            raise SpecificationError(f"{path}, line {number + 1} or later: no UTF-8 text") from None
        if not line:
            return
        number += 1
        if len(line) > MAX_LINE:
            raise SpecificationError(f"{path}, line {number}: longer than {MAX_LINE:,} characters")
        yield line


def _csv_columns(path: Path) -> dict[str, Cells] | None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(lines_of(file, path), strict=True)
        header = [name.strip().lower() for name in next(rows, [])]
        check_columns(header, "")
        agents = agent_columns(header)
        wanted = {name: header.index(name) for name in (*agents, *return_columns(agents), *SINGLE) if name in header}
        columns = {name: _Column() for name in wanted}
        while part := list(islice(rows, ROWS)):
            if set(map(len, part)) != {len(header)}:
                part = [row for row in part if any(cell.strip() for cell in row)]
                if not part:
                    continue
                if set(map(len, part)) != {len(header)}:
                    raise Doubt
            across = list(zip(*part, strict=True))
            for name, at in wanted.items():
                columns[name].add(across[at])
    return _cells(columns)


def _jsonl_columns(path: Path) -> dict[str, Cells] | None:
    columns: dict[str, _Column] = {}
    lists: dict[str, list[NDArray[np.int64]]] = {}
    known: dict[tuple[str, ...], dict[str, str]] = {}  # of each row of keys, the key of each column
    asked: list[str] | None = None
    with path.open(encoding="utf-8-sig") as file:
        lines = lines_of(file, path)
        while text := list(islice(lines, ROWS)):
            rows = [json.loads(line) for line in text if line.strip()]
            if not rows:
                continue
            if set(map(type, rows)) != {dict}:
                raise Doubt
            shapes = set(map(tuple, rows))
            for shape in shapes - known.keys():
                known[shape] = _keys_of(shape)
            if asked is None:
                asked = _asked(known[next(iter(shapes))])
                columns = {name: _Column() for name in asked}
                lists = {name: [] for name in asked if name in LISTS}
            if any(_asked(known[shape]) != asked for shape in shapes):
                raise Doubt
            for name in asked:
                values = _values(rows, name, shapes, known)
                if name in LISTS:
                    inner = [value for value in values if isinstance(value, list) and len(value) <= MAX_PLAYERS]
                    if len(inner) != len(values):
                        raise Doubt
                    lists[name].append(np.fromiter(map(len, inner), np.int64, len(inner)))
                    values = list(chain.from_iterable(inner))
                columns[name].add(_texts(values))
    found = _cells(columns)
    for name, lengths in lists.items():
        found |= _spread(name, found.pop(name), np.concatenate(lengths))
    return found


def _keys_of(shape: tuple[str, ...]) -> dict[str, str]:
    """Of an object's keys, the key of each column."""
    keys = {key.strip().lower(): key for key in shape}
    if len(keys) != len(shape):
        raise Doubt
    return keys


def _asked(keys: Iterable[str]) -> list[str]:
    """The columns to be read of these: those of the agents must be there in each row, others are '' where they are missing."""
    keys = list(keys)
    agents = agent_columns(keys)
    lists = [name for name in LISTS if name in keys]
    if not lists:
        return [*agents, *return_columns(agents), *SINGLE]
    kinds = {name[:-1] for name in LISTS}
    mixed = agents or any(key.rpartition("_")[0] in kinds for key in keys)
    if mixed or len([name for name in lists if name != "returns"]) != 1:
        raise Doubt
    return [*lists, *SINGLE]


def _values(
    rows: Sequence[dict[str, object]],
    name: str,
    shapes: set[tuple[str, ...]],
    known: Mapping[tuple[str, ...], Mapping[str, str]],
) -> list[object]:
    """The column of some rows, None where it is missing."""
    keys = {known[shape].get(name) for shape in shapes}
    if keys == {None}:
        return [None] * len(rows)
    spelled = keys - {None}
    if len(spelled) == 1:
        key = spelled.pop()
        return [row.get(key) for row in rows]  # type: ignore[arg-type]  # a str
    raise Doubt


def _texts(values: list[object]) -> list[str]:
    """`cell_text` of each, but that of texts the space around them is left; those of one type at once."""
    kinds = set(map(type, values))
    if kinds <= {type(None)}:
        return [""] * len(values)
    if kinds <= {str, int, float}:
        return list(map(str, values))
    return [cell_text(value) for value in values]


def _parquet_columns(path: Path) -> dict[str, Cells] | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [name for name in file.schema_arrow.names if name.strip().lower() not in PASSED_OVER]
            spelled = _keys_of(tuple(names))
            asked = [name for name in _asked(spelled) if name in spelled]
            table = file.read(columns=[spelled[name] for name in asked])
        found: dict[str, Cells] = {}
        for name in asked:
            column = table.column(spelled[name]).combine_chunks()
            if isinstance(column, pa.ChunkedArray):  # of no row, or too large for one
                raise Doubt
            if name not in LISTS:
                found[name] = _arrow_cells(column)
                continue
            if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)) or column.null_count:
                raise Doubt
            lengths = np.asarray(column.value_lengths(), np.int64)
            if not len(lengths) or lengths.max() > MAX_PLAYERS:
                raise Doubt
            found |= _spread(name, _arrow_cells(column.flatten()), lengths)
        return found
    except pa.ArrowException:
        return None


def _arrow_cells(column: pa.Array) -> Cells:
    """A column of Parquet as texts: those of texts and plain numbers at once, others value by value."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.dictionary_encode()
    if isinstance(column, pa.DictionaryArray):
        texts = [cell_text(value) for value in column.dictionary.to_pylist()]
        codes = column.indices.fill_null(len(texts)) if column.null_count else column.indices
        return Cells(np.asarray(codes, np.int64), [*texts, ""])
    if pa.types.is_signed_integer(kind):
        column, kind = column.cast(pa.int64()), pa.int64()
    if pa.types.is_float64(kind) or pa.types.is_int64(kind):
        there = np.asarray(column.is_valid())
        bits = np.asarray(column.fill_null(0) if column.null_count else column).view(np.int64)  # tells −0 from 0
        different, codes = np.unique(bits, return_inverse=True)
        texts = [str(value) for value in different.view(np.float64 if pa.types.is_float64(kind) else np.int64).tolist()]
        return Cells(np.where(there, codes, len(texts)), [*texts, ""])
    made = _Column()
    made.add([cell_text(value) for value in column.to_pylist()])
    return made.cells()


def _spread(name: str, cells: Cells, lengths: NDArray[np.int64]) -> dict[str, Cells]:
    """A column of lists, cell behind cell, as columns of single values; '' behind the end of a list."""
    texts = [*cells.texts, ""]
    filled = np.full((len(lengths), int(lengths.max())), len(texts) - 1, np.int64)
    filled[np.arange(filled.shape[1]) < lengths[:, None]] = cells.codes
    return {f"{name[:-1]}_{k + 1}": Cells(filled[:, k], texts) for k in range(filled.shape[1])}


def _cells(columns: Mapping[str, _Column]) -> dict[str, Cells]:
    if not columns or not all(column.parts for column in columns.values()):
        raise Doubt
    return {name: column.cells() for name, column in columns.items()}

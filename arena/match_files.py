"""Recorded matches as files: JSON lines, CSV, Parquet; a block of the ledger at a time, column by column.

`read_record` reads each of these files back to the ratings that the ledger gives.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from typing import BinaryIO, TextIO

import numpy as np

from arena.games import NotProvided
from arena.match_export import MatchColumns, MatchRow

_as_json = json.JSONEncoder(allow_nan=False, ensure_ascii=False).encode
NAMES = tuple(MatchRow.__annotations__)
NUMBERS = ("returns", "actions", "seconds")  # lists of them
LABELS = ("agents", "seats")
ROWS_A_GROUP = 16384  # of a Parquet file: large enough to compress, small enough to hold
PARQUET_MISSING = "Parquet files need: pip install 'minimax-arena[parquet]'"


def write_jsonl(stream: TextIO, blocks: Iterable[MatchColumns]) -> None:
    """A JSON object a line."""
    line = f"{{{', '.join(f'{_as_json(name)}: %s' for name in NAMES)}}}\n"
    for columns in blocks:
        stream.writelines(map(line.__mod__, zip(*(_texts(name, columns[name]) for name in NAMES), strict=True)))


def write_csv(stream: TextIO, blocks: Iterable[MatchColumns], *, sides: int) -> None:
    """A line a match; ``agent_1``.. and ``return_1``.. for so many sides, lists as JSON text."""
    single = [name for name in NAMES if name not in ("agents", "returns")]
    numbered = [f"{name}_{k + 1}" for name in ("agent", "return") for k in range(sides)]
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*single[:3], *numbered, *single[3:]])
    for columns in blocks:
        cells = [_texts(name, columns[name]) if name in NUMBERS + LABELS else columns[name] for name in single]
        by_side = [
            [row[side] if side < len(row) else None for row in columns[name]]  # type: ignore[index,arg-type]
            for name in ("agents", "returns")
            for side in range(sides)
        ]
        writer.writerows(zip(*cells[:3], *by_side, *cells[3:], strict=True))


def write_parquet(stream: BinaryIO, blocks: Iterable[MatchColumns], *, real_actions: bool) -> None:
    """A Parquet file with lists as lists; actions are whole numbers, or with `real_actions` numbers, vectors laid flat.

    Raises:
        NotProvided: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as missing:
        raise NotProvided(PARQUET_MISSING) from missing
    types = {
        "match": pa.int64(),
        "agents": pa.list_(pa.string()),
        "returns": pa.list_(pa.float64()),
        "forfeit": pa.int16(),
        "weight": pa.int8(),
        "forfeited_by": pa.int16(),
        "seats": pa.list_(pa.string()),
        "seed": pa.uint64(),
        "chance_seed": pa.uint64(),
        "plies": pa.int64(),
        "actions": pa.list_(pa.float64() if real_actions else pa.int32()),
        "seconds": pa.list_(pa.float32()),
    }
    schema = pa.schema([(name, types.get(name, pa.string())) for name in NAMES])
    with pq.ParquetWriter(stream, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        rows = 0
        for columns in blocks:
            if real_actions:
                columns = {**columns, "actions": [_flat(actions) for actions in columns["actions"]]}
            waiting.append(pa.table(columns, schema=schema))
            rows += len(waiting[-1])
            if rows >= ROWS_A_GROUP:
                writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS_A_GROUP)
                waiting, rows = [], 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting), row_group_size=ROWS_A_GROUP)


def _texts(name: str, column: list[object]) -> list[str]:
    """Each value as JSON text. One call writes all numbers: at a call for each match, calls are what takes long."""
    if name in LABELS:
        known: dict[tuple[object, ...], str] = {}
        keys: list[tuple[object, ...]] = [tuple(row) for row in column]  # type: ignore[arg-type]
        return [known.get(key) or known.setdefault(key, _as_json(key)) for key in keys]
    if name in NUMBERS:
        text = _as_json(column)
        if "[[[" in text or "], [[" in text:  # actions that are vectors
            return [_as_json(value) for value in column]
        return [f"[{values}]" for values in text[2:-2].split("], [")]
    if isinstance(column[0], str):
        return [_as_json(value) for value in column]
    return _as_json(column)[1:-1].split(", ")


def _flat(actions: object) -> list[float]:
    return [float(value) for value in np.asarray(actions, np.float64).ravel().tolist()]

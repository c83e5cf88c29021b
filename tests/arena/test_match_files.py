"""Files of matches, written column by column: byte for byte what a naive loop over the matches writes."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.match_files import NAMES, ROWS_A_GROUP, write_csv, write_jsonl, write_parquet

LABELS = st.sampled_from(["ann@1", "b, c", "], [", "[[[", '"', "é\n", "mixed(a@1+b@1)"])
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.integers(0, 2**64 - 1)
ACTIONS = {
    "whole": st.integers(0, 2**31 - 1),
    "real": NUMBERS,
    "vectors": st.lists(NUMBERS, min_size=2, max_size=2),
}


@st.composite
def blocks(draw, kind):
    """Blocks of columns; ``actions`` of one space."""
    single = {
        "tournament": LABELS,
        "match": st.integers(0, 2**40),
        "game": LABELS,
        "agents": st.lists(LABELS, min_size=1, max_size=3),
        "forfeit": st.none() | st.integers(1, 3),
        "pair": LABELS,
        "weight": st.integers(0, 1),
        "termination": st.sampled_from(["normal", "out_of_memory"]),
        "forfeited_by": st.none() | st.integers(0, 2),
        "seats": st.lists(st.none() | LABELS, max_size=3),
        "seed": WORDS,
        "chance_seed": WORDS,
        "plies": st.integers(0, 9),
        "actions": st.lists(ACTIONS[kind], max_size=4),
        "seconds": st.lists(st.floats(0, 1e3), max_size=3),
    }
    made = []
    for _ in range(draw(st.integers(0, 3))):
        size = draw(st.integers(1, 4))
        columns = {name: draw(st.lists(of, min_size=size, max_size=size)) for name, of in single.items()}
        columns["returns"] = [
            draw(st.lists(NUMBERS, min_size=len(some), max_size=len(some))) for some in columns["agents"]
        ]
        made.append(columns)
    return made


def matches(made):
    """The matches of blocks, one by one."""
    return [
        dict(zip(NAMES, row, strict=True)) for columns in made for row in zip(*map(columns.get, NAMES), strict=True)
    ]


def text(value):
    return json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize("kind", ACTIONS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_json_lines_are_those_of_a_loop_over_matches(kind, data):
    made = data.draw(blocks(kind))
    written = io.StringIO()
    write_jsonl(written, made)
    assert written.getvalue() == "".join(text(match) + "\n" for match in matches(made))


@pytest.mark.parametrize("kind", ACTIONS)
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_csv_is_that_of_a_loop_over_matches(kind, data):
    made = data.draw(blocks(kind))
    written, expected = io.StringIO(), io.StringIO()
    write_csv(written, made, sides=3)
    writer = csv.writer(expected, lineterminator="\n")
    sides = [f"{name}_{k}" for name in ("agent", "return") for k in (1, 2, 3)]
    rest = [name for name in NAMES[3:] if name not in ("agents", "returns")]
    writer.writerow([*NAMES[:3], *sides, *rest])
    for match in matches(made):
        empty = [""] * (3 - len(match["agents"]))
        cells = [text(match[name]) if isinstance(match[name], list) else match[name] for name in rest]
        writer.writerow(
            [*(match[name] for name in NAMES[:3]), *match["agents"], *empty, *match["returns"], *empty, *cells]
        )
    assert written.getvalue() == expected.getvalue()


@pytest.mark.parametrize("kind", ACTIONS)
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_parquet_is_that_of_a_table_of_matches(kind, data):
    made = data.draw(blocks(kind))
    written = io.BytesIO()
    write_parquet(written, made, real_actions=kind != "whole")
    table = pq.read_table(io.BytesIO(written.getvalue()))
    rows = matches(made)
    if kind == "vectors":
        rows = [{**row, "actions": [value for vector in row["actions"] for value in vector]} for row in rows]
    assert table == pa.Table.from_pylist(rows, schema=table.schema)


def test_small_blocks_share_a_group_of_a_parquet_file():
    kinds = {"tournament": "a", "game": "a", "pair": "a", "termination": "a", "agents": ["a"], "seats": ["a"]}
    kinds |= {"returns": [0.0], "actions": [0], "seconds": [0.0]}
    columns = {name: [kinds.get(name, 0)] * 2 for name in NAMES}
    written = io.BytesIO()
    write_parquet(written, [columns] * (ROWS_A_GROUP // 2 + 1), real_actions=False)
    assert pq.ParquetFile(io.BytesIO(written.getvalue())).metadata.num_row_groups == 2

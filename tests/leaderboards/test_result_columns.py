"""Results files read column by column: the same record as row by row, the same complaint where a row is wrong."""

import csv
import io
import json
import tempfile
from dataclasses import fields
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import ArenaError
from arena.leaderboards import record_file
from arena.leaderboards.record_file import read_record

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NAMES = st.sampled_from(["x", "y", "z", "a", "draw", " x", "2", "long name"])
DIRT = st.sampled_from(["", "x", "nan", "-0", "1e3", "0", "1.0", "?", "\0", "a\nb", "n" * 201, "inf", " 1 ", "½-½"])
CELLS = {
    "winner": st.sampled_from(["x", "y", "a", "b", "draw", "A", "2", " tie"]),
    "result": st.sampled_from(["1-0", "0-1", "1/2 - 1/2", "*", "*"]),
    "score": st.sampled_from(["0", "1", "0.5", "0.25", "1e-3", "-0"]),
    "weight": st.sampled_from(["1", "0", "2", "0.5", "-0.0", ""]),
    "forfeit": st.sampled_from(["", "", "x", "1", "2", "z"]),
    "pair": st.sampled_from(["p", "q", " p", "r", "", ""]),
    "judge": st.sampled_from(["J", "K", ""]),
    "tournament": st.sampled_from(["t", "t", ""]),
    "game": st.sampled_from(["g", "g", "spiel:h", ""]),
    "return": st.sampled_from(["1", "-1", "0", "0.1", "0.2", "0.30000000000000004"]),
}
OUTCOMES = ("winner", "result", "score")


@st.composite
def tables(draw):
    """Rows of cells, plain or with a few that are not."""
    players = draw(st.sampled_from([2, 2, 2, 3]))
    agents = draw(st.sampled_from([["agent_a", "agent_b"], ["white", "black"], ["agent_1", "agent_2"]]))
    agents = agents if players == 2 else [f"agent_{k + 1}" for k in range(players)]
    returns = [f"return_{k + 1}" for k in range(players)] if players > 2 or draw(st.booleans()) else []
    kinds = [name for name in CELLS if name not in ("return", *OUTCOMES) and draw(st.integers(0, 3)) == 0]
    kinds += [] if returns else [draw(st.sampled_from(OUTCOMES))]
    columns = dict.fromkeys(agents, NAMES) | dict.fromkeys(returns, CELLS["return"])
    columns |= {name: CELLS[name] for name in kinds}
    rows = draw(st.lists(st.fixed_dictionaries(columns), max_size=8))
    if players > 2:  # some matches of fewer
        for row in rows:
            if draw(st.booleans()):
                row["agent_3"] = row["return_3"] = ""
    for row in rows:
        if draw(st.integers(0, 12)) == 0:
            row[draw(st.sampled_from(sorted(row)))] = draw(DIRT)
    return list(columns), rows


def as_csv(header, rows):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *([row[name] for name in header] for row in rows)])
    return text.getvalue().replace("\0", "0").encode()


def value(text):
    """A cell as JSON and Parquet have it, where numbers are numbers."""
    try:
        return float(text)
    except ValueError:
        return text or None


def as_lists(header, rows):
    """Agents and returns as lists, numbers as numbers."""
    agents = [name for name in header if name.startswith(("agent_", "white", "black"))]
    returns = [name for name in header if name.startswith("return_")]
    made = []
    for row in rows:
        seated = [name for name in agents if row[name]]
        single = {name: value(row[name]) for name in header if name not in (*agents, *returns)}
        lists = {"agents": [row[name] for name in seated]}
        if returns:
            lists["returns"] = [value(row[name]) for name in returns[: len(seated)]]
        made.append(lists | single)
    return made


def parquet(rows, header):
    sink = io.BytesIO()
    try:
        table = pa.table({name: [row.get(name) for row in rows] for name in header})
    except pa.ArrowException:  # texts among numbers
        as_text = {name: [None if row[name] is None else str(row[name]) for row in rows] for name in header}
        table = pa.table(as_text)
    pq.write_table(table, sink)
    return sink.getvalue()


def outcome(path, **options):
    try:
        return read_record(path, **options)
    except ArenaError as error:
        return f"{type(error).__name__}: {error}"


def check_alike(name, data, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        found = outcome(path, **options)
        with mock.patch.object(record_file, "read_columns", return_value=None):
            slow = outcome(path, **options)
    if isinstance(slow, str) or isinstance(found, str):
        assert found == slow
        return
    for field in fields(slow):
        one, other = getattr(found, field.name), getattr(slow, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype and one.shape == other.shape, field.name
            assert np.array_equal(one, other) and np.array_equal(np.signbit(one), np.signbit(other)), field.name
        else:
            assert one == other, field.name


@settings(max_examples=120, deadline=None)
@given(table=tables(), game=st.sampled_from([None, None, "g", "h"]), without=st.sampled_from([(), (), ("J",)]))
def test_csv_is_read_alike_in_columns_and_in_rows(table, game, without):
    check_alike("r.csv", as_csv(*table), game=game, without_judges=without)


@settings(max_examples=120, deadline=None)
@given(table=tables(), game=st.sampled_from([None, None, "g", "h"]), lists=st.booleans(), sparse=st.booleans())
def test_json_lines_are_read_alike_in_columns_and_in_rows(table, game, lists, sparse):
    rows = as_lists(*table) if lists else table[1]
    if sparse:
        rows = [{name: cell for name, cell in row.items() if cell} for row in rows]
    check_alike("r.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode(), game=game)


@settings(max_examples=100, deadline=None)
@given(table=tables(), lists=st.booleans())
def test_parquet_is_read_alike_in_columns_and_in_rows(table, lists):
    rows = as_lists(*table) if lists else [{name: value(cell) for name, cell in row.items()} for row in table[1]]
    if rows:
        check_alike("r.parquet", parquet(rows, list(rows[0])))


PLAIN = [{"agents": ["y", "x"], "returns": [1.0, -1.0], "pair": "p", "weight": 1, "forfeit": None, "actions": [3, 1]}]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_plain_files_are_read_without_a_look_at_single_rows(tmp_path, ending, monkeypatch):
    path = tmp_path / f"results.{ending}"
    if ending == "csv":
        path.write_text('agent_1,agent_2,return_1,return_2,actions\ny,x,1,-1,"[3, 1]"\n\nx,y,1,-1,"[]"\n')
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in PLAIN))
    else:
        path.write_bytes(parquet(PLAIN, list(PLAIN[0])))
    monkeypatch.setattr(record_file, "match_of", None)
    record = read_record(path)
    assert record.agents == ("y", "x") and record.returns[0].tolist() == [1, -1]


@pytest.mark.parametrize(
    "text",
    [
        'agent_a,agent_b,winner\nx,y,x\nx,"y"z,x\n',
        "agent_a,agent_b,winner\nx,y,x\n,,\n",
        "agent_a,agent_b,winner\nx,y,x\n\n  \nx,y\n",
        "agent_a,agent_b,winner,winner\nx,y,x,y\n",
        "agent_a,agent_b,winner\r\nx,y,x\ry,x,x\r\n",
        'agent_a,agent_b,winner\n"x\ny",y,b\n',
        "agent_a,agent_b,winner\n",
        "",
        "agent_a,agent_b,winner\nx,y," + "x" * 140_000 + "\n",
    ],
)
def test_what_is_odd_in_a_csv_is_told_as_ever(text):
    check_alike("r.csv", text.encode())

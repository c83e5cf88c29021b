"""A leaderboard as a file says what the leaderboard says, and nothing of when it was written."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from simulated_records import from_counts

from arena.games import SpecificationError
from arena.leaderboard_file import write_leaderboard
from arena.leaderboards import Leaderboard, leaderboard


@pytest.fixture(scope="module")
def board() -> Leaderboard:
    return leaderboard(from_counts([[0, 30, 5], [10, 0, 20], [25, 12, 0]], agents=("rock", "=paper", "Łucja")))


def written(path: Path, board: Leaderboard) -> Path:
    write_leaderboard(path, board, facts={"game": "g"}, exploitability={"rock": 0.5})
    return path


def test_json_holds_all_of_it(board: Leaderboard, tmp_path: Path) -> None:
    found = json.loads(written(tmp_path / "b.json", board).read_text(encoding="utf-8"))
    assert found == {"game": "g", "leaderboard": json.loads(json.dumps(board.to_dict()))}


def test_csv_has_a_row_an_agent_and_no_formulas(board: Leaderboard, tmp_path: Path) -> None:
    rows = list(csv.DictReader(written(tmp_path / "b.csv", board).read_text(encoding="utf-8").splitlines()))
    assert [float(row["rating"]) for row in rows] == [row.rating for row in board.rows]
    assert {row["agent"] for row in rows} == {"rock", "'=paper", "Łucja"}
    assert {row["agent"]: row["exploitability"] for row in rows}["rock"] == "0.5"


def test_parquet_has_typed_columns_and_the_finding(board: Leaderboard, tmp_path: Path) -> None:
    table = pq.read_table(written(tmp_path / "b.parquet", board))
    assert table.schema.metadata[b"finding"].decode() == board.finding
    rows = table.to_pylist()
    assert [(row["agent"], row["rating"], row["low"], row["wins"]) for row in rows] == [
        (row.agent, row.rating, row.low, row.wins) for row in board.rows
    ]
    assert [row["exploitability"] for row in rows if row["agent"] != "rock"] == [None, None]


@pytest.mark.parametrize("suffix", ["json", "csv", "parquet"])
def test_the_same_board_is_the_same_bytes(board: Leaderboard, tmp_path: Path, suffix: str) -> None:
    one, two = (written(tmp_path / f"{name}.{suffix}", board).read_bytes() for name in ("one", "two"))
    assert one == two


def test_another_ending_is_refused(board: Leaderboard, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"\.json, \.csv or \.parquet"):
        write_leaderboard(tmp_path / "b.xlsx", board, facts={})

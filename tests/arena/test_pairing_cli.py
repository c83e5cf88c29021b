"""Pairings that look at results, at the command line: what is printed, what programs read, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from arena.cli import app

AGENTS = ["-a", "a=random", "-a", "b=mcts(simulations=3)", "-a", "c=mcts(simulations=10)"]
GAME = ["--game", "openspiel:tic_tac_toe", "--seed", "3"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ARENA_DB", raising=False)


def _arena(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result


def _run(*words: str) -> Result:
    return _arena("tournament", "run", "--name", "cup", *GAME, *AGENTS, *words)


def test_a_swiss_table_is_printed_and_read() -> None:
    said = _run("--pairing", "swiss", "--rounds", "2", "-n", "4").stdout
    assert "Swiss table" in said
    assert "Buchholz" in said
    state = json.loads(_arena("tournament", "status", "cup", "--json").stdout)["state"]
    assert (state["kind"], state["rounds"], state["planned_rounds"]) == ("swiss", 2, 2)
    assert sum(row["points"] for row in state["table"]) == 4, "a point a pairing and a bye in each round"
    assert {row["agent"] for row in state["table"]} == {"a@1", "b@1", "c@1"}


def test_a_bracket_is_printed_and_read() -> None:
    _run("--pairing", "knockout", "--further-pairs", "1", "-n", "2")
    assert "wins the knockout" in _arena("tournament", "status", "cup").stdout
    state = json.loads(_arena("tournament", "status", "cup", "--json").stdout)["state"]
    assert [stage["name"] for stage in state["stages"]] == ["semi-finals", "final"]
    assert state["stages"][0]["ties"][0] == {
        "first": "a@1",
        "second": None,
        "points": [0.0, 0.0],
        "matches": 0,
        "further_pairs": 0,
        "winner": "a@1",
        "how": "bye",
    }
    assert state["winner"] in ("a@1", "b@1", "c@1")


def test_the_state_of_an_aim_is_printed_and_read() -> None:
    said = json.loads(_run("--pairing", "adaptive", "--aim", "top 1", "--batch", "4", "-n", "40", "--json").stdout)
    state = said["state"]
    assert (state["kind"], state["aim"], state["all_met"]) == ("adaptive", "top 1", True)
    assert sum(row["matches"] for row in state["agents"]) == 2 * said["matches"]
    assert all(0 <= row["mean_score"] <= 1 and row["effective_matches"] <= row["matches"] for row in state["agents"])
    assert sum(row["mean_score"] for row in state["agents"]) == pytest.approx(1.5), "half a point a match and agent"
    assert "weighted by the inverse" in _arena("tournament", "status", "cup").stdout


def test_a_round_robin_has_no_state() -> None:
    _run("-n", "2")
    assert "state" not in json.loads(_arena("tournament", "status", "cup", "--json").stdout)


def test_merging_is_told_once() -> None:
    _run("--pairing", "swiss", "-n", "2", "--db", "other.db")
    assert "3 new agents, 1 new tournament, 0 completed ones, " in _arena("db", "merge", "other.db").stdout
    assert "has all of it already" in _arena("db", "merge", "other.db").stdout
    assert "state" in json.loads(_arena("tournament", "status", "cup", "--json").stdout)


def test_nothing_is_made_where_there_is_nothing_to_merge() -> None:
    _arena("db", "merge", "none.db", code=1)
    assert not Path("arena.db").exists()


def test_a_bad_aim_is_one_sentence() -> None:
    result = CliRunner().invoke(
        app, ["tournament", "run", *GAME, *AGENTS, "--pairing", "adaptive", "--aim", "top 7", "-n", "9"]
    )
    assert result.exit_code != 0
    assert "decides nothing among 3 agents" in str(result.exception) + result.output

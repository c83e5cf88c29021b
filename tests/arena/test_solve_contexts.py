"""`arena solve --by-context`: each context as if it were the game of its own."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.games import SpecificationError

VOTES = """model_a,model_b,winner,context
rock,paper,paper,hands
paper,scissors,scissors,hands
scissors,rock,rock,hands
rock,paper,rock,order
paper,scissors,paper,order
scissors,rock,rock,order
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v.csv").write_text(VOTES)


def arena(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).stdout


@pytest.mark.parametrize("method", ["minimax_winner", "nash_mirror_prox"])
def test_each_context_has_the_answer_of_its_own_game(method):
    settings = [] if method == "minimax_winner" else ["--until", "1e-9"]
    found = json.loads(arena("solve", method, "preference:v.csv", "--by-context", "--json", *settings))
    assert list(found["contexts"]) == ["hands", "order"]
    for name, one in found["contexts"].items():
        alone = json.loads(arena("solve", method, f"preference:v.csv(context={name})", "--json", *settings))
        assert one["strategy"] == pytest.approx(alone["strategies"][0], abs=1e-6)
    assert found["gap"] == max(one["gap"] for one in found["contexts"].values())


def test_the_table_counts_contexts_that_one_candidate_takes():
    said = arena("solve", "minimax_winner", "preference:v.csv", "--by-context")
    assert said.startswith("In 1 of 2 contexts one candidate takes all")
    assert "rock 1.00" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["minimax_winner", "matrix:rps"], "matrix:rps is none"),
        (["cfr_plus", "preference:v.csv"], "cfr_plus solves one game"),
        (["spo", "preference:v.csv", "-o", "a.policy"], "name a .json for all"),
        (["nash_mirror_prox", "preference:v.csv", "--set", "beta=-1"], "beta must be"),
    ],
)
def test_what_has_no_contexts_is_refused(words, message):
    with pytest.raises(SpecificationError, match=message):
        CliRunner().invoke(app, ["solve", *words, "--by-context"], catch_exceptions=False)


def test_a_file_holds_what_json_prints_and_is_not_replaced_unasked(tmp_path):
    words = ["solve", "minimax_winner", "preference:v.csv", "--by-context", "-o", "found.json"]
    assert arena(*words).endswith("wrote found.json\n")
    assert (tmp_path / "found.json").read_text() == arena(*words[:-2], "--json")
    with pytest.raises(SpecificationError, match="there already"):
        CliRunner().invoke(app, words, catch_exceptions=False)
    arena(*words, "--force")


def test_votes_without_contexts_are_refused(tmp_path):
    (tmp_path / "v.csv").write_text("model_a,model_b,winner\na,b,a\n")
    result = CliRunner().invoke(app, ["solve", "spo", "preference:v.csv", "--by-context"])
    assert result.exit_code != 0
    assert "no contexts" in str(result.exception)


def test_each_context_says_how_many_of_its_pairs_were_never_compared(tmp_path):
    (tmp_path / "v.csv").write_text(VOTES + "rock,paper,rock,few\n")
    words = ["solve", "spo", "preference:v.csv(unmet=unknown)", "--by-context"]
    found = json.loads(arena(*words, "--json"))
    assert {name: one["never_compared"] for name, one in found["contexts"].items()} == {
        "few": 2,
        "hands": 0,
        "order": 0,
    }
    assert any("2 of 9 pairs" in note for note in found["notes"])
    assert "2 of 3 pairs" in arena(*words)

"""`arena plan` on the command line: the sentence first, JSON for programs, wrong questions refused."""

import json

import pytest
from typer.testing import CliRunner

from arena.cli import app, main


def test_the_answer_comes_first_and_the_table_after_it() -> None:
    shown = CliRunner().invoke(app, ["plan", "--difference", "100"])
    assert shown.exit_code == 0
    assert shown.output.startswith("To tell a difference of 100 Elo")
    assert "betting" in shown.output and "95 % intervals of ±" in shown.output


def test_json_has_the_same_numbers() -> None:
    shown = CliRunner().invoke(app, ["plan", "--score", "0.6", "--json"])
    made = json.loads(shown.output)
    assert made["fixed_matches"] == 2 * made["fixed_pairs"] and f"{made['fixed_matches']:,}" in made["sentence"]
    assert made["gsprt"]["pairs"] < made["fixed_pairs"]


def test_no_question_is_wrong_usage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["arena", "plan"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "--difference ELO or with --score SHARE" in capsys.readouterr().err

"""`arena judge` at the command line: into the ledger, with an end that says what came of it."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from arena.cli import app
from arena.games import SpecificationError, UnknownName
from arena.judgements import judge_usage
from arena.ledger import Ledger, LedgerError
from tests.chat_server import PROMPT_TOKENS, chat_server

JUDGE = """
from arena.games.judge import JudgeFailure

def cyclic(prompts, first, second):
    return [float(("rps".index(a[0]) - "rps".index(b[0])) % 3 == 1) for a, b in zip(first, second)]

def picky(prompts, first, second):
    return [JudgeFailure("refused", "not [this] one") if p == "Hi 1" else 1.0 for p in prompts]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "judges.py").write_text(JUDGE)
    rows = "".join(f"Hi {k},r{k},p{k},{'' if k == 2 else f's{k}'}\n" for k in range(30))
    (tmp_path / "answers.csv").write_text("prompt,rock,paper,scissors\n" + rows)
    return tmp_path


def arena(*arguments, code=0):
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result.stdout


def test_judgements_become_a_ladder(folder):
    said = arena("judge", "answers.csv", "--judge", "python:judges.py:cyclic")
    assert "preference:answers: 176 of 176 comparisons have a verdict." in said
    assert "No answer, so not compared: scissors to 'Hi 2'" in said
    assert "says the same in both orders of 100" in said
    board = json.loads(arena("leaderboard", "--json"))
    assert board["leaderboard"]["cycle"]
    assert board["tournaments"] == ["answers"]
    again = json.loads(arena("judge", "answers.csv", "--judge", "python:judges.py:cyclic", "--json"))
    assert (again["asked"], again["verdicts"], again["complete"]) == (0, 176, True)


def test_what_has_no_verdict_is_told_and_the_command_fails(folder):
    said = arena("judge", "answers.csv", "-j", "picky=python:judges.py:picky", "--attempts", 2, code=1)
    assert "170 of 176 comparisons have a verdict. 6 have none: 6 refused." in said
    assert "comparison 6: refused, attempt 2: not [this] one" in said
    assert "picky names the first shown more often by 100 points" in said
    shown = json.loads(
        arena("judge", "answers.csv", "-j", "picky=python:judges.py:picky", "--attempts", 1, "--json", code=1)
    )
    assert {row["attempt"] for row in shown["failures"]} == {1, 2, 3}
    assert shown["judges"][0]["failures"] == 18


def test_two_judges_are_told_apart_by_name(folder):
    with pytest.raises(Exception, match="named twice"):
        CliRunner().invoke(
            app,
            ["judge", "answers.csv", "-j", "a=python:judges.py:picky", "-j", "a=python:judges.py:cyclic"],
            catch_exceptions=False,
        )
    arena("judge", "answers.csv", "-j", "kind=python:judges.py:cyclic", "-j", "picky=python:judges.py:picky", code=1)
    full, kind = (json.loads(arena("leaderboard", "--json", *more)) for more in ((), ("--without-judge", "picky")))
    assert (full["matches"], kind["matches"]) == (346, 176)
    part = json.loads(arena("leaderboard", "--json", "--context", "Hi 3"))
    assert part["matches"] == 12


def test_the_votes_of_a_ladder_are_a_game_to_solve(folder):
    arena("judge", "answers.csv", "-j", "kind=python:judges.py:cyclic", "-g", "preference:hands", "--name", "first")
    arena("match", "export", "preference:hands", "--votes", "-o", "votes.csv")
    head, first = (folder / "votes.csv").read_text().splitlines()[:2]
    assert (head, first) == ("model_a,model_b,winner,context,judge", "rock,paper,model_b,Hi 0,kind")
    from_file, from_ledger = (
        json.loads(arena("solve", "minimax_winner", game, "--json"))
        for game in ("preference:votes.csv", "preference:hands")
    )
    weights = [
        dict(zip(one["preferences"]["candidates"], one["preferences"]["weights"], strict=True))
        for one in (from_file, from_ledger)
    ]
    assert weights[0] == pytest.approx({name.removesuffix("@1"): weight for name, weight in weights[1].items()})
    assert from_ledger["game"] == "preference:hands"
    (folder / "arena.db").rename(folder / "elsewhere.db")
    named = json.loads(arena("solve", "minimax_winner", "preference:hands", "--db", "elsewhere.db", "--json"))
    assert named["strategies"] == from_ledger["strategies"]
    with pytest.raises(LedgerError, match="nowhere"):
        CliRunner().invoke(app, ["solve", "spo", "preference:hands", "--db", "nowhere.db"], catch_exceptions=False)
    (folder / "elsewhere.db").rename(folder / "arena.db")
    with pytest.raises(UnknownName, match="nobody"):
        CliRunner().invoke(app, ["solve", "spo", "preference:hands(judge=nobody)"], catch_exceptions=False)
    arena("match", "import", "votes.csv", "-g", "preference:again")
    again = json.loads(arena("leaderboard", "preference:again", "--json"))
    assert again["matches"] == 176
    with pytest.raises(SpecificationError, match="no match of this board is left: without judge kind"):
        CliRunner().invoke(app, ["leaderboard", "preference:again", "--without-judge", "kind"], catch_exceptions=False)


def test_a_match_shows_what_was_judged(folder):
    arena("judge", "answers.csv", "-j", "kind=python:judges.py:cyclic")
    shown = json.loads(arena("match", "show", "answers/1", "--json"))
    assert shown["judgement"] == {
        "context": "Hi 0",
        "prompt": "Hi 0",
        "answers": ["p0", "r0"],
        "judge": "kind",
        "verdict": "first",
        "score": 1.0,
        "both_bad": False,
        "note": "",
    }
    assert "verdict       first" in arena("match", "show", "answers/1")


def test_a_language_model_judges_and_what_it_used_is_kept(folder, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    down = []

    def script(asked):
        if down and asked["messages"][1]["content"].count("Hi 2"):
            return "VERDICT: NONE"
        return "VERDICT: A"

    with chat_server(script) as server:
        judge = f"model=llm:tiny@{server.url}(price_in=1, price_out=1)"
        down.append(True)
        first = json.loads(arena("judge", "answers.csv", "-j", judge, "--attempts", 1, "--json", code=1))
        assert first["verdicts"] == 176 - 62  # Hi 2, of which one pair is answered, and Hi 20 to Hi 29
        asked = len(server.requests)
        down.clear()
        second = json.loads(arena("judge", "answers.csv", "-j", judge, "--json"))
        assert (second["complete"], second["asked"], second["verdicts"]) == (True, 62, 176)
    assert asked == 176
    assert second["judges"][0]["order_bias"]["value"] == 1
    used = second["usage"]
    assert (used["requests"], used["prompt_tokens"]) == (176 + 62, (176 + 62) * PROMPT_TOKENS)
    with Ledger.open(create=False) as ledger:
        assert judge_usage(ledger, ledger.tournament("answers")).requests == used["requests"]
        assert ledger.usage(ledger.tournament("answers")) == []
        assert ledger.match(ledger.tournament("answers"), 0).usage == ()


def test_progress_goes_to_stderr_and_json_stays_json(folder):
    done = CliRunner().invoke(app, ["judge", "answers.csv", "-j", "python:judges.py:cyclic", "--json"])
    assert json.loads(done.stdout)["complete"]

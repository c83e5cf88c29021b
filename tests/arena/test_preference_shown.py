"""What `arena solve minimax_winner` says of votes."""

import json

import pytest
from typer.testing import CliRunner

from arena.cli import app

CYCLE = (
    "model_a,model_b,winner\n"
    + "ann,bob,model_a\nbob,cat,model_a\ncat,ann,model_a\nann,dan,model_a\nbob,dan,model_a\n" * 3
)


@pytest.fixture
def votes(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(CYCLE)
    return path


def run(*arguments):
    result = CliRunner().invoke(app, ["solve", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_finding_comes_first_and_every_candidate_has_a_row(votes):
    shown = run("minimax_winner", f"preference:{votes}(unmet=unknown)")
    assert "no candidate beats all others: ann, bob and cat beat each other in a cycle; so it is in" in shown.replace(
        "\n", " "
    )
    assert "1 of 6 pairs was never compared" in shown
    table = shown[shown.index("candidate ") : shown.index("player 0")]
    assert "Copeland" in table and all(name in table for name in ("ann", "bob", "cat", "dan"))


def test_json_says_the_same(votes):
    found = json.loads(run("minimax_winner", f"preference:{votes}(unmet=unknown)", "--json"))["preferences"]
    assert found["condorcet_winner"] is None and found["top_cycle"] == ["ann", "bob", "cat"]
    assert found["weights"] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0]) and found["pairs_never_compared"] == 1
    assert all(
        low <= weight <= high for low, weight, high in zip(found["low"], found["weights"], found["high"], strict=True)
    )


def test_who_beats_all_others_is_the_finding(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,winner\nann,bob,model_a\nann,cat,model_a\nbob,cat,model_a\n")
    shown = run("minimax_winner", f"preference:{path}").replace("\n", " ")
    assert shown.startswith("ann beats every other candidate: it is the Condorcet winner; so it is in ")


def test_names_that_begin_like_a_sentence_leave_it_its_capital(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,winner\na,b,tie\nb,c,tie\na,c,tie\n")
    shown = run("minimax_winner", f"preference:{path}").replace("\n", " ")
    assert "A mixture that nobody beats is a 0.33, b 0.33 and c 0.33." in shown


def test_other_methods_say_what_they_did_before():
    assert "Copeland" not in run("matrix_game_lp", "preference:rps")


def test_of_many_candidates_the_table_has_those_of_the_largest_weight(tmp_path):
    file = tmp_path / "many.csv"
    rows = "".join(f"c{k:03},c{k + 1:03},model_a\n" for k in range(199))
    file.write_text("model_a,model_b,winner\n" + rows)
    shown = run("minimax_winner", f"preference:{file}(unmet=0.5)")
    assert "The 100 candidates of the largest weight; all 200 are in --json." in " ".join(shown.split())
    assert "there are too many candidates to draw again" in " ".join(shown.split())
    beats = tmp_path / "matrix.csv"
    beats.write_text(",a,b\na,,0.7\nb,,\n")
    assert "the source gives rates and no votes" in run("minimax_winner", f"preference:{beats}")

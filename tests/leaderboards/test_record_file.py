"""Results files: what is read, and how broken and hostile ones are refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from arena.games import SpecificationError
from arena.leaderboards import leaderboard
from arena.leaderboards.record_file import read_record


def written(tmp_path, text, ending="csv"):
    path = tmp_path / f"results.{ending}"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "names",
    ["agent_a,agent_b", "player_a,player_b", "model_a,model_b", "white,black", "agent_1,agent_2", "White, Black"],
)
def test_two_agents_go_by_many_names(tmp_path, names):
    record = read_record(written(tmp_path, f"{names},winner\nx,y,x\ny,x,draw\n"))
    assert record.agents == ("x", "y") and record.seats.tolist() == [[0, 1], [1, 0]]
    assert record.returns.tolist() == [[1, -1], [0, 0]] and record.utility == "zero_sum"


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        ("winner", ["x", "y", "tie", "model_a", "B", "tie (bothbad)", "2"], [1, -1, 0, 1, -1, 0, -1]),
        ("result", ["1-0", "0-1", "1/2-1/2", "0.5-0.5"], [1, -1, 0, 0]),
        ("score", ["1", "0", "0.25"], [1, -1, -0.5]),
    ],
)
def test_outcomes_are_written_in_several_ways(tmp_path, column, cells, expected):
    record = read_record(written(tmp_path, f"agent_a,agent_b,{column}\n" + "".join(f"x,y,{c}\n" for c in cells)))
    assert record.returns[:, 0].tolist() == expected and record.returns[:, 1].tolist() == [-v for v in expected]


def test_unfinished_games_are_passed_over(tmp_path):
    record = read_record(written(tmp_path, "white,black,result\nx,y,*\nx,y,1-0\n"))
    assert len(record) == 1


def test_an_agents_name_goes_before_the_words_for_a_side(tmp_path):
    record = read_record(written(tmp_path, "agent_a,agent_b,winner\nb,draw,b\nb,draw,draw\n"))
    assert record.returns[:, 0].tolist() == [1, -1]


def test_returns_of_many_players_are_read(tmp_path):
    text = "agent_1,agent_2,agent_3,return_1,return_2,return_3\nx,y,z,3,1,2\ny,x,,0.5,-1,\n"
    record = read_record(written(tmp_path, text))
    assert record.seats.tolist() == [[0, 1, 2], [1, 0, -1]]
    assert record.returns.tolist() == [[3, 1, 2], [0.5, -1, 0]] and record.utility == "general_sum"


@pytest.mark.parametrize(
    ("returns", "utility"),
    [
        (["1,-1", "-3,3"], "zero_sum"),
        (["1,0", "0,1"], "constant_sum"),
        (["2,2", "5,5"], "identical"),
        (["1,1", "3,0"], "general_sum"),
    ],
)
def test_the_utility_is_what_the_returns_show(tmp_path, returns, utility):
    rows = "".join(f"x,y,{cells}\n" for cells in returns)
    assert read_record(written(tmp_path, f"agent_a,agent_b,return_1,return_2\n{rows}")).utility == utility


def test_pairs_weights_and_forfeits_are_read(tmp_path):
    text = "agent_a,agent_b,winner,pair,weight,forfeit\nx,y,x,p1,2,y\ny,x,y,p1,,1\nx,y,tie,,0.5,\nx,y,tie,,,\n"
    record = read_record(written(tmp_path, text))
    assert record.pair.tolist() == [0, 0, 1, 2] and record.weight.tolist() == [2, 1, 0.5, 1]
    assert record.forfeit.tolist() == [1, 0, -1, -1]


def test_other_columns_blank_lines_quotes_and_a_byte_order_mark_do_no_harm(tmp_path):
    text = '\ufeffquestion,agent_a,agent_b,winner\n"a, ""b""\nc",x,y,x\n\n , , , \n1,y,x,y\n'
    assert read_record(written(tmp_path, text)).returns.tolist() == [[1, -1], [1, -1]]


def test_json_lines_hold_lists_or_the_same_keys(tmp_path):
    text = '{"agents": ["x", "y", "z"], "returns": [1, 2, 3], "pair": 7}\n\n{"model_a": "x", "model_b": "y", "winner": "model_b", "extra": {}}\n'
    record = read_record(written(tmp_path, text, "jsonl"))
    assert record.seats.tolist() == [[0, 1, 2], [0, 1, -1]]
    assert record.returns.tolist() == [[1, 2, 3], [-1, 1, 0]]


PGN = """[Event "Club, round [1] "final""]
[White "Ann"]
[Black "Bob \\"B\\" Lee"]
[Result "1-0"]

1. e4 {a comment
[White "Nobody"]
} e5 (1... c5 {[%clk 0:01:00]}) ; rest [Black "x"]
2. Nf3 1-0
[Event "?"]
[White "Bob \\"B\\" Lee"]
[Black "Ann"]
[Result "1/2-1/2"]

1/2-1/2

[White "Ann"]
[Black "Bob \\"B\\" Lee"]
[Result "*"]

*
"""


def test_pgn_is_read_by_its_headers(tmp_path):
    record = read_record(written(tmp_path, PGN, "pgn"))
    assert record.agents == ("Ann", 'Bob "B" Lee') and record.seats.tolist() == [[0, 1], [1, 0]]
    assert record.returns.tolist() == [[1, -1], [0, 0]]


def test_an_old_pgn_in_latin_1_is_read(tmp_path):
    text = '[White "Réti"]\n[Black "Bob"]\n[Result "0-1"]\n\n0-1\n'.encode("latin-1")
    assert read_record(written(tmp_path, text, "pgn")).agents == ("Réti", "Bob")


def test_a_file_makes_a_leaderboard(tmp_path):
    rows = "rock,scissors,rock\nscissors,paper,scissors\npaper,rock,paper\n" * 30
    board = leaderboard(read_record(written(tmp_path, "model_a,model_b,winner\n" + rows)))
    assert set(board.cycle) == {"rock", "paper", "scissors"} and board.minimax is not None
    assert np.allclose(board.minimax.weights, 1 / 3)


@pytest.mark.parametrize(
    ("text", "ending", "words"),
    [
        ("", "csv", "line 1: no results here"),
        ("a,b,c\n1,2,3\n", "csv", "line 1: no results here"),
        ("agent_a,agent_b\nx,y\n", "csv", "line 1: no results here"),
        ("agent_a,agent_b,winner,winner\nx,y,x,x\n", "csv", "'winner' stands twice"),
        ("agent_a,agent_b,winner\n", "csv", "no finished match"),
        ("agent_a,agent_b,winner\nx,y\n", "csv", "line 2: 2 cells under 3 columns"),
        ("agent_a,agent_b,winner\nx,y,x\nx,y,z\n", "csv", "line 3: the winner must be 'x', 'y'"),
        ("agent_a,agent_b,winner\nx,y,\n", "csv", "line 2: says not what came"),
        ("agent_a,agent_b,winner\nx,,x\n", "csv", "line 2: a match needs at least two"),
        ("agent_a,agent_b,winner\n,y,y\n", "csv", "line 2: an agent's name"),
        ("agent_a,agent_b,winner\nx\x1b[2J,y,y\n", "csv", "printable"),
        (f"agent_a,agent_b,winner\n{'x' * 201},y,y\n", "csv", "1 to 200"),
        ("agent_a,agent_b,result\nx,y,2-0\n", "csv", "line 2: the result must be one of"),
        ("agent_a,agent_b,score\nx,y,1.5\n", "csv", "line 2: score must be a number from 0 to 1"),
        ("agent_a,agent_b,score\nx,y,nan\n", "csv", "score must be a number"),
        ("agent_a,agent_b,return_1,return_2\nx,y,inf,0\n", "csv", "return_1 must be a number"),
        ("agent_a,agent_b,return_1,return_2\nx,y,1,\n", "csv", "return_2 must be a number"),
        ("agent_1,agent_2,agent_3,winner\nx,y,z,x\n", "csv", "needs return_1 to return_3"),
        ("agent_a,agent_b,winner,weight\nx,y,x,-1\n", "csv", "weight must be a number from 0"),
        ("agent_a,agent_b,winner,forfeit\nx,y,x,3\n", "csv", "forfeit must be"),
        ('agent_a,agent_b,winner\n"x,y,x\n', "csv", "no CSV"),
        ("agent_a,agent_b,winner\nx,y,\x00\n", "csv", "line 2"),
        (b"agent_a,agent_b,winner\n\xff\xfe,y,y\n", "csv", "no UTF-8"),
        ("agent_a,agent_b,winner\n" + "x" * 1_000_001, "csv", "line 2: longer than"),
        ('{"agents": ["x", "y"]\n', "jsonl", "line 1: no JSON"),
        ("[1]\n", "jsonl", "line 1: each line must be a JSON object"),
        ("[" * 100_000 + "\n", "jsonl", "line 1: no JSON"),
        ('{"agents": "xy", "winner": "x"}\n', "jsonl", "'agents' must be a list"),
        ('{"agents": ["x"], "winner": "x"}\n', "jsonl", "at least two agents"),
        ('{"agents": ["x", ["y"]], "winner": "x"}\n', "jsonl", "at least two agents"),
        ('{"a": 1}\n', "jsonl", "line 1"),
        ('[White "x"]\n[Result "1-0"]\n\n1-0\n', "pgn", r"game at line 1: no \[Black"),
        ('[White "x"]\n[White "y"]\n', "pgn", "line 2: a second White"),
        ('[White "x"]\n[Black "y"]\n[Result "won"]\n', "pgn", "the result must be one of"),
        ("1. e4 e5\n", "pgn", "no finished match"),
        ("x", "txt", "files that end in .csv"),
    ],
)
def test_broken_files_are_refused_by_name_and_line(tmp_path, text, ending, words):
    path = written(tmp_path, text, ending)
    with pytest.raises(SpecificationError, match=words) as refusal:
        read_record(path)
    assert str(path) in str(refusal.value) and len(str(refusal.value)) < 600


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SpecificationError, match="no such file"):
        read_record(tmp_path / "none.csv")


def test_a_line_of_opening_tags_is_read_in_linear_time(tmp_path):
    path = written(tmp_path, '[White "' + '\\"' * 400_000 + "\n", "pgn")
    with pytest.raises(SpecificationError, match="no finished match"):
        read_record(path)


def test_the_examples_of_the_reference_are_read(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "reference" / "result-files.md").read_text()
    blocks = re.findall(r"```(csv|json)\n(.*?)```", page, re.DOTALL)
    assert [ending for ending, _ in blocks] == ["csv", "csv", "json"]
    for ending, text in blocks:
        assert len(read_record(written(tmp_path, text, ending.replace("json", "jsonl")))) >= 2

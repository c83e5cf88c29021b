"""Preference games: matrices of win rates and tables of comparisons as games between candidates."""

import json

import numpy as np
import pytest

from arena.games import GameMissing, SpecificationError, UnknownName, check_game, load_game

NAN = float("nan")


def load_text(tmp_path, name, content, settings=""):
    (tmp_path / name).write_text(content, encoding="utf-8")
    return load_game(f"preference:{tmp_path}/{name}{settings}")


def load_array(tmp_path, array, settings=""):
    np.save(tmp_path / "p.npy", np.array(array))
    return load_game(f"preference:{tmp_path}/p.npy{settings}")


def test_rock_paper_scissors_is_built_in():
    game = load_game("preference:rps")
    assert game.candidates == game.info.action_names == ("rock", "paper", "scissors")
    assert game.preferences.tolist() == [[0.5, 0, 1], [1, 0.5, 0], [0, 1, 0.5]]
    assert game.info.utility == "zero_sum"
    assert (game.info.min_utility, game.info.max_utility) == (-1, 1)
    np.testing.assert_array_equal(game.payoffs, load_game("matrix:rps").payoffs)
    check_game(game)


def test_returns_are_the_expected_preference(tmp_path):
    game = load_text(tmp_path, "p.csv", ",a,b,c\na,.5,.7,.2\nb,.3,.5,.9\nc,.8,.1,.5\n")
    check_game(game)
    tables = game.tables(9)
    turn = tables.start(np.arange(9), np.zeros(9, np.uint64))
    joint = np.array([(i, j) for i in range(3) for j in range(3)])
    turn = tables.step(turn.table, turn.player, joint.ravel())
    expected = 2 * game.preferences.ravel() - 1
    np.testing.assert_allclose(turn.returns[:, 0], expected, atol=1e-12)
    np.testing.assert_array_equal(turn.returns.sum(axis=1), 0)
    np.testing.assert_allclose(game.preferences[0], [0.5, 0.7, 0.2])


def test_rows_may_stand_in_another_order_than_columns(tmp_path):
    game = load_text(tmp_path, "p.csv", "rates,a,b\nb,.4,.5\na,.5,.6\n")
    assert game.candidates == ("a", "b")
    np.testing.assert_allclose(game.preferences, [[0.5, 0.6], [0.4, 0.5]])
    assert game.counts is None


def test_one_direction_is_enough_and_the_diagonal_may_be_empty(tmp_path):
    game = load_text(tmp_path, "p.csv", ",a,b,c\na,,.6,\nb,,,.3\nc,1,,\n")
    np.testing.assert_allclose(game.preferences, [[0.5, 0.6, 0], [0.4, 0.5, 0.3], [1, 0.7, 0.5]])
    check_game(game)


def test_printed_decimals_are_evened_out(tmp_path):
    game = load_array(tmp_path, [[0.5, 1 / 3 + 1e-7], [2 / 3, 0.5]])
    np.testing.assert_array_equal(game.preferences + game.preferences.T, 1)


def test_numpy_files_may_name_the_candidates(tmp_path):
    assert load_array(tmp_path, [[0.5, 1], [0, 0.5]]).candidates == ("0", "1")
    np.savez(tmp_path / "p.npz", preferences=[[0.5, 1], [0, 0.5]], candidates=["x", "y"])
    assert load_game(f"preference:{tmp_path}/p.npz").candidates == ("x", "y")


# comparisons

ROWS = [
    ("gpt", "claude", "model_b"),
    ("gpt", "claude", "model_a"),
    ("claude", "gpt", "model_a"),
    ("gpt", "claude", "tie"),
    ("llama", "gpt", "tie (bothbad)"),
    ("llama", "gpt", "both_bad"),
    ("llama", "gpt", "gpt"),
    ("claude", "llama", "MODEL_A"),
]
COUNTS = [[0, 4, 1], [4, 0, 3], [1, 3, 0]]
RATES = [[0.5, 2.5 / 4, 1], [1.5 / 4, 0.5, 2 / 3], [0, 1 / 3, 0.5]]


def as_csv(rows):
    return "id,model_a,model_b,winner\n" + "".join(f"{i},{a},{b},{w}\n" for i, (a, b, w) in enumerate(rows))


def as_jsonl(rows):
    return "\n".join(json.dumps({"model_a": a, "model_b": b, "winner": w, "turn": 1}) for a, b, w in rows) + "\n\n"


@pytest.mark.parametrize("write", [as_csv, as_jsonl])
def test_comparisons_are_counted_and_ties_are_half(tmp_path, write):
    suffix = "csv" if write is as_csv else "jsonl"
    game = load_text(tmp_path, f"votes.{suffix}", write(ROWS))
    assert game.candidates == ("claude", "gpt", "llama")
    assert game.counts.tolist() == COUNTS
    np.testing.assert_allclose(game.preferences, RATES)
    shuffled = load_text(tmp_path, f"other.{suffix}", write(ROWS[::-1]))
    np.testing.assert_array_equal(shuffled.preferences, game.preferences)
    check_game(game)


def test_pairs_that_never_met_are_refused_or_taken_as_even(tmp_path):
    votes = as_csv([("a", "b", "a"), ("b", "c", "tie")])
    with pytest.raises(SpecificationError, match=r"a and c were never compared \(1 such pair\)"):
        load_text(tmp_path, "votes.csv", votes)
    game = load_text(tmp_path, "votes.csv", votes, "(unmet=0.5)")
    np.testing.assert_array_equal(game.preferences, [[0.5, 1, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5]])
    assert game.counts.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    assert game.info.specification == f"preference:{tmp_path}/votes.csv(unmet=0.5)"
    assert load_game(game.info.specification).info == game.info
    with pytest.raises(SpecificationError, match="0 and 1 were never compared"):
        load_array(tmp_path, [[0.5, NAN], [NAN, 0.5]])
    assert load_array(tmp_path, [[0.5, NAN], [NAN, 0.5]], "( unmet = 0.5 )").preferences[0, 1] == 0.5


def test_a_file_with_other_content_is_another_version(tmp_path):
    first = load_text(tmp_path, "votes.csv", as_csv(ROWS)).info
    second = load_text(tmp_path, "votes.csv", as_csv(ROWS[:-1] + ROWS[-2:])).info
    assert first.specification == second.specification == f"preference:{tmp_path}/votes.csv"
    assert first.version != second.version


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (",a,b\na,.5,.7\nb,.4,.5\n", r"P\(a beats b\) = 0.7 and P\(b beats a\) = 0.4 must add up to 1"),
        (",a,b\na,.6,.7\nb,.3,.5\n", r"P\(a beats a\) = 0.6"),
        (",a,b\na,.5,1.2\nb,-.2,.5\n", r"P\(a beats b\) is 1.2"),
        (",a,b\na,.5,x\nb,.3,.5\n", "line 2, column 3: cannot read 'x'"),
        (",a,b\na,.5,nan\nb,.3,.5\n", "line 2, column 3"),
        (",a,b\na,.5\nb,.3,.5\n", "line 2: 2 cells"),
        (",a,b\na,.5,.5\n", "no row for the candidate 'b'"),
        (",a,b\na,.5,.5\nc,.5,.5\n", "line 3: 'c' is no candidate"),
        (",a,b\na,.5,.5\na,.5,.5\n", "line 3: 'a' stands twice"),
        (",a,a\na,.5,.5\n", "two candidates are named 'a'"),
        (",a,\na,.5,.5\n", "has no name"),
        (",a\na,.5\n", "1 candidates"),
        ("", "is empty"),
        ("model_a,model_b,winner\n", "holds no comparison"),
        ("model_a,winner\nx,y\n", "line 1: .* needs a column 'model_b'"),
        ("model_a,model_b,winner\nx,y,z\n", "line 2: winner must be"),
        ("model_a,model_b,winner\nx,y,\n", "line 2: 'winner'"),
        ("model_a,model_b,winner\nx,y\n", "line 2: 2 cells"),
        ("model_a,model_b,winner\nx,x,x\n", "line 2: 'x' is compared with itself"),
        ("model_a,model_b,winner\nx,tie,tie\n", "line 2: 'model_b' is 'tie', a word for a winner"),
    ],
)
def test_a_bad_csv_is_refused_by_line_or_pair(tmp_path, content, said):
    with pytest.raises(SpecificationError, match=said) as refused:
        load_text(tmp_path, "votes.csv", content)
    assert "votes.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}\n", "line 1: a table of comparisons needs a column 'model_a'"),
        ('\n{"model_a": "x"', "line 2: no JSON"),
        ("[1]\n", "line 1: expected an object"),
        ('{"model_a": "x", "model_b": 3, "winner": "x"}\n', "'model_b' must be a text"),
        ("[" * 100_000, "line 1: no JSON"),
    ],
)
def test_bad_json_lines_are_refused_by_line(tmp_path, content, said):
    with pytest.raises(SpecificationError, match=said):
        load_text(tmp_path, "votes.jsonl", content)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((2, 3), 0.5), "n, n"),
        (np.array([[0.5, np.inf], [0, 0.5]]), "inf"),
        (np.array([["a", "b"]]), "real numbers"),
        (np.array([[0.5]]), "1 candidates"),
    ],
)
def test_a_bad_array_is_refused(tmp_path, array, said):
    with pytest.raises(SpecificationError, match=said):
        load_array(tmp_path, array)


def test_unknown_names_files_and_settings_are_named(tmp_path):
    with pytest.raises(UnknownName, match="rps"):
        load_game("preference:rpss")
    with pytest.raises(UnknownName, match="unmet"):
        load_game("preference:votes.csv(unmatched=0.5)")
    with pytest.raises(SpecificationError, match=r"unmet must be 0\.5"):
        load_game("preference:votes.csv(unmet=0.4)")
    with pytest.raises(GameMissing, match="No such file"):
        load_game(f"preference:{tmp_path}/votes.csv")
    with pytest.raises(SpecificationError, match=r"\.jsonl"):
        load_game(f"preference:{tmp_path}/votes.txt")

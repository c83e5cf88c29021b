"""Preference games: matrices of win rates and tables of comparisons as games between candidates."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import (
    ArenaError,
    GameMissing,
    NotProvided,
    SpecificationError,
    UnknownName,
    check_game,
    judged_votes,
    load_game,
    noisy,
    preference_game,
    read_votes,
)
from arena.games.foretold_rates import foretold_rates
from arena.games.preference_files import RateMatrix
from arena.games.preference_rates import put_right

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
    with pytest.raises(SpecificationError, match="neither rps nor a file"):
        load_game("preference:folder/rps")
    with pytest.raises(UnknownName, match="unmet"):
        load_game("preference:votes.csv(unmatched=0.5)")
    with pytest.raises(SpecificationError, match=r"unmet must be 0\.5"):
        load_game("preference:votes.csv(unmet=0.4)")
    with pytest.raises(GameMissing, match="No such file"):
        load_game(f"preference:{tmp_path}/votes.csv")
    with pytest.raises(SpecificationError, match=r"\.jsonl"):
        load_game(f"preference:{tmp_path}/votes.txt")


# judges, contexts, flip rates, unknown pairs

VOTES = """model_a,model_b,winner,judge,prompt_id,weight
a,b,a,anna,p,1
a,b,b,ben,p,2
b,c,tie,anna,q,1
b,c,model_a,ben,q,3
c,d,both_bad,ben,q,1
"""


def load_votes(tmp_path, settings=""):
    return load_text(tmp_path, "votes.csv", VOTES, settings)


def test_votes_count_by_weight(tmp_path):
    game = load_votes(tmp_path, "(unmet=0.5)")
    assert game.preferences[0, 1] == 1 / 3
    assert game.preferences[1, 2] == 3.5 / 4
    assert game.weights[0].tolist() == [0, 3, 0, 0]
    assert game.counts[0].tolist() == [0, 2, 0, 0]
    assert len(game.votes) == 5
    assert game.votes.both_bad.sum() == 1


def test_the_votes_of_some_judges_or_of_all_but_some(tmp_path):
    anna = load_votes(tmp_path, "(judge=anna,unmet=0.5)")
    assert anna.candidates == ("a", "b", "c")
    assert anna.preferences[0, 1] == 1
    assert "d has no vote here and no place in the game" in anna.notes
    assert anna.info.specification == f"preference:{tmp_path}/votes.csv(judge=anna,unmet=0.5)"
    but_ben = load_votes(tmp_path, "(without=ben,unmet=0.5)")
    np.testing.assert_array_equal(but_ben.preferences, anna.preferences)
    both = load_votes(tmp_path, "(judge=[ben,anna],unmet=0.5)")
    assert both.info.specification.endswith("(judge=[anna,ben],unmet=0.5)")
    np.testing.assert_array_equal(both.preferences, load_votes(tmp_path, "(unmet=0.5)").preferences)


def test_one_context_is_a_game_and_several_are_pooled(tmp_path):
    game = load_votes(tmp_path, "(context=p)")
    assert (game.candidates, game.contexts) == (("a", "b"), ())
    assert not any("pooled" in note for note in game.notes)
    pooled = load_votes(tmp_path, "(unmet=0.5)")
    assert pooled.contexts == ("p", "q")
    assert pooled.notes[0] == "2 contexts are pooled in one game; context=NAME takes one alone"


def test_preferences_by_context_are_completed_as_the_game_is(tmp_path):
    tables = load_votes(tmp_path, "(unmet=0.5)").by_context()
    assert tables.shape == (2, 4, 4)
    assert tables[0, 0, 1] == 1 / 3
    assert tables[1, 0, 1] == 0.5
    np.testing.assert_array_equal(tables + tables.swapaxes(1, 2), 1)
    connected = load_text(tmp_path, "v.csv", "model_a,model_b,winner,context\na,b,a,p\nb,c,b,q\na,c,a,q\n")
    with pytest.raises(SpecificationError, match="a and c were never compared in context 'p'"):
        connected.by_context()
    with pytest.raises(NotProvided, match="no contexts"):
        load_votes(tmp_path, "(context=p)").by_context()


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        ("(judge=carl)", UnknownName, "judge 'carl'.*anna, ben"),
        ("(without=carl)", UnknownName, "judge 'carl'"),
        ("(context=r)", UnknownName, "context 'r'.*p, q"),
        ("(without=[anna,ben])", SpecificationError, "no vote is left"),
        ("(judge=anna,context=p,without=ben)", SpecificationError, "one of the two"),
        ("(judge=anna,flip_rate=0.6)", SpecificationError, "flip_rate"),
    ],
)
def test_parts_that_are_not_there_are_named(tmp_path, settings, error, said):
    with pytest.raises(error, match=said):
        load_votes(tmp_path, settings)


def test_files_that_name_no_judge_or_context_have_none_to_choose(tmp_path):
    votes = as_csv(ROWS)
    with pytest.raises(SpecificationError, match="no vote names its judge"):
        load_text(tmp_path, "v.csv", votes, "(judge=anna)")
    with pytest.raises(SpecificationError, match="no vote names its context"):
        load_text(tmp_path, "v.csv", votes, "(context=p)")
    with pytest.raises(SpecificationError, match="names no judges"):
        load_array(tmp_path, [[0.5, 1], [0, 0.5]], "(without=anna)")
    with pytest.raises(UnknownName, match="context 'p'"):
        load_array(tmp_path, [[0.5, 1], [0, 0.5]], "(context=p)")


def test_unknown_pairs_are_told_apart_and_foretold_by_the_others(tmp_path):
    game = load_votes(tmp_path, "(unmet=unknown)")
    assert game.compared.tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    assert game.preferences[1, 3] > 0.6  # b beats c, who ties d
    assert game.preferences[0, 1] == 1 / 3
    assert any(note.startswith("3 of 6 pairs were never compared") for note in game.notes)
    check_game(game)
    even = load_votes(tmp_path, "(unmet=0.5)")
    np.testing.assert_array_equal(even.compared, game.compared)
    islands = load_text(tmp_path, "v.csv", as_csv([("a", "b", "a"), ("c", "d", "c")]), "(unmet=unknown)")
    assert (islands.preferences[:2, 2:] == 0.5).all()
    complete = load_text(tmp_path, "v.csv", as_csv(ROWS))
    assert complete.compared.all()
    assert complete.notes == ()


def test_what_is_foretold_counts_votes_by_weight_and_rates_alike(tmp_path):
    votes = load_votes(tmp_path, "(unmet=unknown)")
    points, weights = votes.votes.points()
    np.testing.assert_allclose(votes.preferences[1, 3], foretold_rates(points, weights)[1, 3], atol=1e-12)
    rates = load_array(tmp_path, [[0.5, 0.9, NAN], [0.1, 0.5, 0.8], [NAN, 0.2, 0.5]], "(unmet=unknown)")
    once = np.array([[0, 1.0, 0], [1, 0, 1], [0, 1, 0]])
    won = np.array([[0, 0.9, 0], [0.1, 0, 0.8], [0, 0.2, 0]])
    np.testing.assert_allclose(rates.preferences[0, 2], foretold_rates(won, once)[0, 2], atol=1e-12)
    assert rates.preferences[0, 1] == pytest.approx(0.9)


def test_rates_of_the_surest_erring_judge_are_not_clipped(tmp_path):
    assert load_array(tmp_path, [[0.5, 0.8], [0.2, 0.5]], "(flip_rate=0.2)").notes == ()


def test_flip_rates_are_put_right(tmp_path):
    truth = np.array([[0.5, 0.9, 0.6], [0.1, 0.5, 0.3], [0.4, 0.7, 0.5]])
    seen = 0.2 + 0.6 * truth
    game = load_array(tmp_path, seen, "(flip_rate=0.2)")
    np.testing.assert_allclose(game.preferences, truth, atol=1e-12)
    assert game.notes == ()
    assert game.info.specification.endswith("(flip_rate=0.2)")


def test_rates_that_no_such_judge_can_give_are_clipped_and_told(tmp_path):
    game = load_array(tmp_path, [[0.5, 0.9], [0.1, 0.5]], "(flip_rate=0.2)")
    np.testing.assert_array_equal(game.preferences, [[0.5, 1], [0, 0.5]])
    assert game.notes == (
        "put right for flip_rate=0.2, the rates of 1 pair lay outside 0 to 1 and were clipped: 0 against 1 1.17",
    )


def test_a_known_flip_rate_leaves_no_bias_in_votes():
    def prefers_the_greater(prompts, first, second):
        return [float(a > b) for a, b in zip(first, second, strict=True)]

    judge = noisy(prefers_the_greater, 0.3, seed=5)
    votes, _ = judged_votes(judge, [str(k) for k in range(4_000)], {"x": ["1"] * 4_000, "y": ["0"] * 4_000})
    measured = votes.points()[0][0, 1] / len(votes)
    assert abs(put_right(measured, 0.3) - 1) < 5 * np.sqrt(0.21 / len(votes)) / 0.4
    assert abs(measured - 0.7) < 5 * np.sqrt(0.21 / len(votes))


def test_votes_in_memory_are_a_game_too(tmp_path):
    loaded = load_votes(tmp_path, "(judge=anna,unmet=unknown)")
    votes = read_votes(tmp_path / "votes.csv")
    game = preference_game(votes, name="tasting", unmet="unknown", judges=["anna"])
    np.testing.assert_array_equal(game.preferences, loaded.preferences)
    assert (game.info.specification, game.info.title) == ("preference:tasting(judge=anna,unmet=unknown)", "tasting")
    for wrong in ({"flip_rate": 0.5}, {"flip_rate": NAN}, {"unmet": "0.5"}, {"judges": ["anna"], "without": ["ben"]}):
        with pytest.raises(ValueError, match=r"flip_rate|unmet|judges"):
            preference_game(votes, **wrong)
    with pytest.raises(SpecificationError, match="1 candidates"):
        preference_game(RateMatrix(candidates=("x",), rates=np.array([[0.5]])))


@pytest.mark.parametrize("path", ["a\0.csv", "~nobody-of-that-name/v.csv", "/"])
def test_paths_that_are_none_are_our_own_error(path):
    with pytest.raises(ArenaError):
        load_game(f"preference:{path}")
    with pytest.raises(SpecificationError):
        read_votes(path)


# matrices by context


def save_contexts(tmp_path, **arrays):
    np.savez(tmp_path / "p.npz", **arrays)
    return f"preference:{tmp_path}/p.npz"


def test_a_matrix_for_each_context(tmp_path):
    rates = np.array([[[0.5, 0.8], [0.2, 0.5]], [[0.5, 0.4], [0.6, 0.5]]])
    path = save_contexts(tmp_path, preferences=rates, candidates=["x", "y"], contexts=["p", "q"])
    game = load_game(path)
    np.testing.assert_allclose(game.preferences[0, 1], 0.6)
    assert game.contexts == ("p", "q")
    assert "the mean of their rates" in game.notes[0]
    np.testing.assert_allclose(game.by_context(), rates, atol=1e-15)
    assert load_game(f"{path}(context=q)").preferences[0, 1] == pytest.approx(0.4)
    np.save(tmp_path / "p.npy", rates)
    numbered = load_game(f"preference:{tmp_path}/p.npy(context=1)")
    assert numbered.candidates == ("0", "1")
    assert numbered.preferences[0, 1] == pytest.approx(0.4)


def test_each_context_may_give_another_direction(tmp_path):
    rates = [[[0.5, 0.9], [NAN, 0.5]], [[0.5, NAN], [0.3, 0.5]]]
    assert load_game(save_contexts(tmp_path, preferences=rates)).preferences[0, 1] == pytest.approx(0.8)


def test_contexts_are_pooled_over_what_is_known(tmp_path):
    rates = [[[0.5, NAN, 1], [NAN, 0.5, 1], [0, 0, 0.5]], [[0.5, 0.4, 0], [0.6, 0.5, NAN], [1, NAN, 0.5]]]
    game = load_game(save_contexts(tmp_path, preferences=rates))
    np.testing.assert_allclose(game.preferences, [[0.5, 0.4, 0.5], [0.6, 0.5, 1], [0.5, 0, 0.5]])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"preferences": np.full((2, 2), 0.5), "contexts": ["p", "q"]}, "'contexts' need preferences"),
        ({"preferences": np.full((2, 2, 2), 0.5), "contexts": ["p"]}, "1 names for 2 contexts"),
        ({"preferences": np.full((2, 2, 2), 0.5), "contexts": ["p", "p"]}, "two contexts are named 'p'"),
        ({"preferences": np.full((2, 2), 0.5), "candidates": ["p", "p"]}, "two candidates are named 'p'"),
        ({"preferences": np.full((2, 2), 0.5), "candidates": ["p", ""]}, "a candidate has no name"),
        ({"preferences": np.full((2, 2), 0.5), "candidates": [["p", "q"]]}, "'candidates' must be a list of texts"),
        ({"preferences": np.full((2, 2), 0.5), "candidates": [0.5, 1.5]}, "'candidates' must be a list of texts"),
        (
            {"preferences": np.full((2, 2), 0.5), "rates": np.full((2, 2), 0.5)},
            "must hold one array.*preferences, rates",
        ),
        ({"preferences": np.zeros((0, 2, 2))}, "no context"),
        ({"preferences": np.full((1, 2, 2, 2), 0.5)}, r"\[n, n\] or \[contexts, n, n\]; got \[1, 2, 2, 2\]"),
        ({"preferences": np.zeros((2, 0, 0))}, "0 candidates"),
        ({"preferences": [[[0.5, 0.7], [0.3, 0.5]], [[0.5, 0.7], [0.4, 0.5]]]}, "in context '1' must add up to 1"),
        ({"preferences": [[[0.5, 0.7], [0.3, 0.5]], [[0.5, 1.7], [-0.7, 0.5]]]}, "in context '1' is 1.7"),
    ],
)
def test_bad_matrices_by_context_are_refused(tmp_path, arrays, said):
    with pytest.raises(SpecificationError, match=said):
        load_game(save_contexts(tmp_path, **arrays))


def test_a_game_of_too_many_candidates_is_refused_before_its_tables_are_made(tmp_path):
    votes = "".join(f"x{k},y{k},tie\n" for k in range(6_000))
    with pytest.raises(SpecificationError, match="12,000 candidates"):
        load_text(tmp_path, "v.csv", f"model_a,model_b,winner\n{votes}", "(unmet=0.5)")


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "parquet"])
def test_other_tables_make_the_same_game(tmp_path, suffix):
    head, *lines = VOTES.splitlines()
    rows = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    if suffix == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "v.parquet")
    else:
        (tmp_path / f"v.{suffix}").write_text("".join(json.dumps(row) + "\n" for row in rows))
    game = load_game(f"preference:{tmp_path}/v.{suffix}(unmet=unknown)")
    np.testing.assert_array_equal(game.preferences, load_votes(tmp_path, "(unmet=unknown)").preferences)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["csv", "npy", "npz"]), st.binary(max_size=30), st.integers(0, 600), st.integers(0, 30))
def test_any_file_is_a_game_or_our_own_error(tmp_path_factory, kind, junk, place, cut):
    folder = tmp_path_factory.mktemp("any")
    rates = np.array([[0.5, 0.7], [0.3, 0.5]])
    np.save(folder / "p.npy", rates)
    np.savez(folder / "p.npz", preferences=rates, candidates=["x", "y"])
    (folder / "p.csv").write_text(",x,y\nx,.5,.7\ny,.3,.5\n")
    whole = (folder / f"p.{kind}").read_bytes()
    place %= len(whole)
    for content in (junk, whole[:place] + junk + whole[place + cut :]):
        (folder / f"p.{kind}").write_bytes(content)
        try:
            game = load_game(f"preference:{folder}/p.{kind}")
        except ArenaError:
            continue
        assert ((game.preferences >= 0) & (game.preferences <= 1)).all()

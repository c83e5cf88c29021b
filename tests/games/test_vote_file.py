"""Tables of votes from files: all formats agree with a plain reading row by row, and no file makes more than our own errors."""

import csv
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.games import ArenaError, SpecificationError, read_votes
from arena.games.vote_file import votes_of
from arena.vote_files import write_votes

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SUFFIXES = (".csv", ".jsonl", ".parquet")
COLUMNS = ("model_a", "model_b", "winner", "weight", "prompt_id", "annotator", "id")


def as_csv(rows, head=COLUMNS):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([["" if row[name] is None else row[name] for name in head] for row in rows])
    return text.getvalue().encode()


def as_jsonl(rows, head=COLUMNS):
    return "".join(json.dumps({name: row[name] for name in head}) + "\n" for row in rows).encode()


def as_parquet(rows, head=COLUMNS):
    out = io.BytesIO()
    pq.write_table(pa.table({name: [row[name] for row in rows] for name in head}), out)
    return out.getvalue()


WRITERS = dict(zip(SUFFIXES, (as_csv, as_jsonl, as_parquet), strict=True))


def read(content, suffix=".csv"):
    if isinstance(content, str):
        content = content.encode()
    return votes_of(content, path=f"v{suffix}", suffix=suffix)


def as_rows(votes):
    """Votes as tuples of names."""

    def label(names, k):
        return None if k < 0 else names[k]

    return [
        (
            votes.candidates[votes.first[k]],
            votes.candidates[votes.second[k]],
            votes.score[k],
            bool(votes.both_bad[k]),
            votes.weight[k],
            label(votes.contexts, votes.context[k]),
            label(votes.judges, votes.judge[k]),
        )
        for k in range(len(votes))
    ]


def plainly(rows):
    """The votes of rows of texts, or the number of the first row that is none."""
    found, ids = [], set()
    for number, row in enumerate(rows):
        one, other, winner = (row[name].strip() for name in COLUMNS[:3])
        words = ("tie", "both_bad", "tie (bothbad)", "model_a", "model_b")
        if not one or not other or one == other or {one.lower(), other.lower()} & set(words):
            return number
        if winner.lower() in words[:3]:
            score = 0.5
        elif winner == one or winner.lower() == "model_a":
            score = 1.0
        elif winner == other or winner.lower() == "model_b":
            score = 0.0
        else:
            return number
        try:
            weight = float(row["weight"]) if row["weight"] else 1.0
        except ValueError:
            return number
        if not 0 < weight <= 1e12 or (row["id"] and row["id"] in ids):
            return number
        ids.add(row["id"])
        both_bad = winner.lower() in words[1:3]
        found.append((one, other, score, both_bad, weight, row["prompt_id"] or None, row["annotator"] or None))
    return found


names = st.sampled_from(["x", "y", " y", "Zoë", "X"])
rows = st.lists(
    st.fixed_dictionaries(
        {
            "model_a": names,
            "model_b": names,
            "winner": st.sampled_from(["model_a", "model_b", "tie", "both_bad", "Model_A"]) | names,
            "weight": st.sampled_from(["", "1", "2.5", "1e3"]),
            "prompt_id": st.sampled_from(["", "p", "q", "10"]),
            "annotator": st.sampled_from(["", "anna", "7"]),
            "id": st.sampled_from(["", *map(str, range(100))]),
        }
    ).filter(lambda row: row["model_a"].strip() != row["model_b"].strip()),
    min_size=1,
    max_size=12,
)
dirt = st.tuples(
    st.integers(0, 11),
    st.sampled_from(
        [
            ("model_a", ""),
            ("model_a", "tie"),
            ("model_b", "Model_A"),
            ("winner", "draw"),
            ("winner", ""),
            ("winner", "other"),
            ("weight", "0"),
            ("weight", "-1"),
            ("weight", "nan"),
            ("weight", "heavy"),
            ("weight", "inf"),
        ]
    ),
)


@settings(deadline=None)
@given(rows, st.lists(dirt, max_size=2), st.sampled_from(SUFFIXES))
def test_columns_are_read_as_rows_are(rows, dirty, suffix):
    for place, (column, value) in dirty:
        if place < len(rows):
            rows[place][column] = value
    content = WRITERS[suffix](rows)
    expected = plainly(rows)
    if isinstance(expected, list):
        votes = read(content, suffix)
        assert as_rows(votes) == expected
        assert votes.candidates == tuple(sorted(votes.candidates))
    else:
        number = expected + (2 if suffix == ".csv" else 1)
        with pytest.raises(
            SpecificationError, match=rf"v\{suffix}, {'row' if suffix == '.parquet' else 'line'} {number}: "
        ):
            read(content, suffix)


ONE = {"model_a": "x", "model_b": "y", "winner": "x", "weight": 1, "prompt_id": 81, "annotator": None, "id": None}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_numbers_may_name_contexts_and_judges(suffix):
    content = WRITERS[suffix]([ONE | {"annotator": 3}, ONE | {"prompt_id": 9, "annotator": 4}])
    votes = read(content, suffix)
    assert votes.contexts == ("81", "9")
    assert votes.judges == ("3", "4")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_whole_numbers_that_became_reals_beside_missing_ones_name_the_same_context(suffix):
    votes = read(
        WRITERS[suffix]([ONE | {"prompt_id": 81.0}, ONE | {"prompt_id": None}, ONE | {"prompt_id": math.nan}]), suffix
    )
    assert votes.contexts == ("81",)
    assert votes.context.tolist() == [0, -1, -1]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_scores_stand_in_place_of_winners(suffix):
    head = ("model_a", "model_b", "score")
    votes = read(WRITERS[suffix]([ONE | {"score": 0.25}, ONE | {"score": 1}], head), suffix)
    assert votes.score.tolist() == [0.25, 1]
    for score in (-0.1, 1.5, math.nan, None, "much"):
        with pytest.raises(SpecificationError, match=r"(line|row) \d: 'score' must be a number from 0 to 1"):
            read(WRITERS[suffix]([ONE | {"score": score}], head), suffix)


def test_three_columns_of_zeros_and_ones_stand_in_place_of_winners():
    head = "model_a,model_b,winner_model_a,winner_model_b,winner_tie\n"
    votes = read(f"{head}x,y,1,0,0\nx,y,0,1,0\nx,y,0,0,1\n")
    assert votes.score.tolist() == [1, 0, 0.5]
    for row in ("0,0,0", "1,1,0", "1,0,1", ".5,.5,0", "0,.5,.5", "1,0,", "1,0,x", "1,1,-1"):
        with pytest.raises(SpecificationError, match="line 2: "):
            read(f"{head}x,y,{row}\n")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_id_that_stands_twice_is_named_with_both_rows(suffix):
    where = {".csv": ("line 4", "line 2"), ".jsonl": ("line 3", "line 1"), ".parquet": ("row 3", "row 1")}[suffix]
    content = WRITERS[suffix]([ONE | {"id": "a"}, ONE | {"id": "b"}, ONE | {"id": "a"}, ONE | {"id": "b"}])
    with pytest.raises(SpecificationError, match=f"v{suffix}, {where[0]}: 'id' 'a' stands in {where[1]} too"):
        read(content, suffix)


def test_ids_as_text_and_as_number_are_one_id():
    with pytest.raises(SpecificationError, match="line 2: 'id' '1' stands in line 1 too"):
        read(as_jsonl([ONE | {"id": 1}, ONE | {"id": "1"}]), ".jsonl")
    assert len(read(as_jsonl([ONE | {"id": None}, ONE | {"id": ""}, ONE]), ".jsonl")) == 3


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("model_a", ["x"], "'model_a' must be a text that is not empty; got a list"),
        ("model_b", {"x": 1}, "got an object"),
        ("model_a", True, "got True"),
        ("model_a", 3, "got 3"),
        ("model_a", None, "got nothing"),
        ("model_a", "x\n", None),
        ("model_a", "x\ny", "printable"),
        ("model_a", "x" * 200, None),
        ("model_a", "x" * 201, "1 to 200"),
        ("model_a", "\ud800", "printable"),
        ("winner", ["x"], "'winner' must be a text"),
        ("winner", 1, "'winner' must be a text"),
        ("weight", True, "'weight' must be a number above 0 and at most 1e\\+12; got True"),
        ("weight", [1], "got a list"),
        ("weight", 10**400, "must be a number above 0"),
        ("weight", 1e13, "must be a number above 0"),
        ("weight", 1e-300, None),
        ("prompt_id", ["p"], "'prompt_id' must be a text or a whole number; got a list"),
        ("prompt_id", False, "got False"),
        ("prompt_id", "\udfff", "surrogate"),
        ("prompt_id", "line one\nline two", None),
        ("annotator", {"name": "anna"}, "'annotator' must be a text or a whole number; got an object"),
        ("id", [1], "'id' must be a text or a whole number"),
    ],
)
def test_values_of_other_kinds_are_refused_by_column(column, value, said):
    other = {"model_a": "u", "model_b": "v", "winner": "tie"}
    content = as_jsonl([ONE | other, ONE | {"winner": "model_a"} | {column: value}])
    if said is None:
        assert len(read(content, ".jsonl")) == 2
        return
    with pytest.raises(SpecificationError, match=rf"v.jsonl, line 2: .*{said}"):
        read(content, ".jsonl")


def test_true_and_one_are_not_one_value():
    with pytest.raises(SpecificationError, match="line 2: 'weight'"):
        read(as_jsonl([ONE | {"weight": 1}, ONE | {"weight": True}]), ".jsonl")


# CSV


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "v.csv is empty"),
        ("\n \n", "v.csv is empty"),
        ("# no more\n", "v.csv is empty"),
        ("model_a,model_b,winner\n", "v.csv holds no comparison"),
        ("model_a,model_b,winner\nx,y,x\n\nx,y\n", "line 4: 2 cells; the head has 3"),
        ("model_a,model_b,winner\nx,y,z\n", "line 2: winner must be model_a, model_b, tie, 'x' or 'y'; got 'z'"),
        ("model_a,model_b,winner\nx,y,z\n#q,x\n", "line 3: 2 cells"),
        ('model_a,model_b,winner\n"x,y,x\n', "line 3: no CSV|line 2: no CSV"),
        ('model_a,model_b,winner\nx,y,"x"x\n', "line 2: no CSV"),
        ('"model_a,model_b', "line 1: no CSV"),
        (f"model_a,model_b,winner,text\nx,y,x,{'z' * 200_000}\n", "line 2: no CSV: field larger"),
        (b"model_a,model_b,winner\nx,y,x\nx,\xff,x\n", "line 3: not UTF-8 text: byte 31"),
        ("model_a,model_b,winner\nx,y,x\n".encode("utf-16"), "not UTF-8"),
        ("model_a,model_b,winner\nx,y,x\nx,\0,x\n", "line 3: .*printable"),
    ],
)
def test_a_bad_csv_is_refused_by_line(content, said):
    with pytest.raises(SpecificationError, match=said):
        read(content)


def test_a_row_of_several_lines_ends_where_it_is_named():
    with pytest.raises(SpecificationError, match="line 5: winner must be"):
        read('model_a,model_b,winner,text\nx,y,x,"one\ntwo"\n\nx,y,z,""\n')


def test_semicolons_and_comments_above_the_head():
    votes = read("# a survey; of 2026, in autumn\n\nmodel_a;model_b;winner\nx;y;x\n")
    assert as_rows(votes)[0][:3] == ("x", "y", 1)


def test_a_line_that_begins_with_a_hash_below_the_head_is_a_vote():
    assert read("model_a,model_b,winner\n#1,y,#1\n").candidates == ("#1", "y")


def test_a_byte_order_mark_is_passed_over():
    assert len(read(b"\xef\xbb\xbfmodel_a,model_b,winner\nx,y,x\n")) == 1


# JSON lines


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "v.jsonl is empty"),
        (" \n\n", "v.jsonl is empty"),
        ("\n[]\n", "line 2: expected an object with model_a, model_b and winner"),
        ('{"model_a": "x", "model_a": "y"}', "line 1: no JSON: an object with a key that stands twice"),
        ('{"model_a": "x", "model_b": "y", "winner": "x"}\n{"model_a": "x", "winner": "x"}', "line 2: 'model_b' must be"),
        ('{"model_a": "x", "model_b": "y", "winner": "x"}\n{"model_a": "x", "model_b": "y", "winner": "x", "wieght": 2}',
         "line 2: unknown column 'wieght'"),
        ('{"model_a": "x", "model_b": "y", "winner": "x", "Winner": "y"}', "the column 'winner' stands twice"),
        ("[" * 100_000, "line 1: no JSON"),
        ("9" * 5_000, "line 1: no JSON"),
        (b"\xff", "line 1: not UTF-8"),
    ],
)  # fmt: skip
def test_bad_json_lines_are_refused_by_line(content, said):
    with pytest.raises(SpecificationError, match=said):
        read(content, ".jsonl")


def test_json_may_hold_separators_of_lines_that_are_none():
    content = json.dumps(ONE | {"prompt_id": "a\u2028b\x85c"}, ensure_ascii=False) + "\r\n"
    assert read(content, ".jsonl").contexts == ("a\u2028b\x85c",)


# Parquet


def written(table):
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def test_categories_and_large_texts_are_read():
    plain = {"model_a": ["x", "y"], "model_b": ["y", "z"], "winner": ["tie", "z"]}
    for kind in (pa.dictionary(pa.int8(), pa.string()), pa.large_string()):
        table = pa.table({name: pa.array(cells).cast(kind) for name, cells in plain.items()})
        assert [row[:3] for row in as_rows(read(written(table), ".parquet"))] == [("x", "y", 0.5), ("y", "z", 0)]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"model_a": [["x"]], "model_b": ["y"], "winner": ["x"]}, "row 1: 'model_a' must be a text.*got a list"),
        ({"model_a": [None, {"k": 1}], "model_b": ["y"] * 2, "winner": ["y"] * 2}, "row 1: 'model_a'.*got nothing"),
        ({"model_a": [b"x"], "model_b": ["y"], "winner": ["x"]}, "row 1: 'model_a'"),
        ({"model_a": pa.nulls(2), "model_b": ["y"] * 2, "winner": ["y"] * 2}, "row 1: 'model_a'.*got nothing"),
        ({"model_a": ["x"], "model_b": ["y"], "winner": [1]}, "row 1: 'winner'"),
        ({"model_a": ["x"], "model_b": ["y"]}, "needs a column 'winner'"),
        ({"model_a": pa.array([], pa.string())} | dict.fromkeys(("model_b", "winner"), pa.array([], pa.string())), "holds no comparison"),
        ({"model_a": ["x"], "model_b": ["y"], "winner": ["x"], "judge": [["anna"]]}, "row 1: 'judge'.*got a list"),
        ({"model_a": ["x"], "model_b": ["y"], "winner": ["x"], "wieght": [1]}, "did you mean 'weight'"),
    ],
)  # fmt: skip
def test_a_bad_parquet_is_refused_by_row(columns, said):
    with pytest.raises(SpecificationError, match=rf"v.parquet.*{said}"):
        read(written(pa.table(columns)), ".parquet")


def test_what_is_no_parquet_is_refused():
    for content in (b"", b"PAR1", b"PAR1" * 20, as_csv([ONE])):
        with pytest.raises(SpecificationError, match=r"v\.parquet: no Parquet"):
            read(content, ".parquet")


def test_many_row_groups_are_one_table():
    out = io.BytesIO()
    table = pa.table({name: [f"{name}{k % 7}" for k in range(100)] for name in ("model_a", "model_b")})
    pq.write_table(table.append_column("winner", pa.array(["model_b"] * 100)), out, row_group_size=9)
    votes = read(out.getvalue(), ".parquet")
    assert [row[:2] for row in as_rows(votes)] == [(f"model_a{k % 7}", f"model_b{k % 7}") for k in range(100)]


# files


def test_a_path_is_read_by_its_ending(tmp_path):
    (tmp_path / "v.NDJSON").write_bytes(as_jsonl([ONE]))
    assert len(read_votes(tmp_path / "v.NDJSON")) == 1
    with pytest.raises(SpecificationError, match=r"end in \.csv, \.jsonl"):
        read(b"", ".txt")
    for missing in (tmp_path / "none.csv", tmp_path, "a\0.csv"):
        with pytest.raises(SpecificationError, match="cannot be read"):
            read_votes(missing)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["x", "y", "tie"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=3,
)
keys = st.sampled_from([*COLUMNS, "score", "Winner ", "wieght", "judge", "content"]) | st.text(max_size=3)


@settings(deadline=None)
@given(st.lists(st.dictionaries(keys, values, max_size=8) | values, max_size=4))
def test_any_json_is_votes_or_our_own_error(lines):
    content = "\n".join(json.dumps(line) for line in lines)
    try:
        votes = read(content, ".jsonl")
    except ArenaError:
        return
    assert ((votes.score >= 0) & (votes.score <= 1) & (votes.weight > 0) & (votes.first != votes.second)).all()


@settings(deadline=None)
@given(st.sampled_from(SUFFIXES), st.binary(max_size=40), st.integers(0, 400), st.integers(0, 40))
def test_any_bytes_are_votes_or_our_own_error(suffix, junk, place, cut):
    whole = WRITERS[suffix]([ONE, ONE | {"weight": 2}])
    place %= len(whole)
    for content in (junk, whole[:place] + junk + whole[place + cut :]):
        try:
            votes = read(content, suffix)
        except ArenaError:
            continue
        assert np.isfinite(votes.score).all()


@settings(deadline=None)
@given(st.text("model_ab,winerx\n\"';# \r\0", max_size=60))
def test_any_text_is_votes_or_our_own_error(text):
    for content in (text, f"model_a,model_b,winner\n{text}"):
        try:
            read(content)
        except ArenaError:
            continue


def test_graded_votes_keep_ties_in_which_neither_is_good(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("model_a,model_b,score,both_bad\na,b,0.5,1\na,b,0.5,0\nb,a,0.7,\n")
    votes = read_votes(path)
    assert votes.score.tolist() == [0.5, 0.5, 0.7]
    assert votes.both_bad.tolist() == [True, False, False]
    again = tmp_path / "again.csv"
    with again.open("w") as stream:
        write_votes(stream, votes, "csv")
    assert read_votes(again).both_bad.tolist() == votes.both_bad.tolist()


@pytest.mark.parametrize(("row", "said"), [("a,b,0.7,1", "score is 0.5"), ("a,b,0.5,0.5", "must be 1 or 0")])
def test_both_bad_beside_a_score_is_of_ties_alone(tmp_path, row, said):
    path = tmp_path / "votes.csv"
    path.write_text(f"model_a,model_b,score,both_bad\na,b,0.5,1\n{row}\n")
    with pytest.raises(SpecificationError, match=f"line 3.*{said}"):
        read_votes(path)

"""Prompts and answers from files: both shapes, what is missing, and what is refused by line."""

from __future__ import annotations

import pytest

from arena.games import SpecificationError, UnknownName
from arena.judge_input import read_answers
from arena.judgements import Context

LONG = "prompt_id,prompt,candidate,answer\np1,Hi?,a,hello\np1,Hi?,b,hey\np2,Bye?,b,see you\np2,Bye?,a,\n"
WIDE = "prompt,a,b\nHi?,hello,hey\nBye?,,see you\n"


@pytest.fixture
def file(tmp_path):
    def write(text, suffix=".csv"):
        path = tmp_path / f"answers{suffix}"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_a_row_an_answer(file):
    sheet = read_answers(file(LONG))
    assert sheet.prompts == (Context("p1", "Hi?"), Context("p2", "Bye?"))
    assert sheet.candidates == ("a", "b")
    assert sheet.answers == {(0, 0): "hello", (0, 1): "hey", (1, 1): "see you"}
    assert sheet.missing == [("p2", "a")]


def test_a_row_a_prompt(file):
    sheet = read_answers(file(WIDE))
    assert [prompt.key for prompt in sheet.prompts] == ["Hi?", "Bye?"]
    assert sheet.answers == read_answers(file(LONG)).answers


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": "Hi?", "candidate": "a", "answer": "hello"}\n{"prompt": "Hi?", "candidate": "b", "answer": "hey"}\n',
        '{"prompt": "Hi?", "a": "hello", "b": "hey"}\n',
        '{"prompt": "Hi?", "answers": {"a": "hello", "b": "hey"}}\n',
    ],
)
def test_json_lines_of_each_shape(file, text):
    sheet = read_answers(file(text, ".jsonl"))
    assert (sheet.candidates, sheet.answers) == (("a", "b"), {(0, 0): "hello", (0, 1): "hey"})


def test_only_some_candidates(file):
    sheet = read_answers(file("prompt,a,b,c\nHi?,1,2,3\n"), candidates=["c", "a"])
    assert (sheet.candidates, sheet.answers) == (("a", "c"), {(0, 0): "1", (0, 1): "3"})
    with pytest.raises(UnknownName, match="'d'"):
        read_answers(file("prompt,a,b\nHi?,1,2\n"), candidates=["a", "d"])


def test_a_long_prompt_is_called_by_its_first_words_and_no_two_are_called_the_same(file):
    same = "word " * 30
    sheet = read_answers(file(f"prompt,a,b\n{same}one,1,2\n{same}two,1,2\n"))
    first, second = (prompt.key for prompt in sheet.prompts)
    assert first.startswith("word word") and len(first) < 64
    assert first != second


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'prompt': it is empty"),
        ("prompt,a,b\n", "is empty: it has no prompt"),
        ("question_id,a,b\n1,x,y\n", "no column 'prompt'; it has question_id, a, b"),
        ("prompt,candidate,b\nHi?,x,y\n", "both columns 'candidate' and 'answer'"),
        ("prompt,a,a\nHi?,x,y\n", "line 1: the column 'a' stands twice"),
        ("prompt,a,\nHi?,x,y\n", "line 1: a column has no name"),
        ("prompt,a,b\nHi?,x\n", "line 2: 2 cells; the head has 3"),
        ("prompt,a,b\nHi?,x,y\nHi?,x,z\n", "line 3: prompt 'Hi\\?' stands twice"),
        ("prompt,a,b\n,x,y\n", "line 2: there is no prompt"),
        ("prompt,candidate,answer\nHi?,,y\n", "line 2: there is no candidate"),
        ("prompt,candidate,answer\nHi?,a,y\nHi?,a,z\n", "line 3: 'a' answers prompt 'Hi\\?' twice"),
        ("prompt_id,prompt,candidate,answer\n1,Hi?,a,y\n1,Ho?,b,z\n", "line 3: prompt '1' has another text"),
        ("prompt,a\nHi?,x\n", "needs two candidates; there is a"),
        (b"prompt,a,b\nHi?,x,\xff\n", "line 2: not UTF-8"),
        ('prompt,a,b\nHi?,"x,y\n', "no CSV"),
    ],
)
def test_bad_files_are_refused_by_line(file, text, message):
    with pytest.raises(SpecificationError, match=message):
        read_answers(file(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: no JSON"),
        ("[1]\n", "line 1: expected an object"),
        ('{"prompt": ["a"], "a": "x", "b": "y"}\n', "line 1: 'prompt' must be a text"),
        ('{"prompt": "Hi?", "answers": ["x"]}\n', "line 1: 'answers' must be an object"),
    ],
)
def test_bad_json_is_refused_by_line(file, text, message):
    with pytest.raises(SpecificationError, match=message):
        read_answers(file(text, ".jsonl"))


def test_other_files_are_refused(file, tmp_path):
    with pytest.raises(SpecificationError, match=r"end in \.csv"):
        read_answers(file("x", ".txt"))
    with pytest.raises(SpecificationError, match="cannot be read"):
        read_answers(tmp_path / "none.csv")

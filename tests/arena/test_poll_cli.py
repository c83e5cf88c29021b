"""`arena poll`: a poll from its file to its votes, without a browser."""

from __future__ import annotations

import json
import re

import pytest
from chat_server import chat_server
from polling import vote_as

from arena.ledger import Ledger
from arena.polls.poll import poll_of

CSV = "prompt,short,long\n" + "".join(f"q{k},short {k},long {k}\n" for k in range(6))


@pytest.fixture
def drafted(arena, tmp_path):
    (tmp_path / "answers.csv").write_text(CSV)
    made = arena("poll", "new", "answers.csv", "--name", "Lengths", "--set", "per_minute=500")
    assert made.code == 0, made.err
    return made


def voted(path, votes):
    with Ledger.open(path / "arena.db") as ledger:
        vote_as(ledger, poll_of(ledger, "lengths"), "v", lambda b: "first" if b.first == 0 else "second", times=votes)


def test_a_poll_is_made_opened_voted_in_and_solved(arena, drafted, tmp_path):
    assert "lengths: draft; 6 prompts, 2 candidates" in drafted.out
    assert arena("poll", "open", "lengths").out.startswith("lengths: open")
    voted(tmp_path, 5)
    told = json.loads(arena("poll", "show", "lengths", "--json").out)
    assert (told["counted"], told["voters"], told["game"]) == (5, 1, "preference:Lengths")
    assert re.search(r"lengths +open +5", arena("poll", "list").out)
    for kind in ("csv", "jsonl", "parquet"):
        assert arena("poll", "votes", "lengths", "-o", f"votes.{kind}").code == 0
        assert "short" in arena("solve", "minimax_winner", f"preference:votes.{kind}").out
    assert arena("poll", "close", "lengths").out.startswith("lengths: closed")


def test_a_voter_is_left_out_and_taken_back(arena, drafted, tmp_path):
    arena("poll", "open", "lengths")
    voted(tmp_path, 3)
    out = arena("poll", "review", "lengths", "1", "leave-out", "--reason", "a test").out
    assert "0 votes of 0 voters count, 3 were left out after one" in out
    assert "voter 1: left out, 3 votes: a test" in out
    assert "3 votes of 1 voter count" in arena("poll", "review", "lengths", "1", "count").out
    assert arena("poll", "review", "lengths", "1", "burn").code == 2
    assert arena("poll", "review", "lengths", "7", "hold").code == 2


def test_models_are_asked_once(arena, tmp_path):
    (tmp_path / "answers.csv").write_text(CSV)
    with chat_server(lambda asked: f"about {asked['messages'][-1]['content']}") as server:
        made = arena("poll", "new", "answers.csv", "-c", f"model=llm:small@{server.url}")
        assert "model: 0 of 6 prompts answered" in made.out
        assert "model: 6 of 6 prompts answered" in arena("poll", "answers", "answers").out
        assert arena("poll", "answers", "answers").code == 0
        assert len(server.requests) == 6


def test_invitations_are_printed_once(arena, drafted):
    printed = arena("poll", "invite", "lengths", "3").out.split()
    assert len(set(printed)) == 3
    assert all(line.startswith("/polls/lengths/vote?invitation=") for line in printed)


@pytest.mark.parametrize(
    "command",
    [
        ("new", "missing.csv"),
        ("new", "answers.csv", "--set", "voters"),
        ("new", "answers.csv", "--set", "voters=all"),
        ("new", "answers.csv", "-c", "short=llm:m@http://h"),
        ("show", "nothing"),
        ("votes", "lengths", "-o", "votes.txt"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arena, drafted, command):
    said = arena("poll", *command)
    assert said.code == 2
    assert "Traceback" not in said.err

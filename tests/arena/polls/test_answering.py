"""Models that are asked for a poll's answers: each once, kept as they come, failures told."""

from __future__ import annotations

import pytest
from chat_server import Reply, chat_server
from polling import sheet_of

from arena.agents.reach import only_public
from arena.games import SpecificationError
from arena.ledger import Ledger
from arena.polls.answering import answering, ask_for_answers
from arena.polls.poll import LONGEST_ANSWER, PollSettings, make_poll, open_poll, texts_of
from arena.worker import work


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        yield ledger


def poll_with(ledger, url, prompts=5):
    endpoints = {"model": f"llm:small@{url}(retries=0, concurrency=2)"}
    return make_poll(ledger, sheet_of(prompts, ("mine",)), name="Live", settings=PollSettings(), endpoints=endpoints)


def asked(ledger, poll):
    """What a worker makes of the jobs that ask."""
    ask_for_answers(ledger, poll)
    work(ledger, devices=["cpu"], until_empty=True)
    [found] = answering(ledger, poll)
    return found


def test_each_prompt_is_answered_once_and_shown(ledger):
    with chat_server(lambda asked: f"<think>hm</think>about {asked['messages'][-1]['content']}") as server:
        poll = poll_with(ledger, server.url)
        with pytest.raises(SpecificationError, match="nothing to vote on"):
            open_poll(ledger, poll)
        found = asked(ledger, poll)
        assert (found.answered, found.complete, found.failures) == (5, True, ())
        assert asked(ledger, poll).answered == 5
        assert len(server.requests) == 5
    assert texts_of(ledger, open_poll(ledger, poll), 3, (1, 0)) == ("prompt 3", ("about prompt 3", "mine says 3"))


def test_failures_are_kept_and_asked_again(ledger):
    broken = {"prompt 1": Reply(status=400), "prompt 2": "", "prompt 3": "x" * (LONGEST_ANSWER + 1)}
    with chat_server(lambda asked: broken.get(asked["messages"][-1]["content"], "fine")) as server:
        poll = poll_with(ledger, server.url)
        found = asked(ledger, poll)
        assert [one.prompt for one in found.failures] == ["p1", "p2", "p3"]
        assert "answered 400" in found.failures[0].message
        assert "is empty" in found.failures[1].message
        assert "a page shows up to" in found.failures[2].message
        assert found.job.result == {"answered": 2, "failed": 3}
        del broken["prompt 2"]
        again = asked(ledger, poll)
        assert [(one.prompt, one.attempt) for one in again.failures] == [("p1", 2), ("p3", 2)]
        assert len(server.requests) == 5 + 3


def test_an_endpoint_that_is_down_is_asked_no_more(ledger):
    with chat_server([Reply(status=503)]) as server:
        poll = poll_with(ledger, server.url, prompts=40)
        found = asked(ledger, poll)
        assert found.answered == 0
        assert len(server.requests) <= 4
    assert 1 <= len(found.failures) <= 4


def test_private_addresses_are_not_asked_for_people_at_a_distance(ledger):
    with chat_server(["secret"]) as server:
        poll = poll_with(ledger, server.url)
        with only_public():
            found = asked(ledger, poll)
        assert "is at no public address" in found.failures[0].message
        assert server.requests == []
        with only_public(["127.0.0.0/8"]):
            assert asked(ledger, poll).complete


def test_asking_twice_at_once_is_one_job(ledger):
    poll = poll_with(ledger, "http://127.0.0.1:1")
    [one], [two] = ask_for_answers(ledger, poll), ask_for_answers(ledger, poll)
    assert one.key == two.key

"""The page of jobs: states, how far, where, and errors as text."""

from __future__ import annotations

import pytest
from visitors import browser

from arena.job_work import claim, fail
from arena.jobs import submit
from arena.ledger import Ledger

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with Ledger.open(tmp_path_factory.mktemp("jobs") / "arena.db") as ledger:
        for number in range(3):
            submit(ledger, kind="bootstrap", game="openspiel:kuhn_poker", settings={"resamples": number})
        fail(ledger, claim(ledger, {"cpu": HOSTILE}), HOSTILE)
        claim(ledger, {"cpu": "cpu of here"})
        yield browser(ledger)


def test_jobs_are_counted_and_listed_newest_first(client):
    page = client.get("/jobs").text
    assert "1 running, 1 waiting, 1 failed. No worker is there." in page
    assert page.count("no worker is there: start arena worker, or arena serve") == 1
    states = [page.index(f">{state}</span>") for state in ("waiting", "running", "failed")]
    assert states == sorted(states)
    assert "cpu of here" in page
    assert HOSTILE not in page


def test_jobs_of_one_state_are_listed_alone(client):
    page = client.get("/jobs?status=failed").text
    assert page.count("<code>openspiel:kuhn_poker</code>") == 1
    assert client.get("/jobs?status=" + HOSTILE).text.count("<code>openspiel:kuhn_poker</code>") == 3


def test_a_ledger_without_jobs_says_what_asks_for_one(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as ledger:
        assert "arena job submit" in browser(ledger).get("/jobs").text

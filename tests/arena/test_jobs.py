"""Jobs in the ledger: asked once, done once, whoever dies."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from arena import job_work, jobs
from arena.games.errors import UnknownName
from arena.job_rows import Resources
from arena.job_work import LostJob, do_here
from arena.ledger import Ledger, LedgerError
from arena.ledger_schema import jobs as table


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request, tmp_path):
    url = tmp_path / "arena.db" if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with Ledger.open(url) as opened:
        yield opened


def ask(ledger, **changed):
    return jobs.submit(ledger, **{"kind": "ratings", "game": "matrix:rps", "settings": {"a": 1, "b": 2}} | changed)


def answer(row, progress):
    return {"x": 1}


def silence(ledger):
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))


def test_asking_twice_is_one_job(ledger):
    assert ask(ledger).key == ask(ledger, settings={"b": 2, "a": 1}).key
    assert len(jobs.all_jobs(ledger)) == 1


@pytest.mark.parametrize("changed", [{"kind": "other"}, {"game": "g"}, {"settings": {"a": 2}}, {"device": "cuda"}])
def test_another_question_is_another_job(ledger, changed):
    assert ask(ledger).key != ask(ledger, **changed).key


def test_a_job_that_nobody_does_needs_what_was_said_last(ledger):
    greedy = ask(ledger, needs=Resources(cpus=99))
    assert job_work.claim(ledger, {"cpu": "w"}, gives=Resources(cpus=2)) is None
    assert ask(ledger).needs == greedy.needs
    assert ask(ledger, needs=Resources(cpus=2)).needs == Resources(cpus=2)
    assert job_work.claim(ledger, {"cpu": "w"}, gives=Resources(cpus=2)).key == greedy.key
    assert ask(ledger, needs=Resources(cpus=3)).needs == Resources(cpus=2)


def test_the_oldest_waiting_job_is_claimed_first(ledger):
    first, second = ask(ledger), ask(ledger, kind="other")
    assert [job_work.claim(ledger, {"cpu": "w"}).key, job_work.claim(ledger, {"cpu": "w"}).key] == [
        first.key,
        second.key,
    ]
    assert job_work.claim(ledger, {"cpu": "w"}) is None


def test_a_worker_gets_what_it_can_do_where_it_has_the_device(ledger):
    ask(ledger, device="cuda")
    assert job_work.claim(ledger, {"cpu": "w"}) is None
    assert job_work.claim(ledger, {"cuda": "w"}, kinds=["other"]) is None
    assert job_work.claim(ledger, {"cpu": "c", "cuda": "g"}, kinds=["ratings"]).worker == "g"


def test_a_job_is_claimed_once_by_many_workers(ledger):
    for number in range(8):
        ask(ledger, settings={"number": number})
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda number: job_work.claim(ledger, {"cpu": f"w{number}"}), range(16)))
    assert sorted(row.id for row in claimed if row) == [row.id for row in jobs.all_jobs(ledger)]


def test_the_answer_is_kept_in_types_of_json(ledger):
    ask(ledger)
    row = job_work.finish(
        ledger, job_work.claim(ledger, {"cpu": "w"}), {"x": np.array([1.0, math.nan]), "n": np.int64(3)}
    )
    assert (row.status, row.result, row.worker) == ("finished", {"x": [1.0, None], "n": 3}, "w")
    assert row.finished_at >= row.started_at >= row.created_at


def test_a_silent_worker_loses_its_job_and_its_late_answer_is_refused(ledger):
    ask(ledger)
    late = job_work.claim(ledger, {"cpu": "late"})
    assert job_work.claim(ledger, {"cpu": "next"}) is None
    silence(ledger)
    taken = job_work.claim(ledger, {"cpu": "next"})
    assert taken.attempts == 2
    with pytest.raises(LostJob):
        job_work.finish(ledger, late, {"x": 1})
    assert job_work.finish(ledger, taken, {"x": 2}).result == {"x": 2}
    with pytest.raises(LostJob):
        job_work.fail(ledger, late, "too late")
    assert jobs.job(ledger, late.key).result == {"x": 2}


def test_a_worker_that_lost_a_job_and_got_it_again_answers_once(ledger):
    ask(ledger)
    late = job_work.claim(ledger, {"cpu": "w"})
    silence(ledger)
    again = job_work.claim(ledger, {"cpu": "w"})
    with pytest.raises(LostJob):
        job_work.finish(ledger, late, {"x": 1})
    assert job_work.finish(ledger, again, {"x": 2}).result == {"x": 2}


def test_a_job_whose_workers_die_is_given_up(ledger):
    key = ask(ledger).key
    for _ in range(job_work.MOST_ATTEMPTS):
        assert job_work.claim(ledger, {"cpu": "w"}) is not None
        silence(ledger)
    assert job_work.claim(ledger, {"cpu": "w"}) is None
    assert jobs.job(ledger, key).status == "failed"
    assert "died 3 times" in jobs.job(ledger, key).error


def test_a_failed_job_says_why_and_is_done_again_when_asked_again(ledger):
    ask(ledger)
    job_work.fail(ledger, job_work.claim(ledger, {"cpu": "w"}), "no such agent")
    assert jobs.all_jobs(ledger, status="failed")[0].error == "no such agent"
    assert job_work.claim(ledger, {"cpu": "w"}) is None
    assert (ask(ledger).status, ask(ledger).error, ask(ledger).attempts) == ("waiting", None, 0)


def test_work_done_here_is_kept_and_not_done_again(ledger):
    done = []

    def work(row, progress):
        progress(1, 1)
        done.append(1)
        return {"value": 0.5}

    for _ in range(2):
        row = do_here(ledger, ask(ledger, kind="nash_conv"), work)
        assert row.result == {"value": 0.5}
    assert len(done) == 1
    assert (row.done, row.planned) == (1, 1)
    assert row.worker.startswith("cpu of ")


def test_work_that_fails_is_noted_and_raised(ledger):
    def work(row, progress):
        raise LedgerError("nothing to rate")

    with pytest.raises(LedgerError, match="nothing to rate"):
        do_here(ledger, ask(ledger, kind="nash_conv"), work)
    assert jobs.all_jobs(ledger)[0].error == "nothing to rate"


def test_an_interrupted_job_waits_again(ledger):
    def work(row, progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do_here(ledger, ask(ledger, kind="nash_conv"), work)
    assert [(row.status, row.attempts, row.worker) for row in jobs.all_jobs(ledger)] == [("waiting", 0, None)]


def test_a_job_that_somebody_is_at_is_not_done_twice(ledger):
    ask(ledger)
    job_work.claim(ledger, {"cpu": "cpu of elsewhere, process 7"})
    with pytest.raises(LedgerError, match="cpu of elsewhere, process 7 is at this job already"):
        do_here(ledger, ask(ledger), answer)


def test_the_newest_answer_of_each_agent_counts(ledger):
    agents = [ledger.add_agent(name, specification="random", kind="random") for name in "ab"]
    for number in range(2):
        for agent in agents:
            asked = {"kind": "nash_conv", "agent": agent, "settings": {"number": number}}
            ask(ledger, **asked)
            job_work.finish(ledger, job_work.claim(ledger, {"cpu": "w"}), {"value": number})
    ask(ledger, kind="nash_conv", agent=agents[0], settings={"number": 2})
    newest = jobs.newest(ledger, "matrix:rps", "nash_conv")
    assert {newest[agent.id].agent: newest[agent.id].result["value"] for agent in agents} == {"a@1": 1, "b@1": 1}


def test_a_job_is_found_by_the_beginning_of_its_key(ledger):
    row = ask(ledger)
    assert jobs.job(ledger, row.key[:8]) == row
    with pytest.raises(UnknownName):
        jobs.job(ledger, "nothing")
    with pytest.raises(UnknownName):
        jobs.job(ledger, "%")

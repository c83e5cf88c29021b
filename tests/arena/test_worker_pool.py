"""The pool of workers beside a server: started for jobs, replaced when killed, gone with their server, jobs handed back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from functools import partial

import pytest

from arena import jobs
from arena.attendance import workers_there
from arena.config import make_config
from arena.job_rows import Resources
from arena.job_work import is_work
from arena.jobs import cancel, submit
from arena.ledger import Ledger
from arena.ledger_schema import jobs as table
from arena.tournament import run_tournament
from arena.tournament_job import ask_tournament
from arena.worker_pool import WorkerPool, shares, worker_pool

CUP = {"name": "cup", "game": "openspiel:kuhn_poker", "agents": {"a": "random", "b": "uniform"}, "block": 50}
LONG = {**CUP, "matches": 1_000_000}


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def until(fact, what):
    deadline = time.monotonic() + 60
    while not (found := fact()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def running(ledger, row):
    """The pid of the worker that has recorded some of a tournament."""
    until(lambda: ledger.tournaments() and ledger.progress(ledger.tournaments()[0]) > 0, "nothing is played")
    return int(jobs.job(ledger, row.key).worker.rpartition(" ")[2])


@contextmanager
def noted(file):
    """What the processes of a pool live in."""
    with open(file, "a") as notes:
        notes.write(f"{os.getpid()}\n")
    yield


def test_no_process_is_started_before_there_is_work_and_none_is_left_behind(ledger, tmp_path):
    with worker_pool(ledger, 2, within=partial(noted, str(tmp_path / "within"))) as pool:
        assert pool.pids == []
        assert [one.gives for one in workers_there(ledger)] == shares(2)
        row = ask_tournament(ledger, make_config({**CUP, "matches": 200}))
        until(lambda: jobs.job(ledger, row.key).status == "finished", "the job is not done")
        assert 1 <= len(pool.pids) <= 2
        left = pool.pids
    assert not any(map(alive, left))
    assert workers_there(ledger) == []
    lived = {int(line) for line in (tmp_path / "within").read_text().split()}
    assert lived and lived <= set(left)  # one that was told to end while it started came to nothing
    with Ledger.open(tmp_path / "other.db") as other:
        reference = run_tournament(make_config({**CUP, "matches": 200}), other)
        assert ledger.results(ledger.tournament("cup")).equals(other.results(reference))


def test_a_killed_worker_is_replaced_and_one_that_is_stopped_hands_its_job_back(ledger):
    row = ask_tournament(ledger, make_config(LONG))
    with worker_pool(ledger, 1) as pool:
        killed = running(ledger, row)
        os.kill(killed, signal.SIGKILL)
        silence(ledger)
        until(lambda: pool.pids and pool.pids != [killed], "nobody replaces it")
        next_one = until(
            lambda: (now := jobs.job(ledger, row.key)).claims == 2 and now.status == "running", "not taken"
        )
        assert next_one
        done = ledger.progress(ledger.tournament("cup"))
        until(lambda: ledger.progress(ledger.tournament("cup")) > done, "it does not go on")
    left = jobs.job(ledger, row.key)
    assert (left.status, left.worker, left.attempts) == ("waiting", None, 0)
    assert ledger.tournament("cup").status == "interrupted"


SERVER = """
import sys, time
from arena.ledger import Ledger
from arena.worker_pool import worker_pool

with Ledger.open(sys.argv[1]) as ledger, worker_pool(ledger, 1):
    time.sleep(60)
"""


def test_workers_die_with_a_server_that_is_killed(ledger, tmp_path):
    (tmp_path / "server.py").write_text(f"if __name__ == '__main__':\n{indented(SERVER)}")
    row = ask_tournament(ledger, make_config(LONG))
    server = subprocess.Popen([sys.executable, tmp_path / "server.py", tmp_path / "arena.db"])
    try:
        worker = running(ledger, row)
    finally:
        server.kill()
        server.wait()
    until(lambda: not alive(worker), "the worker lives on")


def test_what_a_worker_cannot_give_it_does_not_take(ledger):
    given = shares(1)[0]
    submit(ledger, kind="ratings", game="g", needs=Resources(cpus=given.cpus + 1))
    submit(ledger, kind="ratings", game="g2", needs=Resources(memory_bytes=given.memory_bytes + 1))
    submit(ledger, kind="ratings", game="g3", device="cuda")
    assert not is_work(ledger, ["cpu", "cuda"], gives=Resources(cpus=given.cpus, memory_bytes=given.memory_bytes))
    submit(ledger, kind="ratings", game="g4")
    assert is_work(ledger, ["cpu"], gives=given)


def test_workers_share_the_machine_evenly():
    one, two = shares(1)[0], shares(2)
    assert two[0].memory_bytes == two[1].memory_bytes == one.memory_bytes // 2
    assert two[0].cpus == max(1, one.cpus // 2)


def test_a_worker_that_dies_at_once_is_not_restarted_at_once(ledger, monkeypatch):
    monkeypatch.setattr("arena.worker_pool._live", dies)
    row = submit(ledger, kind="ratings", game="g")
    pool = WorkerPool(ledger, "processes", shares(1))
    place = pool._places[0]
    place.start(ledger, "processes", nullcontext)
    until(lambda: not place.worker.process.is_alive(), "it lives")
    place.bury()
    assert not place.may_start()
    assert place._delay == 2.0
    assert cancel(ledger, row)


def dies(*_):
    os._exit(3)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def silence(ledger):
    with ledger.writing() as connection:
        connection.execute(table.update().values(alive_at="2000-01-01T00:00:00.000Z"))


def indented(text):
    return "\n".join(f"    {line}" for line in text.splitlines())

"""Several `arena serve` on one PostgreSQL: their workers share the jobs, and a restart of the database loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from arena import jobs
from arena.config import make_config
from arena.jobs import all_jobs
from arena.ledger import Ledger
from arena.tournament import run_tournament
from arena.tournament_job import ask_tournament

pytestmark = pytest.mark.postgres

FURTHER = 4  # jobs that the restart meets


def config(number):
    return make_config(
        {
            "name": f"cup {number}",
            "game": "openspiel:kuhn_poker",
            "agents": {"a": "random", "b": "uniform"},
            "matches": 400,
            "block": 40,
            "seed": number,
        }
    )


@pytest.fixture
def serving(postgres_database, tmp_path, monkeypatch):
    """Two servers with a worker each, and the ledger that they share."""
    monkeypatch.setenv("ARENA_ARTIFACTS", str(tmp_path / "artifacts"))
    with Ledger.open(postgres_database) as ledger:
        command = [sys.executable, "-c", "from arena.cli import main; main()", "serve", "--port", "0", "--workers", "1"]
        quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
        with (tmp_path / "log").open("w") as log:
            servers = [
                subprocess.Popen([*command, "--db", postgres_database], env=quiet, stdout=log, stderr=log)
                for _ in range(2)
            ]
        try:
            yield ledger, servers
        finally:
            for server in servers:
                server.kill()
                server.wait()


def wait(fact, what):
    deadline = time.monotonic() + 120
    while not fact():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_two_servers_do_all_jobs_once_and_the_database_may_restart(serving, postgres_server, tmp_path):
    ledger, servers = serving
    rows = []

    def both_work():
        if not all_jobs(ledger, status="waiting"):
            rows.append(ask_tournament(ledger, config(len(rows))))
        return len({row.worker for row in all_jobs(ledger, status="finished")}) == 2

    wait(both_work, "only one server does jobs")
    rows += [ask_tournament(ledger, config(number)) for number in range(len(rows), len(rows) + FURTHER)]
    postgres_server.stop(signal.SIGINT)
    postgres_server.start()
    wait(lambda: not {row.status for row in all_jobs(ledger)} & {"waiting", "running"}, "the servers do not go on")
    done = [jobs.job(ledger, row.key) for row in rows]
    assert [row.status for row in done] == ["finished"] * len(rows), [row.error for row in done]
    assert len(ledger.tournaments()) == len(rows)
    with Ledger.open(tmp_path / "reference.db") as other:
        for number, row in enumerate(done):
            reference = run_tournament(config(number), other)
            assert ledger.results(ledger.tournament(row.result["tournament"])).equals(other.results(reference))
    for server in servers:
        server.send_signal(signal.SIGTERM)
    assert [server.wait(timeout=30) for server in servers] == [0, 0]

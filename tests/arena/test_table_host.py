"""Tables at which people play: matches that wait for one are played there, and by no worker."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from arena.config import make_config
from arena.jobs import job
from arena.ledger import Ledger
from arena.table_host import TableHost, ask_to_play, at_tables
from arena.tournament import create_tournament
from arena.worker import work
from tests.server.conftest import wait_for


@pytest.fixture
def ledger(tmp_path: Path):
    with Ledger.open(tmp_path / "arena.db") as opened:
        yield opened


def test_a_match_is_played_at_a_table_and_left_alone_by_workers(ledger, monkeypatch):
    config = make_config(
        {
            "name": "cup",
            "game": "matrix:rps",
            "agents": ["random", "uniform"],
            "pairing": "seated",
            "matches": 3,
            "rated": False,
        }
    )
    tournament = create_tournament(config, ledger)
    asked = ask_to_play(ledger, tournament)
    assert work(ledger, until_empty=True) == 0
    assert at_tables(ledger) == [tournament.key]
    host = TableHost(ledger)
    opened = []
    monkeypatch.setattr(host, "open_table", lambda *, after_s=0.0: opened.append(after_s))
    host.resume(ledger)
    assert opened == [0.0]  # what waits has a table at once, also when a server begins anew
    monkeypatch.undo()
    try:
        host.open_table()
        wait_for(lambda: job(ledger, asked.key).status == "finished", 60)
        resumed = threading.Event()
        monkeypatch.setattr(host, "resume", lambda _: resumed.set())
        os.kill(host._process.process.pid, signal.SIGKILL)  # what was played there goes on at another
        assert resumed.wait(30)
    finally:
        host.close()
    assert at_tables(ledger) == []
    played = ledger.played(ledger.tournament(tournament.key))
    assert played.seats.tolist() == [[0, 1]] * 3

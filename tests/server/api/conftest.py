"""A small ledger with something of everything, and a server over it that lets its caller do all things."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_ledger import KUHN, play_kuhn_and_noughts
from starlette.testclient import TestClient
from visitors import bearer

from arena.accounts import Scope
from arena.job_kinds import ask, do_job
from arena.job_work import do_here
from arena.ledger import Ledger
from arena.server.app import create_app
from arena.server.settings import ServerSettings

SETTINGS = ServerSettings(requests_per_minute=10**6, writes_per_minute=10**6)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Kuhn poker with a solved agent, noughts and crosses as a Swiss tournament, a column that a job computed."""
    folder = tmp_path_factory.mktemp("api")
    with Ledger.open(folder / "arena.db") as ledger:
        play_kuhn_and_noughts(ledger, folder)
        do_here(ledger, ask(ledger, "ratings", KUHN), lambda row, told: do_job(ledger, row, told))
        yield ledger


@pytest.fixture(scope="module")
def client(ledger: Ledger) -> TestClient:
    """May do everything."""
    return TestClient(create_app(ledger, SETTINGS), headers=bearer(ledger, Scope.ADMIN))


@pytest.fixture(scope="module")
def stranger(client: TestClient) -> TestClient:
    """Has not signed in."""
    return TestClient(client.app)

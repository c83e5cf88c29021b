"""Fixtures that several test files share."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from arena.games.actions import ActionSpace
from arena.games.game import GameInfo
from arena.games.ragged import Ragged
from arena.results import Fault, MatchResults, MatchSpecs, Termination


def pytest_collection_finish() -> None:
    """All tests and what they import stay to the end: each walk of the collector over them costs a fifth of a second."""
    gc.collect()
    gc.freeze()


class PostgresServer:
    """A real PostgreSQL server: a socket in a temporary folder, no port."""

    def __init__(self, programs: Path, folder: Path):
        self._programs, self._folder, self._user = programs, folder, _unprivileged_user()
        self.url = f"postgresql://arena@/postgres?host={folder}"
        if self._user is not None:
            shutil.chown(folder, self._user)
        made = [programs / "initdb", "-D", folder / "data", "-U", "arena", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*made, "--locale=C", "--no-sync"], user=self._user, check=True, capture_output=True, cwd=folder)
        self.start()

    def start(self) -> None:
        folder = self._folder
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off", "autovacuum": "off"}
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres",
                    *("-D", folder / "data"),
                    *(f"--{key}={value}" for key, value in settings.items()),
                ],
                user=self._user,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,  # Ctrl-C stops the tests first, then they stop the server
            )
        self._wait_until_ready()

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT: at once; SIGINT: what is open is cut and told so, as when an administrator restarts it."""
        self._process.send_signal(how)
        self._process.wait(30)

    def _wait_until_ready(self) -> None:
        import psycopg

        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(
                        f"PostgreSQL did not start: {(self._folder / 'log').read_text(errors='replace')[-2000:]}"
                    )
                time.sleep(0.05)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server that lives as long as the tests.

    Skipped where PostgreSQL is not installed, but not in CI, where its absence is a failure.
    """
    programs = _postgres_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL: /usr/lib/postgresql/*/bin has no initdb and postgres")
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp(prefix="arena-pg-"))  # not pytest's: its folders are closed to other users
    try:
        server = PostgresServer(programs, folder)
        try:
            yield server
        finally:
            server.stop()  # nobody will read what it would still write
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of the server's database."""
    return postgres_server.url


@pytest.fixture
def postgres_database(postgres_url: str) -> str:
    """The URL of an empty database: emptied before each test, a new one would cost a tenth of a second."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'postgres' and pid <> pg_backend_pid()"
        )
        connection.execute("set client_min_messages = warning")
        connection.execute("drop schema if exists public cascade")
        connection.execute("create schema public")
    return postgres_url


@pytest.fixture
def made_results():
    """`made_results(matches, first=0, players=2, agents=3, kind="small")`: results as an engine could have made them."""
    return _made_results


@pytest.fixture
def made_game():
    """`made_game(lane="object", players=2)`: the facts of a game that nobody can play."""

    def make(*, lane="object", players=2, specification="test:game") -> GameInfo:
        return GameInfo(
            specification=specification,
            title="A game",
            version="3",
            num_players=players,
            action_space=ActionSpace(size=7),
            utility="general_sum",
            lane=lane,
        )

    return make


def _made_results(matches, *, first=0, players=2, agents=3, kind="small", faults=True) -> MatchResults:
    rng = np.random.default_rng([first, matches, players])
    lengths = rng.integers(0, 30, matches)
    total = int(lengths.sum())
    values = {
        "small": lambda: rng.integers(0, 7, total).astype(np.int32),
        "large": lambda: rng.integers(0, 100_000, total).astype(np.int32),
        "vectors": lambda: rng.integers(-5, 300, (total, 3)).astype(np.int32),
        "boxes": lambda: rng.normal(size=(total, 4)),
        "none": lambda: np.empty(0, np.int32),
    }[kind]()
    if kind == "none":
        lengths[:] = 0
    forfeit = np.full(matches, -1, np.int8)
    termination = np.zeros(matches, np.int8)
    if faults:
        forfeit[::7] = players - 1
        termination[::7] = Termination.TIMEOUT
    index = np.arange(first, first + matches)
    return MatchResults(
        specs=MatchSpecs(
            index=index,
            seats=rng.integers(0, agents, (matches, players)),
            seed=rng.integers(0, 2**64, matches, dtype=np.uint64),
            chance_seed=rng.integers(0, 2**64, matches, dtype=np.uint64),
        ),
        returns=rng.choice([-1.0, 0.0, -0.0, 1 / 3, 1e300], (matches, players)),
        termination=termination,
        forfeit=forfeit,
        actions=Ragged(values, np.cumsum(lengths)),
        seconds=rng.random((matches, players)).astype(np.float32),
        faults=tuple(
            Fault(index=int(i), player=players - 1, termination=Termination.TIMEOUT, message="late", log="a\nb")
            for i in index[forfeit >= 0]
        ),
    )


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    found += [Path(program).parent for program in [shutil.which("postgres")] if program]
    return next((path for path in reversed(found) if (path / "initdb").exists() and (path / "postgres").exists()), None)


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"

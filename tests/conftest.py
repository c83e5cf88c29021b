"""Fixtures that several test files share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_DATABASES = count()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a real PostgreSQL server that lives as long as the tests: a socket in a temporary folder, no port.

    Skipped where PostgreSQL is not installed, but not in CI, where its absence is a failure.
    """
    programs = _postgres_programs()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs PostgreSQL: /usr/lib/postgresql/*/bin has no initdb and postgres")
        pytest.skip("PostgreSQL is not installed")
    psycopg = pytest.importorskip("psycopg")
    user = _unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="arena-pg-"))  # not pytest's: its folders are closed to other users
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "arena", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            user=user,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        settings = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off"}
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, *(f"--{key}={value}" for key, value in settings.items())],
                user=user,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,  # Ctrl-C stops the tests first, then they stop the server
            )
        url = f"postgresql://arena@/postgres?host={folder}"
        try:
            _wait_until_ready(psycopg, url, server, folder / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_database(postgres_url: str) -> str:
    """The URL of an empty database of its own."""
    import psycopg

    name = f"test_{next(_DATABASES)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return postgres_url.replace("/postgres?", f"/{name}?")


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


def _wait_until_ready(psycopg, url, server, log) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

"""A server over a ledger behind a real port of this machine, and somebody who does its next job."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from arena.jobs import all_jobs
from arena.ledger import Ledger
from arena.server.run import make_server
from arena.server.settings import ServerSettings
from arena.worker import work


@contextmanager
def served(ledger: Ledger, settings: ServerSettings | None = None) -> Iterator[str]:
    """Its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = make_server(ledger, settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@contextmanager
def worked(ledger: Ledger) -> Iterator[None]:
    """A worker that does the jobs that are asked for while the block runs, and then ends."""
    over = threading.Event()

    def wait_and_work() -> None:
        while not over.wait(0.02):
            if all_jobs(ledger, status="waiting"):
                work(ledger, until_empty=True)

    worker = threading.Thread(target=wait_and_work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join(10)

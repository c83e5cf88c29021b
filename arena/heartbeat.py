"""A heartbeat: while work goes on, a thread says now and then that somebody is at it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from arena.games.errors import ArenaError

HEARTBEAT_S = 10.0

logger = logging.getLogger(__name__)


@contextmanager
def heartbeat(beat: Callable[[], None]) -> Iterator[None]:
    """Calls `beat` every ten seconds while the block runs. Where it fails, as at a busy ledger, the next beat will do."""
    over = threading.Event()

    def again() -> None:
        while not over.wait(HEARTBEAT_S):
            try:
                beat()
            except ArenaError as error:
                logger.warning("cannot say that work goes on: %s", error)

    thread = threading.Thread(target=again, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()

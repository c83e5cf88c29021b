"""Matches that people play in a browser: each waits for its person in a thread of one process, so that no worker waits with it."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from arena.columns import PLAY_JOB
from arena.games import ArenaError
from arena.games.worker_process import WorkerProcess
from arena.job_rows import JobRow, JobStatus
from arena.jobs import all_jobs, submit
from arena.ledger import Ledger, Tournament
from arena.ledger_entries import SILENT_S
from arena.tournament_job import TOURNAMENT
from arena.worker import work

TABLE = "table"  # the device of these jobs: workers, which have others, leave them alone
MOST_TABLES = 32

logger = logging.getLogger(__name__)


def ask_to_play(ledger: Ledger, tournament: Tournament) -> JobRow:
    """The job that plays a tournament in which somebody is asked in a browser."""
    return submit(ledger, kind=PLAY_JOB, game=tournament.game, settings={TOURNAMENT: tournament.key}, device=TABLE)


def at_tables(ledger: Ledger) -> list[str]:
    """The keys of such tournaments that are being played, or wait for a table."""
    statuses: tuple[JobStatus, ...] = ("waiting", "running")
    jobs = [row for status in statuses for row in all_jobs(ledger, kind=PLAY_JOB, status=status)]
    return [str(row.settings[TOURNAMENT]) for row in jobs]


class TableHost:
    """The process at whose tables people play; it begins with the first of them, and ends with this one."""

    def __init__(self, ledger: Ledger):
        self._url = ledger.url.render_as_string(hide_password=False)
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None

    def open_table(self, *, after_s: float = 0.0) -> None:
        """One more table: whoever waits for one by then is played with there, one after the other."""
        with self._lock:
            if self._process is None or not self._process.process.is_alive():
                self._process = WorkerProcess(_host, self._url, daemon=True)
                sentinel = os.dup(self._process.process.sentinel)  # a descriptor that nobody else closes
                threading.Thread(target=self._watch, args=(sentinel,), daemon=True).start()
            with suppress(OSError):  # it has just died: the match waits for the next table
                self._process.connection.send(after_s)

    def resume(self, ledger: Ledger) -> None:
        """Tables for the matches that a server left when it ended: those that wait now, and those under way once it counts as gone."""
        after_s: dict[JobStatus, float] = {"waiting": 0.0, "running": SILENT_S + 1}
        for status, later in after_s.items():
            for _ in all_jobs(ledger, kind=PLAY_JOB, status=status):
                self.open_table(after_s=later)

    def _watch(self, sentinel: int) -> None:
        """Where the process of this sentinel dies before it is ended, its matches go on at another."""
        try:
            wait([sentinel])
        finally:
            os.close(sentinel)
        with self._lock:
            if self._process is None:
                return
        logger.error("the process at whose tables people play has died; their matches go on at another")
        with suppress(ArenaError), Ledger.open(self._url, create=False) as ledger:
            self.resume(ledger)

    def close(self) -> None:
        """Ends the process; matches under way go on at the next host."""
        with self._lock:
            if self._process is not None:
                self._process.stop()
                self._process = None


def _host(connection: Connection, url: str) -> None:
    """The life of the process: a thread for each table that it is asked for."""
    with Ledger.open(url, create=False) as ledger:
        asked = {"devices": [TABLE], "kinds": [PLAY_JOB], "until_empty": True}
        with suppress(EOFError):
            while True:
                table = threading.Timer(connection.recv(), work, args=(ledger,), kwargs=asked)
                table.daemon = True
                table.start()

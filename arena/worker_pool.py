"""A pool of worker processes beside a server: started when jobs wait, replaced when they die, gone when the server is.

A worker that is told to stop gives its job back. One that is killed leaves it to the next, as any worker does.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from multiprocessing.connection import Connection
from pathlib import Path

from arena.attendance import Worker, attending
from arena.games.errors import ArenaError
from arena.games.worker_process import WorkerProcess
from arena.interruption import signals_interrupt
from arena.job_kinds import JOB_KINDS
from arena.job_rows import JobRow, Resources
from arena.job_work import Progress, is_work, worker_name
from arena.ledger import Ledger
from arena.workplace import PROCESSES, workplace_of

LOOK_S = 1.0
"""Between two looks at the ledger and the workers."""
SHORTEST_S, LONGEST_S = 1.0, 60.0
"""How long the pool waits before it replaces a worker that died: twice as long after each in a row that did not live long."""

Within = Callable[[], AbstractContextManager[object]]

logger = logging.getLogger(__name__)


def usual_workers() -> int:
    """How many workers a server has that says nothing of them: one core is left to the server, where there are two."""
    return max(1, _cores() - 1)


@contextmanager
def worker_pool(
    ledger: Ledger, workers: int, executor: str = PROCESSES, *, within: Within = nullcontext
) -> Iterator[WorkerPool]:
    """So many workers at the ledger's jobs while the block runs; afterwards what they were doing waits for others.

    Args:
        ledger: whose jobs are done.
        workers: how many processes at most, at least 1.
        executor: where jobs are computed: in these ``processes``, among which the machine's cores and memory are shared out evenly and
            its GPUs one a worker; or in a Ray cluster, ``ray://...``: then each looks after one job at a time.
        within: a function of a module, called in each worker for what it lives in, as the form of its log.
    """
    gives = shares(workers) if executor == PROCESSES else [None] * workers
    pool = WorkerPool(ledger, executor, gives, within=within)
    with attending(ledger, pool.there):
        pool.start()
        try:
            yield pool
        finally:
            pool.stop()


def shares(workers: int) -> list[Resources]:
    """What each of so many workers can give of this machine."""
    gpus = len(list(Path("/dev").glob("nvidia[0-9]*")))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        Resources(cpus=max(1, _cores() // workers), gpus=1 if number < gpus else 0, memory_bytes=memory // workers)
        for number in range(workers)
    ]


class WorkerPool:
    """Supervises workers in a thread of its own: they die with it."""

    def __init__(
        self, ledger: Ledger, executor: str, gives: Sequence[Resources | None], *, within: Within = nullcontext
    ):
        self._ledger, self._executor, self._within = ledger, executor, within
        self._places = [_Place(number, one) for number, one in enumerate(gives)]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="worker pool", daemon=True)

    @property
    def pids(self) -> list[int]:
        """The processes that live now."""
        return [place.worker.process.pid or 0 for place in self._places if place.worker is not None]

    def there(self) -> list[Worker]:
        """Who could do a job: all, but for those in a cluster that live and say so themselves."""
        return [place.offer() for place in self._places if place.gives is not None or place.worker is None]

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends all workers; those that work give their jobs back."""
        self._over.set()
        self._thread.join()

    def _supervise(self) -> None:
        try:
            while not self._over.wait(LOOK_S):
                for place in self._places:
                    place.bury()
                self._fill()
        finally:
            living = [place.worker for place in self._places if place.worker is not None]
            for worker in living:
                worker.process.terminate()  # all at once
            for worker in living:
                worker.stop()

    def _fill(self) -> None:
        """Starts one more worker where a job waits that it could do."""
        for place in self._places:
            if place.may_start() and self._waits(place):
                place.start(self._ledger, self._executor, self._within)
                return

    def _waits(self, place: _Place) -> bool:
        try:
            return is_work(self._ledger, place.devices, gives=place.gives)
        except ArenaError as error:
            logger.warning("cannot see whether jobs wait: %s", error)
            return False


class _Place:
    """One worker's place in the pool, empty or not."""

    def __init__(self, number: int, gives: Resources | None):
        self.gives = gives
        self.devices = ["cpu", "torch", *(["cuda"] if gives is None or gives.gpus else [])]
        self.worker: WorkerProcess | None = None
        self._number = number
        self._started = 0.0
        self._delay = SHORTEST_S
        self._not_before = 0.0

    def offer(self) -> Worker:
        name = f"{worker_name()}, place {self._number + 1}"
        return Worker(name=name, devices=tuple(self.devices), kinds=tuple(JOB_KINDS), gives=self.gives)

    def may_start(self) -> bool:
        return self.worker is None and time.monotonic() >= self._not_before

    def start(self, ledger: Ledger, executor: str, within: Within) -> None:
        url = ledger.url.render_as_string(hide_password=False)
        devices = None if self.gives is None else self.devices  # a cluster's own change
        self.worker = WorkerProcess(_live, url, executor, self._number, self.gives, devices, within, daemon=False)
        self._started = time.monotonic()

    def bury(self) -> None:
        """Empties the place of a worker that died; the next one waits a while."""
        if self.worker is None or self.worker.process.is_alive():
            return
        code, lived = self.worker.stop(), time.monotonic() - self._started
        self.worker = None
        self._delay = SHORTEST_S if lived > LONGEST_S else min(LONGEST_S, 2 * self._delay)
        self._not_before = time.monotonic() + self._delay
        logger.warning("a worker died (exit code %s); it is replaced after %.0f seconds", code, self._delay)


def _live(
    connection: Connection,
    url: str,
    executor: str,
    number: int,
    gives: Resources | None,
    devices: Sequence[str] | None,
    within: Within,
) -> None:
    """The life of a worker: does jobs until the pool closes the connection, asks it to end or dies."""
    if gives is not None:
        os.environ["OMP_NUM_THREADS"] = str(int(gives.cpus))
        os.environ["CUDA_VISIBLE_DEVICES"] = str(number) if gives.gpus else ""
    from arena.worker import work, worker_at  # late: what it imports reads the environment once

    with within():
        try:
            with Ledger.open(url, create=False) as ledger, signals_interrupt() as interrupted:

                def begun(row: JobRow) -> Progress:
                    logger.info("job %s (%s) on %s", row.key[:12], row.kind, row.device)
                    return lambda *_: interrupted()

                workplace = workplace_of(executor)
                elsewhere = nullcontext() if gives is not None else attending(ledger, lambda: [worker_at(workplace)])
                with elsewhere:
                    work(
                        ledger,
                        devices=devices,
                        gives=gives,
                        pause=connection.poll,
                        workplace=workplace,
                        on_begun=begun,
                    )
        except KeyboardInterrupt:
            return
        except ArenaError as error:  # a cluster or a ledger that is not there: whoever replaces this worker tries again
            logger.error("%s", error)
            sys.exit(1)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

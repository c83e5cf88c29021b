"""Doing jobs: a worker claims one, says now and then that it is alive and how far it is, and ends it.

A worker that falls silent loses its job to the next, and its late answer is refused: a job knows its holder by the number of the
claim. So a job ends once, whoever dies. Workers that die one after the other and record nothing give it up; once something is
recorded that the next one goes on from, deaths are counted anew.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import numpy as np
import sqlalchemy as sa

from arena.connection import LedgerUnavailable
from arena.games.errors import ArenaError
from arena.heartbeat import heartbeat
from arena.interruption import is_asked_to_end
from arena.job_rows import JobRow, JobStatus, Resources
from arena.jobs import job
from arena.ledger import Ledger, LedgerError
from arena.ledger_entries import SILENT_S, now
from arena.ledger_schema import jobs
from arena.ledger_state import REST, UNDER_WAY

MOST_ATTEMPTS = 3  # a job whose workers died so often, one after the other, and recorded nothing is given up

AGAIN_S = 1.0  # between two attempts to reach a ledger that does not answer

Done = TypeVar("Done")
Progress = Callable[[int, int], None]
Far = tuple[int | None, int | None]
"""(done, planned), as far as it is known."""
Work = Callable[[JobRow, Progress], Mapping[str, object]]
"""From a job that was claimed and who hears how far it is to the answer, in types of JSON."""


class LostJob(ArenaError):
    """A job that is no longer this worker's: given to somebody else, cancelled or over."""

    work_failed = True


class WorkplaceLost(ArenaError):
    """Where a job was computed does not answer any more, which is not the job's fault."""


def claim(
    ledger: Ledger,
    workers: Mapping[str, str],
    *,
    kinds: Collection[str] | None = None,
    gives: Resources | None = None,
) -> JobRow | None:
    """A job for this worker, the oldest that waits or that its worker has left; None where there is nothing to do.

    Args:
        ledger: where jobs wait.
        workers: of each device that the worker has, who it is there, as `worker_name` says.
        kinds: what it can do; None: anything.
        gives: takes only jobs that need no more than this; None: any.
    """
    able = _able(workers, kinds, gives)
    query = sa.select(jobs.c.id, jobs.c.key, jobs.c.attempts, jobs.c.device).where(able).order_by(jobs.c.id).limit(1)
    with ledger.writing() as connection:
        if connection.dialect.name == "postgresql":  # SQLite has one writer at a time
            query = query.with_for_update(skip_locked=True)
        while (found := connection.execute(query).first()) is not None:
            if found.attempts < MOST_ATTEMPTS:
                _take(connection, found.id, workers[found.device])
                break
            said = f"its worker died {found.attempts} times"
            given_up = jobs.update().where(jobs.c.id == found.id)
            connection.execute(given_up.values(status="failed", error=said, finished_at=now()))
    return None if found is None else job(ledger, found.key)


def is_work(
    ledger: Ledger, devices: Collection[str], *, kinds: Collection[str] | None = None, gives: Resources | None = None
) -> bool:
    """Whether there is a job that a worker with these devices could claim now. Arguments as of `claim`."""
    with ledger.reading() as connection:
        return connection.execute(sa.select(jobs.c.id).where(_able(devices, kinds, gives)).limit(1)).first() is not None


def finish(ledger: Ledger, row: JobRow, result: Mapping[str, object], far: Far = (None, None)) -> JobRow:
    """Keeps the answer of a job that was claimed, and how far it went; what is not a finite number becomes None.

    Raises:
        LostJob: it is no longer this worker's.
    """
    done, planned = far
    return _end(ledger, row, status="finished", result=_plain(dict(result)), error=None, done=done, planned=planned)


def fail(ledger: Ledger, row: JobRow, error: str) -> JobRow:
    """Keeps why a job that was claimed has no answer.

    Raises:
        LostJob: it is no longer this worker's.
    """
    return _end(ledger, row, status="failed", error=error)


def give_back(ledger: Ledger, row: JobRow) -> None:
    """Lets a job that was claimed wait for another worker, as one does that is told to stop; nothing where it is lost."""
    one_less = sa.case((jobs.c.attempts > 0, jobs.c.attempts - 1), else_=0)  # it is 0 once something was recorded
    _change(ledger, row, status="waiting", worker=None, attempts=one_less)


def note_answer(ledger: Ledger, row: JobRow, known: Mapping[str, object]) -> None:
    """Notes what is known of the answer of a job under way, for those who watch it and for a next worker.

    Raises:
        LostJob: it is no longer this worker's.
    """
    _change_mine(ledger, row, result=_plain(dict(known)))


def note_worker(ledger: Ledger, row: JobRow, worker: str) -> None:
    """Notes where a job is computed, where that is not here. Raises `LostJob`."""
    _change_mine(ledger, row, worker=worker)


def note_recorded(ledger: Ledger, row: JobRow) -> None:
    """Notes that a next worker would go on from what this one has recorded: its death is no failed attempt. Raises `LostJob`."""
    _change_mine(ledger, row, attempts=0)


def keep_checkpoint(ledger: Ledger, row: JobRow, content_hash: str | None) -> None:
    """Notes of a job that was claimed the artifact from which another worker could go on; None: there is none any longer.

    Raises:
        LostJob: it is no longer this worker's.
    """
    _change_mine(ledger, row, UNDER_WAY, checkpoint=content_hash, attempts=0)


def do_here(ledger: Ledger, asked: JobRow, work: Work, *, progress: Progress | None = None) -> JobRow:
    """A job that was asked for, done by this process and its answer kept. A finished one is not done again.

    Raises:
        LedgerError: a worker is doing it now.
        Exception: what `work` raises; the job then is ``failed``, or waits again where somebody interrupted it.
    """
    if asked.status == "finished":
        return asked
    claimed = _claim_this(ledger, asked, worker_name(asked.device))
    return carry_out(ledger, claimed, work, progress=progress)


def carry_out(ledger: Ledger, row: JobRow, work: Work, *, progress: Progress | None = None) -> JobRow:
    """The job, ended: `work` is done while others hear that somebody is at it.

    Raises:
        LostJob: somebody else has it by now.
        Exception: what `work` raises, noted in the ledger.
    """
    hold = Hold(ledger, row, progress)
    try:
        with heartbeat(hold.keep):
            result = work(row, hold.went)
    except (LedgerUnavailable, WorkplaceLost):  # nobody's failure
        _patiently(lambda: give_back(ledger, row))
        raise
    except Exception as error:
        if is_asked_to_end():  # which some code takes for another error, as a compiler that is broken off
            give_back(ledger, row)
            raise KeyboardInterrupt from error
        said = str(error) or type(error).__name__
        _patiently(lambda: fail(ledger, row, said))
        raise
    except BaseException:  # an interruption is nobody's failure
        give_back(ledger, row)
        raise
    return _patiently(lambda: finish(ledger, row, result, hold.far))


def worker_name(device: str = "cpu") -> str:
    """Who computes here, and on what: ``cpu of HOST, process 17`` or the GPU's own name."""
    return f"{_device_name(device)} of {platform.node() or 'this machine'}, process {os.getpid()}"


class Hold:
    """A worker's hold on its job while it works: what it says to others, and whether it has lost the job."""

    def __init__(self, ledger: Ledger, row: JobRow, progress: Progress | None):
        self._ledger, self._row, self._progress = ledger, row, progress
        self.far: Far = (row.done, row.planned)
        self._lost = False

    def went(self, done: int, planned: int) -> None:
        """Hears how far it is. Raises `LostJob` once the job is somebody else's."""
        if self._lost:
            raise _lost(self._row)
        self.far = done, planned
        if self._progress is not None:
            self._progress(done, planned)

    def keep(self) -> None:
        """Says that the work goes on, and how far it is."""
        done, planned = self.far
        self._lost = not _change(self._ledger, self._row, UNDER_WAY, alive_at=now(), done=done, planned=planned)


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return str(torch.cuda.get_device_name(device)) if torch.cuda.is_available() else device


def _claim_this(ledger: Ledger, asked: JobRow, worker: str) -> JobRow:
    with ledger.writing() as connection:
        if not _take(connection, asked.id, worker):
            raise LedgerError(f"{asked.worker or 'a worker'} is at this job already: arena job show {asked.key[:12]}")
    return job(ledger, asked.key)


def _able(devices: Collection[str], kinds: Collection[str] | None, gives: Resources | None) -> sa.ColumnElement[bool]:
    """Jobs that somebody with these devices, kinds of jobs and resources may take."""
    able = [_open(), jobs.c.device.in_(list(devices))]
    if kinds is not None:
        able.append(jobs.c.kind.in_(list(kinds)))
    if gives is not None:
        able += [jobs.c.cpus <= gives.cpus, jobs.c.gpus <= gives.gpus, jobs.c.memory_bytes <= gives.memory_bytes]
    return sa.and_(*able)


def _patiently(act: Callable[[], Done]) -> Done:
    """What `act` returns, once the ledger is there: as long as nobody else takes the job, a server may restart."""
    deadline = time.monotonic() + SILENT_S
    while True:
        try:
            return act()
        except LedgerUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _open() -> sa.ColumnElement[bool]:
    """Jobs that anybody may take: they wait, or their worker has left them."""
    return sa.or_(jobs.c.status == "waiting", sa.and_(jobs.c.status == "running", jobs.c.alive_at < now(-SILENT_S)))


def _take(connection: sa.Connection, number: int, worker: str) -> bool:
    """Whether the job is this worker's now."""
    taken = connection.execute(
        jobs.update()
        .where(jobs.c.id == number, _open())
        .values(
            status="running",
            worker=worker,
            attempts=jobs.c.attempts + 1,
            claims=jobs.c.claims + 1,
            started_at=now(),
            alive_at=now(),
            error=None,
        )
    )
    return bool(taken.rowcount)


def _end(ledger: Ledger, row: JobRow, *, status: JobStatus, **values: object) -> JobRow:
    _change_mine(ledger, row, status=status, finished_at=now(), alive_at=now(), **values)
    return job(ledger, row.key)


def _change_mine(ledger: Ledger, row: JobRow, topic: str = REST, /, **values: object) -> None:
    """Raises `LostJob` where it is no longer this worker's."""
    if not _change(ledger, row, topic, **values):
        raise _lost(row)


def _change(ledger: Ledger, row: JobRow, topic: str = REST, /, **values: object) -> bool:
    """Whether a job that was claimed is still this worker's; then it has these values now, which are of this topic."""
    mine = (jobs.c.id == row.id, jobs.c.status == "running", jobs.c.claims == row.claims)
    with ledger.writing(topic) as connection:
        return bool(connection.execute(jobs.update().where(*mine).values(**values)).rowcount)


def _lost(row: JobRow) -> LostJob:
    return LostJob(f"job {row.key[:12]} ({row.kind}) is no longer this worker's; its answer is not kept")


def _plain(value: object) -> object:
    """The value in types of JSON."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value

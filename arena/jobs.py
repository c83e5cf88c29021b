"""Jobs: work whose answer is kept in the ledger, done here or by any worker that opens the same ledger.

A job is what is asked: a kind, a game, perhaps an agent, settings, and the device that it wants. Asking twice is one job. Who
works on one says so now and then; a worker that falls silent loses it to the next, and its late answer is refused. So a job
ends once, whoever dies.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Collection, Mapping
from functools import partial

import numpy as np
import sqlalchemy as sa

from arena.games.errors import ArenaError, UnknownName
from arena.heartbeat import heartbeat
from arena.job_rows import JobRow, JobStatus, job_key, read_jobs
from arena.ledger import AgentVersion, Ledger, LedgerError
from arena.ledger_entries import SILENT_S, insert_new, now
from arena.ledger_schema import curves, jobs

MOST_ATTEMPTS = 3  # a job whose workers died so often is given up

Progress = Callable[[int, int], None]
Work = Callable[[JobRow, Progress], Mapping[str, object]]
"""From a job that was claimed and who hears how far it is to the answer, in types of JSON."""


class LostJob(ArenaError):
    """An answer that came too late: the job had been given to somebody else, or is over."""

    work_failed = True


def submit(
    ledger: Ledger,
    *,
    kind: str,
    game: str,
    agent: AgentVersion | None = None,
    settings: Mapping[str, object] | None = None,
    device: str = "cpu",
) -> JobRow:
    """The job that asks for this; a new one waits for a worker, a failed one waits again.

    Args:
        ledger: where it is kept.
        kind: what is to be done, as a worker knows it.
        game: its specification.
        agent: whom it is about.
        settings: values of JSON; what they say decides, not their order.
        device: where it shall be computed, as torch names it: ``cpu``, ``cuda``.
    """
    asked = dict(settings or {})
    agent_id = None if agent is None else agent.id
    key = job_key(kind, game, agent_id, asked, device)
    row = {
        "key": key,
        "kind": kind,
        "game": game,
        "agent_id": agent_id,
        "settings": asked,
        "device": device,
        "status": "waiting",
        "attempts": 0,
        "created_at": now(),
    }
    with ledger.writing() as connection:
        if insert_new(connection, jobs, row) is None:
            connection.execute(
                jobs.update()
                .where(jobs.c.key == key, jobs.c.status == "failed")
                .values(status="waiting", attempts=0, error=None)
            )
    return job(ledger, key)


def job(ledger: Ledger, key: str) -> JobRow:
    """The job of this key, or of the only key that begins so.

    Raises:
        UnknownName: there is none, or there are several.
    """
    found = read_jobs(ledger, jobs.c.key.startswith(key, autoescape=True))
    exact = [row for row in found if row.key == key] or found
    if len(exact) != 1:
        raise UnknownName("job", key, [row.key[:12] for row in found or read_jobs(ledger, sa.true())])
    return exact[0]


def all_jobs(
    ledger: Ledger, *, game: str | None = None, kind: str | None = None, status: JobStatus | None = None
) -> list[JobRow]:
    """The jobs of a ledger in the order in which they were asked for; of a game, a kind, a status."""
    wanted = [
        column == value
        for column, value in ((jobs.c.game, game), (jobs.c.kind, kind), (jobs.c.status, status))
        if value is not None
    ]
    return read_jobs(ledger, sa.and_(sa.true(), *wanted))


def newest(ledger: Ledger, game: str, kind: str) -> dict[int | None, JobRow]:
    """Of each agent (None: of all) the job of this kind that was finished last."""
    finished = all_jobs(ledger, game=game, kind=kind, status="finished")
    return {row.agent_id: row for row in sorted(finished, key=lambda row: (row.finished_at or "", row.id))}


def finished(ledger: Ledger, game: str) -> int:
    """A number that grows whenever a job of the game is finished: what was shown of its jobs before is old then."""
    query = sa.select(sa.func.count()).where(jobs.c.game == game, jobs.c.status == "finished")
    with ledger.reading() as connection:
        return int(connection.scalars(query).one())


def claim(ledger: Ledger, workers: Mapping[str, str], *, kinds: Collection[str] | None = None) -> JobRow | None:
    """A job for this worker, the oldest that waits or that its worker has left; None where there is nothing to do.

    Args:
        ledger: where jobs wait.
        workers: of each device that the worker has, who it is there, as `worker_name` says.
        kinds: what it can do; None: anything.
    """
    able = [_open(), jobs.c.device.in_(list(workers))]
    if kinds is not None:
        able.append(jobs.c.kind.in_(list(kinds)))
    query = sa.select(jobs.c.id, jobs.c.key, jobs.c.attempts, jobs.c.device).where(*able).order_by(jobs.c.id).limit(1)
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


def finish(ledger: Ledger, row: JobRow, result: Mapping[str, object]) -> JobRow:
    """Keeps the answer of a job that was claimed; what is not a finite number becomes None.

    Raises:
        LostJob: it is no longer this worker's.
    """
    return _end(ledger, row, status="finished", result=_plain(dict(result)), error=None)


def fail(ledger: Ledger, row: JobRow, error: str) -> JobRow:
    """Keeps why a job that was claimed has no answer.

    Raises:
        LostJob: it is no longer this worker's.
    """
    return _end(ledger, row, status="failed", result=None, error=error)


def give_back(ledger: Ledger, row: JobRow) -> None:
    """Lets a job that was claimed wait for another worker, as one does that is told to stop."""
    with ledger.writing() as connection:
        connection.execute(
            jobs.update().where(*_mine(row)).values(status="waiting", worker=None, attempts=jobs.c.attempts - 1)
        )


def keep_checkpoint(ledger: Ledger, row: JobRow, content_hash: str | None) -> None:
    """Notes of a job that was claimed the artifact from which another worker could go on; None: there is none any longer.

    Raises:
        LostJob: it is no longer this worker's.
    """
    with ledger.writing() as connection:
        noted = connection.execute(jobs.update().where(*_mine(row)).values(checkpoint=content_hash))
    if not noted.rowcount:
        raise _lost(row)


def withdraw(ledger: Ledger, row: JobRow) -> bool:
    """Whether a job that waits is gone now, as if nobody had asked for it; one that somebody has begun or ended stays."""
    with ledger.writing() as connection:
        mine = sa.select(jobs.c.id).where(jobs.c.id == row.id, jobs.c.status == "waiting")
        connection.execute(curves.delete().where(curves.c.job_id.in_(mine)))
        gone = connection.execute(jobs.delete().where(jobs.c.id == row.id, jobs.c.status == "waiting"))
    return bool(gone.rowcount)


def record(
    ledger: Ledger,
    *,
    kind: str,
    game: str,
    work: Work,
    agent: AgentVersion | None = None,
    settings: Mapping[str, object] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> JobRow:
    """Does a job here and keeps its answer. A finished one is not done again.

    Args:
        ledger, kind, game, agent, settings, device: as of `submit`.
        work: does it.
        progress: hears how far it is.

    Raises:
        LedgerError: a worker is doing it now.
        Exception: what `work` raises; the job then is ``failed``, or waits again where somebody interrupted it.
    """
    asked = submit(ledger, kind=kind, game=game, agent=agent, settings=settings, device=device)
    return do_here(ledger, asked, work, progress=progress)


def do_here(ledger: Ledger, asked: JobRow, work: Work, *, progress: Progress | None = None) -> JobRow:
    """A job that was asked for, done by this process. Arguments and errors as of `record`."""
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
    try:
        with heartbeat(partial(_keep_alive, ledger, row)):
            result = work(row, progress or _unheard)
    except Exception as error:
        fail(ledger, row, str(error) or type(error).__name__)
        raise
    except BaseException:  # an interruption is nobody's failure
        give_back(ledger, row)
        raise
    return finish(ledger, row, result)


def worker_name(device: str = "cpu") -> str:
    """Who computes here, and on what: ``cpu of HOST, process 17`` or the GPU's own name."""
    return f"{_device_name(device)} of {platform.node() or 'this machine'}, process {os.getpid()}"


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
            started_at=now(),
            alive_at=now(),
            error=None,
        )
    )
    return bool(taken.rowcount)


def _end(ledger: Ledger, row: JobRow, *, status: JobStatus, result: object, error: str | None) -> JobRow:
    with ledger.writing() as connection:
        ended = connection.execute(
            jobs.update()
            .where(*_mine(row))
            .values(status=status, result=result, error=error, finished_at=now(), alive_at=now())
        )
    if not ended.rowcount:
        raise _lost(row)
    return job(ledger, row.key)


def _lost(row: JobRow) -> LostJob:
    return LostJob(f"job {row.key[:12]} ({row.kind}) is no longer this worker's; its answer is not kept")


def _mine(row: JobRow) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        jobs.c.id == row.id,
        jobs.c.status == "running",
        jobs.c.worker == row.worker,
        jobs.c.attempts == row.attempts,
    )


def _unheard(done: int, planned: int) -> None:
    """Progress that nobody asked for."""


def _keep_alive(ledger: Ledger, row: JobRow) -> None:
    with ledger.writing() as connection:
        connection.execute(jobs.update().where(*_mine(row)).values(alive_at=now()))


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

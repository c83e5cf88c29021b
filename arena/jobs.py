"""Jobs: work whose answer is kept in the ledger, done here or by any worker that opens the same ledger.

A job is what is asked: a kind, a game, perhaps an agent, settings, the device that it wants and what it needs of a machine. Asking
twice is one job. Whoever does one holds it as `arena.job_work` says, so that a job ends once, whoever dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import sqlalchemy as sa

from arena.games.errors import UnknownName
from arena.job_rows import JobRow, JobStatus, Resources, job_key, read_jobs, usual_needs
from arena.ledger import AgentVersion, Ledger
from arena.ledger_entries import insert_new, now
from arena.ledger_schema import curves, jobs
from arena.ledger_state import REST, UNDER_WAY


def submit(
    ledger: Ledger,
    *,
    kind: str,
    game: str,
    agent: AgentVersion | None = None,
    settings: Mapping[str, object] | None = None,
    device: str = "cpu",
    needs: Resources | None = None,
) -> JobRow:
    """The job that asks for this; a new one waits for a worker, one that failed or was cancelled waits again.

    Args:
        ledger: where it is kept.
        kind: what is to be done, as a worker knows it.
        game: its specification.
        agent: whom it is about.
        settings: values of JSON; what they say decides, not their order.
        device: where it shall be computed, as torch names it: ``cpu``, ``cuda``.
        needs: what a worker must give it, `usual_needs` of the device by default; of one that nobody does, as was said last.
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
        "claims": 0,
        **asdict(needs or usual_needs(device)),
        "created_at": now(),
    }
    with ledger.writing() as connection:
        if insert_new(connection, jobs, row) is None:
            connection.execute(
                jobs.update()
                .where(jobs.c.key == key, jobs.c.status.in_(("failed", "cancelled")))
                .values(status="waiting", attempts=0, error=None)
            )
            if needs is not None:
                mine = (jobs.c.key == key, jobs.c.status == "waiting")
                connection.execute(jobs.update().where(*mine).values(**asdict(needs)))
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
    return read_jobs(ledger, sa.and_(sa.true(), *wanted), topic=REST if status == "finished" else UNDER_WAY)


def games_with_jobs(ledger: Ledger) -> list[str]:
    """The games that some job is about, with matches or without."""
    with ledger.reading(REST) as connection:
        return list(connection.scalars(sa.select(jobs.c.game).distinct().order_by(jobs.c.game)))


def counts(ledger: Ledger) -> dict[str, int]:
    """How many jobs are in each state in which there are some."""
    query = sa.select(jobs.c.status, sa.func.count()).group_by(jobs.c.status)
    with ledger.reading(REST) as connection:
        return {str(status): int(count) for status, count in connection.execute(query)}


def newest(ledger: Ledger, game: str, kind: str) -> dict[int | None, JobRow]:
    """Of each agent (None: of all) the job of this kind that was finished last."""
    finished = all_jobs(ledger, game=game, kind=kind, status="finished")
    return {row.agent_id: row for row in sorted(finished, key=lambda row: (row.finished_at or "", row.id))}


def finished(ledger: Ledger, game: str) -> int:
    """A number that grows whenever a job of the game is finished: what was shown of its jobs before is old then."""
    query = sa.select(sa.func.count()).where(jobs.c.game == game, jobs.c.status == "finished")
    with ledger.reading(REST) as connection:
        return int(connection.scalars(query).one())


def withdraw(ledger: Ledger, row: JobRow) -> bool:
    """Whether a job that waits is gone now, as if nobody had asked for it; one that somebody has begun or ended stays."""
    waits = (jobs.c.id == row.id, jobs.c.status == "waiting")
    with ledger.writing() as connection:
        checkpoint = connection.execute(sa.select(jobs.c.checkpoint).where(*waits)).scalar()
        connection.execute(curves.delete().where(curves.c.job_id.in_(sa.select(jobs.c.id).where(*waits))))
        gone = connection.execute(jobs.delete().where(*waits))
    if checkpoint is not None:
        ledger.artifacts.remove(checkpoint)
    return bool(gone.rowcount)


def cancel(ledger: Ledger, row: JobRow) -> bool:
    """Whether a job that waits or is being done is cancelled now. Its worker stops when it next says that it is alive or how far it
    is; what it had recorded stays, and asking again goes on from there."""
    with ledger.writing() as connection:
        ended = connection.execute(
            jobs.update()
            .where(jobs.c.id == row.id, jobs.c.status.in_(("waiting", "running")))
            .values(status="cancelled", error="it was cancelled", finished_at=now())
        )
    return bool(ended.rowcount)

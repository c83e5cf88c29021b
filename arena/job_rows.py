"""Jobs on their way out of the ledger's table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import sqlalchemy as sa

from arena.ledger import Ledger
from arena.ledger_rows import Json
from arena.ledger_schema import agents, jobs

JobStatus = Literal["waiting", "running", "finished", "failed"]
JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it stands in the ledger. ``agent``: the label of the agent that it is about, None where it is about all.

    ``device``: what it asks for; ``worker``: who has or had it, with the device that it computed on. ``result`` once it is
    ``finished``, ``error`` once it is ``failed``. ``checkpoint``: of a training under way, the artifact to go on from. Times: ISO
    8601 in UTC.
    """

    id: int
    key: str
    kind: str
    game: str
    agent_id: int | None
    agent: str | None
    settings: Json
    device: str
    status: JobStatus
    attempts: int
    worker: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    result: Json | None
    error: str | None
    checkpoint: str | None


def job_key(kind: str, game: str, agent_id: int | None, settings: Mapping[str, object], device: str) -> str:
    """The key of the job that asks for this: asking twice is one job, in whatever order settings stand."""
    text = json.dumps([kind, game, agent_id, dict(settings), device], sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_jobs(ledger: Ledger, which: sa.ColumnElement[bool]) -> list[JobRow]:
    """In the order in which they were asked for."""
    query = (
        sa.select(jobs, agents.c.name, agents.c.version)
        .outerjoin(agents, agents.c.id == jobs.c.agent_id)
        .where(which)
        .order_by(jobs.c.id)
    )
    with ledger.reading() as connection:
        return [_row(found) for found in connection.execute(query)]


def _row(found: sa.Row[tuple[object, ...]]) -> JobRow:
    return JobRow(
        id=found.id,
        key=found.key,
        kind=found.kind,
        game=found.game,
        agent_id=found.agent_id,
        agent=None if found.name is None else f"{found.name}@{found.version}",
        settings=found.settings,
        device=found.device,
        status=found.status,
        attempts=found.attempts,
        worker=found.worker,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        result=found.result,
        error=found.error,
        checkpoint=found.checkpoint,
    )

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
from arena.ledger_state import UNDER_WAY

JobStatus = Literal["waiting", "running", "finished", "failed", "cancelled"]
JOB_STATUSES: tuple[JobStatus, ...] = get_args(JobStatus)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What a job takes of a machine while it is done, or what a worker can give: CPU cores, GPUs, bytes of memory."""

    cpus: float = 1.0
    gpus: float = 0.0
    memory_bytes: int = 0


def usual_needs(device: str) -> Resources:
    """What a job takes that says nothing of it: one core, and the GPU that it computes on."""
    return Resources(gpus=1.0 if device.startswith("cuda") else 0.0)


def needs_of(
    device: str, *, cpus: float | None = None, gpus: float | None = None, memory_bytes: int | None = None
) -> Resources:
    """What a job takes that says some of it; the rest is usual."""
    usual = usual_needs(device)
    return Resources(
        cpus=usual.cpus if cpus is None else cpus,
        gpus=usual.gpus if gpus is None else gpus,
        memory_bytes=usual.memory_bytes if memory_bytes is None else memory_bytes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it stands in the ledger. ``agent``: the label of the agent that it is about, None where it is about all.

    ``device``: what it asks for; ``worker``: who has or had it, with the device that it computed on. ``needs``: what a worker must
    give it. ``attempts``: how many workers in a row took it and recorded nothing; ``claims``: how often it was taken in all.
    ``done`` of ``planned``: how far it was when it was last heard of, None before. ``result`` once it is ``finished``, or what is
    known of it before; ``error`` once it is ``failed`` or ``cancelled``. ``checkpoint``: of work under way, the artifact to go on
    from. Times: ISO 8601 in UTC.
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
    needs: Resources
    attempts: int
    claims: int
    done: int | None
    planned: int | None
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


def read_jobs(ledger: Ledger, which: sa.ColumnElement[bool], *, topic: str = UNDER_WAY) -> list[JobRow]:
    """In the order in which they were asked for. ``topic``: `arena.ledger_state.REST` where they are over."""
    query = (
        sa.select(jobs, agents.c.name, agents.c.version)
        .outerjoin(agents, agents.c.id == jobs.c.agent_id)
        .where(which)
        .order_by(jobs.c.id)
    )
    with ledger.reading(topic) as connection:
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
        needs=Resources(cpus=found.cpus, gpus=found.gpus, memory_bytes=found.memory_bytes),
        attempts=found.attempts,
        claims=found.claims,
        done=found.done,
        planned=found.planned,
        worker=found.worker,
        created_at=found.created_at,
        started_at=found.started_at,
        finished_at=found.finished_at,
        result=found.result,
        error=found.error,
        checkpoint=found.checkpoint,
    )

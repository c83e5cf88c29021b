"""Workers that are there now: each says what it can do, so that a job that none of them can do is told instead of waiting silently."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from arena.games.errors import ArenaError
from arena.heartbeat import heartbeat
from arena.job_rows import JobRow, Resources
from arena.ledger import Ledger
from arena.ledger_entries import SILENT_S, now
from arena.ledger_state import REST
from arena.worker_schema import workers

GIB = 2**30

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that is there. ``gives``: the most that a job can have of it, None where that is not counted."""

    name: str
    devices: tuple[str, ...]
    kinds: tuple[str, ...]
    gives: Resources | None


@contextmanager
def attending(ledger: Ledger, there: Callable[[], Sequence[Worker]]) -> Iterator[None]:
    """Says while the block runs that these workers are there.

    Args:
        ledger: whose jobs they do.
        there: says which they are now, whenever it is said again.
    """

    def come(gone: bool = False) -> None:
        try:
            _note(ledger, there(), gone=gone)
        except ArenaError as error:  # a ledger that is only read, or away: the next time will do
            logger.warning("cannot say that workers are there: %s", error)

    come()
    try:
        with heartbeat(come):
            yield
    finally:
        come(gone=True)


def workers_there(ledger: Ledger) -> list[Worker]:
    """The workers that were heard of lately, by name."""
    query = sa.select(workers).where(workers.c.alive_at >= now(-SILENT_S)).order_by(workers.c.name)
    with ledger.reading(REST) as connection:
        return [
            Worker(
                name=row.name,
                devices=tuple(row.devices),
                kinds=tuple(row.kinds),
                gives=None
                if row.cpus is None
                else Resources(cpus=row.cpus, gpus=row.gpus, memory_bytes=row.memory_bytes),
            )
            for row in connection.execute(query)
        ]


def lacking(row: JobRow, there: Sequence[Worker]) -> str:
    """Why a job waits that none of these workers can do, as the end of a sentence; '' where it does not wait, or one can."""
    if row.status != "waiting":
        return ""
    if not there:
        return "no worker is there: start arena worker, or arena serve"
    able = [one for one in there if row.kind in one.kinds]
    if not able:
        return f"no worker that is there does jobs {row.kind!r}"
    able = [one for one in able if row.device in one.devices]
    if not able:
        return f"no worker that is there computes on {row.device}"
    counted = [one.gives for one in able if one.gives is not None]
    if len(counted) < len(able) or any(_fits(row.needs, gives) for gives in counted):
        return ""
    most = Resources(
        cpus=max(gives.cpus for gives in counted),
        gpus=max(gives.gpus for gives in counted),
        memory_bytes=max(gives.memory_bytes for gives in counted),
    )
    if _fits(row.needs, most):
        return f"it needs {needs_words(row.needs)}, which no worker gives together"
    return f"it needs {needs_words(row.needs)}; the most that workers give is {needs_words(most)}"


def needs_words(needs: Resources) -> str:
    """``2 cores, 1 GPU and 16 GiB of memory``."""
    parts = [f"{needs.cpus:g} core{'' if needs.cpus == 1 else 's'}"]
    if needs.gpus:
        parts.append(f"{needs.gpus:g} GPU{'' if needs.gpus == 1 else 's'}")
    if needs.memory_bytes:
        parts.append(f"{needs.memory_bytes / GIB:.3g} GiB of memory")
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _fits(needs: Resources, gives: Resources) -> bool:
    return needs.cpus <= gives.cpus and needs.gpus <= gives.gpus and needs.memory_bytes <= gives.memory_bytes


def _note(ledger: Ledger, there: Sequence[Worker], *, gone: bool) -> None:
    """Notes that they are there now, or gone; who has been silent for long is forgotten. Most often nothing else is new."""
    names = [one.name for one in there]
    known = () if gone else workers_there(ledger)
    if not gone and all(one in known for one in there):
        with ledger.writing(None) as connection:
            connection.execute(workers.update().where(workers.c.name.in_(names)).values(alive_at=now()))
        return
    with ledger.writing() as connection:
        old = sa.or_(workers.c.name.in_(names), workers.c.alive_at < now(-SILENT_S))
        connection.execute(workers.delete().where(old))
        for one in () if gone else there:
            gives = one.gives
            connection.execute(
                workers.insert().values(
                    name=one.name,
                    devices=list(one.devices),
                    kinds=list(one.kinds),
                    cpus=None if gives is None else gives.cpus,
                    gpus=None if gives is None else gives.gpus,
                    memory_bytes=None if gives is None else gives.memory_bytes,
                    alive_at=now(),
                )
            )

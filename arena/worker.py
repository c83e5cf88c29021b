"""A worker: takes jobs from a ledger one after the other and does them, as long as there are some or for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from arena.attendance import Worker
from arena.connection import LedgerUnavailable
from arena.games.errors import ArenaError
from arena.job_kinds import CPU, JOB_KINDS, do_job
from arena.job_rows import JobRow, Resources
from arena.job_work import LostJob, Progress, WorkplaceLost, carry_out, claim, worker_name
from arena.jobs import job
from arena.ledger import Ledger
from arena.workplace import HERE, Workplace

POLL_S = 2.0  # between two looks at a ledger that has no job

logger = logging.getLogger(__name__)

Begun = Callable[[JobRow], Progress]
Ended = Callable[[JobRow], None]
Pause = Callable[[float], object]
"""Waits for so many seconds, or less; what is true ends the worker."""


def work(
    ledger: Ledger,
    *,
    devices: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
    gives: Resources | None = None,
    until_empty: bool = False,
    poll_s: float = POLL_S,
    pause: Pause = time.sleep,
    workplace: Workplace = HERE,
    on_begun: Begun | None = None,
    on_ended: Ended | None = None,
) -> int:
    """Does the jobs of a ledger; how many were done. An error of a job is kept with it, and the worker goes on.

    Args:
        ledger: where jobs wait; several workers may share it. One that does not answer is asked again.
        devices: what this worker computes on; None: all that the workplace has.
        kinds: what it does; None: all kinds that this release knows.
        gives: takes only jobs that need no more; None: what the workplace gives.
        until_empty: end where nothing waits; else look again every `poll_s` seconds.
        pause: how it waits between two looks.
        workplace: where jobs are computed.
        on_begun: hears of each job and returns who hears of its progress.
        on_ended: hears how it ended.

    Raises:
        WorkplaceLost: the workplace does not answer any more; the job that was computed there waits again.
    """
    done = 0
    while True:
        row, empty = None, False
        try:
            row = _claimed(ledger, kinds or JOB_KINDS, devices or workplace.devices(), gives, workplace)
            empty = row is None
        except LedgerUnavailable as unavailable:
            logger.warning("%s; the worker looks again", unavailable)
        if row is None:
            if (until_empty and empty) or pause(poll_s):
                return done
            continue
        ended = _done(ledger, row, on_begun(row) if on_begun else None, workplace)
        if ended is None:
            continue
        done += 1
        if on_ended:
            on_ended(ended)


def worker_at(
    workplace: Workplace, *, devices: Collection[str] | None = None, kinds: Collection[str] | None = None
) -> Worker:
    """This process as a worker that is there. Arguments as of `work`."""
    return Worker(
        name=worker_name(),
        devices=tuple(devices or workplace.devices()),
        kinds=tuple(kinds or JOB_KINDS),
        gives=workplace.gives(),
    )


def _claimed(
    ledger: Ledger, kinds: Collection[str], devices: Collection[str], gives: Resources | None, workplace: Workplace
) -> JobRow | None:
    """A job that can be done there. What cannot be sent to a cluster is done by this process, which may have no GPU."""
    most = gives or workplace.gives()
    sent = [kind for kind in kinds if workplace.is_here or JOB_KINDS[kind].travels]
    row = claim(ledger, {device: worker_name(device) for device in devices}, kinds=sent, gives=most)
    if row is None and len(sent) < len(kinds):
        row = claim(ledger, {CPU: worker_name()}, kinds=set(kinds) - set(sent), gives=most)
    return row


def _done(ledger: Ledger, row: JobRow, progress: Progress | None, workplace: Workplace) -> JobRow | None:
    """The job, ended well or badly; None where it is to be done again, or somebody else has it by now."""
    try:
        return carry_out(ledger, row, partial(do_job, ledger, workplace=workplace), progress=progress)
    except (LostJob, LedgerUnavailable) as lost:
        logger.warning("%s", lost)
        return None
    except WorkplaceLost:
        raise
    except ArenaError:
        return job(ledger, row.key)
    except Exception:  # a defect of one kind of job must not stop the others
        logger.exception("job %s (%s) broke down", row.key[:12], row.kind)
        return job(ledger, row.key)

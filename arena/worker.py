"""A worker: takes jobs from a ledger one after the other and does them, as long as there are some or for ever."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from functools import partial

from arena.games.errors import ArenaError
from arena.job_kinds import CPU, JOB_KINDS, do_job
from arena.job_rows import JobRow
from arena.job_work import LostJob, Progress, carry_out, claim, worker_name
from arena.jobs import job
from arena.ledger import Ledger
from arena.solvers.tensor_tree import CPU_TENSORS

POLL_S = 2.0  # between two looks at a ledger that has no job

logger = logging.getLogger(__name__)

Begun = Callable[[JobRow], Progress]
Ended = Callable[[JobRow], None]


def work(
    ledger: Ledger,
    *,
    devices: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
    until_empty: bool = False,
    poll_s: float = POLL_S,
    on_begun: Begun | None = None,
    on_ended: Ended | None = None,
) -> int:
    """Does the jobs of a ledger; how many were done. An error of a job is kept with it, and the worker goes on.

    Args:
        ledger: where jobs wait; several workers may share it.
        devices: what this worker computes on; None: all that are here.
        kinds: what it does; None: all kinds that this release knows.
        until_empty: end where nothing waits; else look again every `poll_s` seconds.
        on_begun: hears of each job and returns who hears of its progress.
        on_ended: hears how it ended.
    """
    workers = {device: worker_name(device) for device in (devices_here() if devices is None else devices)}
    done = 0
    while True:
        row = claim(ledger, workers, kinds=kinds or JOB_KINDS)
        if row is None:
            if until_empty:
                return done
            time.sleep(poll_s)
            continue
        ended = _done(ledger, row, on_begun(row) if on_begun else None)
        if ended is None:
            continue
        done += 1
        if on_ended:
            on_ended(ended)


def _done(ledger: Ledger, row: JobRow, progress: Progress | None) -> JobRow | None:
    """The job, ended well or badly; None where somebody else has it by now."""
    try:
        return carry_out(ledger, row, partial(do_job, ledger), progress=progress)
    except LostJob as lost:
        logger.warning("%s", lost)
        return None
    except ArenaError:
        return job(ledger, row.key)
    except Exception:  # a defect of one kind of job must not stop the others
        logger.exception("job %s (%s) broke down", row.key[:12], row.kind)
        return job(ledger, row.key)


def devices_here() -> list[str]:
    """The devices that jobs can ask for on this machine: ``cpu``, ``torch``, and each GPU."""
    import torch

    here = [CPU, CPU_TENSORS]
    if torch.cuda.is_available():
        here += ["cuda", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    return here

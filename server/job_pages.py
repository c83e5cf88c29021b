"""The jobs of the ledger: what waits, what is computed where and how far it is, what came out or why nothing did."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from arena.attendance import lacking, workers_there
from arena.job_rows import JobRow, JobStatus, read_jobs
from arena.jobs import counts
from arena.ledger import Ledger
from arena.ledger_schema import jobs
from arena.server.site import SiteOf, page

SHOWN = 100
ORDER: tuple[JobStatus, ...] = ("running", "waiting", "failed", "cancelled", "finished")

router = APIRouter()


@router.get("/jobs")
def jobs_page(request: Request, site: SiteOf, status: str = "") -> Response:
    wanted = status if status in ORDER else ""
    found, there = counts(site.ledger), workers_there(site.ledger)
    return page(
        request,
        "jobs.html",
        jobs=[(row, lacking(row, there)) for row in newest_jobs(site.ledger, wanted)],
        workers=there,
        counts={state: found[state] for state in ORDER if state in found},
        wanted=wanted,
        most=SHOWN,
    )


def newest_jobs(ledger: Ledger, status: str) -> list[JobRow]:
    """The newest jobs, the last one first; of a state, or of all."""
    newest = sa.select(jobs.c.id).order_by(jobs.c.id.desc()).limit(SHOWN)
    if status:
        newest = newest.where(jobs.c.status == status)
    return read_jobs(ledger, jobs.c.id.in_(newest))[::-1]

"""The jobs of the ledger: what waits, what is computed where and how far it is, what came out or why nothing did."""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from arena.attendance import lacking, workers_there
from arena.job_rows import JobRow, JobStatus, read_jobs
from arena.jobs import counts, job
from arena.ledger import Ledger
from arena.ledger_schema import jobs
from arena.server.site import SiteOf, page, tournament_address
from arena.tournament_job import CONFIG, TOURNAMENT

SHOWN = 100
LOOK_AGAIN_S = 3
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


@router.get("/jobs/{key}")
def job_page(request: Request, site: SiteOf, key: str) -> Response:
    """How far a job is; of one that plays a tournament, that tournament once it has begun."""
    row = job(site.ledger, key)
    begun = (row.result or {}).get(TOURNAMENT)
    if isinstance(begun, str) and row.status in ("running", "finished"):
        return RedirectResponse(tournament_address(begun), 303)
    config = row.settings.get(CONFIG)
    answer = page(
        request,
        "job.html",
        job=row,
        name=config["name"] if isinstance(config, dict) else row.kind,
        lacks=lacking(row, workers_there(site.ledger)),
    )
    if row.status in ("waiting", "running"):
        answer.headers["Refresh"] = str(LOOK_AGAIN_S)  # by which browsers load the page again, without a script
    return answer


def job_address(key: str) -> str:
    return f"/jobs/{key}"


def newest_jobs(ledger: Ledger, status: str) -> list[JobRow]:
    """The newest jobs, the last one first; of a state, or of all."""
    newest = sa.select(jobs.c.id).order_by(jobs.c.id.desc()).limit(SHOWN)
    if status:
        newest = newest.where(jobs.c.status == status)
    return read_jobs(ledger, jobs.c.id.in_(newest))[::-1]

"""Jobs: work whose answer the ledger keeps. Asking for it, how far it is, what a training told, and cancelling it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena.attendance import Worker, workers_there
from arena.curves import read_curve
from arena.job_kinds import CPU, JOB_KINDS, TENSOR_DEVICES
from arena.job_rows import JobRow, JobStatus, Resources, needs_of
from arena.jobs import all_jobs, games_with_jobs, job
from arena.server.access import Scope, allowed
from arena.server.api.answers import WRITE_ERRORS, PageAnswer, PageAsked, list_answer
from arena.server.api.leaderboards import known_game
from arena.server.api.route import IDEMPOTENT, ApiRoute
from arena.server.site import SiteOf, json_answer
from arena.shown_origin import shown_config
from arena.source import JobOver, LedgerSource
from arena.tournament_job import CONFIG

router = APIRouter(tags=["jobs"], route_class=ApiRoute)

JobKey = Annotated[str, Path(min_length=1, description="a job's key, or how it begins where no other begins so")]
Setting = str | int | float
Device = Annotated[str, Field(max_length=20, examples=["cpu", "cuda"], description="where it computes")]


class JobList(PageAnswer):
    jobs: list[JobRow]


class KindFacts(BaseModel):
    """``about``: the whole field of a game, one agent, or a game alone; ``settings``: their defaults."""

    kind: str
    about: Literal["field", "agent", "game"]
    meaning: str
    settings: dict[str, Setting]
    devices: list[str]


class KindList(BaseModel):
    kinds: list[KindFacts]


class CurveAnswer(BaseModel):
    """``columns``: numbers by name, one a row of ``steps``; null where a number was not told."""

    steps: list[int]
    columns: dict[str, list[float | None]]


class NewNeeds(BaseModel, extra="forbid"):
    """What a worker must give a job; what is left out is usual: a core, and the GPU that it computes on."""

    cpus: float | None = Field(default=None, gt=0, le=4096, allow_inf_nan=False)
    gpus: float | None = Field(default=None, ge=0, le=4096, allow_inf_nan=False)
    memory_bytes: int | None = Field(default=None, ge=0, lt=2**63)

    def of(self, device: str) -> Resources:
        return needs_of(device, cpus=self.cpus, gpus=self.gpus, memory_bytes=self.memory_bytes)


class WorkerList(BaseModel):
    """Workers that are there now. ``gives``: the most that a job can have of one, null where that is not counted."""

    workers: list[Worker]


class NewJob(BaseModel, extra="forbid"):
    """A column of a ladder to be computed. ``agents``: of kinds about an agent; none are all of the game."""

    kind: str = Field(examples=["bootstrap", "exploit"])
    game: str = Field(max_length=500, examples=["openspiel:kuhn_poker"])
    agents: list[str] = Field(default=[], max_length=1000)
    settings: dict[str, Setting] = Field(default={}, max_length=100)
    device: Device = CPU
    needs: NewNeeds = NewNeeds()


@router.get("/jobs", summary="Jobs, oldest first", response_model=JobList)
def list_jobs(
    request: Request,
    site: SiteOf,
    page: PageAsked,
    game: Annotated[str | None, Query(description="only those of this game")] = None,
    kind: Annotated[str | None, Query(description="only those of this kind")] = None,
    status: Annotated[JobStatus | None, Query(description="only such")] = None,
) -> Response:
    only = None if game is None else known_game(site, game, games_with_jobs(site.ledger))
    found = all_jobs(site.ledger, game=only, kind=kind, status=status)
    return list_answer(request, page, "jobs", found, key=lambda row: (row.id,), show=job_facts)


@router.get("/job-kinds", summary="What can be computed, and its settings", response_model=KindList)
def list_job_kinds(request: Request) -> Response:
    kinds = [
        {
            "kind": name,
            "about": kind.about,
            "meaning": kind.meaning,
            "settings": dict(kind.settings),
            "devices": [CPU, *(TENSOR_DEVICES if kind.on_tensors else ())],
        }
        for name, kind in JOB_KINDS.items()
    ]
    return json_answer(request, {"kinds": kinds})


@router.get("/workers", summary="Who does jobs now, and what each can give", response_model=WorkerList)
def list_workers(request: Request, site: SiteOf) -> Response:
    return json_answer(request, {"workers": [dataclasses.asdict(one) for one in workers_there(site.ledger)]})


@router.get("/jobs/{key}", summary="One job and its answer", response_model=JobRow)
def get_job(request: Request, site: SiteOf, key: JobKey) -> Response:
    return json_answer(request, job_facts(job(site.ledger, key)))


@router.get("/jobs/{key}/curve", summary="What a training or a solver told while it ran", response_model=CurveAnswer)
def get_curve(request: Request, site: SiteOf, key: JobKey) -> Response:
    columns = read_curve(site.ledger, job(site.ledger, key)).to_dict()
    return json_answer(request, {"steps": columns.pop("steps"), "columns": columns})


@router.post(
    "/jobs",
    summary="Ask for a column of a ladder: asking twice is one job",
    response_model=JobList,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def submit_job(request: Request, site: SiteOf, asked: NewJob) -> Response:
    source = LedgerSource(site.ledger)
    game = known_game(site, asked.game)
    needs = asked.needs.of(asked.device)
    rows = source.ask(game, asked.kind, agents=asked.agents, settings=asked.settings, device=asked.device, needs=needs)
    return json_answer(request, {"jobs": [job_facts(row) for row in rows], "next": None}, status=201)


@router.delete(
    "/jobs/{key}",
    summary="Cancel a job that waits or is being done; what it recorded stays",
    response_model=JobRow,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def cancel_job(request: Request, site: SiteOf, key: JobKey) -> Response:
    try:
        return json_answer(request, job_facts(LedgerSource(site.ledger).cancel_job(key)))
    except JobOver as error:
        raise HTTPException(409, str(error)) from None


def job_facts(row: JobRow) -> dict[str, object]:
    """A job in types of JSON; the seed of a tournament is told once that is over, for who takes part is not known before it begins."""
    config = row.settings.get(CONFIG)
    told = {CONFIG: shown_config(config, hidden=row.status != "finished")} if isinstance(config, dict) else {}
    return dataclasses.asdict(row) | {"settings": {**row.settings, **told}}

"""Solver runs, trainings and verifications: asked for here, done as jobs, and followed as jobs."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from arena.job_rows import JobRow
from arena.named_games import refuse_files
from arena.server.access import Scope, allowed
from arena.server.api.answers import WRITE_ERRORS
from arena.server.api.jobs import Device, NewNeeds, Setting, job_facts
from arena.server.api.route import IDEMPOTENT, ApiRoute
from arena.server.site import SiteOf, json_answer

router = APIRouter(tags=["jobs"], route_class=ApiRoute)


class NewSolve(BaseModel, extra="forbid"):
    """A game to be solved. ``settings``: the method's own; docs/reference/solvers.md lists them."""

    method: str = Field(max_length=100, examples=["cfr_plus"])
    game: str = Field(max_length=500, examples=["openspiel:kuhn_poker"])
    settings: dict[str, Setting] = Field(default={}, max_length=100, examples=[{"iterations": 1000}])
    device: Device = "cpu"
    needs: NewNeeds = NewNeeds()


class NewTraining(BaseModel, extra="forbid"):
    """A policy that learns by self-play and becomes the agent ``name``; what is left out has the method's defaults."""

    name: str = Field(max_length=60, examples=["learner"])
    method: str = Field(max_length=100, examples=["ppo"])
    game: str = Field(max_length=500, examples=["openspiel:leduc_poker"])
    steps: int | None = Field(default=None, ge=1, le=10**12)
    tables: int | None = Field(default=None, ge=1, le=2**16)
    hidden: tuple[int, ...] | None = Field(default=None, max_length=16)
    memory: int | None = Field(default=None, ge=0, le=2**14)
    until: float | None = Field(default=None, gt=0)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    precision: Literal["float32", "bfloat16"] | None = None
    settings: dict[str, bool | Setting | None] = Field(default={}, max_length=100)
    device: Device = "cpu"
    needs: NewNeeds = NewNeeds()


class NewVerification(BaseModel, extra="forbid"):
    """``matches``: how many are played again, drawn at random by ``seed``; all without it."""

    of: str = Field(max_length=500, description="a game, a tournament's key, or KEY/NUMBER for one match")
    matches: int | None = Field(default=None, ge=1, lt=2**63)
    seed: int | None = Field(default=None, ge=0, lt=2**63)


@router.post(
    "/verifications",
    summary="Have recorded matches played again, and all that follows from them recomputed: a job whose answer says what differs",
    response_model=JobRow,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def start_verification(request: Request, site: SiteOf, asked: NewVerification) -> Response:
    from arena.verify_job import ask_verification  # late: it loads all that columns are computed with

    row = ask_verification(site.ledger, asked.of, matches=asked.matches, seed=asked.seed)
    return json_answer(request, job_facts(row), status=201)


@router.post(
    "/solves",
    summary="Have a game solved: a job whose answer has the certificate, and the policy as an artifact",
    response_model=JobRow,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def start_solve(request: Request, site: SiteOf, asked: NewSolve) -> Response:
    from arena.solve_job import ask_solve  # late: it loads every solver

    needs = asked.needs.of(asked.device)
    row = ask_solve(site.ledger, asked.method, asked.game, settings=asked.settings, device=asked.device, needs=needs)
    return json_answer(request, job_facts(row), status=201)


@router.post(
    "/trainings",
    summary="Have a policy trained: a job that makes an agent, with its curve",
    response_model=JobRow,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
)
def start_training(request: Request, site: SiteOf, asked: NewTraining) -> Response:
    from arena.solvers.learning.configurations import Configuration  # late: torch is slow to import
    from arena.training_job import ask_training

    refuse_files(site.ledger, asked.game)
    wanted = Configuration(**asked.model_dump(exclude={"name", "device", "needs"}, exclude_none=True))
    row = ask_training(site.ledger, wanted, name=asked.name, device=asked.device, needs=asked.needs.of(asked.device))
    return json_answer(request, job_facts(row), status=201)

"""Exchange of ledgers: what this one holds, the part that another lacks, and taking a part in. ``arena push`` and ``arena pull`` use it."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena.connection import LedgerError
from arena.exchange import Held, Holdings, holdings, take_in, write_part
from arena.server.access import Scope, allowed
from arena.server.api.answers import READ_ERRORS, WRITE_ERRORS
from arena.server.api.route import IDEMPOTENT, UPLOAD, ApiRoute, Uploaded, upload_body
from arena.server.site import SiteOf, WholeSite, json_answer

router = APIRouter(tags=["exchange"], route_class=ApiRoute)


class HoldingsFacts(BaseModel, extra="forbid"):
    """Tournaments by key; ``agents``, ``jobs``: by what tells them apart everywhere; ``artifacts``: hashes."""

    tournaments: dict[str, Held]
    agents: list[str]
    jobs: list[str]
    artifacts: list[str] = []
    most_bytes: int = Field(default=0, description="of a part that it takes; 0: any")


class MergedFacts(BaseModel):
    """What was new: agents by their label here, tournaments by key, ``completed`` ones that had fewer matches here, and how many
    matches, contents of agents and answers of jobs. ``renamed``: label there and here, where the version is another. ``refused``:
    none here; `arena push` leaves out tournaments that are others there."""

    agents: list[str]
    renamed: dict[str, str]
    tournaments: list[str]
    completed: list[str]
    matches: int
    artifacts: int
    jobs: int
    refused: list[str]


@router.get("/ledger", summary="What this ledger holds", response_model=HoldingsFacts)
def get_holdings(request: Request, site: SiteOf) -> Response:
    held = holdings(site.ledger, most_bytes=request.app.state.settings.upload_bytes)
    return json_answer(request, dataclasses.asdict(held))


@router.post(
    "/ledger/part",
    summary="What one with these holdings lacks of this ledger, part by part",
    description="An SQLite file; 204: there is no part of this number, and what was asked for before is all that it lacks.",
    response_class=Response,
    responses={
        200: {"content": {UPLOAD: {"schema": {"type": "string", "format": "binary"}}}, "description": "The part"},
        204: {"description": "It lacks nothing more"},
        **{status: told for status, told in (READ_ERRORS | WRITE_ERRORS).items() if status in (413, 415)},
    },
    dependencies=[Depends(allowed(Scope.RUN))],
)
def get_part(
    request: Request,
    site: SiteOf,
    known: HoldingsFacts,
    number: Annotated[int, Query(ge=0, lt=2**31, description="of the part, from 0")] = 0,
) -> Response:
    has = Holdings(
        tournaments=known.tournaments,
        agents=tuple(known.agents),
        jobs=tuple(known.jobs),
        artifacts=tuple(known.artifacts),
    )
    parts = request.app.state.planned_pulls.parts(site.ledger, has)
    if number >= len(parts):
        return Response(status_code=204)
    with tempfile.TemporaryDirectory(prefix="arena-part-") as folder:
        file = Path(folder) / "part.db"
        write_part(site.ledger, parts[number], has, file)
        return Response(file.read_bytes(), media_type=UPLOAD)


@router.post(
    "/ledger",
    summary="Take a part of another ledger in, by its keys; twice changes nothing",
    response_model=MergedFacts,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
    openapi_extra=upload_body("a part, as `arena push` makes it; contents of its agents are sent before it"),
)
def merge_part(request: Request, site: WholeSite, content: Uploaded) -> Response:
    with tempfile.TemporaryDirectory(prefix="arena-part-") as folder:
        file = Path(folder) / "part.db"
        file.write_bytes(content)
        try:
            merged = take_in(site.ledger, file)
        except LedgerError as error:
            raise HTTPException(409, str(error).replace(str(file), "what was sent")) from None
    return json_answer(request, merged.to_dict())

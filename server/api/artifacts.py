"""Artifacts: contents of agents and policies of solvers, by the SHA-256 of what they hold."""

from __future__ import annotations

import tempfile
from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response

from arena.artifacts import file_hash
from arena.games import UnknownName
from arena.server.access import Scope, allowed
from arena.server.api.answers import WRITE_ERRORS, PageAnswer, PageAsked, list_answer
from arena.server.api.route import IDEMPOTENT, UPLOAD, ApiRoute, Uploaded, upload_body
from arena.server.site import Site, SiteOf, json_answer

router = APIRouter(tags=["artifacts"], route_class=ApiRoute)

ContentHash = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the content in hex")]


class ArtifactFacts(BaseModel):
    """``ending``: of the file's name, by which loaders tell what it is; ``agents``: those that are made of it."""

    content_hash: str
    bytes: int
    ending: str
    agents: list[str]


class ArtifactList(PageAnswer):
    artifacts: list[ArtifactFacts]


@router.get("/artifacts", summary="Artifacts that the ledger has", response_model=ArtifactList)
def list_artifacts(request: Request, site: SiteOf, page: PageAsked) -> Response:
    made_of = _made_of(site)
    files = site.ledger.artifacts.files()
    return list_answer(
        request,
        page,
        "artifacts",
        files,
        key=lambda file: (file.name[:64],),
        show=lambda file: _facts(file, made_of),
    )


@router.get("/artifacts/{content_hash}", summary="Facts of one artifact", response_model=ArtifactFacts)
def get_artifact(request: Request, site: SiteOf, content_hash: ContentHash) -> Response:
    return json_answer(request, _facts(_file(site, content_hash), _made_of(site)))


@router.get(
    "/artifacts/{content_hash}/content",
    summary="The content of an artifact",
    response_class=FileResponse,
    dependencies=[Depends(allowed(Scope.RUN))],
    responses={
        200: {"content": {UPLOAD: {"schema": {"type": "string", "format": "binary"}}}, "description": "The file"}
    },
)
def get_artifact_content(site: SiteOf, content_hash: ContentHash) -> Response:
    file = _file(site, content_hash)
    return FileResponse(file, media_type=UPLOAD, filename=file.name, headers={"ETag": f'"{content_hash}"'})


@router.put(
    "/artifacts/{content_hash}",
    summary="Send the content of an artifact; it must have this hash",
    response_model=ArtifactFacts,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, Depends(allowed(Scope.RUN))],
    openapi_extra=upload_body("the file"),
)
def put_artifact(
    request: Request,
    site: SiteOf,
    content_hash: ContentHash,
    content: Uploaded,
    ending: Annotated[str, Query(pattern=r"^(\.[A-Za-z0-9]{1,16})?$", description="of the file's name, .npz")] = "",
) -> Response:
    with tempfile.TemporaryDirectory(prefix="arena-artifact-") as folder:
        file = FilePath(folder) / f"content{ending}"
        file.write_bytes(content)
        if (actual := file_hash(file)) != content_hash:
            raise HTTPException(409, f"what was sent has the hash {actual}; it was damaged on its way, or misnamed")
        site.ledger.artifacts.put(file)
    return json_answer(request, _facts(_file(site, content_hash), _made_of(site)))


def _file(site: Site, content_hash: str) -> FilePath:
    if content_hash not in site.ledger.artifacts:
        raise UnknownName("artifact", content_hash, [])
    return site.ledger.artifacts.path(content_hash)


def _made_of(site: Site) -> dict[str | None, list[str]]:
    """The labels of agents by the hash of what they are made of."""
    found: dict[str | None, list[str]] = {}
    for agent in site.ledger.agents(include_retired=True):
        found.setdefault(agent.content_hash, []).append(agent.label)
    return found


def _facts(file: FilePath, made_of: dict[str | None, list[str]]) -> dict[str, object]:
    return {
        "content_hash": file.name[:64],
        "bytes": file.stat().st_size,
        "ending": file.name[64:],
        "agents": made_of.get(file.name[:64], []),
    }

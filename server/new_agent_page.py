"""Registering an agent in a browser: by a specification that says it whole, or by a file of data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from arena.agent_names import require_free_now
from arena.agents import kinds
from arena.agents.registry import SELF_CONTAINED
from arena.agents.sandbox import SandboxUnavailable
from arena.games import ArenaError, SpecificationError
from arena.named_games import refuse_files
from arena.roster import register_own
from arena.server.access import Scope, allowed, visitor_of
from arena.server.site import SiteOf, agent_address, page
from arena.source import checked_name
from arena.uploads import KINDS, PROGRAM, add_upload

router = APIRouter(prefix="/new/agent", dependencies=[Depends(allowed(Scope.SUBMIT))])


@router.get("")
def new_agent_page(request: Request) -> Response:
    return _form(request, {})


@router.post("")
def new_agent(
    request: Request,
    site: SiteOf,
    name: Annotated[str, Form(max_length=200)] = "",
    specification: Annotated[str, Form(max_length=2000)] = "",
    file: Annotated[UploadFile | None, File()] = None,
    game: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    name, specification, game = name.strip(), specification.strip(), game.strip()
    sent = file is not None and file.filename
    visitor = visitor_of(request)
    account, anybodys = visitor.account, visitor.may(Scope.RUN)
    field = "name"
    try:
        checked_name(name)
        require_free_now(site.ledger, name, account=account, anybodys=anybodys)
        field = "specification"
        if bool(sent) == bool(specification):
            raise SpecificationError("either a specification or a file says what plays; give one of them")
        if file is None or not sent:
            added = register_own(site.ledger, name, specification, account=account, anybodys=anybodys)
        else:
            field = "game"
            refuse_files(site.ledger, game)
            field = "file"
            added = add_upload(
                site.ledger,
                name,
                file.file.read(),
                file_name=str(sent),
                game=game or None,
                account=account,
                anybodys=anybodys,
                programs=_takes_programs(request),
            )
    except SandboxUnavailable:  # nothing that was given is wrong
        raise
    except ArenaError as error:
        given = {"name": name, "specification": specification, "game": game}
        return _form(request, given, problems={field: str(error)})
    return RedirectResponse(agent_address(added.label), 303)


def _takes_programs(request: Request) -> bool:
    return bool(request.app.state.settings.uploaded_programs != "off")


def _form(request: Request, given: Mapping[str, str], *, problems: Mapping[str, str] | None = None) -> Response:
    """The form, with what was given to it before. ``problems``: by field what is wrong there."""
    return page(
        request,
        "new_agent.html",
        status=400 if problems else 200,
        given={"name": "", "specification": "", "game": "", **given},
        problems=problems or {},
        kinds=[kind for kind in kinds() if kind.name in SELF_CONTAINED],
        server=request.app.state.settings.public_url or str(request.base_url).rstrip("/"),
        endings=[*KINDS, *([PROGRAM] if _takes_programs(request) else [])],
    )

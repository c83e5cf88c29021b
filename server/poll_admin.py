"""What an admin does with polls: upload, open and close, ask for answers, review voters, invite."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import RedirectResponse, Response

from arena.games import ArenaError, SpecificationError
from arena.judge_input import answers_of
from arena.polls.answering import ask_for_answers
from arena.polls.poll import (
    Poll,
    PollSettings,
    change_settings,
    close_poll,
    make_poll,
    named_endpoints,
    open_poll,
    poll_of,
    poll_settings,
    with_lent_keys,
)
from arena.polls.voters import invite
from arena.server.access import Scope, allowed, visitor_of
from arena.server.poll_pages import poll_address, stands
from arena.server.site import WholeSite, page
from arena.server.vote_pages import vote_address
from arena.vote_reviews import State, decide

router = APIRouter(dependencies=[Depends(allowed(Scope.ADMIN))])


async def posted_settings(request: Request) -> dict[str, object]:
    """The settings that a form names; a box that is not ticked is not sent."""
    form = await request.form()
    return {name: form[name] for name in PollSettings.model_fields if name in form}


PostedSettings = Annotated[dict[str, object], Depends(posted_settings)]


@router.get("/new/poll")
def new_poll_page(request: Request) -> Response:
    return _form(request, {})


@router.post("/new/poll")
def new_poll(
    request: Request,
    site: WholeSite,
    file: Annotated[UploadFile, File()],
    name: Annotated[str, Form(max_length=100)],
    asked: PostedSettings,
    endpoints: Annotated[str, Form()] = "",
) -> Response:
    try:
        settings = poll_settings(asked)
        named = named_endpoints(line for line in endpoints.splitlines() if line.strip())
        named = with_lent_keys(named, request.app.state.settings.endpoint_keys)
        sheet = answers_of(file.file.read(), file.filename or "the file")
        poll = make_poll(site.ledger, sheet, name=name.strip(), settings=settings, endpoints=named)
    except ArenaError as error:
        return _form(request, asked | {"name": name, "endpoints": endpoints}, status=400, problem=str(error))
    ask_for_answers(site.ledger, poll)
    return _to(poll)


@router.post("/polls/{key}/state")
def change_state(
    request: Request, site: WholeSite, key: str, state: Annotated[Literal["open", "closed"], Form()]
) -> Response:
    poll = poll_of(site.ledger, key)
    try:
        (open_poll if state == "open" else close_poll)(site.ledger, poll)
    except ArenaError as error:
        return stands(request, site, poll, status=400, problem=str(error))
    return _to(poll)


@router.post("/polls/{key}/settings")
def set_settings(request: Request, site: WholeSite, key: str, given: PostedSettings) -> Response:
    poll = poll_of(site.ledger, key)
    try:
        change_settings(site.ledger, poll, poll_settings({"pairing": poll.settings.pairing, "reveal": False, **given}))
    except ArenaError as error:
        return stands(request, site, poll, status=400, problem=str(error))
    return _to(poll)


@router.post("/polls/{key}/answers")
def ask_again(site: WholeSite, key: str) -> Response:
    poll = poll_of(site.ledger, key)
    ask_for_answers(site.ledger, poll)
    return _to(poll)


@router.post("/polls/{key}/reviews")
def review(
    request: Request,
    site: WholeSite,
    key: str,
    voter: Annotated[int, Form(ge=1)],
    state: Annotated[State, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    poll = poll_of(site.ledger, key)
    who = visitor_of(request).account or ""
    said = reason.strip() or f"decided by {who}"
    try:
        decide(site.ledger, poll.tournament, judge=voter - 1, state=state, reason=said, decided_by=who)
    except SpecificationError as error:
        return stands(request, site, poll, status=400, problem=str(error))
    return RedirectResponse(f"{poll_address(poll)}#reviews", 303)


@router.post("/polls/{key}/invitations")
def new_invitations(
    request: Request, site: WholeSite, key: str, count: Annotated[int, Form(ge=1, le=1000)]
) -> Response:
    poll = poll_of(site.ledger, key)
    base = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    links = [f"{base}{vote_address(poll)}?invitation={text}" for text in invite(site.ledger, poll, count)]
    answer = stands(request, site, poll, links=links)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _form(request: Request, given: dict[str, object], *, status: int = 200, problem: str = "") -> Response:
    """The form for a new poll, with what was given to it before."""
    empty = {"name": "", "endpoints": "", **PollSettings().model_dump()}
    return page(request, "poll_new.html", status=status, given=empty | given, problem=problem)


def _to(poll: Poll) -> Response:
    return RedirectResponse(poll_address(poll), 303)

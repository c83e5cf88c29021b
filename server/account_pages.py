"""The page of one's own account: password, tokens, sessions. Only who has signed in by a browser is let in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from arena import accounts, credentials
from arena.accounts import Account, AccountError, Scope
from arena.credentials import Shown
from arena.server.access import Visitor, signed_in
from arena.server.sign_in_pages import TooManyWrong, begin_session, tried
from arena.server.site import Site, SiteOf, page

LONGEST_TOKEN_DAYS = 3650
NOT_YOURS = "the current password is another one"


async def in_session(visitor: Annotated[Visitor, Depends(signed_in)]) -> Visitor:
    """What a route depends on that is for people: a token, which may do less than its account, does not open it."""
    if not visitor.form_token:
        raise HTTPException(403, "sign in with a browser for this: a token does not open it")
    return visitor


InSession = Annotated[Visitor, Depends(in_session)]

router = APIRouter(prefix="/account")


@router.get("")
def account_page(request: Request, site: SiteOf, visitor: InSession) -> Response:
    return _page(request, site, _own(site, visitor))


@router.post("/password")
def change_password(
    request: Request,
    site: SiteOf,
    visitor: InSession,
    current: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    own = _own(site, visitor)
    try:
        found = tried(request, site.ledger, own.name, current)
    except TooManyWrong as error:
        return _page(request, site, own, status=429, wrong_password=str(error))
    if found is None:
        return _page(request, site, own, status=403, wrong_password=NOT_YOURS)
    try:
        accounts.change_password(site.ledger, own, password)
    except AccountError as error:
        return _page(request, site, own, status=400, wrong_password=str(error))
    return begin_session(request, site.ledger, own, to="/account")


@router.post("/tokens")
def new_token(
    request: Request,
    site: SiteOf,
    visitor: InSession,
    scope: Annotated[Scope, Form()],
    name: Annotated[str, Form(max_length=100)] = "",
    days: Annotated[int, Form(ge=1, le=LONGEST_TOKEN_DAYS)] = 90,
) -> Response:
    own = _own(site, visitor)
    try:
        shown = credentials.issue(site.ledger, "token", own, name=name, scope=scope, seconds=days * credentials.DAY_S)
    except AccountError as error:
        return _page(request, site, own, status=400, token_problem=str(error))
    return _page(request, site, own, shown=shown)


@router.post("/credentials/{prefix}/end")
def end_credential(site: SiteOf, visitor: InSession, prefix: str) -> Response:
    credentials.end(site.ledger, prefix, whose=_own(site, visitor))
    return RedirectResponse("/account", 303)


@router.post("/sign-out-everywhere")
def sign_out_everywhere(site: SiteOf, visitor: InSession) -> Response:
    accounts.end_credentials(site.ledger, _own(site, visitor), kind="session")
    return RedirectResponse("/sign-in", 303)


def _own(site: Site, visitor: Visitor) -> Account:
    return accounts.account(site.ledger, str(visitor.account))


def _page(
    request: Request,
    site: Site,
    own: Account,
    *,
    status: int = 200,
    shown: Shown | None = None,
    token_problem: str = "",
    wrong_password: str = "",
) -> Response:
    mine = credentials.all_credentials(site.ledger, whose=own)
    answer = page(
        request,
        "account.html",
        status=status,
        own=own,
        tokens=[one for one in mine if one.kind == "token"],
        sessions=[one for one in mine if one.kind == "session" and one.state == "valid"],
        scopes=[one for one in Scope if own.scope.includes(one)],
        shown=shown,
        token_problem=token_problem,
        wrong_password=wrong_password,
        shortest=accounts.SHORTEST_PASSWORD,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer

"""What admins see and do: accounts, invitations, the audit log."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from arena import accounts, audit, credentials
from arena.accounts import AccountError, Scope
from arena.credentials import Shown
from arena.server.access import allowed, visitor_of
from arena.server.account_pages import in_session
from arena.server.site import Site, SiteOf, page

PER_PAGE = 100
INVITED_DAYS = 7

router = APIRouter(prefix="/admin", dependencies=[Depends(allowed(Scope.ADMIN)), Depends(in_session)])


@router.get("")
def admin_page(request: Request, site: SiteOf) -> Response:
    return _page(request, site)


@router.post("/accounts/{name}")
def change_account(
    request: Request,
    site: SiteOf,
    name: str,
    scope: Annotated[Scope | None, Form()] = None,
    state: Annotated[Literal["disabled", "enabled"] | None, Form()] = None,
) -> Response:
    whose = accounts.account(site.ledger, name)
    try:
        if scope is not None:
            accounts.change_scope(site.ledger, whose, scope)
        if state is not None:
            (accounts.disable if state == "disabled" else accounts.enable)(site.ledger, whose)
    except AccountError as error:
        return _page(request, site, status=400, problem=str(error))
    return RedirectResponse("/admin", 303)


@router.post("/invitations")
def invite(
    request: Request, site: SiteOf, scope: Annotated[Scope, Form()], name: Annotated[str, Form(max_length=100)] = ""
) -> Response:
    require_invitations(request)
    inviter = accounts.account(site.ledger, str(visitor_of(request).account))
    seconds = INVITED_DAYS * credentials.DAY_S
    try:
        shown = credentials.issue(site.ledger, "invitation", inviter, name=name, scope=scope, seconds=seconds)
    except AccountError as error:
        return _page(request, site, status=400, problem=str(error))
    return _page(request, site, shown=shown)


@router.post("/invitations/{prefix}/end")
def withdraw(site: SiteOf, prefix: str) -> Response:
    credentials.end(site.ledger, credentials.credential(site.ledger, prefix, kind="invitation").prefix)
    return RedirectResponse("/admin", 303)


@router.get("/audit")
def audit_log(
    request: Request,
    site: SiteOf,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
    account: str = "",
) -> Response:
    found = audit.entries(site.ledger, most=PER_PAGE + 1, before=before, account=account or None)
    return page(
        request,
        "audit.html",
        entries=found[:PER_PAGE],
        older=found[PER_PAGE - 1].id if len(found) > PER_PAGE else None,
        account=account,
    )


def require_invitations(request: Request) -> None:
    """Raises `HTTPException` where the settings say that admins invite nobody."""
    if request.app.state.settings.sign_up == "closed":
        raise HTTPException(403, "nobody can sign up here: the setting sign_up is 'closed'")


def _page(
    request: Request, site: Site, *, status: int = 200, problem: str = "", shown: Shown | None = None
) -> Response:
    invitations = credentials.all_credentials(site.ledger, kind="invitation")
    base = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    answer = page(
        request,
        "admin.html",
        status=status,
        all_accounts=accounts.all_accounts(site.ledger),
        invitations=[one for one in invitations if one.state == "valid"],
        scopes=list(Scope),
        sign_up=request.app.state.settings.sign_up,
        problem=problem,
        link=f"{base}/sign-up?invitation={shown.text}" if shown else "",
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer

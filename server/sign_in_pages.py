"""Signing in, signing up, signing out: forms that work without a script, and the cookies that they set.

Wrong passwords are counted by the name that they were for, from wherever they come, so that guesses from many addresses are as few as
from one. A stranger must not lock an owner out so: each browser in which the owner has signed in before is counted for itself.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import RedirectResponse, Response

from arena import accounts, attempts, credentials
from arena.accounts import Account, AccountError, Scope
from arena.credentials import Credential
from arena.games import ArenaError
from arena.ledger import Ledger
from arena.server.access import Visitor, signed_in, visitor_of
from arena.server.gate import is_encrypted, own_cookie
from arena.server.settings import ServerSettings
from arena.server.site import SiteOf, page

WRONG = "this name and this password do not belong together"
CLOSED = "nobody can sign up here: ask whoever runs this server"
WRONG_WITHIN_S = 3600.0
KNOWN_S = 180.0 * credentials.DAY_S  # how long a browser counts as known, from when it became so

router = APIRouter()


class TooManyWrong(ArenaError):
    """Passwords for one name that were wrong, more than are tried; in so many seconds one is again."""

    def __init__(self, wait_s: int):
        minutes = math.ceil(wait_s / 60)
        super().__init__(
            f"too many wrong passwords were given for this name: try again in {minutes} minute{'s' if minutes > 1 else ''}, or with "
            "a browser in which you have signed in before"
        )
        self.wait_s = wait_s


@router.get("/sign-in")
def sign_in_form(request: Request, next: str = "/") -> Response:  # noqa: A002 - its name in addresses
    if visitor_of(request).account is not None:
        return RedirectResponse(local(next), 303)
    return _form(request, "sign_in.html", next=next)


@router.post("/sign-in")
def sign_in(
    request: Request,
    site: SiteOf,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",  # noqa: A002
) -> Response:
    try:
        found = tried(request, site.ledger, name, password)
    except TooManyWrong as error:
        answer = _form(request, "sign_in.html", status=429, problem=str(error), name=name, next=next)
        answer.headers["Retry-After"] = str(error.wait_s)
        return answer
    if found is None:
        return _form(request, "sign_in.html", status=401, problem=WRONG, name=name, next=next)
    return begin_session(request, site.ledger, found, to=next)


@router.get("/sign-up")
def sign_up_form(request: Request, site: SiteOf, invitation: str = "") -> Response:
    refusal = _refusal(request, site.ledger, invitation)
    return _form(request, "sign_up.html", status=403 if refusal else 200, refusal=refusal, invitation=invitation)


@router.post("/sign-up")
def sign_up(
    request: Request,
    site: SiteOf,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    invitation: Annotated[str, Form()] = "",
) -> Response:
    if refusal := _refusal(request, site.ledger, invitation):
        return _form(request, "sign_up.html", status=403, refusal=refusal)
    try:
        if invitation:
            made = credentials.accept(site.ledger, invitation, name, password)
        else:
            scope = Scope(_settings(request).sign_up_scope)
            made = accounts.add_account(site.ledger, name, password, scope)
    except AccountError as error:
        return _form(request, "sign_up.html", status=400, problem=str(error), name=name, invitation=invitation)
    return begin_session(request, site.ledger, made)


@router.post("/sign-out")
def sign_out(request: Request, site: SiteOf, visitor: Annotated[Visitor, Depends(signed_in)]) -> Response:
    credentials.end(site.ledger, str(visitor.credential))
    answer = RedirectResponse("/", 303)
    _set_cookie(request, answer, "session", "", 0)
    return answer


def tried(request: Request, ledger: Ledger, name: str, password: str) -> Account | None:
    """The account whose name and password these are; None: none. The audit log says of which account a password was tried.

    Raises:
        TooManyWrong: as many as are tried within an hour were wrong; this one is not looked at.
        ManySignIns: too many are at it.
    """
    name = name.strip().lower()
    if accounts.is_account(ledger, name):  # else it may be a password, typed where a name belongs
        request.state.subject = name
    counted = f"{_known_as(request, ledger, name)} {name}"
    most = _settings(request).wrong_passwords_per_hour
    if wait := attempts.wait_s(ledger, counted, most=most, within_s=WRONG_WITHIN_S):
        raise TooManyWrong(math.ceil(wait))
    found, wrong = None, False
    try:
        found = accounts.signed_in(ledger, name, password)
        wrong = found is None
    finally:
        if not wrong:
            attempts.give_back(ledger, counted)
    return found


def _known_as(request: Request, ledger: Ledger, name: str) -> str:
    """By what a visitor is told from strangers who try passwords of this account: the session, or a browser that it was signed in by."""
    visitor = visitor_of(request)
    if visitor.account == name:
        return f"session {visitor.credential}"
    known = _known_browser(request, ledger, name)
    return "stranger" if known is None else f"browser {known.prefix}"


def _known_browser(request: Request, ledger: Ledger, name: str) -> Credential | None:
    """What a browser keeps in which somebody has signed in to this account before."""
    text = request.cookies.get(own_cookie(request, _settings(request), "browser"), "")
    found = credentials.proved(ledger, text, "browser")
    return found[0] if found is not None and found[1].name == name else None


def begin_session(request: Request, ledger: Ledger, whose: Account, *, to: str = "/") -> Response:
    """Goes on to a page of this server, signed in by a session that nobody had before; one that was open ends."""
    settings = _settings(request)
    before = visitor_of(request)
    if before.form_token:
        credentials.end(ledger, str(before.credential))
    credentials.forget_old_sessions(ledger)
    seconds = settings.session_days * credentials.DAY_S
    browser = "".join(one for one in request.headers.get("user-agent", "") if one.isprintable())
    session = credentials.issue(ledger, "session", whose, name=browser, scope=whose.scope, seconds=seconds)
    request.state.account = whose.name
    answer = RedirectResponse(local(to), 303, {"Cache-Control": "no-store"})
    _set_cookie(request, answer, "session", session.text, int(seconds))
    if _known_browser(request, ledger, whose.name) is None:
        known = credentials.issue(ledger, "browser", whose, name=browser, scope=Scope.READ, seconds=KNOWN_S)
        _set_cookie(request, answer, "browser", known.text, int(KNOWN_S))
    return answer


def local(address: str) -> str:
    """The address where it is a path of this server, else the first page: a link to sign in leads nowhere else."""
    plain = address.isprintable() and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if plain else "/"


def _refusal(request: Request, ledger: Ledger, text: str) -> str:
    """Why nobody can sign up so, or ''. The operator's own invitations hold whatever the settings say."""
    sign_up = _settings(request).sign_up
    if not text:
        return "" if sign_up == "open" else CLOSED
    found = credentials.invitation(ledger, text)
    if found is None:
        return "this invitation has been used, was withdrawn or has expired: ask for another one"
    return CLOSED if sign_up == "closed" and found.account is not None else ""


def _form(request: Request, template: str, *, status: int = 200, **context: object) -> Response:
    defaults: dict[str, object] = {
        "problem": "",
        "refusal": "",
        "name": "",
        "invitation": "",
        "next": "/",
        "sign_up": _settings(request).sign_up,
        "shortest": accounts.SHORTEST_PASSWORD,
    }
    answer = page(request, template, status=status, **defaults | context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _settings(request: Request) -> ServerSettings:
    settings = request.app.state.settings
    assert isinstance(settings, ServerSettings)
    return settings


def _set_cookie(
    request: Request, answer: Response, kind: Literal["session", "browser"], text: str, seconds: int
) -> None:
    """Scripts cannot read it, other sites' forms do not send it, and where browsers come by https nothing else does."""
    settings = _settings(request)
    answer.set_cookie(
        own_cookie(request, settings, kind),
        text,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=is_encrypted(request, settings),
    )

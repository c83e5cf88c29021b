"""Accounts, their tokens, invitations and the audit log."""

from __future__ import annotations

import dataclasses
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena import accounts, audit, credentials
from arena.accounts import Account, Scope
from arena.audit import Entry
from arena.credentials import Credential, Kind
from arena.server.access import Visitor, allowed, signed_in, visitor_of
from arena.server.admin_pages import require_invitations
from arena.server.api.answers import WRITE_ERRORS, PageAnswer, PageAsked, list_answer
from arena.server.api.route import IDEMPOTENT, SHOWN_ONCE, ApiRoute, answer_once
from arena.server.site import Site, SiteOf, json_answer

router = APIRouter(tags=["accounts"], route_class=ApiRoute)

Prefix = Annotated[str, Path(max_length=100, description="what stands between `arena_` and the secret")]
Name = Annotated[str, Path(max_length=100, description="an account's name")]
SignedIn = Annotated[Visitor, Depends(signed_in)]
Password = Annotated[str, Field(min_length=accounts.SHORTEST_PASSWORD, max_length=accounts.LONGEST_PASSWORD)]
ADMIN = Depends(allowed(Scope.ADMIN))


class WhoAnswer(BaseModel):
    """Who asks. ``account``: null of a visitor; ``scope``: what he may do, null nothing; ``credential``: proved by which token or session."""

    account: str | None
    scope: Scope | None
    credential: str | None


class AccountList(PageAnswer):
    accounts: list[Account]


class TokenList(PageAnswer):
    tokens: list[Credential]


class InvitationList(PageAnswer):
    invitations: list[Credential]


class Secret(BaseModel):
    """A credential with what proves it."""

    credential: Credential
    text: str | None = Field(description="the whole of it" + SHOWN_ONCE)


class NewCredential(BaseModel, extra="forbid"):
    """A token, or an invitation. ``scope``: what it lets do; ``name``: what or whom it is for; ``days``: null 90."""

    scope: Scope
    name: str = Field(default="", max_length=100)
    days: float | None = Field(
        default=None,
        gt=0,
        le=3650,
        allow_inf_nan=False,
        description="how long it holds: by default 90, or as long as the token that asks; a token makes none that holds longer",
    )


class NewAccount(BaseModel, extra="forbid"):
    """An account that an admin makes for somebody, who can change the password at `/account`."""

    name: str = Field(max_length=100, description="2-32 small letters, digits, '.', '-' or '_'", examples=["ann"])
    password: Password
    scope: Scope


class AccountChange(BaseModel, extra="forbid"):
    """What is to be otherwise; what is not named stays. With another password its sessions end."""

    scope: Scope | None = None
    disabled: bool | None = None
    password: Password | None = None


class EntryList(PageAnswer):
    entries: list[Entry]


@router.get("/account", summary="Who asks, and what he may do", response_model=WhoAnswer)
def get_account(request: Request) -> Response:
    visitor = visitor_of(request)
    return json_answer(request, {"account": visitor.account, "scope": visitor.scope, "credential": visitor.credential})


@router.get("/tokens", summary="One's own tokens, newest first", response_model=TokenList)
def list_tokens(request: Request, site: SiteOf, page: PageAsked, visitor: SignedIn) -> Response:
    return _list(request, site, page, "tokens", "token", _own(site, visitor))


@router.post(
    "/tokens",
    summary="A new token of one's own",
    description="A token that is made by a token ends no later than that one, and is revoked with it.",
    response_model=Secret,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT],
)
def add_token(request: Request, site: SiteOf, asked: NewCredential, visitor: SignedIn) -> Response:
    if not visitor.may(asked.scope):
        raise HTTPException(403, f"a token for {asked.scope.value!r} would let do more than who asks for it")
    maker = None if visitor.form_token else credentials.credential(site.ledger, str(visitor.credential))
    return _issued(request, site, "token", _own(site, visitor), asked, maker)


@router.delete(
    "/tokens/{prefix}",
    summary="End a token of one's own, and all that were made by it",
    response_model=Credential,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT],
)
def end_token(request: Request, site: SiteOf, prefix: Prefix, visitor: SignedIn) -> Response:
    own = _own(site, visitor)
    found = credentials.credential(site.ledger, prefix, whose=own)
    if not visitor.may(found.scope):
        raise HTTPException(403, "a token ends no token that may do more than itself")
    return _ended(request, site, found)


@router.get("/accounts", summary="All accounts", response_model=AccountList, dependencies=[ADMIN])
def list_accounts(request: Request, site: SiteOf, page: PageAsked) -> Response:
    found = accounts.all_accounts(site.ledger)
    return list_answer(request, page, "accounts", found, key=lambda one: (one.name,), show=dataclasses.asdict)


@router.post(
    "/accounts",
    summary="Make an account",
    response_model=Account,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def add_account(request: Request, site: SiteOf, asked: NewAccount) -> Response:
    made = accounts.add_account(site.ledger, asked.name, asked.password, asked.scope)
    return json_answer(request, dataclasses.asdict(made), status=201)


@router.patch(
    "/accounts/{name}",
    summary="Change what an account may do, or its password, or shut it",
    response_model=Account,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def change_account(request: Request, site: SiteOf, name: Name, asked: AccountChange) -> Response:
    whose = accounts.account(site.ledger, name)
    if asked.scope is not None:
        accounts.change_scope(site.ledger, whose, asked.scope)
    if asked.password is not None:
        accounts.change_password(site.ledger, whose, asked.password)
    if asked.disabled is not None:
        (accounts.disable if asked.disabled else accounts.enable)(site.ledger, whose)
    return json_answer(request, dataclasses.asdict(accounts.account(site.ledger, name)))


@router.get(
    "/invitations", summary="All invitations, newest first", response_model=InvitationList, dependencies=[ADMIN]
)
def list_invitations(request: Request, site: SiteOf, page: PageAsked) -> Response:
    return _list(request, site, page, "invitations", "invitation", None)


@router.post(
    "/invitations",
    summary="Invite somebody to make an account, at `/sign-up?invitation=TEXT`",
    response_model=Secret,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT],
)
def invite(request: Request, site: SiteOf, asked: NewCredential, visitor: Annotated[Visitor, ADMIN]) -> Response:
    require_invitations(request)
    return _issued(request, site, "invitation", _own(site, visitor), asked)


@router.delete(
    "/invitations/{prefix}",
    summary="Withdraw an invitation",
    response_model=Credential,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def withdraw(request: Request, site: SiteOf, prefix: Prefix) -> Response:
    return _ended(request, site, credentials.credential(site.ledger, prefix, kind="invitation"))


@router.get("/audit", summary="The audit log, newest first", response_model=EntryList, dependencies=[ADMIN])
def list_audit(request: Request, site: SiteOf, page: PageAsked, account: str | None = None) -> Response:
    before = (
        1 - page.number_after() if page.after is not None else None
    )  # of entries that are listed by their negative number
    found = audit.entries(site.ledger, most=page.limit + 1, before=before, account=account)
    return list_answer(request, page, "entries", found, key=lambda entry: (-entry.id,), show=dataclasses.asdict)


def _own(site: Site, visitor: Visitor) -> Account:
    return accounts.account(site.ledger, str(visitor.account))


def _list(request: Request, site: Site, page: PageAsked, name: str, kind: Kind, whose: Account | None) -> Response:
    found = credentials.all_credentials(site.ledger, kind=kind, whose=whose)
    return list_answer(request, page, name, found, key=lambda one: (-one.id,), show=dataclasses.asdict)


def _issued(
    request: Request, site: Site, kind: Kind, whose: Account, asked: NewCredential, maker: Credential | None = None
) -> Response:
    seconds = None if asked.days is None else asked.days * credentials.DAY_S
    shown = credentials.issue(
        site.ledger, kind, whose, name=asked.name, scope=asked.scope, seconds=seconds, maker=maker
    )
    return answer_once(request, dataclasses.asdict(shown), shown_once="text", status=201)


def _ended(request: Request, site: Site, found: Credential) -> Response:
    credentials.end(site.ledger, found.prefix)
    return json_answer(request, dataclasses.asdict(credentials.credential(site.ledger, found.prefix)))

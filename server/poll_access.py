"""Who may do what in a poll: who votes as whom, and who sees whose answers are whose while voters must not learn it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from arena.ledger import Ledger
from arena.polls.casting import Choice, NotThisBallot, PollClosed, TooManyVotes, Voted, cast_ballot
from arena.polls.drawing import BallotDrawer
from arena.polls.poll import Poll
from arena.polls.voters import (
    Forged,
    account_cookie,
    become,
    cookie_key,
    invited_key,
    is_account_cookie,
    new_cookie,
    voter_key,
)
from arena.server.access import Scope, visitor_of
from arena.server.gate import address_of

COOKIE = "arena-voter"
REFUSALS = {PollClosed: 409, NotThisBallot: 409, TooManyVotes: 429, Forged: 403}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voter:
    """Who votes. ``key``: None of somebody whom the poll does not let vote; ``cookie``: one to be set, '' where none is; ``is_new``: whether
    nothing but that cookie would tell the voter again."""

    key: str | None
    cookie: str = ""
    is_new: bool = False


def voter_of(request: Request, ledger: Ledger, poll: Poll) -> Voter:
    """As whom somebody votes: by the account, by an invitation that the browser keeps, or by a cookie that is made now.

    Where anyone votes, a browser in which an account voted votes as that account after signing out, and who voted before signing in becomes
    the account's voter: signing in and out makes nobody two.
    """
    account = visitor_of(request).account
    kept = request.cookies.get(COOKIE)
    if poll.settings.voters == "invited":
        return Voter(key=invited_key(ledger, poll, kept))
    own = None if account is None else voter_key(poll, "account", account)
    if poll.settings.voters == "accounts":
        return Voter(key=own)
    known = cookie_key(poll, kept)
    if own is not None:
        if known is not None and known != own and not is_account_cookie(poll, kept or ""):
            become(ledger, poll, known, own)
        return Voter(key=own, cookie="" if known == own else account_cookie(poll, own))
    if known is not None:
        return Voter(key=known)
    fresh = new_cookie(poll)
    return Voter(key=cookie_key(poll, fresh), cookie=fresh, is_new=True)


def drawer_of(request: Request) -> BallotDrawer:
    """Draws the ballots of this server's polls."""
    return cast("BallotDrawer", request.app.state.ballot_drawer)


async def unnoted(connection: HTTPConnection) -> None:
    """What a route depends on that takes votes: the audit log does not note them, which would keep addresses beside votes."""
    connection.state.unnoted = True


def take_vote(request: Request, ledger: Ledger, poll: Poll, key: str, text: str, choice: Choice) -> Voted:
    """Casts a ballot; raises what `arena.polls.casting.cast_ballot` does."""
    return cast_ballot(ledger, poll, key, text, choice, address=address_of(request), at=time.time())


@contextmanager
def refusals_told() -> Iterator[None]:
    """Turns what a poll refuses into the answer that says so."""
    try:
        yield
    except tuple(REFUSALS) as error:
        raise HTTPException(REFUSALS[type(error)], str(error)) from None


def may_see_votes(connection: HTTPConnection, poll: Poll) -> bool:
    """Whether who asks may see what tells which answers are whose: votes, and ladders that move with each (`arena.polls.voters_ledger`)."""
    return poll.state != "open" or poll.settings.reveal or visitor_of(connection).may(Scope.ADMIN)

"""The ballot: a prompt and two answers without names. Everything works by links and forms; a script adds keys."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from arena.polls.casting import Choice, NotThisBallot, give_out, last_vote
from arena.polls.poll import Poll, poll_of, texts_of
from arena.server.answer_text import answer_parts
from arena.server.gate import is_encrypted
from arena.server.poll_access import COOKIE, drawer_of, may_see_votes, refusals_told, take_vote, unnoted, voter_of
from arena.server.site import WholeSite, page

YEAR_S = 31_536_000

router = APIRouter()


@router.get("/polls/{key}/vote")
def ballot_page(
    request: Request, site: WholeSite, key: str, invitation: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    poll = poll_of(site.ledger, key)
    if invitation and poll.settings.voters == "invited":
        return _keep(RedirectResponse(vote_address(poll), 303), request, poll, invitation)
    voter = voter_of(request, site.ledger, poll)
    votes_as = voter.key if poll.state == "open" else None
    ballot = drawer_of(request).draw(poll, votes_as) if votes_as else None
    prompt, answers, text = "", ("", ""), ""
    if ballot is not None and votes_as:
        prompt, answers = texts_of(site.ledger, poll, ballot.context, (ballot.first, ballot.second))
        text = give_out(poll, votes_as, ballot, at=time.time())
    answer = page(
        request,
        "vote.html",
        poll=poll,
        address=vote_address(poll),
        may_vote=voter.key is not None,
        may_see=may_see_votes(request, poll),
        ballot=text,
        number=ballot.number if ballot is not None else 0,
        prompt=answer_parts(prompt),
        answers=[answer_parts(one) for one in answers],
        last=last_vote(site.ledger, poll, votes_as) if votes_as and poll.settings.reveal else None,
    )
    answer.headers["Cache-Control"] = "no-store"
    return _keep(answer, request, poll, voter.cookie) if voter.cookie and votes_as else answer


@router.post("/polls/{key}/vote", dependencies=[Depends(unnoted)])
def vote(
    request: Request,
    site: WholeSite,
    key: str,
    ballot: Annotated[str, Form(max_length=1000)],
    choice: Annotated[Choice, Form()],
) -> Response:
    poll = poll_of(site.ledger, key)
    voter = voter_of(request, site.ledger, poll)
    if voter.key is None or voter.is_new:
        raise HTTPException(403, "this poll does not know you: a browser needs cookies to vote")
    with refusals_told(), suppress(NotThisBallot):  # sent twice, or from a page that is old: the next one is shown
        take_vote(request, site.ledger, poll, voter.key, ballot, choice)
    return RedirectResponse(vote_address(poll), 303)


def vote_address(poll: Poll) -> str:
    return f"/polls/{quote(poll.key, safe='-._')}/vote"


def _keep(answer: Response, request: Request, poll: Poll, value: str) -> Response:
    """The answer, that makes the browser keep by what this poll knows the voter."""
    answer.set_cookie(
        COOKIE,
        value,
        max_age=YEAR_S,
        path=vote_address(poll),
        httponly=True,
        secure=is_encrypted(request, request.app.state.settings),
        samesite="lax",
    )
    return answer

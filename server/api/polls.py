"""Polls: making them, opening and closing, asking for answers, voting by an account, reviewing voters, taking votes out."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena.judge_input import answers_of
from arena.polls.answering import Answering, ask_for_answers
from arena.polls.casting import give_out, last_vote
from arena.polls.poll import (
    Poll,
    PollSettings,
    all_polls,
    change_settings,
    close_poll,
    make_poll,
    named_endpoints,
    open_poll,
    poll_of,
    texts_of,
    with_lent_keys,
)
from arena.polls.source import PollStatus, poll_status
from arena.polls.voters import invite
from arena.server.access import Scope, allowed, visitor_of
from arena.server.api.answers import WRITE_ERRORS, PageAsked, list_answer, value_answer
from arena.server.api.poll_models import (
    AskedJobs,
    BallotFacts,
    Invitations,
    NewInvitations,
    NewPoll,
    NewReview,
    NewState,
    NewVote,
    PollAnswer,
    PollList,
    VoteAnswer,
)
from arena.server.api.route import IDEMPOTENT, ApiRoute, Uploaded, answer_once, upload_body
from arena.server.poll_access import drawer_of, may_see_votes, refusals_told, take_vote, unnoted, voter_of
from arena.server.poll_pages import VoteFormat, votes_download
from arena.server.site import Site, WholeSite, json_answer
from arena.vote_reviews import decide

router = APIRouter(tags=["polls"], route_class=ApiRoute)

ADMIN = Depends(allowed(Scope.ADMIN))
PLAY = Depends(allowed(Scope.PLAY))
PollKey = Annotated[str, Path(description="a poll's key, as in its address")]


@router.get("/polls", summary="Polls", response_model=PollList)
def list_polls(request: Request, site: WholeSite, page: PageAsked) -> Response:
    return list_answer(request, page, "polls", all_polls(site.ledger), key=lambda one: (one.key,), show=poll_facts)


@router.post(
    "/polls",
    summary="Make a poll of a file of prompts and answers",
    response_model=PollAnswer,
    status_code=201,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
    openapi_extra=upload_body("prompts and answers, as `arena judge` reads them"),
)
def add_poll(request: Request, site: WholeSite, content: Uploaded, asked: Annotated[NewPoll, Query()]) -> Response:
    settings = PollSettings(**asked.model_dump(include=set(PollSettings.model_fields)))
    poll = make_poll(
        site.ledger,
        answers_of(content, asked.file),
        name=asked.name.strip(),
        settings=settings,
        endpoints=with_lent_keys(named_endpoints(asked.endpoint), request.app.state.settings.endpoint_keys),
        game=asked.game,
    )
    ask_for_answers(site.ledger, poll)
    return _answer(request, site, poll, status=201)


@router.get("/polls/{key}", summary="One poll, how it stands, and how far its answers are", response_model=PollAnswer)
def get_poll(request: Request, site: WholeSite, key: PollKey) -> Response:
    poll = poll_of(site.ledger, key)
    status = _status(request, site, poll)
    return value_answer(request, status, lambda: _facts(poll, status))


@router.put(
    "/polls/{key}/settings",
    summary="Change how a poll is voted on",
    response_model=PollAnswer,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def set_poll_settings(request: Request, site: WholeSite, key: PollKey, settings: PollSettings) -> Response:
    return _answer(request, site, change_settings(site.ledger, poll_of(site.ledger, key), settings))


@router.post(
    "/polls/{key}/state",
    summary="Open or close a poll",
    response_model=PollAnswer,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def set_poll_state(request: Request, site: WholeSite, key: PollKey, asked: NewState) -> Response:
    change = open_poll if asked.state == "open" else close_poll
    return _answer(request, site, change(site.ledger, poll_of(site.ledger, key)))


@router.post(
    "/polls/{key}/answers",
    summary="Ask models for the answers that are missing",
    response_model=AskedJobs,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def ask_poll_answers(request: Request, site: WholeSite, key: PollKey) -> Response:
    jobs = ask_for_answers(site.ledger, poll_of(site.ledger, key))
    return json_answer(request, {"jobs": [row.key for row in jobs]})


@router.post(
    "/polls/{key}/invitations",
    summary="Invite voters",
    response_model=Invitations,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def invite_voters(request: Request, site: WholeSite, key: PollKey, asked: NewInvitations) -> Response:
    made = invite(site.ledger, poll_of(site.ledger, key), asked.count)
    return answer_once(request, {"invitations": made}, shown_once="invitations")


@router.post(
    "/polls/{key}/reviews",
    summary="Decide whether a voter's votes count",
    response_model=PollAnswer,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, ADMIN],
)
def review_voter(request: Request, site: WholeSite, key: PollKey, asked: NewReview) -> Response:
    poll, who = poll_of(site.ledger, key), visitor_of(request).account or ""
    said = asked.reason.strip() or f"decided by {who}"
    decide(site.ledger, poll.tournament, judge=asked.voter - 1, state=asked.state, reason=said, decided_by=who)
    return _answer(request, site, poll)


@router.get(
    "/polls/{key}/votes",
    summary="The votes that count, as a file",
    response_class=Response,
    responses={200: {"content": {"application/jsonl": {}, "text/csv": {}, "application/vnd.apache.parquet": {}}}},
)
def export_poll_votes(
    request: Request,
    site: WholeSite,
    key: PollKey,
    kind: Annotated[VoteFormat, Query(alias="format", description="of the file")] = "jsonl",
) -> Response:
    return votes_download(request, site, poll_of(site.ledger, key), kind)


@router.get(
    "/polls/{key}/ballot",
    summary="What the account that asks is to compare next",
    response_model=BallotFacts,
    dependencies=[PLAY],
)
def get_ballot(request: Request, site: WholeSite, key: PollKey) -> Response:
    poll = poll_of(site.ledger, key)
    voter = _voter(request, site, poll)
    ballot = drawer_of(request).draw(poll, voter) if poll.state == "open" else None
    facts: dict[str, object] = {"ballot": None, "question": poll.settings.question, "prompt": None, "answers": []}
    if ballot is not None:
        prompt, said = texts_of(site.ledger, poll, ballot.context, (ballot.first, ballot.second))
        facts |= {"ballot": give_out(poll, voter, ballot, at=time.time()), "prompt": prompt, "answers": list(said)}
    return json_answer(request, facts, headers={"Cache-Control": "no-store"})


@router.post(
    "/polls/{key}/votes",
    summary="Cast a ballot",
    response_model=VoteAnswer,
    responses=WRITE_ERRORS,
    dependencies=[IDEMPOTENT, PLAY, Depends(unnoted)],
)
def cast_vote(request: Request, site: WholeSite, key: PollKey, asked: NewVote) -> Response:
    poll = poll_of(site.ledger, key)
    voter = _voter(request, site, poll)
    with refusals_told():
        voted = take_vote(request, site.ledger, poll, voter, asked.ballot, asked.choice)
    last = last_vote(site.ledger, poll, voter) if poll.settings.reveal else None
    return json_answer(request, {"cast": voted.number + 1, "shown": last and last[:2]})


def poll_facts(poll: Poll) -> dict[str, object]:
    return {
        "key": poll.key,
        "name": poll.name,
        "game": poll.tournament.game,
        "state": poll.state,
        "settings": poll.settings.model_dump(),
        "candidates": list(poll.candidates),
        "created_at": poll.created_at,
    }


def _answering_facts(one: Answering) -> dict[str, object]:
    return {
        "candidate": one.candidate,
        "prompts": one.prompts,
        "answered": one.answered,
        "failures": [
            {"prompt": f.prompt, "attempt": f.attempt, "message": f.message, "created_at": f.created_at}
            for f in one.failures
        ],
        "job": None if one.job is None else one.job.key,
        "status": None if one.job is None else one.job.status,
    }


def _status(request: Request, site: Site, poll: Poll) -> PollStatus:
    is_admin = visitor_of(request).may(Scope.ADMIN)
    return poll_status(site.ledger, poll, with_names=may_see_votes(request, poll), with_failures=is_admin)


def _facts(poll: Poll, status: PollStatus) -> dict[str, object]:
    answers = [_answering_facts(one) for one in status.answers]
    return {"poll": poll_facts(poll), "summary": status.summary.to_dict(), "answers": answers}


def _answer(request: Request, site: Site, poll: Poll, *, status: int = 200) -> Response:
    return json_answer(request, _facts(poll, _status(request, site, poll)), status=status)


def _voter(request: Request, site: Site, poll: Poll) -> str:
    """The key of the account that asks."""
    voter = voter_of(request, site.ledger, poll)
    if voter.key is None or voter.is_new:
        raise HTTPException(403, "in this poll programs vote by an account where it lets accounts vote")
    return voter.key

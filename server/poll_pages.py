"""Polls: all of them, how one stands, and its votes as files."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from arena.leaderboards.finding import mixture_in_words
from arena.polls.answering import answering
from arena.polls.poll import Poll, PollSettings, all_polls, poll_of
from arena.polls.summary import poll_summary
from arena.server.access import Scope, visitor_of
from arena.server.findings import headline
from arena.server.ladder import ladder
from arena.server.poll_access import may_see_votes
from arena.server.site import Site, WholeSite, download, page
from arena.server.vote_pages import vote_address
from arena.standings import Standings
from arena.vote_files import votes_file, votes_of_game

REVIEWED_SHOWN = 100
FAILURES_SHOWN = 10
CSV, JSON_LINES, PARQUET = "text/csv; charset=utf-8", "application/jsonl", "application/vnd.apache.parquet"
MEDIA = {"csv": CSV, "jsonl": JSON_LINES, "parquet": PARQUET}
VoteFormat = Literal["csv", "jsonl", "parquet"]

router = APIRouter()


@router.get("/polls")
def polls_page(request: Request, site: WholeSite) -> Response:
    polls = [(poll, poll_summary(site.ledger, poll, with_names=False)) for poll in all_polls(site.ledger)]
    is_admin = visitor_of(request).may(Scope.ADMIN)
    return page(request, "polls.html", polls=polls, vote_address=vote_address, is_admin=is_admin)


@router.get("/polls/{key}")
def poll_page(request: Request, site: WholeSite, key: str) -> Response:
    return stands(request, site, poll_of(site.ledger, key))


@router.get("/polls/{key}/votes.{kind}")
def export(request: Request, site: WholeSite, key: str, kind: VoteFormat) -> Response:
    return votes_download(request, site, poll_of(site.ledger, key), kind)


def votes_download(request: Request, site: Site, poll: Poll, kind: VoteFormat) -> Response:
    """The votes that count, as a file.

    Raises:
        HTTPException: whose answers are whose must not be told yet.
        SpecificationError: there is no vote.
    """
    if not may_see_votes(request, poll):
        raise HTTPException(
            403, "votes can be taken out once the poll is closed: till then they would tell whose answers are whose"
        )
    votes = votes_of_game(site.ledger, [poll.tournament])
    return download(votes_file(votes, kind), media_type=MEDIA[kind], filename=f"{poll.key}-votes.{kind}")


def poll_address(poll: Poll) -> str:
    return vote_address(poll).removesuffix("/vote")


def stands(
    request: Request, site: Site, poll: Poll, *, status: int = 200, problem: str = "", links: list[str] | None = None
) -> Response:
    """The page of a poll. ``problem``: what could not be done; ``links``: invitations that are shown this once."""
    may_see = may_see_votes(request, poll)
    summary = poll_summary(site.ledger, poll, with_names=may_see)
    standing: Standings | None = None
    if summary.counted and may_see:
        standing = site.standings.standings(poll.tournament.game, tournament=poll.key, method="bradley_terry")
    is_admin = visitor_of(request).may(Scope.ADMIN)
    return page(
        request,
        "poll.html",
        status=status,
        poll=poll,
        address=poll_address(poll),
        vote_address=vote_address(poll),
        summary=summary,
        standing=standing,
        headline=headline(standing) if standing is not None else None,
        ladder=ladder(standing) if standing is not None else None,
        mixture=mixture_in_words(standing.leaderboard.minimax) if standing and standing.leaderboard.minimax else "",
        answering=answering(site.ledger, poll),
        most_failures=FAILURES_SHOWN,
        most_reviewed=REVIEWED_SHOWN,
        is_admin=is_admin,
        may_see=may_see,
        fields=PollSettings.model_fields,
        problem=problem,
        links=links or [],
    )

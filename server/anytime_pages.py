"""Rating differences with bounds that hold at whatever moment one looks: the page for who watches a ladder live."""

from __future__ import annotations

import shlex
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from arena.anytime_ratings import AGENTS_AT_MOST, AnytimeDifference, AnytimeRatings
from arena.counterfactual import Where
from arena.filter_query import query_of
from arena.leaderboards.wording import signed
from arena.ledger import Tournament
from arena.rounds import LOOKING
from arena.server import numbers
from arena.server.boards_asked import require_matches
from arena.server.filters import WhereAsked
from arena.server.site import Site, SiteOf, page

router = APIRouter()


@router.get("/anytime")
def anytime(request: Request, site: SiteOf, game: str, where: WhereAsked, anchor: str = "") -> Response:
    found = watched(site, game, anchor, where)
    return page(
        request,
        "anytime.html",
        found=found,
        lines=[_line(one) for one in found.for_people],
        offered=sorted(found.watched.agents),
        anchor=anchor,
        where=where,
        kept=query_of(where),
        address=urlencode([("game", game), *([("anchor", anchor)] if anchor else []), *query_of(where)]),
        again=f"arena leaderboard {shlex.quote(game)} --anytime"
        + (f" --anchor {shlex.quote(anchor)}" if anchor else ""),
    )


def watched(site: Site, game: str, anchor: str, where: Where) -> AnytimeRatings:
    """The differences of a game of the ledger, to one agent where it is named.

    Raises:
        UnknownName: no match of such a game, or no such agent.
        SpecificationError: pairings that looked at results, one seat, or too many agents.
    """
    require_matches(site, game)
    return site.standings.anytime(game, anchor=anchor or None, where=where)


def may_be_watched(tournaments: list[Tournament], agents: int) -> bool:
    """Whether a ladder of these has such a page."""
    return agents <= AGENTS_AT_MOST and not any(one.config.get("pairing") in LOOKING for one in tournaments)


def _line(one: AnytimeDifference) -> tuple[str, str, str, str, str, bool]:
    """(agent, against, Elo difference, its bounds, told apart after, whether it is)."""
    return (
        one.agent,
        one.against,
        numbers.MISSING if one.difference is None else signed(one.difference),
        numbers.MISSING if one.low is None or one.high is None else f"{signed(one.low)} to {signed(one.high)}",
        "not yet" if one.told_apart_after is None else numbers.count(one.told_apart_after),
        one.told_apart_after is not None,
    )

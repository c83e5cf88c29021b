"""A game's ladder: the finding, the table, who beats whom, and the same as files."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import pairwise
from typing import TypedDict
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from arena.counterfactual import Moved, Where, moves_in_words, rating_moved
from arena.filter_query import query_of
from arena.games import ArenaError, UnknownName
from arena.leaderboards.finding import mixture_in_words
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.payoff_matrix import Matrix
from arena.leaderboards.response_graph import Cycle
from arena.server import numbers
from arena.server.access import Scope, visitor_of
from arena.server.adjusted_views import adjusted_view
from arena.server.anytime_pages import may_be_watched
from arena.server.boards_asked import playable, standings_of
from arena.server.drawing.response import ResponseDrawing, response_drawing
from arena.server.filters import WhereAsked, choices_of
from arena.server.findings import Headline, headline
from arena.server.heat import heat_rows, margin_rows
from arena.server.judge_views import by_chance, judge_lines
from arena.server.kept import Kept
from arena.server.ladder import ladders
from arena.server.ladder_beside import beside_of, compared_sentence
from arena.server.ladder_columns import DEFAULT, ViewAsked, job_key, offered
from arena.server.ladder_words import METHOD_GROUPS, METHODS
from arena.server.site import Site, SiteOf, game_address, page, playable_games
from arena.server.teams import has_teams
from arena.standings import Standings

CYCLES_SHOWN = 6
JUDGES_SHOWN = 40
HEAT_MOST = 40
HEAT_OF_MANY = 12
"""Agents in the payoff table of a page: all up to the first number, of more these; the picture and the file have all."""

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMove:
    """An agent on the full board and on this one: ranks as ranges, and how far its rating moved; a dash where it has none."""

    agent: str
    rank_in_full: str
    rank: str
    rating: str


@router.get("/games/{specification:path}")
def game(
    request: Request,
    site: SiteOf,
    specification: str,
    where: WhereAsked,
    view: ViewAsked,
) -> Response:
    may_run = visitor_of(request).may(Scope.RUN)
    found, refusal = _rated(site, specification, view.method, where)
    if found is None:
        info = playable(specification)
        return page(request, "game_empty.html", info=info, specification=specification, may_run=may_run)
    said = _KEPT.of(found, "said", lambda: _said(found))
    board = found.leaderboard
    every = [one for one in site.ledger.tournaments(found.game) if one.is_rated]
    tournaments = [one for one in every if one.key in found.tournaments]
    beside = beside_of(site.standings, found, view, where)
    tables, pages = ladders(
        found,
        view,
        beside=beside,
        path=game_address(specification),
        kinds=lambda: {agent.label: agent.kind for one in tournaments for agent in one.agents},
        in_teams=any(has_teams(one) for one in tournaments),
    )
    on_page = {row.agent for one in tables for row in one.rows}
    in_table = [row.agent for row in board.rows if row.agent in on_page]
    in_table = in_table[: HEAT_MOST if len(board.rows) <= HEAT_MOST else HEAT_OF_MANY]
    cycle = said["headline"].cycle
    framed = cycle if set(cycle) <= set(in_table) else ()
    by_margin = board.minimax is not None and board.minimax.payoff == "margin"
    columns = offered({job_key(one.kind, one.method) for one in found.columns})
    there = [column.key for _, of in columns for column in of]
    picked = view.columns or tuple(column.key for column in DEFAULT)
    return page(
        request,
        "leaderboard.html",
        standings=found,
        board=board,
        ladders=tables,
        pages=pages,
        recorded=site.ledger.recorded(found.game),
        may_run=may_run and any(one.source == "play" for one in tournaments),
        view=view,
        offered=columns,
        chosen=[key for key in there if key in picked],
        num_columns=len(there),
        beside=beside,
        hows=RATING_METHODS,
        asked=view.query(where),
        files=urlencode([("game", found.game), ("method", board.method), *query_of(where)]),
        compared=compared_sentence(found, beside, view.compare),
        on_page=on_page,
        heat=heat_rows(board.matrix, framed=framed, order=in_table),
        margins=margin_rows(board.matrix, framed=framed, order=in_table) if by_margin else (),
        framed=len(framed) > 1,
        tournaments=tournaments,
        facts=facts_of(specification),
        methods=METHODS,
        groups=method_groups(),
        refusal=refusal,
        where=where,
        choices=choices_of(site.ledger, every),
        kept={"sort": view.sort, "order": view.order} if view.sort != "rank" or view.order else {},
        filters=urlencode(query_of(where)),
        moved=_moves(found),
        again=_again(found, where),
        luck=adjusted_view(site, found, where),
        moved_finding=moves_in_words(found.moved) if where else "",
        judge_lines=judge_lines(found.preference.judges, most=JUDGES_SHOWN) if found.preference is not None else (),
        by_chance=by_chance(found.preference.judges) if found.preference is not None else "",
        watchable=may_be_watched(tournaments, len(board.rows)) and where.seat is None,
        again_game=shlex.quote(found.game),
        **said,
    )


class _Said(TypedDict):
    """What stands on every page of a board, as its template names it."""

    headline: Headline
    graph: ResponseDrawing | None
    cycles: list[tuple[Cycle, list[str]]]
    mixture: str
    any_met: bool
    exploit_sources: list[str]


def _said(found: Standings) -> _Said:
    board = found.leaderboard
    return _Said(
        headline=headline(found),
        graph=response_drawing(board),
        cycles=[(cycle, _scores(board.matrix, cycle)) for cycle in board.cycles[:CYCLES_SHOWN]],
        mixture=mixture_in_words(board.minimax) if board.minimax is not None else "",
        any_met=bool(board.matrix.matches.any()),
        exploit_sources=exploit_sources(found),
    )


_KEPT: Kept[_Said] = Kept(24)


def exploit_sources(found: Standings) -> list[str]:
    """When and where exploitability was computed: exact values together by where, each lower bound for itself."""
    exact: dict[str, list[str]] = {}
    for one in found.exploitability.values():
        if one.kind == "exact":
            exact.setdefault(one.computed_by, []).append(one.computed_at[:16].replace("T", " "))
    said = []
    for where, times in exact.items():
        values = "1 exact value" if len(times) == 1 else f"{len(times)} exact values"
        when = min(times) if min(times) == max(times) else f"{min(times)} to {max(times)}"
        said.append(f"{values} computed {when} UTC on {where}")
    bounds = ((agent, one) for agent, one in found.exploitability.items() if one.kind != "exact")
    return said + [f"{agent}: {one.sentence()}" for agent, one in bounds]


def _again(found: Standings, where: Where) -> str:
    """The command that prints the same board."""
    parts = ["arena leaderboard", shlex.quote(found.game)]
    if found.leaderboard.method != "elo":
        parts += ["--method", found.leaderboard.method]
    for name, value in query_of(where):
        option = {"tournament": "--only-tournament"}.get(name, "--" + name.replace("_", "-"))
        parts += [option] if name == "without_forfeits" else [option, shlex.quote(value)]
    return " ".join(parts)


def method_groups() -> list[tuple[str, list[tuple[str, str]]]]:
    """The methods that the page offers, by question: (group, [(name, title)])."""
    return [
        (group, [(name, METHODS[name]) for name in names if name in METHODS]) for group, names in METHOD_GROUPS.items()
    ]


def _moves(found: Standings) -> list[RankMove]:
    """Those whose rank is another one, or that are on one of the boards alone."""
    digits = RATING_METHODS[found.leaderboard.method].digits
    return [
        RankMove(
            agent=one.agent,
            rank_in_full=_range(one.rank_in_full),
            rank=_range(one.rank),
            rating=rating_moved(one, digits).replace("-", numbers.MINUS) or numbers.MISSING,
        )
        for one in found.moved
        if one.rank != one.rank_in_full or _is_gone(one)
    ]


def _is_gone(one: Moved) -> bool:
    return (one.rating is None) != (one.rating_in_full is None)


def _range(rank: tuple[int, int] | None) -> str:
    if rank is None:
        return numbers.MISSING
    return str(rank[0]) if rank[0] == rank[1] else f"{rank[0]}–{rank[1]}"


def _scores(matrix: Matrix, cycle: Cycle) -> list[str]:
    """Each agent's score against the next of a cycle; of few matches with their number."""
    at = {agent: k for k, agent in enumerate(matrix.agents)}
    links = pairwise((*cycle.agents, cycle.agents[0]))
    return [
        numbers.share_of(score, int(matrix.matches[at[first], at[second]]))
        for score, (first, second) in zip(cycle.scores, links, strict=True)
    ]


def _rated(site: Site, specification: str, method: str, where: Where) -> tuple[Standings | None, str]:
    """(the standings by this method, ""), or where it cannot rank these matches those by Elo and why it cannot."""
    try:
        return standings_of(site, specification, method, where), ""
    except UnknownName:
        raise
    except ArenaError as refused:
        if method == "elo":
            raise
        return standings_of(site, specification, "elo", where), str(refused)


def facts_of(specification: str) -> str:
    """The game in half a sentence, ``2 players, zero-sum, hidden information``; empty where it is not listed by name."""
    info = next((info for info in playable_games() if info.specification == specification), None)
    if info is None:
        return ""
    who = f"{info.num_players} players" if info.num_players != 1 else "1 player"
    if info.teams:
        who = f"teams of {' and '.join(str(len(team)) for team in info.teams)}"
    parts = (
        [who]
        if info.num_players == 1
        else [who, info.utility.replace("_", "-") + " returns" * (info.utility == "identical")]
    )
    if info.simultaneous:
        parts.append("simultaneous moves")
    parts.append("hidden information" if info.information == "imperfect" else "open information")
    if info.chance:
        parts.append("chance")
    return ", ".join(parts)

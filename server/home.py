"""The first page: every ladder with its finding, and what is being played now. And the list of playable games."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.games import ArenaError, GameInfo
from arena.ledger import Ledger
from arena.ledger_rows import GameRow, Tournament
from arena.server import numbers
from arena.server.drawing.bars import meter
from arena.server.drawing.intervals import axis_of, small_intervals
from arena.server.findings import Headline, headline
from arena.server.newest import newest_results
from arena.server.site import Site, SiteOf, page, playable_games
from arena.standings import Standings

RECENT = 6
TOP = 4
LOOKED_THROUGH = 40
"""Tournaments, for newest results that can be drawn."""

MAY_END_EARLY = ("decide", "knockout", "adaptive")  # pairings whose planned matches are the most that there can be
DRAWN_METHOD = "elo"  # one axis for all ladders

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderEntry:
    """A ladder in the list. ``headline`` is None before the first match and where it cannot be computed: ``problem``."""

    row: GameRow
    headline: Headline | None
    problem: str
    drawing: Markup
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A tournament with how far it is."""

    tournament: Tournament
    done: int
    meter: Markup | None
    words: str


@router.get("/")
def home(request: Request, site: SiteOf) -> Response:
    tournaments = sorted(site.ledger.tournaments(), key=lambda one: one.created_at, reverse=True)
    entries = _entries(site, tournaments)
    running = [one for one in tournaments if one.status == "running"]
    recent = [one for one in tournaments if one.status != "running"][:RECENT]
    return page(
        request,
        "home.html",
        entries=entries,
        matches=sum(entry.row.matches for entry in entries),
        cycles=sum(entry.headline is not None and entry.headline.is_cycle for entry in entries),
        running=[run_of(site.ledger, one) for one in running],
        recent=[run_of(site.ledger, one) for one in recent],
        newest=newest_results(site, tournaments[:LOOKED_THROUGH]),
    )


@router.get("/games")
def games(request: Request, site: SiteOf, q: str = "", kind: str = "") -> Response:
    played = {row.game: row for row in site.ledger.games()}
    listed = sorted(playable_games(), key=lambda info: (info.specification not in played, info.specification))
    kinds = sorted({info.specification.partition(":")[0] for info in listed})
    shown = [info for info in listed if _fits(info, q, kind)]
    return page(request, "games.html", games=shown, played=played, q=q, kind=kind, kinds=kinds, total=len(listed))


def run_of(ledger: Ledger, tournament: Tournament) -> Run:
    done = ledger.progress(tournament)
    return Run(
        tournament=tournament, done=done, meter=meter_of(tournament, done), words=progress_words(tournament, done)
    )


def meter_of(tournament: Tournament, done: int) -> Markup | None:
    """How far it is, as a bar; None where the plan is unknown, or only the most that are played until it is decided."""
    if tournament.planned is None or is_decided_early(tournament, done):
        return None
    return meter(done, tournament.planned)


def progress_words(tournament: Tournament, done: int) -> str:
    """``180 of 400 matches``, ``28 of at most 400 matches``, ``180 matches``."""
    if tournament.planned is None:
        return numbers.counted(done, "match", "matches")
    most = "at most " if tournament.config.get("pairing") in MAY_END_EARLY else ""
    return f"{numbers.count(done)} of {most}{numbers.counted(tournament.planned, 'match', 'matches')}"


def is_decided_early(tournament: Tournament, done: int) -> bool:
    """Whether it ended before the most matches were played: by a verdict, or because no tie was level."""
    may = tournament.config.get("pairing") in MAY_END_EARLY and tournament.status == "finished"
    return may and tournament.planned is not None and done < tournament.planned


def _entries(site: Site, tournaments: list[Tournament]) -> list[LadderEntry]:
    rows = sorted(site.ledger.games(), key=lambda row: -row.matches)
    found: dict[str, Standings | str] = {}
    for row in rows:
        if row.matches:
            try:
                found[row.game] = site.standings.standings(row.game)
            except ArenaError as error:
                found[row.game] = str(error)
    computed = {game: value for game, value in found.items() if isinstance(value, Standings)}
    tops = {
        game: [(row.low, row.rating, row.high) for row in value.leaderboard.rows[:TOP]]
        for game, value in computed.items()
        if value.leaderboard.method == DRAWN_METHOD
    }
    axis = axis_of([(min(low, 0.0), rating, high) for top in tops.values() for low, rating, high in top], far=math.inf)
    last: dict[str, str] = {}
    for one in tournaments:
        last.setdefault(one.game, one.finished_at or one.created_at)
    return [
        LadderEntry(
            row=row,
            headline=headline(computed[row.game]) if row.game in computed else None,
            problem=value if isinstance(value := found.get(row.game, "no match yet"), str) else "",
            drawing=small_intervals(tops.get(row.game, []), label=_label(computed.get(row.game)), axis=axis),
            last=last.get(row.game),
        )
        for row in rows
    ]


def _label(standings: Standings | None) -> str:
    if standings is None or standings.leaderboard.method != DRAWN_METHOD:
        return "no Elo"
    said = [f"{row.agent} {numbers.whole(row.rating)}" for row in standings.leaderboard.rows[:TOP]]
    return "Elo of the first: " + ", ".join(said)


def _fits(info: GameInfo, q: str, kind: str) -> bool:
    words = f"{info.specification} {info.title} {info.utility} {info.dynamics} {info.information} {info.num_players} players"
    scheme = info.specification.partition(":")[0]
    return (not kind or scheme == kind) and all(word in words.casefold() for word in q.casefold().split())

"""Tournaments: all in a list, and one with its progress, standings, matches and forfeits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from arena.duel_test import duel_test
from arena.games import ArenaError, UnknownName
from arena.hidden_chance import hides_chance
from arena.judgements import judges_and_contexts, read_failures
from arena.ledger_rows import GameRow, Played, Tournament
from arena.matches_under_way import numbers_under_way
from arena.results import Fault
from arena.server import numbers
from arena.server.access import Scope, visitor_of
from arena.server.drawing.band import band_drawing, in_both_widths
from arena.server.drawing.files import Ending, Figure
from arena.server.figures import figure_answer
from arena.server.home import is_decided_early, meter_of, progress_words, run_of
from arena.server.ladder import ladder
from arena.server.match_lists import TERMINATION_WORDS, match_lines
from arena.server.over_time_views import evidence_band, evidence_rows
from arena.server.paging import Pages
from arena.server.pairing_views import PairingView, pairing_view
from arena.server.site import Site, SiteOf, page, tournament_address
from arena.server.teams import has_teams
from arena.shown_origin import shown_fault
from arena.standings import Standings

PER_PAGE = 50
FAULTS_SHOWN = 20
PAIRINGS = {
    "round_robin": "everyone against everyone",
    "gauntlet": "one against all others",
    "decide": "played until decided",
    "swiss": "Swiss",
    "knockout": "knockout",
    "adaptive": "chosen by what is in doubt",
    "exploit": "an exploiter against its victim, not rated",
    "seated": "each agent in a seat of its own",
    "judge": "judges compare every two answers",
    "vote": "people vote in a poll",
}
CONFIG_WORDS = {
    "pairing": "Pairing",
    "matches": "Matches of each pairing",
    "seed": "Seed",
    "challenger": "Challenger",
    "rounds": "Rounds",
    "aim": "Aim",
    "batch": "Pairs a round",
    "further_pairs": "Further pairs of a level tie",
    "noise_floor": "Noise floor",
    "error_rate": "Error rate of the verdict",
    "elo0": "Elo difference of H0",
    "elo1": "Elo difference of H1",
    "alpha": "Error rate under H0",
    "beta": "Error rate under H1",
    "move_clock_s": "Clock for a move",
    "match_clock_s": "Clock for a match",
    "block": "Matches recorded together",
}
SECONDS = ("move_clock_s", "match_clock_s")
FOR_DECISIONS_ONLY = "error_rate"
FOR_GSPRT_ONLY = ("elo0", "elo1", "alpha", "beta")
DECIDING = ("decide", "adaptive")
OF_KNOCKOUTS_ONLY = "further_pairs"

router = APIRouter()


@router.get("/tournaments")
def tournaments(request: Request, site: SiteOf, page_number: Annotated[int, Query(alias="page")] = 1) -> Response:
    listed = sorted(site.ledger.tournaments(), key=lambda one: (one.created_at, one.id), reverse=True)
    pages = Pages.of(len(listed), at=page_number)
    return page(
        request,
        "tournaments.html",
        runs=[run_of(site.ledger, one) for one in listed[pages.shown]],
        pages=pages,
        pairings=PAIRINGS,
        sentence=_sentence_of(listed, site.ledger.games()),
        may_run=visitor_of(request).may(Scope.RUN),
    )


def _sentence_of(tournaments: Sequence[Tournament], games: Sequence[GameRow]) -> str:
    """How many there are, on how many games, and how many run."""
    live = sum(one.status == "running" for one in tournaments)
    said = f"{numbers.counted(len(tournaments), 'tournament')} on {numbers.counted(len(games), 'game')}, "
    said += f"{numbers.counted(sum(one.matches for one in games), 'match', 'matches')}; "
    return said + (f"{numbers.in_words(live)} {'runs' if live == 1 else 'run'} now." if live else "none runs now.")


@router.get("/tournaments/{key}")
def tournament(request: Request, site: SiteOf, key: str, matches: int = 1) -> Response:
    found = site.ledger.tournament(key)
    done = site.ledger.progress(found)
    played = site.ledger.played(found)
    pages = Pages.of(len(played), at=matches, size=PER_PAGE)
    rows = range(len(played))[::-1][pages.shown]
    faults = site.ledger.faults(found)
    failed = read_failures(site.ledger, found)[::-1]
    standing, problem = _standing(site, found, done)
    rounds, damaged = _pairing(site, found, played)
    test = duel_test(site.ledger, found)
    band = evidence_band(test) if test else None
    return page(
        request,
        "tournament.html",
        tournament=found,
        done=done,
        meter=meter_of(found, done),
        progress=_progress(found, done, standing),
        rounds=rounds,
        test=test,
        evidence=in_both_widths(band) if band else None,
        damaged=damaged,
        pairing=PAIRINGS.get(str(found.config.get("pairing", "")), ""),
        standing=standing,
        problem=problem,
        ladder=ladder(standing) if standing else None,
        lines=match_lines(found, played, rows),
        pages=pages,
        faults=[_fault_line(fault) for fault in faults[:FAULTS_SHOWN]],
        fault_kinds=Counter(TERMINATION_WORDS[fault.termination] for fault in faults),
        num_faults=len(faults),
        used=site.ledger.usage(found),
        judges=() if found.source == "vote" else judges_and_contexts(site.ledger, [found])[0],
        failed=failed[:FAULTS_SHOWN],
        num_failed=len(failed),
        failed_kinds=Counter(one.failure.kind for one in failed),
        config=config_words(site, found),
        seat_word="Player" if has_teams(found) else "Seat",
        events=tournament_address(key) + "/events" if found.status == "running" else "",
        under_way=numbers_under_way(site.ledger, found) if found.status == "running" else [],
    )


@router.get("/figures/test.{ending}")
def evidence_figure(site: SiteOf, ending: Ending, key: str) -> Response:
    """The path of a tournament's sequential test.

    Raises:
        UnknownName: the tournament has none.
    """
    test = duel_test(site.ledger, site.ledger.tournament(key))
    band = evidence_band(test) if test else None
    if test is None or band is None:
        raise UnknownName("tournament that is played until decided", key, [])
    return figure_answer(Figure(name=f"{key}-test", drawing=band_drawing(band), rows=evidence_rows(test)), ending)


def config_words(site: Site, tournament: Tournament) -> dict[str, str]:
    """The configuration for people; what is not set, or means nothing for this pairing, is left out."""
    said = {}
    for key, title in CONFIG_WORDS.items():
        value = tournament.config.get(key)
        pairing = tournament.config.get("pairing")
        unset = value is None or value is False or (key == "seed" and hides_chance(tournament))
        gsprt = pairing == "decide" and tournament.config.get("test") == "gsprt"
        if unset or (key == FOR_DECISIONS_ONLY and (gsprt or pairing not in DECIDING)):
            continue
        if key in FOR_GSPRT_ONLY and not gsprt:
            continue
        if key == OF_KNOCKOUTS_ONLY and pairing != "knockout":
            continue
        if key == "matches" and pairing in DECIDING:
            title = "Matches at most"
        if key == "pairing":
            said[title] = PAIRINGS.get(str(value), str(value))
        elif key in SECONDS:
            said[title] = numbers.duration(float(str(value)))
        elif value is True:
            said[title] = "a twin and a random anchor take part"
        elif key == "seed" or not isinstance(value, int):
            said[title] = str(value)
        else:
            said[title] = numbers.count(value)
    said |= _test_words(site, tournament)
    return said


def _test_words(site: Site, tournament: Tournament) -> dict[str, str]:
    """How far the sequential test has come, of two agents that play until decided."""
    test = duel_test(site.ledger, tournament)
    if test is None:
        return {}
    return {"Pairs read": test.pairs_sentence(), "Evidence": test.evidence_sentence()}


def _progress(tournament: Tournament, done: int, standing: Standings | None) -> tuple[str, str, str]:
    """(words before, number, words after) of how far it is: ``decided after``, ``28``, ``of at most 400 matches``."""
    number, _, rest = progress_words(tournament, done).partition(" ")
    if standing is not None and standing.verdict and is_decided_early(tournament, done):
        return "decided after", numbers.count(standing.matches), rest
    return "", number, rest


def _standing(site: Site, tournament: Tournament, done: int) -> tuple[Standings | None, str]:
    if not done:
        return None, ""
    try:
        return site.standings.standings(tournament.game, tournament=tournament.key), ""
    except ArenaError as error:
        return None, str(error)


def _pairing(site: Site, tournament: Tournament, played: Played) -> tuple[PairingView | None, str]:
    """(table, bracket or verdict with the rounds, "") of a pairing that looks at results, or (None, why it cannot be read)."""
    try:
        return pairing_view(site.ledger, tournament, played), ""
    except ArenaError as error:
        return None, str(error)


def _fault_line(fault: Fault) -> dict[str, object]:
    fault = shown_fault(fault)
    return {
        "number": fault.index,
        "player": fault.player,
        "kind": TERMINATION_WORDS[fault.termination],
        "message": fault.message,
        "log": fault.log,
    }

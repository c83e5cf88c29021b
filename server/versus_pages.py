"""Two agents against each other on one game: the score by seat and first move, as it came in, what it decides, and the matches."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.counterfactual import Where
from arena.duel_test import duel_test
from arena.games import UnknownName
from arena.head_to_head import Encounter, HeadToHead
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.wording import FEW
from arena.server import numbers
from arena.server.boards_asked import require_matches
from arena.server.drawing.band import band_drawing, in_both_widths
from arena.server.drawing.bars import score_interval, wdl_bar
from arena.server.drawing.files import Ending, Figure
from arena.server.figures import figure_answer
from arena.server.ladder_words import elo_predicts
from arena.server.match_lists import MatchLine, match_lines
from arena.server.over_time_views import score_band, score_rows
from arena.server.site import Site, SiteOf, page
from arena.server.teams import short_name

MATCHES_SHOWN = 30
OPENINGS_SHOWN = 12

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLine:
    """A part of the matches as a row. ``few``: of how many, where these are few."""

    name: str
    score: str
    few: str
    bounds: str
    drawing: Markup
    record: Markup
    matches: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """The verdict of a tournament between the two that was played until decided."""

    key: str
    sentence: str


@router.get("/versus")
def versus(request: Request, site: SiteOf, game: str, a: str = "", b: str = "") -> Response:
    board = known_board(site, game)
    met = [row.agent for row in board.rows if row.matches]
    first = label_of(met, a or met[0])
    second = label_of(met, b) if b else next((one for one in met if one != first), first)
    found = site.standings.head_to_head(game, first, second)
    predicted = elo_predicts(board, first, second)
    return page(
        request,
        "versus.html",
        found=found,
        agents=met,
        sentence=_sentence(found, predicted),
        whole=_line(found.whole),
        predicted="" if predicted is None else numbers.percent(predicted),
        drawing=in_both_widths(score_band(found)),
        seats=[_line(one) for one in found.by_seat],
        openings=[_line(one) for one in found.by_opening[:OPENINGS_SHOWN]],
        more_openings=max(0, len(found.by_opening) - OPENINGS_SHOWN),
        tests=_tests(site, found),
        lines=_lines(site, found),
        figure="/figures/versus",
        asked=urlencode({"game": game, "a": first, "b": second}),
    )


@router.get("/figures/versus.{ending}")
def versus_figure(site: SiteOf, ending: Ending, game: str, a: str, b: str) -> Response:
    board = known_board(site, game)
    met = [row.agent for row in board.rows]
    found = site.standings.head_to_head(game, label_of(met, a), label_of(met, b))
    name = f"{found.first}-{found.second}"
    return figure_answer(Figure(name=name, drawing=band_drawing(score_band(found)), rows=score_rows(found)), ending)


def known_board(site: Site, game: str) -> Leaderboard:
    """The Elo board of a game of the ledger.

    Raises:
        UnknownName: no match of such a game.
    """
    require_matches(site, game)
    return site.standings.standings(game, where=Where()).leaderboard


def label_of(known: list[str], text: str) -> str:
    """The label of an agent, by itself or by its name where one version of it is known.

    Raises:
        UnknownName: none or several have it.
    """
    found = [text] if text in known else [label for label in known if short_name(label) == text]
    if len(found) != 1:
        raise UnknownName("agent of this ladder", text, known)
    return found[0]


def _sentence(found: HeadToHead, predicted: float | None) -> str:
    whole = found.whole
    said = f"{found.first} scores {numbers.share_of(whole.score, whole.matches)} ({_bounds(whole)})"
    if predicted is not None:
        gap = whole.score - predicted
        sure = whole.low > predicted or whole.high < predicted
        said += f" where Elo predicts {numbers.percent(predicted)}" + (
            f", {'more' if gap > 0 else 'less'} than it explains" if sure else ""
        )
    return f"{said}. {found.verdict()}"


def _line(one: Encounter) -> PartLine:
    return PartLine(
        name=one.name,
        score=numbers.percent(one.score, one.matches),
        few=f"of {one.matches}" if one.matches < FEW else "",
        bounds=_bounds(one),
        drawing=score_interval(one.score, one.low, one.high),
        record=wdl_bar(one.wins, one.draws, one.losses),
        matches=numbers.count(one.matches),
    )


def _bounds(one: Encounter) -> str:
    return f"{100 * one.low:.0f}–{100 * one.high:.0f}"


def _tests(site: Site, found: HeadToHead) -> list[Test]:
    """Of tournaments between these two alone that were played until decided."""
    both = {found.first, found.second}
    between = [one for one in site.ledger.tournaments(found.game) if {agent.label for agent in one.agents} == both]
    tests = [(one.key, duel_test(site.ledger, one)) for one in between]
    return [Test(key=key, sentence=test.sentence) for key, test in tests if test is not None]


def _lines(site: Site, found: HeadToHead) -> list[MatchLine]:
    """The newest matches."""
    shown = found.keys[:MATCHES_SHOWN]
    lines: dict[tuple[str, int], MatchLine] = {}
    for key in dict.fromkeys(key for key, _ in shown):
        tournament = site.ledger.tournament(key)
        played = site.ledger.played(tournament)
        wanted = {number for of, number in shown if of == key}
        rows = [row for row, number in enumerate(played.index.tolist()) if number in wanted]
        lines |= {(key, line.number): line for line in match_lines(tournament, played, rows)}
    return [lines[one] for one in shown]

"""Why an agent stands where it stands, for its page: opponents, matches, whom to play next, what changed since a date."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup

from arena.explanation import AgentExplanation, at_a_terminal
from arena.games import ArenaError
from arena.leaderboards.methods import RATING_METHODS
from arena.leaderboards.rating_change import RatingChange
from arena.leaderboards.wording import listed
from arena.server import numbers, standings_cache
from arena.server.drawing.bars import surplus_bar
from arena.server.site import Site, match_address
from arena.server.teams import members_of
from arena.standings import Standings

OPPONENTS_SHOWN = 12
NEXT_SHOWN = 5
SEEN = 0.05  # points, as the table rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class OpponentLine:
    """One opponent in words. ``without``: how the rating moves without these matches, ``about`` where that is the estimate of one step."""

    opponent: str
    matches: str
    points: str
    expected: str
    surplus: str
    drawing: Markup
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluenceLine:
    """One match in words. ``alike``: how many matches do the same, itself included."""

    key: str
    address: str
    agents: tuple[str, ...]
    returns: str
    without: str
    alike: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A part of the change, or the whole."""

    what: str
    moved: str
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainView:
    """``refusal``: why there is nothing to tell, '' as a rule. ``last``: since when the newest tournament's matches are new, '' where
    it is the only one."""

    game: str
    title: str
    unit: str
    sentence: str
    refusal: str = ""
    since: str = ""
    last: str = ""
    change_sentence: str = ""
    changes: tuple[ChangeLine, ...] = ()
    opponents: tuple[OpponentLine, ...] = ()
    more_opponents: int = 0
    matches: tuple[InfluenceLine, ...] = ()
    next: tuple[tuple[str, str, str], ...] = ()
    half_width: str = ""


def explain_view(site: Site, standings: Standings, agent: str, *, since: str = "") -> ExplainView:
    """Why an agent has its Elo on this ladder.

    Raises:
        SpecificationError: `since` is no date.
    """
    game, title = standings.game, standings.title
    unit = RATING_METHODS["elo"].title
    if standings.leaderboard.method != "elo":
        why = "this ladder is ranked by mean return; what is explained is Elo"
        return ExplainView(game=game, title=title, unit=unit, sentence="", refusal=why)
    if len(standings.leaderboard.rows) > standings_cache.MOST_EXPLAINED:
        return ExplainView(game=game, title=title, unit=unit, sentence="", refusal=at_a_terminal(game, agent))
    try:
        found = site.standings.explained(game, agent)
    except ArenaError as error:
        return ExplainView(game=game, title=title, unit=unit, sentence="", refusal=str(error))
    told = found.explanation
    digits = RATING_METHODS["elo"].digits
    most = max((abs(one.surplus) for one in told.opponents), default=1.0)
    changed = site.standings.explained(game, agent, since=since) if since else None
    return ExplainView(
        game=game,
        title=title,
        unit=unit,
        sentence=_finding(found),
        since=since,
        last=_last(site, standings),
        change_sentence="" if changed is None else _change_sentence(changed, digits),
        changes=() if changed is None or changed.change is None else _changes(changed.change, digits),
        opponents=tuple(
            OpponentLine(
                opponent=one.opponent,
                matches=f"{one.matches:,g}",
                points=f"{one.points:,g}",
                expected=f"{one.expected:,.1f}",
                surplus=numbers.signed(one.surplus, 1),
                drawing=surplus_bar(one.surplus, most=most),
                without="none"
                if math.isnan(one.removed)
                else numbers.signed(one.removed, digits) + ("" if one.refitted else " about"),
            )
            for one in told.opponents[:OPPONENTS_SHOWN]
        ),
        more_opponents=max(0, len(told.opponents) - OPPONENTS_SHOWN),
        matches=tuple(
            InfluenceLine(
                key=key,
                address=match_address(key.rpartition("/")[0], int(key.rpartition("/")[2])),
                agents=one.agents,
                returns=numbers.returns(one.returns),
                without=numbers.signed(one.removed, 2),
                alike=numbers.count(one.alike),
            )
            for key, one in zip(found.keys, told.matches, strict=True)
        ),
        next=tuple(
            (one.opponent, numbers.count(one.matches), f"±{one.half_width:,.1f}") for one in told.next[:NEXT_SHOWN]
        ),
        half_width=f"±{told.half_width:,.1f}",
    )


def _finding(found: AgentExplanation) -> str:
    told = found.explanation
    best = max(told.opponents, key=lambda one: one.surplus)
    worst = min(told.opponents, key=lambda one: one.surplus)
    if best.surplus < SEEN and worst.surplus > -SEEN:
        return "Every opponent gave it what the ratings expect."
    said = []
    if best.surplus >= SEEN:
        said.append(f"{_name(best.opponent)} hold it up ({numbers.signed(best.surplus, 1)} points against expectation)")
    if worst.surplus <= -SEEN:
        said.append(
            f"{'those' if said else 'results'} against {_name(worst.opponent)} hold it down "
            f"({numbers.signed(worst.surplus, 1)})"
        )
    text = ", ".join([f"Its results against {said[0]}" if best.surplus >= SEEN else f"Its {said[0]}", *said[1:]])
    return f"{text}."


def _name(label: str) -> str:
    return f"the team {label}" if members_of(label) else label


def _last(site: Site, standings: Standings) -> str:
    """When the newest of several tournaments was finished: what was finished earlier was there then."""
    times = sorted(site.ledger.tournament(key).finished_at or "" for key in standings.tournaments)
    return times[-1] if len(times) > 1 and times[0] and times[0] != times[-1] else ""


def _change_sentence(found: AgentExplanation, digits: int) -> str:
    change = found.change
    assert change is not None
    matches = f"{change.own_matches:,} own and {change.others_matches:,} others' matches are new"
    if math.isnan(change.then):
        said = (
            f"Since {found.since}: it had no rating then, and has {numbers.signed(change.now, digits)} now; {matches}."
        )
    else:
        said = (
            f"Since {found.since}: from {numbers.signed(change.then, digits)} to {numbers.signed(change.now, digits)}; "
            f"{matches}."
        )
    if found.divided:
        said += (
            f" {listed(found.divided)} began before that date and ended after it: a ledger times tournaments, not matches, so "
            "that all of its matches count as new."
        )
    return said


def _changes(change: RatingChange, digits: int) -> tuple[ChangeLine, ...]:
    """The parts and their sum; nothing where there was no rating then."""
    if math.isnan(change.then):
        return ()
    parts = (
        ("its own new matches", change.own),
        ("new matches between others", change.others),
        ("newcomers, who move the mean", change.field),
    )
    lines = [ChangeLine(what=what, moved=numbers.signed(value, digits + 1)) for what, value in parts]
    return (*lines, ChangeLine(what="together", moved=numbers.signed(change.now - change.then, digits + 1), whole=True))

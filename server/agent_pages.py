"""Agents: all of them in a list, and one with what it is, how it stands on each ladder, and its last matches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from arena.columns import Exploitability
from arena.games import ArenaError, UnknownName
from arena.leaderboards.leaderboard import PROVISIONAL_BELOW, Row
from arena.ledger_rows import AgentVersion
from arena.server import numbers
from arena.server.access import Scope, visitor_of
from arena.server.agent_facts import forfeits_of
from arena.server.ancestry import ancestry
from arena.server.drawing.band import in_both_widths
from arena.server.drawing.bars import wdl_bar
from arena.server.explain_views import explain_view
from arena.server.ladder_words import (
    METHODS,
    beaten_in_words,
    doubt_in_words,
    played_out_in_words,
    rank_range,
    reliability_in_words,
    writer,
)
from arena.server.match_lists import recent_matches, tournaments_of
from arena.server.opponent_views import Opponent, opponents_of, surprise
from arena.server.over_time_views import rating_band, rating_sentence
from arena.server.paging import Pages
from arena.server.play_pages import play_address, playable_game
from arena.server.players import can_be_met
from arena.server.population_views import population_view
from arena.server.site import Site, SiteOf, page
from arena.server.standings_cache import StandingsUnderWay
from arena.server.teams import members_of
from arena.server.training_views import training_view
from arena.shown_origin import shown_lineage, shown_specification
from arena.standings import Standings

OPPONENTS_SHOWN = 20

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class InTeam:
    """A mixed team that an agent is a member of, as it stands on one ladder; its matches are not the agent's own."""

    label: str
    rank: str
    rating: str
    doubt: str
    record: Markup
    matches: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnLadder:
    """An agent on one ladder: its row in words, its opponents, the worst result first, and the mixed teams that it is in."""

    standings: Standings
    row: Row
    rank: str
    method: str
    rating: str
    doubt: str
    opponents: tuple[Opponent, ...]
    teams: tuple[InTeam, ...]

    @property
    def ranked(self) -> int:
        """How many agents of its group take a rank."""
        board = self.standings.leaderboard
        group = frozenset(next((group for group in board.groups if self.row.agent in group), ()))
        return sum(not row.provisional and row.agent in group for row in board.rows)

    @property
    def surprise(self) -> str:
        return surprise(self.opponents)

    @property
    def shown(self) -> tuple[Opponent, ...]:
        """Of many opponents the hardest and the easiest ones."""
        few = len(self.opponents) <= 2 * OPPONENTS_SHOWN
        return self.opponents if few else (*self.opponents[:OPPONENTS_SHOWN], *self.opponents[-OPPONENTS_SHOWN:])

    @property
    def predicts(self) -> bool:
        """Whether there is something that Elo predicts."""
        return any(math.isfinite(one.predicted) for one in self.opponents)

    @property
    def weight_interval(self) -> str:
        low, high = self.row.minimax_low, self.row.minimax_high
        return "" if low is None or high is None else numbers.span(low, high)

    @property
    def exploitability(self) -> Exploitability | None:
        return self.standings.exploitability.get(self.row.agent)

    @property
    def beaten(self) -> str:
        return beaten_in_words(self.standings, self.row.agent)

    @property
    def reliability(self) -> str:
        return reliability_in_words(self.row)

    @property
    def played_out(self) -> str:
        return played_out_in_words(self.row, writer(self.standings.leaderboard.method))

    @property
    def beaten_by(self) -> tuple[str, ...]:
        return self.standings.beaten_by.get(self.row.agent, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingOverTime:
    """The finding, and the drawing for screens of both widths. ``problem``: why the time that was asked for is not shown, but all of it."""

    sentence: str
    drawing: Markup
    problem: str


@router.get("/agents")
def agents(
    request: Request,
    site: SiteOf,
    retired: bool = False,
    q: str = "",
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    registered = site.ledger.agents(include_retired=retired)
    wanted = q.casefold().strip()
    listed = sorted(
        (one for one in registered if wanted in one.label.casefold()),
        key=lambda agent: (agent.name.casefold(), -agent.version),
    )
    pages = Pages.of(len(listed), at=page_number)
    shown = listed[pages.shown]
    played: dict[int, set[str]] = {agent.id: set() for agent in shown}
    for tournament in site.ledger.tournaments():
        for agent in tournament.agents:
            if agent.id in played:
                played[agent.id].add(tournament.game)
    return page(
        request,
        "agents.html",
        agents=shown,
        pages=pages,
        registered=len(registered),
        q=q,
        played=played,
        retired=retired,
        may_register=visitor_of(request).may(Scope.SUBMIT),
    )


def opponent_label(site: Site, against: str) -> str:
    """The label of an opponent: a mixed team's as it is, an agent's by its name or label; '' for none.

    Raises:
        UnknownName: no such agent.
    """
    return against if not against or members_of(against) else site.ledger.agent(against).label


@router.get("/agents/{reference:path}")
def agent(
    request: Request,
    site: SiteOf,
    reference: str,
    against: str = "",
    forfeits: bool = False,
    ladder: str = "",
    since: str = "",
    begin: str = "",
    end: str = "",
) -> Response:
    found = site.ledger.agent(reference)
    opponent = opponent_label(site, against)
    places = on_ladders(site, found)
    explained = _explained_on(places, ladder)
    return page(
        request,
        "agent.html",
        agent=found,
        met_at=_met_at(found, places),
        places=places,
        why=explain_view(site, explained.standings, found.label, since=since) if explained else None,
        sentence=_sentence(found, places),
        matches=recent_matches(site, found, against=opponent, forfeits=forfeits),
        forfeits=forfeits,
        against=opponent,
        over_time=_over_time(site, explained, found.label, begin, end),
        begin=begin,
        end=end,
        ladder=explained,
        faults=forfeits_of(site, found) if any(place.row.forfeits for place in places) else [],
        family=ancestry(found, site.ledger.agents(include_retired=True)),
        training=training_view(site, found),
        population=population_view(site, found.label),
        specification=shown_specification(found.specification),
        lineage={key: str(value) for key, value in shown_lineage(found.lineage).items()},
    )


def _over_time(site: Site, place: OnLadder | None, label: str, begin: str, end: str) -> RatingOverTime | None:
    """Between two dates, or '' for an open end. None where the agent was not rated at two times, or the ladder is not by Elo."""
    if place is None or place.standings.leaderboard.method != "elo":
        return None
    problem = ""
    try:
        found = site.standings.over_time(place.standings.game, since=begin or None, until=end or None)
    except ArenaError as error:
        if not begin and not end:
            raise
        found, problem = site.standings.over_time(place.standings.game), str(error)
    band = rating_band(found, label)
    if band is None and (begin or end) and not problem:
        found = site.standings.over_time(place.standings.game)
        band, problem = rating_band(found, label), "it was not rated at two times between these dates"
    if band is None:
        return None
    return RatingOverTime(sentence=rating_sentence(found, label), drawing=in_both_widths(band), problem=problem)


def _explained_on(places: list[OnLadder], ladder: str) -> OnLadder | None:
    """The place that is explained: on the ladder asked for, else the first; None where there is none.

    Raises:
        UnknownName: the agent is not on the ladder asked for.
    """
    if not ladder:
        return places[0] if places else None
    found = next((place for place in places if place.standings.game == ladder), None)
    if found is None:
        raise UnknownName("ladder of this agent", ladder, [place.standings.game for place in places])
    return found


def on_ladders(site: Site, agent: AgentVersion) -> list[OnLadder]:
    """The agent's place on every ladder that it has matches on, the one with most matches first."""
    found = []
    for game in dict.fromkeys(one.game for one in tournaments_of(site.ledger, agent)):
        try:
            standings = site.standings.standings(game)
        except StandingsUnderWay:
            raise
        except ArenaError:  # a ladder that cannot be rated has a page of its own that says why
            continue
        row = next((row for row in standings.leaderboard.rows if row.agent == agent.label), None)
        if row is not None and row.matches:
            found.append(_on_ladder(standings, row))
    return sorted(found, key=lambda place: -place.row.matches)


def _on_ladder(standings: Standings, row: Row) -> OnLadder:
    method = standings.leaderboard.method
    written = writer(method)
    return OnLadder(
        standings=standings,
        row=row,
        rank=rank_range(row),
        method=METHODS[method],
        rating=written(row.rating),
        doubt=doubt_in_words(row, method),
        opponents=opponents_of(standings.leaderboard, row.agent),
        teams=tuple(
            InTeam(
                label=team.agent,
                rank=rank_range(team),
                rating=written(team.rating),
                doubt=doubt_in_words(team, method),
                record=wdl_bar(team.wins, team.draws, team.losses),
                matches=numbers.count(team.matches),
            )
            for team in standings.leaderboard.rows
            if row.agent in members_of(team.agent)
        ),
    )


def _met_at(agent: AgentVersion, places: list[OnLadder]) -> str:
    """Where a person begins a match against it, in a game that it has played if it has played any; '' where nobody can."""
    games = [place.standings.game for place in places]
    met_in = [game for game in games if playable_game(game)]
    if not can_be_met(agent) or (games and not met_in):
        return ""
    return play_address(agent.label, met_in[0] if met_in else None)


def _sentence(agent: AgentVersion, places: list[OnLadder]) -> str:
    if not places:
        return f"{agent.label} has played no rated match yet."
    first = places[0]
    said = (
        f"Provisional on {first.standings.title}, with {first.row.matches} of at least {PROVISIONAL_BELOW} matches"
        if first.row.provisional
        else f"Rank {first.rank} of {first.ranked} on {first.standings.title}"
    )
    method = "mean return" if first.standings.leaderboard.method == "mean_return" else first.method
    said += f", {method} {first.rating} {first.doubt}"
    enough = [one for one in first.opponents if not one.few]  # a match or two say nothing of who is hard
    if len(enough) > 1:
        said += f"; its hardest opponent is {enough[0].agent}, against whom it scores {enough[0].score}"
    return said + "."

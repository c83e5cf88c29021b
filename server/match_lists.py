"""Matches in lists: who played, how it ended, in words; from a tournament's columns, without its actions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.entrants import by_side, entrant_label, entrant_labels, mixed_teams
from arena.ledger import Ledger
from arena.ledger_rows import AgentVersion, Played, Tournament
from arena.results import NOBODY, Termination
from arena.server import numbers
from arena.server.site import Site
from arena.server.teams import NOBODY_HERE, has_teams, members_of
from arena.source_facts import MatchFacts, match_facts

TERMINATION_WORDS = {
    Termination.NORMAL: "normal end",
    Termination.TRUNCATED: "cut off by the length limit",
    Termination.ILLEGAL_MOVE: "illegal move",
    Termination.TIMEOUT: "out of time",
    Termination.CRASH: "crash",
    Termination.PROTOCOL_ERROR: "protocol error",
    Termination.OUTPUT_FLOOD: "output flood",
    Termination.OUT_OF_MEMORY: "out of memory",
    Termination.INFRASTRUCTURE: "not rated, the game failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchLine:
    """One match in a list. ``agents`` by seat, or by side where players stand in teams (``in_teams``); ``returns`` in words;
    ``forfeit``: who and why, '' as a rule; ``facts``: the same for programs."""

    facts: MatchFacts
    tournament: str
    number: int
    agents: tuple[str, ...]
    best: tuple[int, ...]
    returns: str
    forfeit: str
    in_teams: bool


def match_lines(tournament: Tournament, played: Played, rows: Iterable[int]) -> list[MatchLine]:
    """The rows named of a tournament's columns, a side in place of a player."""
    some = played.take(np.array(list(rows), np.int64))
    met = by_side(tournament, some)
    return [_line(tournament, met, match_facts(tournament, some, met, row), row) for row in range(len(some))]


def recent_matches(
    site: Site, agent: AgentVersion, *, against: str = "", forfeits: bool = False, limit: int = 20
) -> list[MatchLine]:
    """An agent's last matches, newest tournament and highest number first, those that it played in a mixed team too; only
    those that it alone played `against` another entrant's label, if given, and only those that it forfeited, if asked."""
    found: list[MatchLine] = []
    for tournament in tournaments_of(site.ledger, agent):
        played = site.ledger.played(tournament)
        inside = _played_by(tournament, played, agent, against)
        if forfeits:
            failed = np.flatnonzero(played.forfeit != NOBODY)
            at_fault = np.zeros_like(inside)
            at_fault[failed] = played.seats[failed, played.forfeit[failed]] == _place(tournament, agent)
            inside &= at_fault
        rows = np.flatnonzero(inside)[::-1][: limit - len(found)]
        found += match_lines(tournament, played, rows.tolist())
        if len(found) >= limit:
            break
    return found


def tournaments_of(ledger: Ledger, agent: AgentVersion) -> list[Tournament]:
    """The tournaments in which an agent plays, newest first."""
    mine = [one for one in ledger.tournaments() if _place(one, agent) is not None]
    return sorted(mine, key=lambda one: (one.created_at, one.id), reverse=True)


def winners(returns: tuple[float, ...] | list[float], forfeited_by: int | None) -> tuple[int, ...]:
    """The seats with the highest payoff, the one at fault aside; nobody where all got the same."""
    seats = [seat for seat in range(len(returns)) if seat != forfeited_by]
    if not seats:
        return ()
    best = max(returns[seat] for seat in seats)
    chosen = tuple(seat for seat in seats if returns[seat] == best)
    return () if forfeited_by is None and len(chosen) == len(returns) else chosen


def _line(tournament: Tournament, played: Played, facts: MatchFacts, row: int) -> MatchLine:
    seats = played.seats[row].tolist()
    agents = tuple(entrant_label(tournament, seat) if seat >= 0 else NOBODY_HERE for seat in seats)
    forfeit = int(played.forfeit[row])
    by = None if forfeit == NOBODY else forfeit
    returns, unrated = played.returns[row].tolist(), played.termination[row] == Termination.INFRASTRUCTURE
    words = "" if by is None else f"{agents[by]}: {TERMINATION_WORDS[Termination(int(played.termination[row]))]}"
    return MatchLine(
        facts=facts,
        tournament=tournament.key,
        number=int(played.index[row]),
        agents=agents,
        best=() if unrated else winners(returns, by),
        returns=TERMINATION_WORDS[Termination.INFRASTRUCTURE] if unrated else numbers.returns(returns),
        forfeit=words,
        in_teams=has_teams(tournament),
    )


def _played_by(tournament: Tournament, played: Played, agent: AgentVersion, against: str) -> NDArray[np.bool_]:
    """[N]: the matches of an agent, alone or in a mixed team; alone against an opponent, where one is given."""
    seats = by_side(tournament, played).seats
    if against:
        labels = entrant_labels(tournament)
        alone = (seats == labels.index(agent.label)) if agent.label in labels else np.zeros_like(seats, np.bool_)
        other = (seats == labels.index(against)) if against in labels else np.zeros_like(seats, np.bool_)
        return np.array(alone.any(axis=1) & other.any(axis=1), np.bool_)
    teams = enumerate(mixed_teams(tournament), len(tournament.agents))
    own = [k for k, one in enumerate(tournament.agents) if one.id == agent.id]
    mine = own + [k for k, team in teams if agent.label in members_of(team)]
    return np.array(np.isin(seats, mine).any(axis=1), np.bool_)


def _place(tournament: Tournament, agent: AgentVersion) -> int | None:
    return next((k for k, one in enumerate(tournament.agents) if one.id == agent.id), None)

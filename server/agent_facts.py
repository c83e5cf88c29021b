"""What the ledger knows of an agent beside its ratings: the matches that it forfeited, with their logs."""

from __future__ import annotations

from dataclasses import dataclass

from arena.ledger_rows import AgentVersion
from arena.server.match_lists import MatchLine, recent_matches
from arena.server.site import Site
from arena.shown_origin import shown_fault

FORFEITS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ForfeitLine:
    """A match that the agent forfeited: what happened, and what it said last, '' where nothing was kept."""

    line: MatchLine
    game: str
    message: str
    log: str


def forfeits_of(site: Site, agent: AgentVersion) -> list[ForfeitLine]:
    """The newest matches that the agent forfeited, with their logs."""
    lines = recent_matches(site, agent, forfeits=True, limit=FORFEITS_SHOWN)
    found = []
    for key in dict.fromkeys(line.tournament for line in lines):
        tournament = site.ledger.tournament(key)
        faults = {fault.index: shown_fault(fault) for fault in site.ledger.faults(tournament)}
        for line in (one for one in lines if one.tournament == key):
            fault = faults.get(line.number)
            message, log = ("", "") if fault is None else (fault.message, fault.log)
            found.append(ForfeitLine(line=line, game=tournament.game_title, message=message, log=log))
    return found

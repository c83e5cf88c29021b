"""The newest results as small boards: of the last finished tournaments whose game is drawn, how their last match ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from arena.games import ArenaError
from arena.ledger_rows import Tournament
from arena.server.boards import board_of
from arena.server.match_pages import drawing_of, replayed, title_of
from arena.server.site import Site, match_address
from arena.server.teams import short_name

SHOWN = 4
LONGEST = 200
"""Recorded actions: replaying more of them for a small picture takes too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """A match that ended: where it is, how, between whom by seat, and its last position."""

    address: str
    title: str
    agents: tuple[str, ...]
    game: str
    drawing: Markup


def newest_results(site: Site, tournaments: Iterable[Tournament]) -> list[Newest]:
    """At most so many, one a tournament, in the order of the tournaments, which is the newest first."""
    found: list[Newest] = []
    for one in tournaments:
        if len(found) == SHOWN:
            break
        if one.source == "play" and one.status == "finished" and board_of(one.game) is not None:
            shown = _newest(site, one)
            if shown is not None:
                found.append(shown)
    return found


def _newest(site: Site, tournament: Tournament) -> Newest | None:
    number = site.ledger.progress(tournament) - 1  # a finished tournament has all its matches up to the last
    try:
        if len(site.ledger.match(tournament, number).actions) > LONGEST:
            return None
        match = replayed(site, tournament.key, number)
    except ArenaError:  # its own page says why
        return None
    drawing = drawing_of(site, match, match.last, None) if match.positions else None
    if drawing is None:
        return None
    return Newest(
        address=match_address(tournament.key, number),
        title=title_of(match),
        agents=tuple(short_name(name) for name in match.names),
        game=tournament.game_title,
        drawing=drawing,
    )

"""The boards that addresses ask for: by the game's name, never by loading what is not known."""

from __future__ import annotations

from collections.abc import Iterable

from arena.counterfactual import Where
from arena.games import GameInfo, UnknownName
from arena.server.ladder_words import method_of
from arena.server.site import Site, playable_games
from arena.standings import Standings


def standings_of(site: Site, specification: str, method: str, where: Where | None = None) -> Standings | None:
    """The standings of a game of the ledger, or None for a game that can be played and is not in the ledger.

    What an address names is looked up, never loaded: loading could read files or take long.

    Raises:
        UnknownName: neither in the ledger nor playable by name, or no such method.
        SpecificationError: no match is left that counts.
    """
    rating = method_of(method)
    if site.ledger.has_game(specification):
        return site.standings.standings(specification, method=rating, where=where)
    playable(specification, also=[row.game for row in site.ledger.games()])
    return None


def required_standings(site: Site, game: str, method: str, where: Where) -> Standings:
    """The standings of a game with matches.

    Raises:
        UnknownName: there are none, or no such method.
        SpecificationError: no match is left that counts.
    """
    found = standings_of(site, game, method, where)
    if found is None:
        raise no_matches_of(site, game)
    return found


def require_matches(site: Site, game: str) -> None:
    """Raises `UnknownName` where the ledger has no match of a game; it is looked up, never loaded."""
    if not site.ledger.recorded(game):
        raise no_matches_of(site, game)


def no_matches_of(site: Site, game: str) -> UnknownName:
    return UnknownName("game with matches", game, [row.game for row in site.ledger.games() if row.matches])


def playable(specification: str, also: Iterable[str] = ()) -> GameInfo:
    """The facts of a game that can be played by its name.

    Raises:
        UnknownName: there is none.
    """
    for info in playable_games():
        if info.specification == specification:
            return info
    raise UnknownName("game", specification, [*also, *(info.specification for info in playable_games())])

"""How many matches one person plays at once, so that nobody takes all tables."""

from __future__ import annotations

import threading
from collections.abc import Callable

from starlette.exceptions import HTTPException

from arena.ledger import Ledger
from arena.ledger_rows import Tournament
from arena.server.players import Player, is_player
from arena.table_host import MOST_TABLES, ask_to_play, at_tables

MOST_OF_ONE = 4  # matches of one person
MOST_OF_GUESTS = 8  # of all guests at one address, whose cookies tell nothing: who throws one away is a new guest


class PlayLimits:
    """Who begins matches in this process, and from where the guests came whose matches are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beginning: list[tuple[Player, str]] = []
        self._addresses: dict[str, str] = {}  # of guests, by tournament

    def begin(self, ledger: Ledger, player: Player, address: str, create: Callable[[], Tournament]) -> Tournament:
        """The match of a person, that is played from now on.

        Args:
            ledger: where it is played.
            player: who plays in it.
            address: whence it is asked for.
            create: makes its tournament.

        Raises:
            HTTPException: 409 where the person, or guests at the address, play as many as they may; 503 where all tables are taken.
        """
        beginning = player, address
        with self._lock:
            self._require_table(ledger, player, address)
            self._beginning.append(beginning)
        tournament = None
        try:
            tournament = create()
        finally:
            with self._lock:
                self._beginning.remove(beginning)
                if tournament is not None:
                    ask_to_play(ledger, tournament)
                    if player.cookie:
                        self._addresses[tournament.key] = address
        return tournament

    def _require_table(self, ledger: Ledger, player: Player, address: str) -> None:
        taken = at_tables(ledger)
        self._addresses = {key: there for key, there in self._addresses.items() if key in taken}
        mine = [one.key for one in matches_of(ledger, player)]
        if len(mine) + sum(one.name == player.name for one, _ in self._beginning) >= MOST_OF_ONE:
            raise HTTPException(
                409,
                f"{MOST_OF_ONE} matches of yours are under way, and more cannot be: end or resign one of them first{_named(mine)}",
            )
        here = [key for key, there in self._addresses.items() if there == address]
        coming = sum(there == address for one, there in self._beginning if one.cookie)
        if player.cookie and len(here) + coming >= MOST_OF_GUESTS:
            raise HTTPException(
                409,
                f"{MOST_OF_GUESTS} matches of guests at your network address are under way, and more cannot be: wait until one of them is "
                f"over, or sign in{_named(here)}",
            )
        if len(taken) + len(self._beginning) >= MOST_TABLES:
            raise HTTPException(503, "all tables are taken; come back in a while", {"Retry-After": "60"})


def matches_of(ledger: Ledger, player: Player) -> list[Tournament]:
    """The matches of a person that are under way, or wait for a table."""
    played = [ledger.tournament(key) for key in at_tables(ledger)]
    return [one for one in played if any(is_player(agent, player) for agent in one.agents)]


def _named(keys: list[str]) -> str:
    return f" ({', '.join(keys)})" if keys else ""

"""Standings computed once for each state of the ledger, however many people look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from arena.jobs import finished
from arena.leaderboards.leaderboard import Method
from arena.ledger import Ledger
from arena.standings import Standings, standings

PATIENCE = 10.0  # while matches pour in, at most a tenth of the time goes into computing


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    mark: tuple[int, int] | None = None
    value: Standings | None = None
    computed_at: float = 0.0
    took: float = 0.0


class StandingsCache:
    """`arena.standings.standings` of one ledger, kept by the ledger's mark of the game and its finished jobs.

    While a tournament of the game runs, the last standings are given until ten times their computing time has passed: they say
    themselves when they were computed and from how many matches.
    """

    def __init__(self, ledger: Ledger, *, now: Callable[[], float] = time.monotonic):
        self._ledger, self._now = ledger, now
        self._entries: dict[tuple[str, str | None, Method], _Entry] = {}
        self._lock = threading.Lock()

    def standings(self, game: str, *, tournament: str | None = None, method: Method = "elo") -> Standings:
        """The standings of a game, or of one tournament of it.

        Raises:
            ArenaError: what `arena.standings.standings` raises.
        """
        with self._lock:
            entry = self._entries.setdefault((game, tournament, method), _Entry())
        with entry.lock:
            mark = (self._ledger.mark(game), finished(self._ledger, game))
            young = self._now() - entry.computed_at < PATIENCE * entry.took
            if entry.value is not None and (mark == entry.mark or (young and self._is_played(game))):
                return entry.value
            start = self._now()
            entry.value = standings(self._ledger, game, tournament=tournament, method=method)
            entry.mark, entry.computed_at = mark, self._now()
            entry.took = entry.computed_at - start
            return entry.value

    def _is_played(self, game: str) -> bool:
        return any(tournament.status == "running" for tournament in self._ledger.tournaments(game))

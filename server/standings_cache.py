"""Standings computed once for each state of the ledger, however many people look."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from arena.adjusted_returns import AdjustedReturns, adjusted_standings
from arena.anytime_ratings import AnytimeRatings, anytime_standings
from arena.columns import Exploitability, Measured, known_exploitabilities, measure
from arena.counterfactual import Where
from arena.explanation import AgentExplanation, explained
from arena.games import ArenaError
from arena.head_to_head import HeadToHead, head_to_head
from arena.jobs import finished
from arena.leaderboards.leaderboard import Method
from arena.ledger import AgentVersion, Ledger, Tournament
from arena.ledger_state import note_read, state_of, topics_read
from arena.ratings_over_time import RatingsOverTime, ratings_over_time
from arena.standings import Standings, standings

PATIENCE = 10.0  # while matches pour in, at most a tenth of the time goes into computing
LARGE = 100_000  # matches from which standings are computed beside their readers: that takes a second a million
KEPT = {
    "counterfactual": 32,
    "explained": 512,
    "adjusted": 64,
    "anytime": 64,
    "head to head": 256,
    "over a stretch": 32,
}
"""Values of each kind: readers may ask for any date, so that what was not asked for longest goes. Full boards all stay: the
ledger bounds them."""

MOST_EXPLAINED = 300
"""Agents of a ladder that a server explains: of 1,000 one takes four seconds of the processor. Beyond, the command does."""

MOMENT_S = 1.0  # that who asks first waits for what is not there yet, before he is told to come again

logger = logging.getLogger(__name__)


class StandingsUnderWay(ArenaError):
    """Those of a large ladder that nobody has asked for before; they are being computed, and there soon."""


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    mark: Hashable = None
    value: object = None
    computed_at: float = 0.0
    took: float = 0.0
    failed: Exception | None = None
    shown_old: bool = False  # while a newer value was due: what shows it changes with the next one
    current_in: Hashable = None  # the state of the game in the ledger in which the value was the newest


class StandingsCache:
    """`arena.standings.standings` and `arena.explanation.explained` of one ledger, kept by the ledger's mark of the game and its
    finished jobs.

    While a tournament of the game runs, the last ones are given until ten times their computing time has passed; those of large
    ladders always while new ones are computed, and never in the time of a reader: standings say themselves when they were computed
    and from how many matches, and `StandingsUnderWay` that there are none yet.
    """

    def __init__(self, ledger: Ledger, *, now: Callable[[], float] = time.monotonic):
        self._ledger, self._now = ledger, now
        # by the topic of its game: how often anything was of which an older value was shown
        self.computed: dict[str, int] = {}
        self.moment_s = MOMENT_S  # negative: as long as it takes
        self.measured: Measured = self._measured_before
        self._measuring: set[str] = set()  # games
        self._news: dict[str, int] = {}  # by game, how often values were measured that a board can show
        self._entries: dict[str, OrderedDict[Hashable, _Entry]] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Begins with the ladders that take long, so that few readers come before they are there."""
        for row in self._ledger.games():
            if row.matches >= LARGE:
                threading.Thread(target=self._first, args=(row.game,), daemon=True).start()

    def _first(self, game: str) -> None:
        with suppress(ArenaError):  # who looks at it is told
            self.standings(game)

    def standings(
        self,
        game: str,
        *,
        tournament: str | None = None,
        method: Method = "elo",
        where: Where | None = None,
        joint: bool = False,
    ) -> Standings:
        """The standings of a game, or of one tournament of it; counterfactual ones where only some matches count.

        Raises:
            ArenaError: what `arena.standings.standings` raises.
        """

        def compute() -> Standings:
            return standings(
                self._ledger,
                game,
                tournament=tournament,
                method=method,
                where=where,
                joint=joint,
                measured=self.measured,
            )

        kind = "counterfactual" if where else "full"
        return cast("Standings", self._kept(kind, game, (game, tournament, method, where or Where(), joint), compute))

    def explained(
        self,
        game: str,
        agent: str,
        *,
        method: str = "elo",
        tournament: str | None = None,
        since: str | None = None,
        where: Where | None = None,
    ) -> AgentExplanation:
        """Why an agent, by its label, has its rating on the ladder of a game of the ledger, or of one tournament.

        Raises:
            ArenaError: what `arena.explanation.explained` raises.
        """

        def compute() -> AgentExplanation:
            return explained(
                self._ledger,
                game,
                agent,
                method=method,
                tournament=tournament,
                since=since,
                where=where,
                most_agents=MOST_EXPLAINED,
            )

        key = (game, agent, method, tournament, since, where or Where())
        return cast("AgentExplanation", self._kept("explained", game, key, compute))

    def adjusted(self, game: str, *, where: Where | None = None) -> AdjustedReturns:
        """Mean returns of a game's matches, raw and with the luck taken out.

        Raises:
            ArenaError: what `arena.adjusted_returns.adjusted_standings` raises.
        """

        def compute() -> AdjustedReturns:
            return adjusted_standings(self._ledger, game, where=where)

        return cast("AdjustedReturns", self._kept("adjusted", game, (game, where or Where()), compute))

    def anytime(
        self, game: str, *, tournament: str | None = None, anchor: str | None = None, where: Where | None = None
    ) -> AnytimeRatings:
        """Rating differences of a game's matches, or of one tournament's, with bounds that hold at any time.

        Raises:
            ArenaError: what `arena.anytime_ratings.anytime_standings` raises.
        """

        def compute() -> AnytimeRatings:
            return anytime_standings(self._ledger, game, tournament=tournament, anchor=anchor, where=where)

        key = (game, tournament, anchor, where or Where())
        return cast("AnytimeRatings", self._kept("anytime", game, key, compute))

    def over_time(self, game: str, *, since: str | None = None, until: str | None = None) -> RatingsOverTime:
        """The Elo of a game's agents after each of its tournaments, or of those that ended between two dates.

        Raises:
            ArenaError: what `arena.ratings_over_time.ratings_over_time` raises.
        """

        def compute() -> RatingsOverTime:
            return ratings_over_time(self._ledger, game, since=since, until=until)

        kind = "over a stretch" if since or until else "over time"
        return cast("RatingsOverTime", self._kept(kind, game, (game, since, until), compute))

    def head_to_head(self, game: str, first: str, second: str) -> HeadToHead:
        """Two agents against each other on a game.

        Raises:
            ArenaError: what `arena.head_to_head.head_to_head` raises.
        """

        def compute() -> HeadToHead:
            return head_to_head(self._ledger, game, first, second)

        return cast("HeadToHead", self._kept("head to head", game, (game, first, second), compute))

    def _kept(self, kind: str, game: str, key: Hashable, compute: Callable[[], object]) -> object:
        note_read(game, _computed(game))
        with self._lock:
            entries = self._entries.setdefault(kind, OrderedDict())
            entry = entries.setdefault(key, _Entry())
            entries.move_to_end(key)
            while len(entries) > KEPT.get(kind, len(entries)):
                entries.popitem(last=False)
        state = state_of((game,), self._ledger.changes()), self._news.get(game)
        if (value := entry.value) is not None and entry.current_in == state:
            return value
        if (matches := self._ledger.recorded(game)) >= LARGE:
            return self._large(entry, game, matches, state, compute)
        with entry.lock:
            if entry.value is None or self._is_old(entry, game, state):
                self._fill(entry, game, compute)
            return entry.value

    def _large(self, entry: _Entry, game: str, matches: int, state: Hashable, compute: Callable[[], object]) -> object:
        """What is there, while what is newer is computed beside its readers: none of them waits for longer than a moment."""
        begins = (entry.value is None or self._is_old(entry, game, state)) and entry.lock.acquire(blocking=False)
        if begins:
            threading.Thread(target=self._refresh, args=(entry, game, compute), daemon=True).start()
        if begins and entry.value is None and entry.lock.acquire(timeout=self.moment_s):
            entry.lock.release()
        if entry.current_in != state:
            entry.shown_old = True
        failed, entry.failed = entry.failed, None
        if failed is not None:
            raise failed
        if (value := entry.value) is None:
            raise StandingsUnderWay(
                f"this is being computed from {matches:,} matches of {game}, for the first time since the server "
                "started; look again in a few seconds"
            )
        return value

    def _is_old(self, entry: _Entry, game: str, state: Hashable) -> bool:
        """Whether the ledger has gone on, and not too short a time ago while it goes on all the time.

        ``state``: of the game, looked up before.
        """
        if entry.mark == self._mark(game):
            entry.current_in = state
            return False
        is_due = self._now() - entry.computed_at >= PATIENCE * entry.took or not self._is_played(game)
        entry.shown_old |= not is_due
        return is_due

    def _mark(self, game: str) -> Hashable:
        return self._ledger.mark(game), finished(self._ledger, game), self._news.get(game)

    def _fill(self, entry: _Entry, game: str, compute: Callable[[], object]) -> None:
        mark, start = self._mark(game), self._now()
        with topics_read():  # who happens to wait for them depends on no more than who comes later
            value = compute()
        entry.value, entry.mark, entry.computed_at = value, mark, self._now()
        entry.took = entry.computed_at - start
        if entry.shown_old:  # after the new value is there: who is shown an old one says so before he looks
            entry.shown_old = False
            self._note_newer(game)

    def _note_newer(self, game: str) -> None:
        with self._lock:
            self.computed[_computed(game)] = self.computed.get(_computed(game), 0) + 1

    def _refresh(self, entry: _Entry, game: str, compute: Callable[[], object]) -> None:
        """Computes anew while readers are given what was there; who reads next hears what goes wrong."""
        try:
            self._fill(entry, game, compute)
        except Exception as error:
            if not isinstance(error, ArenaError):
                logger.exception("the standings of %s could not be computed", game)
            entry.value, entry.failed = None, error
        finally:
            entry.lock.release()

    def _measured_before(
        self, ledger: Ledger, game: str, tournaments: Sequence[Tournament]
    ) -> dict[str, Exploitability]:
        """What is known now; processes of agents from elsewhere are asked for the rest beside those who read."""
        found, unmeasured = known_exploitabilities(ledger, game, tournaments)
        with self._lock:
            begins = bool(unmeasured) and game not in self._measuring
            if begins:
                self._measuring.add(game)
        if begins:
            threading.Thread(target=self._measure, args=(game, unmeasured), name="exploitability", daemon=True).start()
        return found

    def _measure(self, game: str, agents: Sequence[AgentVersion]) -> None:
        try:
            found = measure(self._ledger, game, agents)
        except Exception:
            logger.exception("exploitability on %s could not be measured", game)
            found = {}
        self._measuring.discard(game)
        if found:
            self._news[game] = self._news.get(game, 0) + 1
            self._note_newer(game)

    def _is_played(self, game: str) -> bool:
        return any(tournament.status == "running" for tournament in self._ledger.tournaments(game))


def _computed(game: str) -> str:
    return f"what was computed of {game}"

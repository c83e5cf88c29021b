"""The standings of a game: the ledger's matches rated. What the command line prints and the browser shows."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from arena.agents import load_agent
from arena.executor import close_agents
from arena.games import ArenaError, SpecificationError, UnknownName, load_game
from arena.leaderboards.leaderboard import Leaderboard, Method, leaderboard
from arena.leaderboards.record import Record, Utility
from arena.ledger import Ledger, Played, Tournament
from arena.roster import playable
from arena.solvers import exploitability
from arena.verdict import decision, matches_rated

TABULAR_KINDS = ("policy", "uniform")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """A leaderboard with what only the ledger knows. ``exploitability``: by agent, exact, where it can be computed."""

    game: str
    title: str
    leaderboard: Leaderboard
    exploitability: dict[str, float]
    verdict: str | None
    matches: int
    surplus: int
    tournaments: tuple[str, ...]
    computed_at: str

    def to_dict(self) -> dict[str, object]:
        """What ``--json`` prints and the API answers."""
        return {
            "game": self.game,
            "title": self.title,
            "matches": self.matches,
            "surplus": self.surplus,
            "tournaments": list(self.tournaments),
            "verdict": self.verdict,
            "computed_at": self.computed_at,
            "exploitability": self.exploitability,
            "leaderboard": self.leaderboard.to_dict(),
        }


def standings(ledger: Ledger, game: str, *, tournament: str | None = None, method: Method = "elo") -> Standings:
    """The standings of a game over all its tournaments, or of one tournament.

    Raises:
        UnknownName: the ledger has no matches of the game, or no such tournament.
        SpecificationError: the tournament is of another game.
    """
    game, chosen = _chosen(ledger, game, tournament)
    record, surplus = _record(ledger, chosen)
    return Standings(
        game=game,
        title=chosen[0].game_title,
        leaderboard=leaderboard(record, method=method),
        exploitability=_exploitabilities(ledger, chosen),
        verdict=_verdict(ledger, chosen[0]) if len(chosen) == 1 else None,
        matches=len(record),
        surplus=surplus,
        tournaments=tuple(one.key for one in chosen),
        computed_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def canonical_game(ledger: Ledger, game: str) -> str:
    """The specification under which the ledger knows a game: another spelling of it finds the same ladder.

    Raises:
        UnknownName: no match of it is in the ledger.
    """
    known = [row.game for row in ledger.games()]
    if game in known:
        return game
    ends = [name for name in known if name.partition(":")[2] == game]
    if len(ends) == 1:
        return ends[0]
    try:
        specification = load_game(game).info.specification
    except ArenaError:
        raise UnknownName("game in this ledger", game, known) from None
    if specification in known:
        return specification
    raise UnknownName("game in this ledger", game, known)


def _chosen(ledger: Ledger, game: str, tournament: str | None) -> tuple[str, list[Tournament]]:
    game = canonical_game(ledger, game)
    if tournament is None:
        return game, ledger.tournaments(game)
    one = ledger.tournament(tournament)
    if one.game != game:
        raise SpecificationError(f"tournament {tournament!r} is of {one.game}, not of {game}")
    return game, [one]


def _record(ledger: Ledger, tournaments: Sequence[Tournament]) -> tuple[Record, int]:
    """The rated matches of these tournaments of one game, and how many were left out as surplus."""
    labels: dict[str, int] = {}
    seats, returns, forfeit, pair = [], [], [], []
    surplus, groups = 0, 0
    for tournament in tournaments:
        names = np.array([labels.setdefault(agent.label, len(labels)) for agent in tournament.agents], np.int64)
        played = ledger.played(tournament)
        rated = len(played.index)
        if tournament.config.get("pairing") == "decide":
            rated = matches_rated(played, error_rate=_error_rate(tournament))
            surplus += len(played.index) - rated
        seats.append(np.where(played.seats[:rated] < 0, -1, names[played.seats[:rated]]))
        returns.append(played.returns[:rated])
        forfeit.append(played.forfeit[:rated].astype(np.int64))
        pair.append(groups + _groups(tournament, played)[:rated])
        groups = int(pair[-1].max()) + 1 if rated else groups
    whole = Record(
        agents=tuple(labels),
        seats=np.concatenate(seats),
        returns=np.concatenate(returns),
        forfeit=np.concatenate(forfeit),
        pair=np.concatenate(pair),
        weight=np.ones(sum(map(len, seats))),
        utility=_utility(tournaments[0].utility),
    )
    return whole, surplus


def _groups(tournament: Tournament, played: Played) -> NDArray[np.int64]:
    """The unit of resampling of each match: its rotation of seats, which shares a chance seed."""
    if tournament.source != "play":
        return np.arange(len(played.index))
    groups: NDArray[np.int64] = played.index // played.seats.shape[1]
    return groups


def _utility(name: str) -> Utility:
    assert name in get_args(Utility), name
    utility: Utility = name  # type: ignore[assignment]  # checked in the line above
    return utility


def _error_rate(tournament: Tournament) -> float:
    return float(str(tournament.config.get("error_rate", 0.05)))


def _verdict(ledger: Ledger, tournament: Tournament) -> str | None:
    """The sentence of a tournament that plays until decided."""
    if tournament.config.get("pairing") != "decide":
        return None
    first, second = (agent.label for agent in tournament.agents)
    found = decision(ledger.played(tournament), error_rate=_error_rate(tournament))
    return found.sentence(first, second)


def _exploitabilities(ledger: Ledger, tournaments: Sequence[Tournament]) -> dict[str, float]:
    """Exact exploitability of each tabular agent; agents and games for which there is none are left out."""
    store = ledger.artifacts
    found: dict[str, float] = {}
    for agent in {agent.label: agent for one in tournaments for agent in one.agents}.values():
        if agent.kind in TABULAR_KINDS:
            value = _exploitability(tournaments[0].game, playable(agent, store))
            if value is not None:
                found[agent.label] = value
    return found


@lru_cache(maxsize=256)
def _exploitability(game: str, specification: str) -> float | None:
    """By specification: a stored policy's path holds its content's hash, so the value never changes."""
    try:
        loaded = load_game(game)
        agent = load_agent(specification, game=loaded)
        try:
            return float(exploitability(loaded, agent.policy))  # type: ignore[union-attr]  # tabular agents carry it
        finally:
            close_agents([agent])
    except ArenaError:
        return None

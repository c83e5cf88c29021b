"""The standings of a game: the ledger's matches rated. What the command line prints and the browser shows."""

from __future__ import annotations

import dataclasses
import datetime
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from arena.agents import load_agent
from arena.entrants import by_side, entrant_labels
from arena.executor import close_agents
from arena.games import ArenaError, SpecificationError, UnknownName, load_game
from arena.leaderboards.leaderboard import Leaderboard, Method, leaderboard
from arena.leaderboards.record import Record, Utility
from arena.leaderboards.stopped import Verdict, verdict_of, with_verdict
from arena.ledger import Ledger, LedgerError, Played, Tournament
from arena.roster import playable
from arena.solvers import exploitability
from arena.solvers.policy_table import policy_of
from arena.verdict import decision, matches_rated

KINDS_WITH_PROBABILITIES = ("policy", "uniform", "checkpoint")


class NoMatches(UnknownName):
    """A game that there is, with no match of it in the ledger yet."""

    def __init__(self, game: str, known: Sequence[str]):
        super().__init__("game in this ledger", game, known)
        has = f"; it has matches of {', '.join(known)}" if known else ""
        play = f"arena tournament run --game {shlex.quote(game)} --agent NAME --agent random"
        self.args = (f"no match of {game} is in this ledger yet{has}; to play some: {play}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """A leaderboard with what only the ledger knows. ``exploitability``: by agent, exact, where it can be computed."""

    game: str
    title: str
    leaderboard: Leaderboard
    exploitability: dict[str, float]
    verdict: Verdict | None
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
            "verdict": None if self.verdict is None else self.verdict.sentence,
            "computed_at": self.computed_at,
            "exploitability": self.exploitability,
            "leaderboard": self.leaderboard.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One tournament's rated matches as columns; agents by their number in the record."""

    seats: NDArray[np.int64]
    returns: NDArray[np.float64]
    forfeit: NDArray[np.int64]
    group: NDArray[np.int64]
    origin: NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rated:
    """What is rated, and how many matches were left out: after a verdict, and because they repeat others.

    ``verdicts``: of the tournaments that were played until decided, in order.
    """

    record: Record
    verdicts: tuple[Verdict, ...]
    surplus: int
    repeated: int


def standings(ledger: Ledger, game: str, *, tournament: str | None = None, method: Method = "elo") -> Standings:
    """The standings of a game over all its tournaments, or of one tournament.

    Raises:
        UnknownName: the ledger has no matches of the game, or no such tournament.
        SpecificationError: the tournament is of another game.
    """
    game, chosen = _chosen(ledger, game, tournament)
    rated = _record(ledger, chosen)
    board = leaderboard(rated.record, method=method)
    if rated.repeated:
        said = f"{rated.repeated:,} matches repeat others, agent by agent and seed by seed; each counts once"
        board = dataclasses.replace(board, notes=(*board.notes, said))
    verdict = rated.verdicts[0] if len(chosen) == 1 and rated.verdicts else None
    board = with_verdict(board, verdict, stopped=len(rated.verdicts), tournaments=len(chosen))
    return Standings(
        game=game,
        title=chosen[0].game_title,
        leaderboard=board,
        exploitability=_exploitabilities(ledger, chosen),
        verdict=verdict,
        matches=len(rated.record),
        surplus=rated.surplus,
        tournaments=tuple(one.key for one in chosen),
        computed_at=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def canonical_game(ledger: Ledger, game: str) -> str:
    """The specification under which the ledger knows a game: another spelling of it finds the same ladder.

    Raises:
        UnknownName: no match of it is in the ledger; `NoMatches` where the game itself is known.
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
    raise NoMatches(specification, known)


def _chosen(ledger: Ledger, game: str, tournament: str | None) -> tuple[str, list[Tournament]]:
    game = canonical_game(ledger, game)
    if tournament is None:
        return game, ledger.tournaments(game)
    one = ledger.tournament(tournament)
    if one.game != game:
        raise SpecificationError(f"tournament {tournament!r} is of {one.game}, not of {game}")
    return game, [one]


def _record(ledger: Ledger, tournaments: Sequence[Tournament]) -> _Rated:
    """The rated matches of these tournaments of one game."""
    labels: dict[str, int] = {}
    parts: list[_Part] = []
    verdicts: list[Verdict] = []
    surplus = 0
    for tournament in tournaments:
        names = np.array([labels.setdefault(label, len(labels)) for label in entrant_labels(tournament)], np.int64)
        played = by_side(tournament, _all_of(ledger, tournament))
        rated = len(played)
        if tournament.config.get("pairing") == "decide":
            found = decision(played, error_rate=_error_rate(tournament))
            rated = matches_rated(found, len(played))
            surplus += len(played) - rated
            verdicts.append(verdict_of(found, *(agent.label for agent in tournament.agents)))
        seats = played.seats[:rated]
        parts.append(
            _Part(
                seats=np.where(seats < 0, -1, names[seats]),
                returns=played.returns[:rated],
                forfeit=played.forfeit[:rated].astype(np.int64),
                group=_groups(tournament, played)[:rated],
                origin=_origins(len(parts), tournament, played)[:rated],
            )
        )
    seats = np.concatenate([part.seats for part in parts])
    origin = np.concatenate([part.origin for part in parts])
    kept = np.sort(np.unique(np.column_stack((origin, seats.astype(np.uint64))), axis=0, return_index=True)[1])
    group = np.concatenate([np.full(len(part.group), number) for number, part in enumerate(parts)])
    pair = np.unique(
        np.column_stack((group, np.concatenate([part.group for part in parts]))), axis=0, return_inverse=True
    )
    record = Record(
        agents=tuple(labels),
        seats=seats[kept],
        returns=np.concatenate([part.returns for part in parts])[kept],
        forfeit=np.concatenate([part.forfeit for part in parts])[kept],
        pair=pair[1].reshape(-1)[kept],
        weight=np.ones(len(kept)),
        utility=_utility(tournaments[0].utility),
    )
    return _Rated(record=record, verdicts=tuple(verdicts), surplus=surplus, repeated=len(seats) - len(kept))


def _all_of(ledger: Ledger, tournament: Tournament) -> Played:
    """Its matches. Raises `LedgerError` where fewer are there than were written: a rating would be of something else."""
    written, played = ledger.progress(tournament), ledger.played(tournament)
    if len(played) < written:
        raise LedgerError(
            f"{tournament.key} has lost {written - len(played):,} of its {written:,} matches; "
            "find out more with: arena db check"
        )
    return played


def _groups(tournament: Tournament, played: Played) -> NDArray[np.int64]:
    """The unit of resampling of each match: its rotation of seats, which shares a chance seed; as its file says."""
    if tournament.source != "play":
        return played.chance_seed.astype(np.int64)
    groups: NDArray[np.int64] = played.index // played.seats.shape[1]
    return groups


def _origins(number: int, tournament: Tournament, played: Played) -> NDArray[np.uint64]:
    """What tells one match from another [N, 2]: its seeds, so that the same match recorded twice is one; in a file, its row."""
    if tournament.source != "play":
        return np.column_stack((np.full(len(played), number, np.uint64), played.index.astype(np.uint64)))
    return np.column_stack((played.seed, played.chance_seed))


def _utility(name: str) -> Utility:
    assert name in get_args(Utility), name
    utility: Utility = name  # type: ignore[assignment]  # checked in the line above
    return utility


def _error_rate(tournament: Tournament) -> float:
    return float(str(tournament.config.get("error_rate", 0.05)))


def _exploitabilities(ledger: Ledger, tournaments: Sequence[Tournament]) -> dict[str, float]:
    """Exact exploitability of each agent that tells its probabilities; agents and games without one are left out."""
    store = ledger.artifacts
    found: dict[str, float] = {}
    for agent in {agent.label: agent for one in tournaments for agent in one.agents}.values():
        if agent.kind in KINDS_WITH_PROBABILITIES:
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
            policy = policy_of(agent)
            return None if policy is None else float(exploitability(loaded, policy))
        finally:
            close_agents([agent])
    except ArenaError:
        return None

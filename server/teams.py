"""Sides and mixed teams in words: who stands on each side of a match, and which agents a team's label names."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from arena.entrants import by_side, entrant_labels
from arena.ledger_rows import Played, Tournament
from arena.results import NOBODY, MatchResult

NOBODY_HERE = "nobody"
_AGENT = r"[A-Za-z0-9][A-Za-z0-9_.\-]*@\d+"
# an agent's label ends with its version, so that none is taken for a team's, whatever an import calls its agents
_TEAM = re.compile(rf"(?P<name>[A-Za-z0-9][A-Za-z0-9_.\-]*)\((?P<members>{_AGENT}(?:\+{_AGENT})+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSide:
    """Who plays together in a match: an agent's label or a mixed team's, and the agent of each of its players."""

    label: str
    players: tuple[int, ...]
    agents: tuple[str, ...]


def members_of(label: str) -> tuple[str, ...]:
    """The agents that a mixed team is made of, each once: ``mixed(a@1+b@2)`` has a@1 and b@2. None for an agent."""
    found = _TEAM.fullmatch(label)
    return tuple(dict.fromkeys(found["members"].split("+"))) if found else ()


def short_name(label: str) -> str:
    """An agent's name without its version, a mixed team's without its members."""
    found = _TEAM.fullmatch(label)
    if found:
        return found["name"]
    name, at, _ = label.rpartition("@")
    return name if at else label


def has_teams(tournament: Tournament) -> bool:
    """Whether several players play together in its game."""
    return any(len(players) > 1 for players in tournament.sides)


def sides_of(tournament: Tournament, result: MatchResult) -> tuple[MatchSide, ...]:
    """The sides of a match; where every player stands alone, a side a player."""
    seats = result.spec.seats
    agents = tuple(tournament.agents[seat].label if seat >= 0 else NOBODY_HERE for seat in seats)
    forfeit = NOBODY if result.forfeited_by is None else result.forfeited_by
    one = Played(
        index=np.array([result.spec.index], np.int64),
        seats=np.array([seats], np.int64),
        seed=np.array([result.spec.seed], np.uint64),
        returns=np.array([result.returns], np.float64),
        termination=np.array([result.termination], np.int8),
        forfeit=np.array([forfeit], np.int8),
        chance_seed=np.array([result.spec.chance_seed], np.uint64),
    )
    labels = (*entrant_labels(tournament), NOBODY_HERE)  # of -1, an empty seat
    return tuple(
        MatchSide(label=labels[entrant], players=tuple(players), agents=tuple(agents[player] for player in players))
        for entrant, players in zip(by_side(tournament, one).seats[0].tolist(), tournament.sides, strict=True)
    )

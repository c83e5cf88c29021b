"""The rule of a configuration: who meets whom in each round, from the rounds before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from arena.config import TournamentConfig
from arena.pairing.knockout import knockout
from arena.pairing.swiss import swiss
from arena.rounds import PlayedRound, Round
from arena.schedule import against_one, as_seated, between_two, gauntlet, round_robin


class Rule(Protocol):
    """Who plays whom next."""

    @property
    def most(self) -> int:
        """How many matches there can be at most."""
        ...

    def next_round(self, past: Sequence[PlayedRound]) -> Round | None:
        """The round after these, which are complete; None at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AtOnce:
    """One round, known before the first match."""

    round: Round

    @property
    def most(self) -> int:
        return self.round.matches

    def next_round(self, past: Sequence[PlayedRound]) -> Round | None:
        return None if past else self.round


def meetings_of(rule: Rule, entrants: int, sides: int) -> list[tuple[int, ...]]:
    """Who may meet whom: the entrants of every lineup that there can be."""
    if isinstance(rule, AtOnce):
        return sorted(set(map(tuple, rule.round.lineups.tolist())))
    return list(combinations(range(entrants), sides))


def rule_of(config: TournamentConfig, sides: int) -> Rule:
    """The rule that a configuration means in a game of so many sides.

    Raises:
        SpecificationError: the pairing does not fit the game or the entrants.
    """
    entrants, matches, seed = len(config.entrants), config.matches, config.seed or 0
    match config.pairing:
        case "round_robin":
            schedule = round_robin(entrants, sides, matches=matches, seed=seed)
        case "gauntlet":
            challenger = 0 if config.challenger is None else config.entrants.index(config.challenger)
            schedule = gauntlet(entrants, sides, matches=matches, seed=seed, challenger=challenger)
        case "decide":
            schedule = between_two(matches=matches, seed=seed)
        case "exploit":
            schedule = against_one(entrants, sides, matches=matches, seed=seed)
        case "seated":
            schedule = as_seated(entrants, sides, matches=matches, seed=seed)
        case "swiss":
            return swiss(entrants, sides, matches=matches, rounds=config.rounds)
        case "knockout":
            return knockout(entrants, sides, matches=matches, further=config.further_pairs)
        case "adaptive":
            from arena.pairing.adaptive import adaptive  # late: its statistics are compiled

            return adaptive(
                config.entrants,
                sides,
                aim=config.aim or "",
                error_rate=config.error_rate,
                batch=config.batch,
                matches=matches,
                seed=seed,
            )
    return AtOnce(round=Round(lineups=schedule.lineups, rotations=schedule.rotations, seated=schedule.seated))

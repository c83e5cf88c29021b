"""Recorded matches against what their tournament's configuration means: who met whom, with which seeds, and whether all are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from arena.config import TournamentConfig, make_config
from arena.entrants import by_side
from arena.ledger import Ledger, Played, Tournament
from arena.pairing.rule import rule_of
from arena.results import NOBODY, Fault, Termination
from arena.rounds import LOOKING, Round, played_rounds, read_rounds
from arena.schedule import Schedule
from arena.tournament import schedule_of
from arena.verdict import decision_recorded

SHOWN = 20
"""How many matches of one kind of difference are named one by one."""


def schedule_differences(ledger: Ledger, tournament: Tournament, played: Played) -> list[tuple[str, str]]:
    """(where, what) of all that is not as scheduled; empty where everything is.

    Args:
        ledger: where the rounds of a pairing that looks at results stand.
        tournament: one that was played here.
        played: its matches as the ledger has them.

    Raises:
        ArenaError: the configuration or a round cannot be read.
    """
    config = make_config(
        {**tournament.config, "seed": tournament.seed}, source=f"the configuration of {tournament.key}"
    )
    rounds, said = _rounds(ledger, tournament, config, played)
    found = [(tournament.key, sentence) for sentence in said]
    if rounds:  # all have the same rule for seeds
        found += _told(tournament, _seed_differences(schedule_of(config, tournament.sides, rounds[0]), played))
    end = 0
    for chosen in rounds:
        schedule = schedule_of(config, tournament.sides, chosen, first=end)
        rows = slice(*np.searchsorted(played.index, [end, schedule.end]).tolist())
        planned = schedule.specs(end, schedule.end).take(played.index[rows] - end)
        wrong = (planned.seats != played.seats[rows]).any(axis=1)
        found += _told(
            tournament,
            (
                (number, f"the schedule seats {_names(tournament, due)}, the record {_names(tournament, seats)}")
                for number, due, seats in zip(
                    played.index[rows][wrong], planned.seats[wrong], played.seats[rows][wrong], strict=True
                )
            ),
        )
        end = schedule.end
    found += _told(tournament, ((number, "is not in the schedule") for number in played.index[played.index >= end]))
    found += _told(tournament, ((number, "is missing") for number in _missing(ledger, tournament, config, played, end)))
    return found


def end_differences(tournament: Tournament, played: Played, faults: Sequence[Fault]) -> list[tuple[str, str]]:
    """(where, what) of matches whose end, player at fault and noted fault do not agree with each other."""
    forfeited = np.isin(played.termination, [int(one) for one in Termination if one.is_forfeit])
    known = {fault.index: fault for fault in faults}
    said: list[tuple[int, str]] = []
    for row in np.flatnonzero(forfeited != (played.forfeit != NOBODY)).tolist():
        name = Termination(int(played.termination[row])).name.lower()
        by = "nobody" if played.forfeit[row] == NOBODY else f"player {played.forfeit[row]}"
        said.append((int(played.index[row]), f"ended by {name}, and {by} forfeited it"))
    for row in np.flatnonzero(forfeited).tolist():
        number = int(played.index[row])
        fault = known.pop(number, None)
        noted = None if fault is None else (int(fault.termination), fault.player)
        if noted != (int(played.termination[row]), int(played.forfeit[row])):
            said.append((number, "no fault is noted for it" if fault is None else "another fault is noted for it"))
    said += [(number, "a fault is noted for it, and nobody forfeited it") for number in known]
    return _told(tournament, said)


def _rounds(
    ledger: Ledger, tournament: Tournament, config: TournamentConfig, played: Played
) -> tuple[list[Round], list[str]]:
    """(the rounds of a tournament, what is wrong with them): those that the ledger keeps must be what the rule decides."""
    rule = rule_of(config, len(tournament.sides))
    if config.pairing not in LOOKING:
        first = rule.next_round(())
        return ([] if first is None else [first]), []
    kept = read_rounds(ledger, tournament)
    past = played_rounds(tournament, kept, played)
    said = []
    for number, chosen in enumerate(kept[: len(past) + 1]):
        decided = rule.next_round(past[:number])
        if decided is None or not _same_round(decided, chosen):
            said.append(f"round {number} is not what the pairing decides from the rounds before it")
    if tournament.status == "finished" and len(past) == len(kept) and rule.next_round(past) is not None:
        said.append(f"it is called finished, and the pairing goes on after round {len(past) - 1}")
    return kept, said


def _same_round(one: Round, other: Round) -> bool:
    if one.rotations != other.rotations or not np.array_equal(one.lineups, other.lineups):
        return False
    if one.propensities is None or other.propensities is None:
        return one.propensities is other.propensities
    return bool(np.allclose(one.propensities, other.propensities, rtol=1e-9, atol=0))


def _seed_differences(schedule: Schedule, played: Played) -> Iterator[tuple[int, str]]:
    """Seeds are words of the tournament's seed: one a match, one of chance that a rotation of seats shares, or all lineups."""
    of_match = schedule.match_seeds(played.index) != played.seed
    of_chance = schedule.chance_seeds(played.index) != played.chance_seed
    for row in np.flatnonzero(of_match | of_chance).tolist():
        which = "seed" if of_match[row] else "chance seed"
        yield int(played.index[row]), f"its {which} is not the one that the tournament's seed gives"


def _missing(
    ledger: Ledger, tournament: Tournament, config: TournamentConfig, played: Played, end: int
) -> NDArray[np.int64]:
    """The numbers of matches that should be recorded: all of a finished tournament, as far as its test wanted them."""
    if config.pairing == "decide":
        end = int(played.index[-1]) + 1 if len(played) else 0
        decided = decision_recorded(ledger, tournament, by_side(tournament, played)).decided
        if tournament.status == "finished" and not decided:
            end = max(end, rule_of(config, len(tournament.sides)).most)
    elif tournament.status != "finished":
        return np.empty(0, np.int64)
    return np.setdiff1d(np.arange(end), played.index)


def _told(tournament: Tournament, said: Iterator[tuple[int, str]] | Sequence[tuple[int, str]]) -> list[tuple[str, str]]:
    """The first of them one by one, the others as a number."""
    every = [(int(number), sentence) for number, sentence in said]
    told = [(f"{tournament.key}/{number}", sentence) for number, sentence in every[:SHOWN]]
    if len(every) > SHOWN:
        told.append((tournament.key, f"{len(every) - SHOWN:,} more matches of this kind: {every[SHOWN][1]}"))
    return told


def _names(tournament: Tournament, seats: NDArray[np.int64]) -> str:
    return ", ".join(tournament.agents[seat].label if seat >= 0 else "nobody" for seat in seats.tolist())

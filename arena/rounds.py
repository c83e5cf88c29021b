"""Rounds: what a tournament that looks at its results decides at once, kept in the ledger before it is played.

A round is decided when all matches of the rounds before it are recorded, never earlier, so that what is chosen depends on
the schedule and not on who was faster. What the ledger keeps of a round is what is played, also by a process that comes later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.connection import DamagedLedger
from arena.entrants import by_side
from arena.ledger import Ledger, Played, Tournament
from arena.ledger_entries import now
from arena.ledger_schema import insert_or_ignore, rounds
from arena.packing import pack_lineups, pack_propensities, unpack_lineups, unpack_propensities
from arena.results import Termination

LOOKING = ("swiss", "knockout", "adaptive")
"""The pairings whose lineups are chosen by results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """``lineups`` int64 [L, num_sides], entrants by number, each played in `rotations` rotations.

    ``propensities`` float64 [L]: the probability with which each was drawn; None where nothing was drawn. ``seated``: see `Schedule`.
    """

    lineups: NDArray[np.int64]
    rotations: int
    propensities: NDArray[np.float64] | None = None
    seated: bool = False

    @property
    def matches(self) -> int:
        return (len(self.lineups) if self.seated else int(self.lineups.size)) * self.rotations


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedRound:
    """A round whose matches are all recorded. A rotation in which the game itself failed counts as not played, whole.

    ``half_points`` int64 [L, num_sides]: of each entrant of each lineup, two for every match and opponent that it came
    ahead of, one where it came level; ``rotations`` int64 [L]: how many of each lineup were played; ``played``: their
    matches, a column a side.
    """

    round: Round
    half_points: NDArray[np.int64]
    rotations: NDArray[np.int64]
    played: Played

    @property
    def most(self) -> NDArray[np.int64]:
        """The half points that an entrant of each lineup can have [L]."""
        sides = int(self.round.lineups.shape[1])
        return 2 * (sides - 1) * sides * self.rotations


def played_round(chosen: Round, played: Played) -> PlayedRound:
    """A round with its matches, ascending and a column a side."""
    lineups, sides = chosen.lineups, chosen.lineups.shape[1]
    rotation = np.arange(len(played)) // sides  # a lineup in all its seatings, side by side
    failed = rotation[played.termination == Termination.INFRASTRUCTURE]
    counts = np.flatnonzero(~np.isin(rotation, failed))
    slot, played = rotation[counts] % len(lineups), played.take(counts)
    column = np.argmax(lineups[slot][:, None, :] == played.seats[:, :, None], axis=2)
    total = np.zeros(lineups.shape, np.int64)
    np.add.at(total, (slot[:, None], column), half_points(played))
    rotations = np.bincount(slot, minlength=len(lineups)) // sides
    return PlayedRound(round=chosen, half_points=total, rotations=rotations, played=played)


def half_points(played: Played) -> NDArray[np.int64]:
    """Two for every other side that one came ahead of, one for every other that it came level with [N, num_sides]."""
    margin = np.sign(played.returns[:, :, None] - played.returns[:, None, :]).astype(np.int64)
    at_fault = played.forfeit[:, None] == np.arange(played.returns.shape[1])
    margin = np.where(at_fault[:, :, None], -1, np.where(at_fault[:, None, :], 1, margin))
    level = margin + 1
    same = np.arange(played.returns.shape[1])
    level[:, same, same] = 0
    points: NDArray[np.int64] = level.sum(axis=2)
    return points


def read_rounds(ledger: Ledger, tournament: Tournament) -> list[Round]:
    """The rounds of a tournament as they were decided, in order.

    Raises:
        DamagedBlock: a round that does not unpack.
        DamagedLedger: a round is missing, or does not begin where the one before it ended.
    """
    query = sa.select(rounds).where(rounds.c.tournament_id == tournament.id).order_by(rounds.c.number)
    with ledger.reading(tournament.game) as connection:
        rows = connection.execute(query).all()
    found: list[Round] = []
    for row in rows:
        found.append(_round(tournament, found, row))
    return found


def _round(tournament: Tournament, before: Sequence[Round], row: sa.Row[tuple[object, ...]]) -> Round:
    """The round of a row that follows those before."""
    what = f"round {row.number} of tournament {tournament.key!r}"
    number, first = len(before), _end(before)
    if (row.number, row.first) != (number, first):
        raise DamagedLedger(
            f"{what} is damaged: it should be round {number} and begin with match {first}, not {row.first}"
        )
    lineups, rotations = unpack_lineups(row.lineups, what=what)
    if lineups.shape[1] != len(tournament.sides):
        raise DamagedLedger(
            f"{what} is damaged: its lineups have {lineups.shape[1]} sides, not {len(tournament.sides)}"
        )
    drawn = row.propensities
    propensities = None if drawn is None else unpack_propensities(drawn, lineups=len(lineups), what=what)
    return Round(lineups=lineups, rotations=rotations, propensities=propensities)


def _end(before: Sequence[Round]) -> int:
    """The number of the first match after these rounds."""
    return sum(one.matches for one in before)


def keep_round(ledger: Ledger, tournament: Tournament, before: Sequence[Round], chosen: Round) -> Round:
    """Writes down the round that follows those `before`; what stands there already is left and returned."""
    drawn = None if chosen.propensities is None else pack_propensities(chosen.propensities)
    lineups = pack_lineups(chosen.lineups, chosen.rotations)
    there = (rounds.c.tournament_id == tournament.id, rounds.c.number == len(before))
    with ledger.writing(tournament.game) as connection:
        insert_or_ignore(connection, rounds, [(tournament.id, len(before), _end(before), lineups, drawn, now())])
        row = connection.execute(sa.select(rounds).where(*there)).one()
    return _round(tournament, before, row)


def played_rounds(tournament: Tournament, decided: Sequence[Round], played: Played) -> list[PlayedRound]:
    """The rounds of which every match is recorded, up to the first that lacks one. ``played``: as the ledger has it."""
    complete: list[PlayedRound] = []
    first = 0
    for one in decided:
        rows = slice(*np.searchsorted(played.index, [first, first + one.matches]).tolist())
        if rows.stop - rows.start < one.matches:
            break
        complete.append(played_round(one, by_side(tournament, played.take(rows))))
        first += one.matches
    return complete

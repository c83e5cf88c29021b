"""The matches of a ledger as rows and columns for other programs. docs/how-to/export.md says what each column holds.

Twins share their ``pair``, and a match that the ledger does not rate, after a verdict or because it repeats another, has ``weight`` 0.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from arena.entrants import by_side, entrant_labels, without_moves
from arena.games.seeds import seed_of
from arena.hidden_chance import hides_chance
from arena.ledger import Ledger, Tournament
from arena.rated_matches import rated_matches, units_by_chance
from arena.results import NOBODY, MatchResult, MatchResults, Termination

MatchColumns = dict[str, list[object]]
"""Matches by the names of `MatchRow`: the values of each, in schedule order."""


class MatchRow(TypedDict):
    """One match. ``agents``, ``returns``: by side, which is a player where players stand alone; ``seats``: the agent of each
    player, None an empty seat; ``forfeit``: the side at fault, from 1; ``forfeited_by``: the player at fault, from 0;
    ``plies``: recorded actions, chance outcomes among them; seeds are None while they are hidden (`arena.hidden_chance`).
    """

    tournament: str
    match: int
    game: str
    agents: list[str]
    returns: list[float]
    forfeit: int | None
    pair: str
    weight: int
    termination: str
    forfeited_by: int | None
    seats: list[str | None]
    seed: int | None
    chance_seed: int | None
    plies: int
    actions: list[object]
    seconds: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The matches to export. ``rated``: of each tournament by key, the numbers of its rated matches, ascending."""

    tournaments: tuple[Tournament, ...]
    rated: Mapping[str, NDArray[np.int64]]
    matches: int


def chosen_matches(ledger: Ledger, *, game: str | None = None, tournament: str | None = None) -> Chosen:
    """The matches of a tournament, of a game, or of the whole ledger.

    A tournament alone is rated alone: a match that repeats one of an earlier tournament counts then.

    Raises:
        UnknownName: no such tournament.
    """
    chosen = [ledger.tournament(tournament)] if tournament is not None else ledger.tournaments(game)
    rated = {one.key: np.empty(0, np.int64) for one in chosen}  # no rating counts the fresh matches of exploiters
    for name in dict.fromkeys(one.game for one in chosen):
        found = rated_matches(ledger, [one for one in chosen if one.game == name])
        rated.update({key: np.sort(found.number[found.tournament == at]) for at, key in enumerate(found.keys)})
    return Chosen(tournaments=tuple(chosen), rated=rated, matches=sum(map(ledger.progress, chosen)))


def match_columns(ledger: Ledger, chosen: Chosen) -> Iterator[MatchColumns]:
    """The matches, tournament by tournament in the order in which they were made, each in schedule order; a block is held at a time."""
    return (
        _columns_of(tournament, block, chosen.rated[tournament.key])
        for tournament in chosen.tournaments
        for block in ledger.result_blocks(tournament)
    )


def match_rows(ledger: Ledger, chosen: Chosen) -> Iterator[MatchRow]:
    """The same, match by match."""
    return (row for columns in match_columns(ledger, chosen) for row in _rows(columns))


def rows_of(ledger: Ledger, chosen: Chosen) -> Iterator[tuple[Tournament, MatchRow, MatchResult]]:
    """The same rows, each with its tournament and with the match as it is recorded."""
    for tournament in chosen.tournaments:
        for block in ledger.result_blocks(tournament):
            for row, result in zip(
                _rows(_columns_of(tournament, block, chosen.rated[tournament.key])), block, strict=True
            ):
                yield tournament, row, result


def has_real_actions(ledger: Ledger, chosen: Chosen) -> bool:
    """Whether actions of any tournament are no whole numbers, by its first block: all are of one space."""
    first = (next(ledger.result_blocks(one), None) for one in chosen.tournaments)
    return any(block is not None and block.actions.values.dtype.kind == "f" for block in first)


def most_sides(chosen: Chosen) -> int:
    """Of all its matches, the most sides."""
    return max((len(one.sides) for one in chosen.tournaments), default=2)


def _rows(columns: MatchColumns) -> Iterator[MatchRow]:
    return (
        cast(MatchRow, dict(zip(MatchRow.__annotations__, row, strict=True)))
        for row in zip(*(columns[name] for name in MatchRow.__annotations__), strict=True)
    )


def _columns_of(tournament: Tournament, block: MatchResults, rated: NDArray[np.int64]) -> MatchColumns:
    """Made without collections: for so many lists all others would be looked through again and again, most of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _columns(tournament, block, rated)
    finally:
        if collecting:
            gc.enable()


def _columns(tournament: Tournament, block: MatchResults, rated: NDArray[np.int64]) -> MatchColumns:
    labels = entrant_labels(tournament)
    names = [*(agent.label for agent in tournament.agents), None]  # the last is that of NOBODY
    met = by_side(tournament, without_moves(block))
    # as the standings have it: what shares a chance seed, the rotation of seats or more; in an import what its file said
    units = (
        block.specs.chance_seed if units_by_chance(tournament) else block.specs.index // met.seats.shape[1]
    ).tolist()
    hidden = hides_chance(tournament)
    if hidden and units_by_chance(tournament):
        units = [seed_of(("unit", unit)) for unit in units]
    ends = {code.value: code.name.lower() for code in Termination}
    actions, until = block.actions.values.tolist(), block.actions.ends.tolist()
    entrants = [[labels[entrant] for entrant in seats if entrant != NOBODY] for seats in met.seats.tolist()]
    begins = [0, *until[:-1]]
    return {
        "tournament": [tournament.key] * len(block),
        "match": block.specs.index.tolist(),
        "game": [tournament.game] * len(block),
        "agents": cast("list[object]", entrants),
        "returns": [got[: len(some)] for got, some in zip(met.returns.tolist(), entrants, strict=True)],
        "forfeit": [None if side == NOBODY else side + 1 for side in met.forfeit.tolist()],
        "pair": [f"{tournament.key}/{unit}" for unit in units],
        "weight": np.isin(block.specs.index, rated).astype(np.int64).tolist(),
        "termination": [ends[end] for end in block.termination.tolist()],
        "forfeited_by": [None if player == NOBODY else player for player in block.forfeit.tolist()],
        "seats": [[names[seat] for seat in seats] for seats in block.specs.seats.tolist()],
        "seed": [None] * len(block) if hidden else block.specs.seed.tolist(),
        "chance_seed": [None] * len(block) if hidden else block.specs.chance_seed.tolist(),
        "plies": [stop - begin for begin, stop in zip(begins, until, strict=True)],
        "actions": [actions[begin:stop] for begin, stop in zip(begins, until, strict=True)],
        "seconds": np.round(block.seconds.astype(np.float64), 6).tolist(),
    }

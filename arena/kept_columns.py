"""Tournaments' matches as columns, kept in memory: of what was read before only the new blocks are read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from arena.entrants import without_moves
from arena.ledger_matches import read_columns
from arena.ledger_rows import Played, Tournament
from arena.ledger_schema import blocks, tournaments

MOST_MATCHES = 4_000_000  # kept in all, some 60 bytes each; what was not asked for longest goes first
FEW = 64  # new blocks that are read one by one; of more all are read again


@dataclass(frozen=True, slots=True)
class _Kept:
    firsts: frozenset[int]
    played: Played


class KeptColumns:
    """The columns of one ledger. What is written stays as it is, so that blocks once read need not be read again."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def played(self, connection: sa.Connection, tournament: Tournament) -> Played:
        """All matches of a tournament without their actions, in arrays that cannot be written to."""
        with self._lock:
            kept = self._kept.get(tournament.id)
        counted = sa.select(tournaments.c.blocks).where(tournaments.c.id == tournament.id)
        if kept is None or connection.scalar(counted) != len(kept.firsts):
            firsts = sa.select(blocks.c.first).where(blocks.c.tournament_id == tournament.id)
            kept = _read(connection, tournament, frozenset(connection.scalars(firsts)), kept)
        with self._lock:
            self._kept[tournament.id] = kept
            self._kept.move_to_end(tournament.id)
            while len(self._kept) > 1 and sum(len(one.played) for one in self._kept.values()) > MOST_MATCHES:
                self._kept.popitem(last=False)
        return kept.played


def _read(connection: sa.Connection, tournament: Tournament, firsts: Collection[int], before: _Kept | None) -> _Kept:
    new = sorted(set(firsts) - before.firsts) if before is not None and before.firsts <= set(firsts) else None
    if before is None or new is None or len(new) > FEW:
        played = without_moves(read_columns(connection, tournament))
    else:
        parts = [without_moves(read_columns(connection, tournament, first=first)) for first in new]
        played = Played.joined([before.played, *parts])
    for name in Played.__slots__:
        getattr(played, name).flags.writeable = False
    return _Kept(frozenset(firsts), played)

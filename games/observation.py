"""What one agent is asked at once: columns, one row a decision."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import LegalActions
from arena.games.game import GameInfo, SearchState, TableBatch
from arena.games.seeds import DECISION_STREAM, counter_hash


@dataclass(frozen=True, slots=True)
class ObservationBatch:
    """R decisions of one agent. Seeds and observations are made when read, and are only right until `act` or `send` returns.

    ``table`` is a slot 0..capacity-1, used again after `end`: agents keep memory as arrays by table and player.
    ``ply``: how many decisions the row's player has made in this match: its own alone, because the moves of others may be
    hidden. ``limit_s``: seconds each row has for this answer [R], None without a clock.
    Methods never tell another player's private state. ``tables`` is the engine's: an agent inside its process is trusted
    not to look, other people's code runs outside and gets values.
    """

    table: NDArray[np.int64]
    player: NDArray[np.int64]
    legal: LegalActions
    match_seed: NDArray[np.uint64] = field(repr=False)
    ply: NDArray[np.int64] = field(repr=False)
    tables: TableBatch = field(repr=False)
    limit_s: NDArray[np.float64] | None = None

    @property
    def game(self) -> GameInfo:
        return self.tables.info

    def seed(self) -> NDArray[np.uint64]:
        """One random word a decision, a function of (match, player, ply) alone: blind to who else was asked."""
        words: NDArray[np.uint64] = counter_hash(self.match_seed, self.player + DECISION_STREAM, self.ply)
        return words

    def tensor(self) -> NDArray[np.float32]:
        """float32 [R, tensor_width]."""
        return self.tables.tensor(self.table, self.player)

    def text(self) -> list[str]:
        return self.tables.text(self.table, self.player)

    def information_state(self) -> list[str]:
        return self.tables.information_state(self.table, self.player)

    def search_state(self, row: int, seed: int) -> SearchState:
        """A state consistent with what the row's player knows."""
        return self.tables.search_state(int(self.table[row]), int(self.player[row]), seed)

    def action_text(self, row: int, action: object) -> str:
        return self.tables.action_text(int(self.table[row]), int(self.player[row]), action)

    def __len__(self) -> int:
        return len(self.table)

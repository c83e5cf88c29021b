"""What one agent is asked at once: columns, one row a decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import LegalActions
from arena.games.errors import NotProvided
from arena.games.game import GameInfo, InformationStateTensors, SearchState, TableBatch
from arena.games.seeds import DECISION_STREAM, counter_hash

Reads = Literal["observation", "information_state"]
"""What a network reads: what a player observes now, or all that he knows."""


def reads_of(info: GameInfo) -> Reads:
    """What a network needs to read in a game: all that a player knows, where what he observes may leave out the past."""
    hidden = info.information == "imperfect" and info.information_state_width is not None
    return "information_state" if hidden else "observation"


def width_of(info: GameInfo, reads: Reads) -> int | None:
    """How many numbers that is; None where the game has no such tensor."""
    return info.tensor_width if reads == "observation" else info.information_state_width


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

    def information_state_tensor(self) -> NDArray[np.float32]:
        """float32 [R, information_state_width]: all that the player knows, where `tensor` may tell the present alone.

        Raises:
            NotProvided: the game has no such tensor.
        """
        if self.game.information_state_width is None:
            raise NotProvided(f"{self.game.specification} has no information-state tensor; read its tensor")
        return cast("InformationStateTensors", self.tables).information_state_tensor(self.table, self.player)

    def read(self, reads: Reads) -> NDArray[np.float32]:
        """The tensor of this name. Errors as of `information_state_tensor`."""
        return self.tensor() if reads == "observation" else self.information_state_tensor()

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

"""Matches that are played elsewhere, as an agent here is asked about them: decisions told by messages become batches.

Where a game has no chance and hides nothing, the match is followed on a table of our own, so that agents may search; elsewhere
an agent has what the message tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from arena.agents.observation import Observation
from arena.games import Game, GameInfo, NotProvided, ObservationBatch, ProtocolError, TableBatch, Turn
from arena.games.actions import LegalActions, ListedLegal, VectorLegal
from arena.games.game import SearchState
from arena.games.ragged import Ragged


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A decision that was told: ``moves`` are all of the match so far, where nothing of it is hidden."""

    table: int
    observation: Observation
    limit_s: float | None
    moves: Sequence[int] | None = None


def can_be_followed(info: GameInfo) -> bool:
    """Whether the moves alone say all of a match."""
    return (
        info.information == "perfect"
        and not info.chance
        and not info.simultaneous
        and info.replay == "exact"
        and info.action_space.kind == "discrete"
    )


class HeardGame:
    """A game as agents of matches elsewhere are loaded for it: with states to search from only where it can be followed."""

    def __init__(self, game: Game):
        self._game = game
        self.info = replace(game.info, has_simulator=game.info.has_simulator and can_be_followed(game.info))

    def tables(self, capacity: int) -> TableBatch:
        return self._game.tables(capacity)


class HeardTables:
    """The tables 0..capacity-1 of matches that are played elsewhere, for one agent."""

    def __init__(self, game: Game, capacity: int):
        self.info, self.capacity = game.info, capacity
        self._followed = game.tables(capacity) if can_be_followed(game.info) else None
        self._turns: dict[
            int, tuple[Turn, int]
        ] = {}  # of each table that is followed: its turn, how many moves it has had
        self._observation: dict[tuple[int, int], Observation] = {}

    def begin(self, table: int) -> None:
        """A match begins at a table, as far as anybody here knows."""
        if self._followed is not None:
            self._turns[table] = (self._followed.start(np.array([table]), np.zeros(1, np.uint64)), 0)

    def batch(self, heard: Sequence[Heard]) -> ObservationBatch:
        """The decisions as an agent is asked for them.

        Raises:
            ProtocolError: moves that are none of this game as it is installed here.
        """
        player = np.array([one.observation.player for one in heard], np.int64)
        table = np.array([one.table for one in heard], np.int64)
        followed = self._followed
        for one in heard:
            self._observation[one.table, one.observation.player] = one.observation
            if followed is not None:
                self._follow(followed, one)
        return ObservationBatch(
            table,
            player,
            _legal([one.observation for one in heard]),
            np.array([one.observation.match for one in heard], np.uint64),
            np.array([one.observation.ply for one in heard], np.int64),
            _Told(self.info, self.capacity, self._observation) if followed is None else followed,
            np.array([math.inf if one.limit_s is None else one.limit_s for one in heard]),
        )

    def _follow(self, tables: TableBatch, one: Heard) -> None:
        turn, seen = self._turns[one.table]
        for move in (one.moves or ())[seen:]:
            action = np.array([move], np.int64)
            if not len(turn.table) or not turn.legal.contains(action).all():
                raise ProtocolError(
                    f"move {seen + 1} of the match, {move}, is not legal here: is it the same version of the game?"
                )
            turn = tables.step(turn.table, turn.player, action)
            seen += 1
        self._turns[one.table] = (turn, seen)
        if turn.player.tolist() != [one.observation.player]:
            raise ProtocolError(f"after {seen} moves it is not the turn of player {one.observation.player} here")


class _Told:
    """The `TableBatch` behind decisions of which only the messages tell."""

    def __init__(self, info: GameInfo, capacity: int, observation: Mapping[tuple[int, int], Observation]):
        self.info, self.capacity, self._observation = info, capacity, observation

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.array([one.tensor for one in self._rows(table, player)], np.float32)

    def information_state_tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.array([one.information_state_tensor for one in self._rows(table, player)], np.float32)

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return [one.text or "" for one in self._rows(table, player)]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        return [one.information_state or "" for one in self._rows(table, player)]

    def action_text(self, table: int, player: int, action: Any) -> str:  # as the protocol has it
        names = self.info.action_names
        return names[action] if isinstance(action, int) and action < len(names) else str(action)

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        self._untold()

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        self._untold()

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        self._untold()

    def history(self, table: NDArray[np.int64]) -> Ragged:
        self._untold()

    def render(self, table: int) -> str:
        self._untold()

    def _rows(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[Observation]:
        return [self._observation[seat] for seat in zip(table.tolist(), player.tolist(), strict=True)]

    def _untold(self) -> NoReturn:
        raise NotProvided(f"a match of {self.info.title} that is played elsewhere is known only as its player sees it")


def _legal(observations: Sequence[Observation]) -> LegalActions:
    first = observations[0]
    if first.low is None:
        return ListedLegal([list(one.legal_actions) for one in observations])
    return VectorLegal(
        np.array([one.low for one in observations]), np.array([one.high for one in observations]), first.whole
    )

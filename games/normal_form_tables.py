"""Matches of one joint choice as arrays: the tables of normal-form and preference games."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import MaskedLegal
from arena.games.errors import NotProvided
from arena.games.game import NONE_FINISHED, GameInfo, SearchState, Turn
from arena.games.ragged import Ragged

SHOWN_OUTCOMES = 100  # a text shows the payoffs of no more joint choices than a person reads
UNPLAYED = -1


class NormalFormTables:
    """Matches of a normal-form game. See `TableBatch` for the methods.

    ``payoffs``: float64 [num_players, A_0, A_1, ...]; ``strategies``: the names of each player's actions. A player with
    fewer actions than another has only the first ones legal. Tensors are the player, one-hot [num_players].
    """

    def __init__(
        self, info: GameInfo, payoffs: NDArray[np.float64], strategies: Sequence[Sequence[str]], capacity: int
    ):
        self._info = info
        self._capacity = capacity
        self._strategies = strategies
        sizes = np.array(payoffs.shape[1:], np.int64)
        self._payoffs = payoffs
        self._returns = np.moveaxis(payoffs, 0, -1).reshape(-1, info.num_players).copy()
        self._stride = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
        self._legal = np.arange(info.num_actions) < sizes[:, None]
        self._choice = np.full((capacity, info.num_players), UNPLAYED, np.int32)

    @property
    def info(self) -> GameInfo:
        return self._info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        players, rows = self._info.num_players, len(table)
        self._choice[table] = UNPLAYED
        return Turn(
            np.repeat(table, players),
            np.tile(np.arange(players), rows),
            MaskedLegal(np.tile(self._legal, (rows, 1))),
            NONE_FINISHED.copy(),
            np.empty((0, players)),
        )

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        self._choice[table, player] = action
        over = table[player == 0]
        legal = MaskedLegal(np.empty((0, self._info.num_actions), np.bool_))
        returns = self._returns[self._choice[over] @ self._stride]
        return Turn(NONE_FINISHED.copy(), NONE_FINISHED.copy(), legal, over, returns)

    def history(self, table: NDArray[np.int64]) -> Ragged:
        choice = self._choice[table]
        played = choice[:, 0] != UNPLAYED
        return Ragged(choice[played].ravel(), np.cumsum(played) * self._info.num_players)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.eye(self._info.num_players, dtype=np.float32)[player]

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """Who the player is, what can be chosen, and what it pays; when played, what all chose and got."""
        rules = {p: self._rules(p) for p in np.unique(player).tolist()}
        rows = zip(table.tolist(), player.tolist(), strict=True)
        return [rules[p] + (f"\n{self.render(t)}" if self._played(t) else "") for t, p in rows]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """``player 0``; when played, all choices behind it."""
        rows = zip(table.tolist(), player.tolist(), strict=True)
        return [
            f"player {p}: {', '.join(map(str, self._choice[t].tolist()))}" if self._played(t) else f"player {p}"
            for t, p in rows
        ]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        raise NotProvided(f"{self._info.specification} is one joint choice: there is nothing to search")

    def render(self, table: int) -> str:
        if not self._played(table):
            return "\n".join(f"player {p}: ?" for p in range(self._info.num_players))
        choice = self._choice[table]
        returns = self._returns[choice @ self._stride].tolist()
        return "\n".join(
            f"player {p}: {self._strategies[p][action]}, returns {returns[p]:g}"
            for p, action in enumerate(choice.tolist())
        )

    def action_text(self, table: int, player: int, action: int) -> str:
        names = self._strategies[player]
        return names[action] if 0 <= action < len(names) else str(int(action))

    def _played(self, table: int) -> bool:
        return bool(self._choice[table, 0] != UNPLAYED)

    def _rules(self, player: int) -> str:
        actions = ", ".join(f"{i} {name}" for i, name in enumerate(self._strategies[player]))
        lines = [
            f"{self._info.title}: {self._info.num_players} players choose at once. You are player {player}.",
            f"Your actions: {actions}.",
        ]
        sizes = self._payoffs.shape[1:]
        if math.prod(sizes) > SHOWN_OUTCOMES:
            return "\n".join(lines)
        if len(sizes) == 2:
            lines.append("Your return, then the other's, for your action (row) against the other's (column):")
            mine, theirs = self._payoffs[player], self._payoffs[1 - player]
            rows = [
                [f"{own:g}, {other:g}" for own, other in zip(mine_row, theirs_row, strict=True)]
                for mine_row, theirs_row in zip(*((m if player == 0 else m.T) for m in (mine, theirs)), strict=True)
            ]
            return "\n".join(lines + _aligned(self._strategies[player], self._strategies[1 - player], rows))
        lines.append("What all choose, player 0 first, and what they get:")
        for joint, returns in zip(itertools.product(*self._strategies), self._returns.tolist(), strict=True):
            lines.append(f"{', '.join(joint)}: {', '.join(f'{value:g}' for value in returns)}")
        return "\n".join(lines)


def _aligned(rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    grid = [["", *columns], *([name, *line] for name, line in zip(rows, cells, strict=True))]
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in grid]

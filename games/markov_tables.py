"""Matches of Markov games as arrays: the state of each table, the rewards so far, and what was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.actions import MaskedLegal
from arena.games.errors import NotProvided
from arena.games.game import NONE_FINISHED, GameInfo, SearchState, Turn
from arena.games.ragged import Ragged
from arena.games.seeds import OUTCOME_STREAM, counter_hash, unit

FIRST_LENGTH = 64  # entries of a history for which there is room at first


class Rules(Protocol):
    """What the tables read of a `MarkovGame`."""

    @property
    def info(self) -> GameInfo: ...
    @property
    def begin(self) -> NDArray[np.uint32]: ...
    @property
    def successors(self) -> NDArray[np.uint32]: ...
    @property
    def chances(self) -> NDArray[np.float64]: ...
    @property
    def paid(self) -> NDArray[np.float64]: ...
    @property
    def initial(self) -> NDArray[np.float64]: ...
    @property
    def discount(self) -> float: ...
    @property
    def horizon(self) -> int | None: ...
    @property
    def states(self) -> Sequence[str]: ...
    @property
    def actions(self) -> Sequence[Sequence[str]]: ...
    @property
    def terminal(self) -> NDArray[np.bool_]: ...
    def information_state(self, player: int, state: int, step: int = 0) -> str: ...


class MarkovTables:
    """Matches of a Markov game. See `TableBatch` for the methods.

    A table's entries are the first state, then for each step all actions, player 0 first, and which of its outcomes
    followed. The first state is drawn with word 0 of the chance seed, the outcome of step t (from 0) with word 2t + 1,
    whether the match is stopped by its discount with word 2t + 2. A player with fewer actions than another has only the first ones legal. Tensors: the state, one-hot
    [S], the player, one-hot [n], and the share of the horizon that is over, where there is one.
    """

    def __init__(self, rules: Rules, capacity: int):
        info = rules.info
        self._rules, self._info, self._capacity = rules, info, capacity
        sizes = np.array([len(names) for names in rules.actions], np.int64)
        self._joints = int(sizes.prod())
        self._stride = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
        self._legal = np.arange(info.num_actions) < sizes[:, None]
        self._state = np.zeros(capacity, np.int64)
        self._step = np.zeros(capacity, np.int64)
        self._over = np.zeros(capacity, np.bool_)
        self._returns = np.zeros((capacity, info.num_players))
        self._seed = np.zeros(capacity, np.uint64)
        self._entries = np.zeros((capacity, FIRST_LENGTH), np.int32)
        self._length = np.zeros(capacity, np.int64)

    @property
    def info(self) -> GameInfo:
        return self._info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        self._seed[table] = chance_seed
        edges = np.cumsum(self._rules.initial)
        draws = unit(counter_hash(chance_seed, OUTCOME_STREAM, 0)) * edges[-1]
        state = np.searchsorted(edges, draws, side="right")
        self._state[table] = state
        self._step[table] = 0
        self._over[table] = False
        self._returns[table] = 0.0
        self._length[table] = 1
        self._entries[table, 0] = state
        return self._turn(table, NONE_FINISHED.copy())

    def stand(self, table: NDArray[np.int64], state: NDArray[np.int64], step: NDArray[np.int64]) -> Turn:
        """Puts tables into states at steps of a match, with nothing earned and no history: to ask a policy everywhere."""
        self._state[table] = state
        self._step[table] = step
        self._over[table] = False
        self._returns[table] = 0.0
        self._length[table] = 0
        return self._turn(table, NONE_FINISHED.copy())

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[np.int64]) -> Turn:
        rules, players = self._rules, self._info.num_players
        asked, row = np.unique(table, return_inverse=True)
        choice = np.zeros((len(asked), players), np.int64)
        choice[row, player] = action
        step, seed = self._step[asked], self._seed[asked]
        cell = self._state[asked] * self._joints + choice @ self._stride
        draws = unit(counter_hash(seed, OUTCOME_STREAM, 2 * step + 1))
        outcome: NDArray[np.int64] = draw_outcomes(rules.begin, rules.chances, cell, draws)
        following = rules.successors[outcome].astype(np.int64)
        self._returns[asked] += rules.paid[outcome]
        self._state[asked] = following
        self._step[asked] = step + 1
        self._write(asked, np.column_stack((choice, outcome - rules.begin[cell])))
        over = rules.terminal[following] | (unit(counter_hash(seed, OUTCOME_STREAM, 2 * step + 2)) >= rules.discount)
        if rules.horizon is not None:
            over |= step + 1 >= rules.horizon
        self._over[asked] = over
        return self._turn(asked[~over], asked[over])

    def history(self, table: NDArray[np.int64]) -> Ragged:
        length = self._length[table]
        held = np.arange(self._entries.shape[1]) < length[:, None]
        return Ragged(self._entries[table][held], np.cumsum(length))

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        rows, states = np.arange(len(table)), len(self._rules.states)
        values = np.zeros((len(table), self._info.tensor_width or 0), np.float32)
        values[rows, self._state[table]] = 1
        values[rows, states + player] = 1
        if self._rules.horizon is not None:
            values[:, -1] = self._step[table] / self._rules.horizon
        return values

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """Who the player is, the state, and what can be chosen."""
        rows = zip(table.tolist(), player.tolist(), strict=True)
        return [
            f"{self._info.title}: you are player {p} of {self._info.num_players}; all choose at once.\n{self._where(t)}\n"
            f"Your actions: {', '.join(f'{i} {name}' for i, name in enumerate(self._rules.actions[p]))}."
            for t, p in rows
        ]

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """``player 0: STATE``, with a horizon ``player 0: STATE, step 3``."""
        rows = zip(table.tolist(), player.tolist(), strict=True)
        return [self._rules.information_state(p, int(self._state[t]), int(self._step[t])) for t, p in rows]

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        raise NotProvided(f"{self._info.specification} gives no state to search from: its players move at once")

    def render(self, table: int) -> str:
        """The state; at the end, how the match ended and what each player got."""
        if not self._over[table]:
            return self._where(table)
        got = ", ".join(f"player {p}: {value:g}" for p, value in enumerate(self._returns[table].tolist()))
        return f"Over after {self._step[table]} steps, in {self._rules.states[self._state[table]]}. Returns: {got}."

    def action_text(self, table: int, player: int, action: int) -> str:
        names = self._rules.actions[player]
        return names[action] if 0 <= action < len(names) else str(int(action))

    def _where(self, table: int) -> str:
        state = f"State: {self._rules.states[self._state[table]]}."
        horizon = self._rules.horizon
        return state if horizon is None else f"{state} Step {self._step[table] + 1} of {horizon}."

    def _write(self, table: NDArray[np.int64], values: NDArray[np.int64]) -> None:
        """Appends values [R, k] to the tables' entries."""
        width = values.shape[1]
        if len(table) and (longest := int(self._length[table].max()) + width) > self._entries.shape[1]:
            more = max(longest, 2 * self._entries.shape[1]) - self._entries.shape[1]
            self._entries = np.pad(self._entries, ((0, 0), (0, more)))
        self._entries[table[:, None], self._length[table][:, None] + np.arange(width)] = values
        self._length[table] += width

    def _turn(self, due: NDArray[np.int64], finished: NDArray[np.int64]) -> Turn:
        players = self._info.num_players
        return Turn(
            np.repeat(due, players),
            np.tile(np.arange(players), len(due)),
            MaskedLegal(np.tile(self._legal, (len(due), 1))),
            finished,
            self._returns[finished],
        )


@nb.njit(cache=True, error_model="numpy")
def draw_outcomes(begin, chances, cell, draws):  # type: ignore[no-untyped-def]  # numba kernel
    """Which outcome each draw in [0, 1) falls on, of those of each cell (state * J + joint action): rows of ``chances``."""
    drawn = np.empty(len(cell), np.int64)
    for i in range(len(cell)):
        at, last = np.uint64(begin[np.uint64(cell[i])]), np.uint64(begin[np.uint64(cell[i] + 1)]) - np.uint64(1)
        left = draws[i] - chances[at]
        while left >= 0 and at < last:  # rounding leaves nothing behind the last
            at += np.uint64(1)
            left -= chances[at]
        drawn[i] = at
    return drawn

"""SMAX in the arena: matches at tables, every unit a player, every player of a team paid what the team gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from arena.games.actions import LegalActions, MaskedLegal, VectorLegal
from arena.games.errors import NotProvided
from arena.games.game import GameInfo, SearchState, Turn
from arena.games.ragged import Ragged
from arena.games.smax.acting import CONTINUOUS_WIDTH, legal_actions
from arena.games.smax.observing import observations
from arena.games.smax.rewards import is_out_of_time, is_over, outcome
from arena.games.smax.rules import STOP, Rules
from arena.games.smax.simulator import Smax
from arena.games.smax.state import State
from arena.games.smax.words import map_lines, move_text, unit_lines


class SmaxTables:
    """Matches of SMAX as arrays. See `TableBatch` for the methods.

    Dead units decide nothing. A return is 1 for every unit of the team that killed the other, -1 for every unit of that
    one, 0 where both died together or the time was up, which counts as cut short.
    """

    def __init__(self, info: GameInfo, rules: Rules, capacity: int):
        self._info, self._rules, self._capacity = info, rules, capacity
        self._smax = Smax(rules)
        self._seed = torch.zeros(capacity, dtype=torch.int64)
        self._state = self._smax.start(self._seed)
        shape = (capacity, rules.max_steps + 1, rules.num_units, *info.action_space.shape)
        self._played = np.zeros(shape, info.action_space.history_dtype)
        self._sides = np.where(self._smax.constants.is_ally.numpy(), 1.0, -1.0)

    @property
    def info(self) -> GameInfo:
        return self._info

    @property
    def capacity(self) -> int:
        return self._capacity

    def start(self, table: NDArray[np.int64], chance_seed: NDArray[np.uint64]) -> Turn:
        rows, seed = torch.from_numpy(table), torch.from_numpy(chance_seed.view(np.int64))
        self._seed[rows] = seed
        self._state.put(rows, self._smax.start(seed))
        return self._turn(rows)

    def step(self, table: NDArray[np.int64], player: NDArray[np.int64], action: NDArray[Any]) -> Turn:
        tables, place = np.unique(table, return_inverse=True)
        rows = torch.from_numpy(tables)
        before = self._state.rows(rows)
        joint = np.zeros((len(tables), self._rules.num_units, *action.shape[1:]), action.dtype)
        joint[place, player] = action
        self._played[tables, before.step.numpy()] = joint
        if self._rules.actions == "discrete":
            joint = np.where(before.health.numpy() > 0, joint, STOP)
        chosen = torch.from_numpy(joint if self._rules.actions == "discrete" else joint.astype(np.float32))
        self._state.put(rows, self._smax.advance(before, chosen, self._seed[rows]))
        return self._turn(rows)

    def history(self, table: NDArray[np.int64]) -> Ragged:
        steps = self._state.step.numpy()[table]
        played = self._played[table]
        values = played[np.arange(played.shape[1]) < steps[:, None]]
        return Ragged(values.reshape(-1, *played.shape[3:]), np.cumsum(steps) * self._rules.num_units)

    def tensor(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> NDArray[np.float32]:
        seen = observations(
            self._state, torch.from_numpy(table), torch.from_numpy(player), self._rules, self._smax.constants
        )
        values: NDArray[np.float32] = seen.numpy()
        return values

    def text(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        """The unit itself, then the units that it sees."""
        shown: list[str] = []
        for t, unit in zip(table.tolist(), player.tolist(), strict=True):
            shown.append("\n".join(unit_lines(self._one(t), unit, self._smax.constants)))
        return shown

    def information_state(self, table: NDArray[np.int64], player: NDArray[np.int64]) -> list[str]:
        raise NotProvided(f"{self._info.specification} has no information states: what a unit knows are real numbers")

    def search_state(self, table: int, player: int, seed: int) -> SearchState:
        raise NotProvided(f"{self._info.specification} has no search states: what a unit cannot see cannot be drawn")

    def render(self, table: int) -> str:
        return "\n".join(map_lines(self._one(table), self._rules))

    def action_text(self, table: int, player: int, action: Any) -> str:
        return move_text(action, player, self._rules)

    def _one(self, table: int) -> State:
        return self._state.rows(torch.tensor([table]))

    def _turn(self, rows: torch.Tensor) -> Turn:
        """What is due at these tables, and which are over."""
        state, table = self._state.rows(rows), rows.numpy()
        over, late = is_over(state, self._rules).numpy(), is_out_of_time(state, self._rules).numpy()
        match, unit = np.nonzero((state.health.numpy() > 0) & ~over[:, None])
        won = outcome(state, self._rules).numpy()[over].astype(np.float64)
        both_dead = state.health.numpy()[over].max(axis=1, initial=0) == 0
        return Turn(
            table[match],
            unit,
            self._legal(state, match, unit),
            table[over],
            won[:, None] * self._sides,
            truncated=late[over] & (won == 0) & ~both_dead,
        )

    def _legal(self, state: State, match: NDArray[np.int64], unit: NDArray[np.int64]) -> LegalActions:
        if self._rules.actions == "discrete":
            rows = torch.from_numpy(match), torch.from_numpy(unit)
            return MaskedLegal(legal_actions(state, *rows, self._rules, self._smax.constants).numpy())
        bounds = np.zeros((len(match), CONTINUOUS_WIDTH))
        return VectorLegal(bounds, bounds + 1, whole=False)


def teams_of(rules: Rules) -> tuple[tuple[int, ...], ...]:
    """The players of each team, allies first."""
    allies = rules.scenario.num_allies
    return tuple(range(allies)), tuple(range(allies, rules.num_units))

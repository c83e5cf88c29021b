"""SMAX with a learner on all seats, as tensors: see `arena.games.tensor_tables`; `tables` keeps matches for everybody else."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.games.game import GameInfo
from arena.games.smax.rewards import is_over, outcome
from arena.games.smax.rules import STOP, Rules
from arena.games.smax.simulator import Smax
from arena.games.smax.state import State
from arena.games.smax.units import UNIT_TYPES
from arena.games.tensor_due import Due, kept_tensor


class SmaxTensors:
    """See `TensorTables`. Every unit is a player; the dead do not act."""

    def __init__(self, info: GameInfo, rules: Rules, tables: int, device: torch.device):
        self.info, self.seats = info, rules.num_units
        self._rules, self._smax = rules, Smax(rules, device)
        self._seed = torch.zeros(tables, dtype=torch.int64, device=device)
        self._state = self._smax.start(self._seed)
        self._player = torch.arange(self.seats, device=device).expand(tables, self.seats)
        self._sides = torch.where(self._smax.constants.is_ally, 1.0, -1.0).double()

    def start(self, which: Tensor, seed: Tensor) -> None:
        rows = which.nonzero()[:, 0]
        if len(rows):
            self._seed[rows] = seed[rows]
            self._state.put(rows, self._smax.start(seed[rows]))

    def due(self) -> Due:
        return Due(player=self._player, legal=self._smax.legal_actions(self._state), acting=self._state.alive)

    def observed(self) -> Tensor:
        return self._smax.observations(self._state)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        chosen = torch.where(self._state.alive, action, STOP)
        self._state = self._smax.advance(self._state, chosen, self._seed)
        won = outcome(self._state, self._rules).double()[:, None] * self._sides
        return won, is_over(self._state, self._rules)

    def arrays(self) -> dict[str, NDArray[Any]]:
        held = {one.name: getattr(self._state, one.name) for one in dataclasses.fields(State)}
        return {name: tensor.cpu().numpy().copy() for name, tensor in held.items()}

    def restore(self, arrays: dict[str, NDArray[Any]], seed: Tensor) -> None:
        below = {"unit_type": len(UNIT_TYPES), "attack": self._rules.num_actions, "step": self._rules.max_steps + 1}
        held = {
            one.name: kept_tensor(arrays, one.name, getattr(self._state, one.name), below=below.get(one.name))
            for one in dataclasses.fields(State)
        }
        state = State(**held)
        if bool(is_over(state, self._rules).any()):
            raise SpecificationError("the matches of a checkpoint are over, where they should go on")
        self._state, self._seed = state, seed

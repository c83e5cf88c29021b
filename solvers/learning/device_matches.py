"""Matches on the device where their learner is, who plays every seat, as an `Environment`: nothing is moved between steps."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.games.seeds import CHANCE_STREAM
from arena.games.tensor_due import kept_tensor
from arena.games.tensor_tables import TensorTables
from arena.games.tensor_words import words
from arena.solvers.checkpoint import State
from arena.solvers.learning.environment import Facts, Happened, Seen


class DeviceMatches:
    """See `Environment`. Match number m at a table has the chance seed that it has at `MatchTables`."""

    def __init__(self, tables: TensorTables, count: int, inputs: int, *, seed: int, device: str | torch.device = "cpu"):
        """Args:
        tables: N tables of a game on the device.
        count: N.
        inputs: D, how many numbers they show of a decision.
        seed: of all chance.
        device: where they are.
        """
        self.tables = tables
        self.facts = Facts(
            tables=count,
            seats=tables.seats,
            players=tables.info.num_players,
            inputs=inputs,
            actions=tables.info.num_actions,
        )
        self._table = torch.arange(count, device=device)
        self._seed = torch.full((count,), int(np.uint64(seed).view(np.int64)), device=device)
        self._begun = torch.zeros_like(self._table)
        self._state = torch.zeros(count, tables.seats, 0, device=device)
        self._begin(torch.ones(count, dtype=torch.bool, device=device))

    def seen(self) -> Seen:
        due = self.tables.due()
        return Seen(
            observation=self.tables.observed(),
            state=self._state,
            legal=due.legal,
            player=due.player,
            acting=due.acting,
        )

    def step(self, action: Tensor) -> Happened:
        returns, over = self.tables.step(action)
        reward = torch.where(over[:, None], returns, 0.0).float()
        self._begin(over)
        return Happened(reward=reward, over=over)

    def arrays(self) -> State:
        return {"begun": self._begun.cpu().numpy().copy(), **self.tables.arrays()}

    def restore(self, arrays: State) -> None:
        begun = kept_tensor(arrays, "begun", self._begun, below=1 << 62)
        if bool((begun < 1).any()):
            raise SpecificationError("the matches of a checkpoint must have begun")
        self.tables.restore(arrays, self._chance(begun))
        self._begun = begun

    def _begin(self, which: Tensor) -> None:
        self._begun = self._begun + which
        self.tables.start(which, self._chance(self._begun))

    def _chance(self, begun: Tensor) -> Tensor:
        return words(self._seed, (begun - 1) * self.facts.tables + self._table, CHANCE_STREAM)

"""Matches of Markov games as tensors: the state and step of each table, on any device. See `arena.games.markov_tables`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from arena.games.game import GameInfo
from arena.games.markov_game import MarkovGame
from arena.games.tensor_due import Due, kept_tensor
from arena.games.tensor_words import unit, words

MOST_OUTCOMES = 1 << 24
"""Numbers of the table of chance: joint actions of all states times the most outcomes of one, 128 MiB."""
NO_OUTCOME = 2.0
"""In place of a share of [0, 1) behind the last outcome: no draw reaches it."""


def markov_tensors(game: MarkovGame, tables: int, device: torch.device) -> MarkovTensors | None:
    """Tables of a Markov game; None where a table of its chance would be too large."""
    count = np.diff(game.begin.astype(np.int64))
    return None if len(count) * int(count.max()) > MOST_OUTCOMES else MarkovTensors(game, tables, device)


class MarkovTensors:
    """See `TensorTables`. Chance has the words that it has at `MarkovTables`."""

    def __init__(self, game: MarkovGame, tables: int, device: torch.device):
        self.info: GameInfo = game.info
        self.seats = players = game.num_players
        self._discount, self._horizon = game.discount, game.horizon
        begin = game.begin.astype(np.int64)
        count = np.diff(begin)
        edges = np.full((len(count), int(count.max())), NO_OUTCOME)
        cell = np.repeat(np.arange(len(count)), count)
        place = np.arange(len(cell)) - begin[cell]
        sums = np.cumsum(game.chances)
        edges[cell, place] = sums - np.concatenate(([0.0], sums))[begin[cell]]
        edges[np.arange(len(count)), count - 1] = NO_OUTCOME  # rounding leaves nothing behind the last
        sizes = np.array(game.sizes)
        self._joints = int(sizes.prod())
        self._stride = torch.from_numpy(np.append(np.cumprod(sizes[:0:-1])[::-1], 1)).to(device)
        self._legal = torch.from_numpy(np.arange(game.info.num_actions) < sizes[:, None]).to(device)
        self._begin, self._edges = torch.from_numpy(begin).to(device), torch.from_numpy(edges).to(device)
        self._successors = torch.from_numpy(game.successors.astype(np.int64)).to(device)
        self._paid = torch.tensor(game.paid, device=device)
        self._initial = torch.from_numpy(np.cumsum(game.initial)).to(device)
        self._terminal = torch.tensor(game.terminal, device=device)
        self._player = torch.arange(players, device=device).expand(tables, players)
        self._state = torch.zeros(tables, dtype=torch.int64, device=device)
        self._step, self._seed = torch.zeros_like(self._state), torch.zeros_like(self._state)
        self._returns = torch.zeros(tables, players, dtype=torch.float64, device=device)

    def start(self, which: Tensor, seed: Tensor) -> None:
        self._seed = torch.where(which, seed, self._seed)
        first = torch.searchsorted(self._initial, self._drawn(torch.zeros_like(seed)) * self._initial[-1], right=True)
        self._state = torch.where(which, first, self._state)
        self._step = self._step.masked_fill(which, 0)
        self._returns = self._returns.masked_fill(which[:, None], 0.0)

    def due(self) -> Due:
        legal = self._legal.expand(len(self._state), -1, -1)
        return Due(player=self._player, legal=legal, acting=torch.ones_like(self._player, dtype=torch.bool))

    def observed(self) -> Tensor:
        state = one_hot(self._state, len(self._terminal))[:, None].expand(-1, self.seats, -1)
        parts = [state, one_hot(self._player, self.seats)]
        if self._horizon is not None:
            parts.append((self._step / self._horizon)[:, None, None].expand(-1, self.seats, 1))
        return torch.cat([part.float() for part in parts], -1)

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        cell = self._state * self._joints + (action * self._stride).sum(-1)
        outcome = (self._drawn(2 * self._step + 1)[:, None] >= self._edges[cell]).sum(-1) + self._begin[cell]
        stopped = self._drawn(2 * self._step + 2) >= self._discount
        self._returns = self._returns + self._paid[outcome]
        self._state, self._step = self._successors[outcome], self._step + 1
        over = self._terminal[self._state] | stopped
        return self._returns, over if self._horizon is None else over | (self._step >= self._horizon)

    def arrays(self) -> dict[str, NDArray[Any]]:
        held = {"state": self._state, "step": self._step, "returns": self._returns}
        return {name: tensor.cpu().numpy().copy() for name, tensor in held.items()}

    def restore(self, arrays: dict[str, NDArray[Any]], seed: Tensor) -> None:
        state = kept_tensor(arrays, "state", self._state, below=len(self._terminal))
        step = kept_tensor(arrays, "step", self._step, below=self._horizon or 1 << 62)
        self._returns = kept_tensor(arrays, "returns", self._returns)
        self._state, self._step, self._seed = state, step, seed

    def _drawn(self, counter: Tensor) -> Tensor:
        return unit(words(self._seed, counter))

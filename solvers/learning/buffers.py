"""Memories of rows for learners that replay: the last ones that came, or as many drawn evenly from all that ever came.

Columns are tensors allocated once; many rows come in at once, and stand as if they had come one by one.

Source: Vitter, Random sampling with a reservoir, ACM TOMS 1985 (algorithm R).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from arena.games.errors import SpecificationError
from arena.solvers.checkpoint import State

Rows = Mapping[str, Tensor]
"""name -> column [n, ...]."""

CAME = "came"


class Buffer:
    """A ring: rows in the order they came, a new one in the place of the oldest once it is full."""

    def __init__(self, capacity: int, row: Rows):
        """Args:
        capacity: rows that it holds.
        row: one, for types, shapes and the device: columns without their first axis.
        """
        self.capacity, self.came = capacity, 0
        self.columns = {name: value.new_zeros(capacity, *value.shape) for name, value in row.items()}

    def __len__(self) -> int:
        return min(self.came, self.capacity)

    def add(self, rows: Rows, generator: torch.Generator) -> None:
        """Takes rows in, the first of them first."""
        n = len(next(iter(rows.values())))
        place = self._places(torch.arange(self.came, self.came + n, device=generator.device), generator)
        self.came += n
        taken, row = _last_of_each(place)
        row, taken = row[taken < self.capacity], taken[taken < self.capacity]
        for name, column in self.columns.items():
            column[taken] = rows[name][row]

    def sample(self, n: int, generator: torch.Generator) -> dict[str, Tensor]:
        """n rows of those it holds, each drawn from all of them."""
        drawn = torch.randint(len(self), (n,), generator=generator, device=generator.device)
        return {name: column[drawn] for name, column in self.columns.items()}

    def arrays(self) -> State:
        """What it holds, and how many came."""
        held = {name: column[: len(self)].cpu().numpy().copy() for name, column in self.columns.items()}
        return {**held, CAME: np.array([self.came])}

    def restore(self, arrays: State) -> None:
        """Goes on from there.

        Raises:
            SpecificationError: columns that are not as long as what came.
        """
        self.came = int(arrays[CAME][0])
        if self.came < 0 or any(len(arrays[name]) != len(self) for name in self.columns):
            raise SpecificationError("the columns of a buffer in a checkpoint must be as long as what came, or full")
        for name, column in self.columns.items():
            column[: len(self)] = torch.from_numpy(arrays[name]).to(column.device)

    def _places(self, came: Tensor, generator: torch.Generator) -> Tensor:
        """Where each row goes, given how many came before it; from the capacity on it is left out."""
        del generator
        return came % self.capacity


class Reservoir(Buffer):
    """All that ever came is in it with the same probability: once it is full, the k-th row replaces one with probability capacity / k."""

    def _places(self, came: Tensor, generator: torch.Generator) -> Tensor:
        drawn = torch.rand(len(came), generator=generator, device=generator.device, dtype=torch.float64)
        return torch.where(came < self.capacity, came, (drawn * (came + 1)).long())


def _last_of_each(place: Tensor) -> tuple[Tensor, Tensor]:
    """(the places, which row comes last in each): of those for the same place the last one stays."""
    ordered, row = place.sort(stable=True)
    last = torch.ones_like(ordered, dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return ordered[last], row[last]

"""The state of many SMAX matches as tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """B matches of n units, allies first. A unit is alive while its health is above 0; a dead one keeps its place.

    ``position`` float32 [B, n, 2]; ``health``, ``cooldown`` float32 [B, n], the latter in seconds until it may attack;
    ``unit_type`` int64 [B, n]; ``movement`` float32 [B, n, 2], ``attack`` int64 [B, n]: what each did last, an action that
    attacks or 0; ``step`` int64 [B]: steps played.
    """

    position: torch.Tensor
    health: torch.Tensor
    cooldown: torch.Tensor
    unit_type: torch.Tensor
    movement: torch.Tensor
    attack: torch.Tensor
    step: torch.Tensor

    def __len__(self) -> int:
        return len(self.step)

    @property
    def alive(self) -> torch.Tensor:
        """bool [B, n]."""
        return self.health > 0

    @property
    def device(self) -> torch.device:
        return self.step.device

    def rows(self, index: torch.Tensor) -> State:
        """These matches."""
        return State(**{field.name: _taken(getattr(self, field.name), index) for field in fields(self)})

    def put(self, index: torch.Tensor, other: State) -> None:
        """Writes other matches over these."""
        for field in fields(self):
            _put(getattr(self, field.name), index, getattr(other, field.name))


# On a CPU through numpy: torch splits copies of a few kilobytes among threads, which costs more than the copies.
def _taken(column: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    if column.device.type == "cpu":
        return torch.from_numpy(column.numpy()[index.numpy()])
    return column[index]


def _put(column: torch.Tensor, index: torch.Tensor, other: torch.Tensor) -> None:
    if column.device.type == "cpu":
        column.numpy()[index.numpy()] = other.numpy()
    else:
        column[index] = other

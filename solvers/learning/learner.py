"""What every learner is: something that gathers experience and learns from it once, can be saved whole, and has a policy."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

from torch import Tensor

from arena.games.errors import ArenaError, SpecificationError
from arena.games.policy import Policy
from arena.solvers.checkpoint import State
from arena.solvers.learning.environment import Environment


class Diverged(ArenaError):
    """What was learned is no finite number."""

    work_failed = True


class Learner(Protocol):
    """Deterministic on one device: what an update does follows from the state, its number and the seed alone."""

    @property
    def environment(self) -> Environment: ...

    @property
    def steps_an_update(self) -> int:
        """Steps of the tables (each of N tables steps T times) that one update plays."""
        ...

    def update(self, number: int) -> Mapping[str, float]:
        """Gathers and learns; numbers for curves, by name: losses, entropy, returns.

        Raises:
            Diverged: what it learned is no finite number.
        """
        ...

    def policy(self) -> Policy:
        """What it would play now: to be measured, played against and kept. It does not change with later updates."""
        ...

    @property
    def growing(self) -> frozenset[str]:
        """The names of arrays whose first axis may grow."""
        ...

    def arrays(self) -> State:
        """All that later updates depend on, the environment's part included."""
        ...

    def restore(self, arrays: State) -> None:
        """Goes on from there.

        Raises:
            SpecificationError: arrays that are none of this learner's.
        """
        ...


def require_finite(losses: Iterable[float], number: int) -> None:
    """Raises `Diverged` where a loss of this update is not finite."""
    if not all(map(math.isfinite, losses)):
        raise Diverged(f"the losses of update {number} are not finite; try a smaller learning rate")


def require_among(column: Tensor, many: int, what: str) -> None:
    """Raises `SpecificationError` where a column of a checkpoint names one that is not among so many: 0, 1, ..., many - 1."""
    if bool(((column < 0) | (column >= many)).any()):
        raise SpecificationError(f"{what} of a checkpoint must be among the {many} of the game")

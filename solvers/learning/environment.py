"""What a learner plays in: many tables that never stop, seen and stepped as tensors. A match that ends begins anew at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from arena.solvers.checkpoint import State

ENVIRONMENT = "environment"
"""What a learner's arrays of its environment are a part under."""
GROWING = frozenset((f"{ENVIRONMENT}.played",))
"""Those of them that are as long as the matches under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``tables``: N; ``seats``: S decisions a table at once (1 where players take turns); ``players``: P, who get rewards.

    ``inputs``: numbers of an observation; ``actions``: A. ``state``: W, numbers that a critic may read besides, 0 = none.
    """

    tables: int
    seats: int
    players: int
    inputs: int
    actions: int
    state: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The decisions that are due. ``observation`` float32 [N, S, D]; ``legal`` bool [N, S, A]; ``player`` int64 [N, S].

    ``state`` float32 [N, S, W]: what is known of the match while a team is trained, and not when it plays.

    ``acting`` bool [N, S]: whether there is a decision of the learner; the other rows mean nothing.
    """

    observation: Tensor
    state: Tensor
    legal: Tensor
    player: Tensor
    acting: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """What followed, up to the learner's next decision at each table.

    ``reward`` float32 [N, P]; ``over`` bool [N]: the match ended, and what is seen next is another.
    """

    reward: Tensor
    over: Tensor


class Environment(Protocol):
    """Deterministic: the same seed and the same actions show the same things."""

    @property
    def facts(self) -> Facts: ...

    def seen(self) -> Seen: ...

    def step(self, action: Tensor) -> Happened:
        """Plays one action a row, int64 [N, S]; those of rows that do not act are ignored."""
        ...

    def arrays(self) -> State:
        """All that what follows depends on."""
        ...

    def restore(self, arrays: State) -> None:
        """Goes on from there. The arrays come from a file that may be broken.

        Raises:
            SpecificationError: arrays that are none of this environment's.
        """
        ...

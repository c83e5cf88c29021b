"""Actions: the space they come from, and the legal ones of many decisions behind one face.

A column of actions has one row a decision: int64 [R] in a discrete space, [R, width] in a space of vectors
(int64 for multi-discrete, float64 for boxes). A row that is narrower than ``width`` is padded with zeros.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, Protocol

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.seeds import counter_hash, unit

UNBOUNDED_RANGE = 1.0  # a box without a finite bound is sampled in [-1, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpace:
    """What every action of a game looks like.

    ``discrete``: a number 0..size-1. ``multi_discrete``: ``width`` numbers. ``box``: ``width`` real numbers.
    """

    kind: Literal["discrete", "multi_discrete", "box"] = "discrete"
    size: int = 0
    width: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one action: () or (width,)."""
        return () if self.kind == "discrete" else (self.width,)

    @property
    def dtype(self) -> type[np.int64] | type[np.float64]:
        return np.float64 if self.kind == "box" else np.int64

    @property
    def history_dtype(self) -> type[np.int32] | type[np.float64]:
        """How recorded actions are kept."""
        return np.float64 if self.kind == "box" else np.int32


class LegalActions(Protocol):
    """The legal actions of R decisions: lists or a mask, as the game gave them; an agent reads the form it likes."""

    def take(self, rows: NDArray[np.int64]) -> LegalActions: ...

    def joined(self, other: Any) -> LegalActions:
        """These rows, then the other's, which is of the same class."""
        ...

    def sample(self, words: NDArray[np.uint64]) -> NDArray[Any]:
        """One legal action a row, uniformly, from one random word a row."""
        ...

    def contains(self, actions: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's action is legal [R]. Never raises, whatever an agent answered in the right dtype."""
        ...

    def mask(self, num_actions: int) -> NDArray[np.bool_]:
        """1 = legal [R, num_actions]. Only where actions are discrete."""
        ...

    def lists(self) -> list[list[int]]:
        """The legal actions of each row, ascending. Only where actions are discrete."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ListedLegal:
    """Legal actions as Python lists; they stay lists until somebody asks for a mask: flattening costs more than a move."""

    rows: list[list[int]]

    def take(self, rows: NDArray[np.int64]) -> ListedLegal:
        return ListedLegal(list(map(self.rows.__getitem__, rows.tolist())))

    def joined(self, other: ListedLegal) -> ListedLegal:
        return ListedLegal(self.rows + other.rows)

    def sample(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        rows = len(self.rows)
        place = (unit(words) * np.fromiter(map(len, self.rows), np.int64, rows)).astype(np.int64)
        return np.fromiter(map(operator.getitem, self.rows, place.tolist()), np.int64, rows)

    def contains(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.fromiter(map(operator.contains, self.rows, actions.tolist()), np.bool_, len(self.rows))

    def mask(self, num_actions: int) -> NDArray[np.bool_]:
        mask = np.zeros((len(self.rows), num_actions), np.bool_)
        count = np.fromiter(map(len, self.rows), np.int64, len(self.rows))
        flat = np.fromiter(chain.from_iterable(self.rows), np.int64, int(count.sum()))
        mask[np.repeat(np.arange(len(count)), count), flat] = True
        return mask

    def lists(self) -> list[list[int]]:
        return self.rows

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class MaskedLegal:
    """Legal actions as a mask, 1 = legal [R, A]: the form of native games."""

    rows: NDArray[np.bool_]

    def take(self, rows: NDArray[np.int64]) -> MaskedLegal:
        return MaskedLegal(self.rows[rows])

    def joined(self, other: MaskedLegal) -> MaskedLegal:
        return MaskedLegal(np.concatenate((self.rows, other.rows)))

    def sample(self, words: NDArray[np.uint64]) -> NDArray[np.int64]:
        chosen: NDArray[np.int64] = _sample(self.rows, unit(words))
        return chosen

    def contains(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        legal: NDArray[np.bool_] = _contains(self.rows, actions)
        return legal

    def mask(self, num_actions: int) -> NDArray[np.bool_]:
        return self.rows

    def lists(self) -> list[list[int]]:
        return [np.flatnonzero(row).tolist() for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class VectorLegal:
    """Vectors between bounds: ``low`` and ``high`` [R, width], both allowed; ``whole`` numbers or reals.

    Components past a row's own width have low = high = 0.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    whole: bool

    def take(self, rows: NDArray[np.int64]) -> VectorLegal:
        return VectorLegal(self.low[rows], self.high[rows], self.whole)

    def joined(self, other: VectorLegal) -> VectorLegal:
        return VectorLegal(np.concatenate((self.low, other.low)), np.concatenate((self.high, other.high)), self.whole)

    def sample(self, words: NDArray[np.uint64]) -> NDArray[Any]:
        draws = unit(counter_hash(words[:, None], 0, np.arange(self.low.shape[1])))
        if self.whole:
            whole: NDArray[np.int64] = (self.low + np.floor(draws * (self.high - self.low + 1))).astype(np.int64)
            return whole
        low = np.where(np.isfinite(self.low), self.low, -UNBOUNDED_RANGE)
        high = np.where(np.isfinite(self.high), self.high, UNBOUNDED_RANGE)
        # in float32 as most environments compute, kept inside the bounds that rounding could leave
        inside = np.clip((low + draws * (high - low)).astype(np.float32), self.low, self.high)
        reals: NDArray[np.float64] = inside.astype(np.float64)
        return reals

    def contains(self, actions: NDArray[Any]) -> NDArray[np.bool_]:
        if actions.shape != self.low.shape:
            return np.zeros(len(self.low), np.bool_)
        inside: NDArray[np.bool_] = np.all((actions >= self.low) & (actions <= self.high), axis=1)  # NaN is outside
        return inside

    def mask(self, num_actions: int) -> NDArray[np.bool_]:
        raise TypeError("vectors have no mask of legal actions; read low and high")

    def lists(self) -> list[list[int]]:
        raise TypeError("vectors have no list of legal actions; read low and high")

    def __len__(self) -> int:
        return len(self.low)


@nb.njit(cache=True)
def _sample(mask, draws):  # type: ignore[no-untyped-def]  # numba kernel
    actions = np.zeros(len(draws), np.int64)
    for row in range(len(draws)):
        legal = 0
        for action in range(mask.shape[1]):
            legal += mask[row, action]
        left = np.int64(draws[row] * legal)
        for action in range(mask.shape[1]):  # without a branch: counts the actions before the one drawn
            left -= mask[row, action]
            actions[row] += left >= 0
    return actions


@nb.njit(cache=True)
def _contains(mask, actions):  # type: ignore[no-untyped-def]  # numba kernel
    legal = np.zeros(len(actions), np.bool_)
    for row in range(len(actions)):
        if 0 <= actions[row] < mask.shape[1]:
            legal[row] = mask[row, actions[row]]
    return legal

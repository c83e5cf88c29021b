"""Rows of different length in two arrays: the actions of many matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ragged:
    """``values`` [total] or [total, width]; row i is ``values[ends[i - 1] : ends[i]]`` (from 0 for the first)."""

    values: NDArray[Any]
    ends: NDArray[np.int64]

    @staticmethod
    def of_lists(lists: Sequence[Sequence[int]]) -> Ragged:
        """Rows of whole numbers (int32)."""
        ends = np.cumsum(np.fromiter(map(len, lists), np.int64, len(lists)))
        total = int(ends[-1]) if len(ends) else 0
        return Ragged(np.fromiter(chain.from_iterable(lists), np.int32, total), ends)

    @staticmethod
    def of_arrays(rows: Sequence[NDArray[Any]], *, width: tuple[int, ...], dtype: Any) -> Ragged:
        """Rows that are arrays [length, *width] already."""
        ends = np.cumsum(np.fromiter(map(len, rows), np.int64, len(rows)))
        parts = [np.asarray(row, dtype).reshape(-1, *width) for row in rows]
        return Ragged(np.concatenate(parts) if parts else np.empty((0, *width), dtype), ends)

    @staticmethod
    def joined(parts: Sequence[Ragged]) -> Ragged:
        """All rows of all parts, in their order; no part at all gives no rows."""
        if not parts:
            return Ragged(np.empty(0, np.int32), np.empty(0, np.int64))
        lengths = np.concatenate([part.lengths() for part in parts])
        return Ragged(np.concatenate([part.values for part in parts]), np.cumsum(lengths))

    @staticmethod
    def scattered(parts: Sequence[Ragged], places: Sequence[NDArray[np.int64]]) -> Ragged:
        """The rows of all parts in an order of their own: row i of part k becomes row ``places[k][i]``.

        Every place 0..N-1 is named once; there is at least one part.
        """
        lengths = np.empty(sum(map(len, parts)), np.int64)
        for part, place in zip(parts, places, strict=True):
            lengths[place] = part.lengths()
        ends = np.cumsum(lengths)
        values = np.empty((int(ends[-1]) if len(ends) else 0, *parts[0].values.shape[1:]), parts[0].values.dtype)
        for part, place in zip(parts, places, strict=True):
            _scatter(part.values, part.ends, place, values, ends)
        return Ragged(values, ends)

    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.ends, prepend=0)

    def take(self, rows: NDArray[np.int64]) -> Ragged:
        """The rows named, in the order named."""
        ends = np.cumsum(self.lengths()[rows])
        if self.values.ndim == 1:
            return Ragged(_take(self.values, self.ends, rows, ends), ends)
        return Ragged.of_arrays(
            [self.row(int(row)) for row in rows], width=self.values.shape[1:], dtype=self.values.dtype
        )

    def row(self, i: int) -> NDArray[Any]:
        start = int(self.ends[i - 1]) if i else 0
        return self.values[start : int(self.ends[i])]

    def __len__(self) -> int:
        return len(self.ends)


@nb.njit(cache=True)
def _take(values, ends, rows, new_ends):  # type: ignore[no-untyped-def]  # numba kernel
    taken = np.empty(new_ends[-1] if len(new_ends) else 0, values.dtype)
    start = 0
    for i in range(len(rows)):
        shift = ends[rows[i]] - new_ends[i]
        for at in range(start, new_ends[i]):
            taken[at] = values[at + shift]
        start = new_ends[i]
    return taken


@nb.njit(cache=True)
def _scatter(values, ends, places, out, out_ends):  # type: ignore[no-untyped-def]  # numba kernel
    start = 0
    for i in range(len(places)):
        at = out_ends[places[i]] - ends[i]
        for k in range(start, ends[i]):
            out[k + at] = values[k]
        start = ends[i]

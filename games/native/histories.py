"""Histories of native games: what stands in fixed rows, handed over as rows of their own lengths."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.ragged import Ragged


def history_rows(
    entries: NDArray[np.uint8], length: NDArray[np.uint8], table: NDArray[np.int64], *, before: int = 0
) -> Ragged:
    """The first ``before + length[t]`` entries (int32) of each table t named; ``entries`` [capacity, longest]."""
    ends = np.cumsum(length[table], dtype=np.int64) + before * np.arange(1, len(table) + 1)
    values: NDArray[Any] = _gathered(entries, table, ends)
    return Ragged(values, ends)


@nb.njit(cache=True)
def _gathered(entries, table, ends):  # type: ignore[no-untyped-def]  # numba kernel
    values = np.empty(ends[-1] if len(ends) else 0, np.int32)
    start = 0
    for i in range(len(table)):
        t = np.uint64(table[i])
        for at in range(start, ends[i]):
            values[np.uint64(at)] = entries[t, np.uint64(at - start)]
        start = ends[i]
    return values

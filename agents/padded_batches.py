"""Networks whose answers do not depend on who else was asked: batches of fixed sizes, on one thread.

Batches are padded to fixed sizes, all multiples of 8, because matrix kernels round differently for some others. No vendor
promises this, so that every size is tried when a network is taken; a size whose bits differ is not used. Networks run on one
thread, whatever `torch.set_num_threads` says, which is set back after each batch: many tables fill one core well, and bits do
not depend on the setting. They may still differ between machines or versions of torch in the last place: a ledger made with
networks is repeated exactly on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from arena.games.tensor_threads import one_thread

if TYPE_CHECKING:
    import torch

SIZES = (8, 32, 128, 256)

Columns = tuple["torch.Tensor", ...]
"""float32 [B, width] each."""


class PaddedBatches:
    """Asks a function of columns for all rows; ``sizes``: those that it is asked in."""

    def __init__(self, ask: Callable[[Columns], Columns], widths: Sequence[int]):
        """Args:
        ask: of columns of these widths makes columns, row by row.
        widths: of what goes in.
        """
        import torch

        self._ask = ask
        words = torch.Generator().manual_seed(0)
        probe = tuple(torch.randn(SIZES[-1], width, generator=words) for width in widths)
        with torch.inference_mode(), one_thread():
            whole = ask(probe)
            self.sizes = tuple(size for size in SIZES if size == SIZES[-1] or _same(self._in_parts(probe, size), whole))

    def __call__(self, *columns: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """What the function makes of these columns; a row's bits do not depend on the other rows."""
        import torch

        rows, most = len(columns[0]), self.sizes[-1]
        parts = []
        with torch.inference_mode(), one_thread():
            for first in range(0, max(rows, 1), most):
                here = min(most, rows - first)
                size = next(s for s in self.sizes if s >= here)
                padded = [np.zeros((size, column.shape[1]), np.float32) for column in columns]
                for whole, column in zip(padded, columns, strict=True):
                    whole[:here] = column[first : first + here]
                parts.append([made[:here].numpy() for made in self._ask(tuple(map(torch.from_numpy, padded)))])
        return tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _in_parts(self, columns: Columns, size: int) -> Columns:
        import torch

        parts = [self._ask(part) for part in zip(*(torch.split(column, size) for column in columns), strict=True)]
        return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def _same(first: Columns, second: Columns) -> bool:
    import torch

    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))

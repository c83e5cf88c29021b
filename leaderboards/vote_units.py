"""Which votes belong together when votes are resampled: those on one prompt, whose answers are the same for all who judge them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CONTEXTS_AS_UNITS = 20
"""From so many contexts on, all votes in one context are one unit of resampling: what is said of one prompt hangs together. Of fewer,
which would be too few units, the votes on two candidates in one context are."""


def vote_units(first: NDArray[np.int64], second: NDArray[np.int64], context: NDArray[np.int64]) -> NDArray[np.int64]:
    """The unit of each vote [m], numbered from 0 on in the order of contexts, then of candidates.

    A vote that names no context is a unit of its own, after all others.

    Args:
        first, second: [m], the two candidates by number, in either order.
        context: [m], by number, negative where a vote names none.
    """
    said = context >= 0
    key = context[said]
    if len(np.unique(key)) < CONTEXTS_AS_UNITS:
        one, other = first[said], second[said]
        size = int(max(first.max(initial=0), second.max(initial=0))) + 1
        key = (key * size + np.minimum(one, other)) * size + np.maximum(one, other)
    different, together = np.unique(key, return_inverse=True)
    units = np.empty(len(context), np.int64)
    units[said] = together
    units[~said] = len(different) + np.arange(len(context) - len(together))
    return units

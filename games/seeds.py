"""Random words without generators: every word is a hash of (seed, stream, counter).

A decision's word is ``counter_hash(match_seed, DECISION_STREAM + player, ply)``, a chance outcome's is
``counter_hash(chance_seed, OUTCOME_STREAM, count)``. Nothing depends on the order in which things are asked, so the
same match comes out serial or parallel, one table at a time or a thousand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

OUTCOME_STREAM = 0
MATCH_STREAM = 1
CHANCE_STREAM = 2
AGENT_STREAM = 3
DECISION_STREAM = 16  # the stream of player p is DECISION_STREAM + p


@nb.vectorize(["uint64(uint64, int64, int64)"], cache=True)
def counter_hash(seed, stream, counter):  # type: ignore[no-untyped-def]  # numba ufunc
    """The random word (uint64) of (seed, stream, counter); a ufunc: splitmix64's finaliser, three times."""
    x = seed
    for word in (nb.uint64(stream), nb.uint64(counter), nb.uint64(0)):
        x = x + word * nb.uint64(0xD1342543DE82EF95) + nb.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> nb.uint64(30))) * nb.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> nb.uint64(27))) * nb.uint64(0x94D049BB133111EB)
        x = x ^ (x >> nb.uint64(31))
    return x


@nb.vectorize(["float64(uint64)"], cache=True)
def unit(word):  # type: ignore[no-untyped-def]  # numba ufunc
    """A random word as a float in [0, 1); a ufunc. Uses the upper 53 bits."""
    return (word >> nb.uint64(11)) * (1.0 / 9007199254740992.0)


def sample_rows(probabilities: NDArray[np.float64], words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """One index drawn from each row of ``probabilities`` [R, A] (rows sum to 1; zeros are never drawn)."""
    edges = np.cumsum(probabilities, axis=1)
    draws = unit(words)[:, None] * edges[:, -1:]
    chosen: NDArray[np.int64] = (edges <= draws).sum(axis=1)
    return chosen


def seed_of(parts: Sequence[str | int]) -> int:
    """A 63-bit seed derived from names and numbers, the same on every machine."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1

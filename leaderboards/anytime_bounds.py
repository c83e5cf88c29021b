"""Bounds of mean scores that hold at all times at once, however it was decided who plays next.

Bets against "the mean is at most b": the capital Π (1 + λ (x_t − b)) of scores x_t in [0, 1] with λ in [0, 1/b] has an
expectation of at most 1 if the mean of the x_t is at most b, and so has an average over several λ; by Ville's inequality it ever
reaches 1/α with a probability of at most α. The lower bound is the least b against which it did not. Scores need not have one mean: over a round
against different opponents, of means m_j, Σ ln(1 + λ (m_j − b)) ≤ 0 where the average of the m_j is at most b, because the logarithm
is concave. Bets are fixed, so the bounds depend on how often each score was seen, and not on its order.

Sources: Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, JRSS B 2024, sections 4 and 5,
doi:10.1093/jrsssb/qkad009 (with a fixed grid of bets in place of adaptive ones); Hoeffding, On the distribution of the number of
successes in independent trials, 1956, doi:10.1214/aoms/1177728178 (that unequal means are no worse than equal ones).
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.sequential_test import BETS

BISECTIONS = 30  # the bounds are exact to 2⁻³⁰


def mean_bounds(
    values: NDArray[np.float64], counts: NDArray[np.float64], *, error_rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low [M], high [M]) of M means, each bound false with a probability of at most `error_rate` at any time.

    Args:
        values: [K], the scores that occur, in 0..1.
        counts: [M, K], how often each was seen. A row without scores has the bounds 0 and 1.
        error_rate: of each of the two bounds alone, in (0, 1).

    Raises:
        ValueError: an argument out of its range.
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"error_rate must be in (0, 1); got {error_rate}")
    values, counts = np.asarray(values, np.float64), np.asarray(counts, np.float64)
    if values.ndim != 1 or counts.ndim != 2 or counts.shape[1] != len(values):
        raise ValueError(f"counts must be [M, K] for values [K]; got {counts.shape} and {values.shape}")
    if not np.all((values >= 0) & (values <= 1)) or not np.all(counts >= 0):
        raise ValueError("values must be in 0..1 and counts at least 0")
    need = float(np.log(1 / error_rate))
    low: NDArray[np.float64] = _low(values, counts, need, BETS)
    high: NDArray[np.float64] = 1 - _low(1 - values, counts, need, BETS)
    return low, high


@nb.njit(cache=True, error_model="numpy")
def _low(values, counts, need, bets):  # type: ignore[no-untyped-def]  # numba kernel
    bounds = np.zeros(len(counts))
    for row in range(len(counts)):
        total = 0.0
        for k in range(len(values)):
            total += counts[row, k]
        if total == 0:
            continue
        below, above = 0.0, 1.0
        for _ in range(BISECTIONS):
            b = (below + above) / 2
            if _evidence(values, counts[row], b, bets) >= need:
                below = b
            else:
                above = b
        bounds[row] = below
    return bounds


@nb.njit(cache=True, error_model="numpy")
def _evidence(values, counts, b, bets):  # type: ignore[no-untyped-def]  # numba kernel
    """Logarithm of the average capital of the bets against "the mean is at most b"; it falls with b."""
    most, total = -np.inf, 0.0
    for bet in bets:
        capital = 0.0
        for k in range(len(values)):
            if counts[k] > 0:
                capital += counts[k] * np.log1p(bet * (values[k] / b - 1))
        if capital > most:
            total = total * np.exp(most - capital) + 1
            most = capital
        else:
            total += np.exp(capital - most)
    return most + np.log(total / len(bets))

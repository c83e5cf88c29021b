"""An optimal strategy of a symmetric zero-sum game with the largest support there is, by following the central path.

With s_i = v − (game x)_i, what i falls short of v against x, the path is x_i s_i = μ, Σ x = 1, for μ from large to none; on it
v = n μ, for a strategy is even against itself. It ends in the middle of all optimal strategies: every candidate has either
weight or a loss. Each step solves one system with S / X − game, whose symmetric part is positive.

Sources: Mehrotra, On the implementation of a primal-dual interior point method, SIAM Journal on Optimization 1992,
doi:10.1137/0802028 (how fast μ may fall); Goldman and Tucker, Theory of linear programming, 1956 (where the path ends).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_STEPS = 60
END = 1e-15  # of v, in units of the largest payoff: rounding
NEAR = 0.995  # the share of the way to the nearest border that a step goes at most


def central_strategy(game: NDArray[np.float64]) -> NDArray[np.float64]:
    """x [n], x ≥ 0, Σ x = 1, with game x ≤ 0 up to rounding, as far as floating point carries the path.

    Args:
        game: [n, n], −gameᵀ, its largest payoff 1.
    """
    from scipy.linalg import lapack

    size = len(game)
    x = np.full(size, 1 / size)
    against = game @ x
    v = float(against.max()) + float(np.abs(against).mean()) + 1 / size
    best, least = x, np.inf
    for _ in range(MAX_STEPS):
        slack = v - game @ x
        if slack.min() <= 0 or v <= END:
            break
        system = np.array(-game, order="F")
        system.ravel(order="K")[:: size + 1] += slack / x
        factors, pivots, failed = lapack.dgetrf(system, overwrite_a=1)
        if failed:
            break
        even, _ = lapack.dgetrs(factors, pivots, np.ones(size))
        freely, _ = lapack.dgetrs(factors, pivots, -slack)
        dv = freely.sum() / even.sum()
        dx = freely - dv * even
        ds = dv - game @ dx
        length = min(1.0, _way(x, dx), _way(slack, ds))
        mean, ahead = float(x @ slack), float((x + length * dx) @ (slack + length * ds))
        freely, _ = lapack.dgetrs(factors, pivots, (mean / size * (ahead / mean) ** 3 - dx * ds) / x - slack)
        dv = freely.sum() / even.sum()
        dx = freely - dv * even
        length = min(1.0, NEAR * min(_way(x, dx), _way(slack, dv - game @ dx)))
        x = x + length * dx
        x /= x.sum()
        v += length * float(dv)
        worst = float((game @ x).max())
        if worst < least:
            best, least = x, worst
    return best


def _way(values: NDArray[np.float64], change: NDArray[np.float64]) -> float:
    """How far along the change all values stay positive."""
    down = change < 0
    return float((-values[down] / change[down]).min(initial=np.inf))

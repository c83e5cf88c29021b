"""Who is certainly in, and who certainly out of, the minimax winner of a matrix of which only bounds are known.

Let M [A, A] = −Mᵀ be the true game, U its upper bounds. Every optimal strategy x has xᵀ M ≥ 0, so it is in the polytope
P = {x in the simplex, xᵀ U ≥ 0}. An agent is in for certain if its weight is positive everywhere in P. By complementary
slackness an agent of positive weight earns exactly 0 against every optimal x, so it is out for certain if it earns less than 0
against everything in P; its weight is then set to 0 in P, which may settle more. One linear program an agent and pass.

Source: Brandl, Brandt and Seedig, Consistent probabilistic social choice, Econometrica 2016, doi:10.3982/ECTA13337 (maximal
lotteries); complementary slackness of Goldman and Tucker, Theory of linear programming, 1956.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

TOLERANCE = 1e-8  # of a program's optimum: nearer to 0 is not certain


@dataclass(frozen=True, slots=True, kw_only=True)
class CertainSupport:
    """``inside``, ``outside`` bool [A]: certainly of positive weight, certainly of none; neither: open.

    ``least``, ``most`` float64 [A]: bounds of the weight, nan where they were not needed.
    """

    inside: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    least: NDArray[np.float64]
    most: NDArray[np.float64]


def certain_support(upper: NDArray[np.float64], *, likely: NDArray[np.bool_] | None = None) -> CertainSupport:
    """What the bounds of a symmetric zero-sum game say of the support of its minimax winner.

    Args:
        upper: [A, A], the most that the row's payoff against the column can be; its least is −upperᵀ. The diagonal is 0.
        likely: [A], who is asked whether it is in (the others: whether it is out); None: everybody is asked both.

    Raises:
        ValueError: `upper` is not square, or a lower bound is above an upper one.
    """
    if upper.ndim != 2 or upper.shape[0] != upper.shape[1]:
        raise ValueError(f"upper must be square; got {upper.shape}")
    if np.any(upper + upper.T < 0):
        raise ValueError("upper must be at least −upperᵀ: the lower bounds are above the upper ones somewhere")
    size = len(upper)
    inside, outside = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    least, most = np.full(size, np.nan), np.full(size, np.nan)
    changed = True
    while changed:
        changed = False
        for agent in np.flatnonzero(~outside & ~inside):
            if likely is None or not likely[agent]:
                earns = _most(upper, outside, upper[agent])
                if earns is not None and earns < -TOLERANCE:
                    outside[agent] = changed = True
                    least[agent] = most[agent] = 0.0
                    continue
            if likely is None or likely[agent]:
                weight = _most(upper, outside, -np.eye(size)[agent])
                if weight is not None:
                    least[agent] = max(-weight, 0.0)
                    if -weight > TOLERANCE:
                        inside[agent] = True
    for agent in np.flatnonzero(~outside):
        weight = _most(upper, outside, np.eye(size)[agent])
        most[agent] = 1.0 if weight is None else min(weight, 1.0)
    return CertainSupport(inside=inside, outside=outside, least=least, most=most)


def _most(upper: NDArray[np.float64], outside: NDArray[np.bool_], gain: NDArray[np.float64]) -> float | None:
    """The greatest gain · x over P, None where P is empty: then the bounds do not hold."""
    kept = np.flatnonzero(~outside)
    found = scipy.optimize.linprog(
        -gain[kept],
        A_ub=-upper[kept].T,
        b_ub=np.zeros(len(upper)),
        A_eq=np.ones((1, len(kept))),
        b_eq=np.ones(1),
        method="highs",
    )
    return None if found.fun is None or found.status else -float(found.fun)

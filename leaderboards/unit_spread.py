"""How far the gradients of units of resampling spread about the mean of their company: the middle of a sandwich, B.

A *company* is the set of agents that a unit holds. Who met whom how often is given, as `sandwich` says with its sources: of units
of one company only the spread counts, as another sample would have the same companies. What `sandwich` does for Bradley-Terry's
one number a unit, this does for models whose gradients have other parameters too: a seat, draws, orders of many players.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import outer_by_unit
from arena.leaderboards.sandwich import SEEN_SPREADS


def unit_spread(
    agents: NDArray[np.int64],
    values: NDArray[np.float64],
    unit: NDArray[np.int64],
    *,
    num_agents: int,
    size: int,
    correction: float,
    drawn: bool,
) -> NDArray[np.float64]:
    """B [size, size]: the summed spreads of the companies, and of companies of one unit the share of its square that others spread.

    Args:
        agents: [K, N], the parameter of each value, an agent below `num_agents`, another parameter from there on, -1 = none.
        values: [K, N], the slopes of the log-likelihood.
        unit: [N], ascending from 0 on.
        num_agents: A.
        size: number of parameters.
        correction: of whole squares, for the parameters that were fitted to the same matches.
        drawn: whether who met whom was drawn by lot: then whole squares count.
    """
    if drawn or not len(unit):
        return correction * outer_by_unit(agents, values, unit, size)
    _, company, units = np.unique(_companies(agents, unit, num_agents), return_inverse=True, return_counts=True)
    many, rows = units > 1, company[unit]
    together = np.flatnonzero(many[rows])
    together = together[np.argsort(rows[together], kind="stable")]
    freedom = np.maximum(units - 1, 1)[rows[together]]
    within = values[:, together] / np.sqrt(freedom)
    owners = np.ascontiguousarray(agents[:, together])
    each = outer_by_unit(
        owners, np.ascontiguousarray(within * np.sqrt(freedom + 1)), np.ascontiguousarray(unit[together]), size
    )
    spread = each - outer_by_unit(
        owners, np.ascontiguousarray(within), np.ascontiguousarray(rows[together]), size
    )  # n / (n - 1) times what the squares are more than the square of the mean
    whole = outer_by_unit(owners, np.ascontiguousarray(values[:, together]), np.ascontiguousarray(unit[together]), size)
    seen, squares = int((units[many] - 1).sum()), correction * float(np.trace(whole[:num_agents, :num_agents]))
    ratio = float(np.trace(spread[:num_agents, :num_agents])) / squares if squares > 0 else 1.0
    share = min(1.0, ratio) if seen >= SEEN_SPREADS else 1.0
    alone = np.flatnonzero(~many[rows])
    lone = outer_by_unit(
        np.ascontiguousarray(agents[:, alone]),
        np.ascontiguousarray(values[:, alone]),
        np.ascontiguousarray(unit[alone]),
        size,
    )
    summed: NDArray[np.float64] = spread + share * correction * lone
    return summed


def _companies(agents: NDArray[np.int64], unit: NDArray[np.int64], num_agents: int) -> NDArray[np.uint64]:
    """A number of each unit [units] that says which agents it holds, whatever their order: sums of hashes."""
    numbers: NDArray[np.uint64] = _sum_hashes(agents, unit, num_agents, int(unit[-1]) + 1)
    return numbers


@nb.njit(cache=True, error_model="numpy")
def _sum_hashes(agents, unit, num_agents, num_units):  # type: ignore[no-untyped-def]  # numba kernel
    """Each agent of a unit counts once. The hash is the mixing function of splitmix64."""
    numbers = np.zeros(num_units, np.uint64)
    last = np.full(num_agents, -1, np.int64)
    for k in range(agents.shape[1]):
        for j in range(len(agents)):
            agent = agents[j, k]
            if agent < 0 or agent >= num_agents or last[agent] == unit[k]:
                continue
            last[agent] = unit[k]
            word = np.uint64(agent + 1) * np.uint64(0x9E3779B97F4A7C15)
            word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            numbers[unit[k]] += word ^ (word >> np.uint64(31))
    return numbers

"""Correlated and coarse correlated equilibria: distributions over joint actions that nobody gains by deviating from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import ArenaError
from arena.solvers.deviations import payoff_range, payoff_table
from arena.solvers.lp import as_probabilities
from arena.solvers.solution import Solution

if TYPE_CHECKING:
    from scipy.sparse import csr_array

GAP_TOLERANCE = 1e-6
"""Of the range of payoffs: HiGHS keeps each constraint to 1e-7, and a player's deviations add up several."""

Welfare = Literal["total", "least"]


def correlated_equilibrium(
    payoffs: ArrayLike,
    *,
    coarse: bool = False,
    welfare: Welfare = "total",
    weights: Sequence[float] | None = None,
    until: float | None = None,
) -> Solution:
    """The correlated equilibrium of greatest welfare, as a distribution over joint actions: ``joint`` [A_0, A_1, ...].

    A mediator draws a joint action p and tells each player its own. Correlated: for every player i and actions a, b,
    Σ p(a, a_-i) (u_i(b, a_-i) − u_i(a, a_-i)) ≤ 0. Coarse: the same summed over a, a player decides before it is told.
    Every Nash equilibrium is one of each. The certificate is the greatest gain of a player by its best rule of deviation:
    max_i Σ_a max_b of the left side, max_i max_b of the sum where coarse; in units of payoff.

    Source: Aumann, Subjectivity and correlation in randomized strategies, 1974, doi:10.1016/0304-4068(74)90037-8; coarse:
    Moulin and Vial, Strategically zero-sum games, 1978, doi:10.1007/BF01769190. Solver: HiGHS.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite.
        coarse: whether to look for coarse correlated equilibria.
        welfare: "total" for the greatest weighted sum of the players' values, "least" for the greatest least value.
        weights: of the players in the total, by default 1 each; not for "least".
        until: the gap at which the answer counts as converged, by default 1e-6 of the range of payoffs.

    Raises:
        SpecificationError: no table of payoffs.
        ValueError: a setting out of its range.
        ArenaError: the linear program could not be solved in floating point.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, hstack, vstack

    table = payoff_table(payoffs)
    num_players = len(table)
    if welfare not in ("total", "least") or (until is not None and not until > 0):
        raise ValueError(f"welfare must be total or least, until positive; got {welfare} and {until}")
    weighted = np.ones(num_players) if weights is None else np.asarray(weights, np.float64)
    if (
        weighted.shape != (num_players,)
        or not np.isfinite(weighted).all()
        or (weights is not None and welfare != "total")
    ):
        raise ValueError(f"weights are {num_players} finite numbers, for the total alone; got {weights}")
    scale = payoff_range(table)
    flat = ((table - table.min(tuple(range(1, table.ndim)), keepdims=True)) / scale).reshape(num_players, -1)
    gains = vstack([_gains(table, player, coarse) / scale for player in range(num_players)], format="csr")
    num_joint = flat.shape[1]
    cost, limits, right = -weighted @ flat, gains, np.zeros(gains.shape[0])
    bounds: list[tuple[float | None, float | None]] = [(0, None)] * num_joint
    equal = np.ones((1, num_joint))
    if welfare == "least":  # maximise t ≤ u_i · p for every player, in the players' own units
        lowest = table.reshape(num_players, -1).min(1) / scale
        cost = np.append(np.zeros(num_joint), -1.0)
        least = csr_array(np.hstack((-flat, np.ones((num_players, 1)))))
        limits = vstack([hstack([gains, csr_array((gains.shape[0], 1))]), least], format="csr")
        right = np.append(right, lowest - lowest.min())
        bounds.append((None, None))
        equal = np.append(equal, [[0.0]], axis=1)
    result = linprog(  # type: ignore[call-overload]  # its stubs know no sparse constraints
        cost, A_ub=limits, b_ub=right, A_eq=equal, b_eq=[1.0], bounds=bounds, method="highs"
    )
    if not result.success:  # in exact numbers there is always a solution: a Nash equilibrium is feasible
        raise ArenaError(f"the linear program of the correlated equilibrium could not be solved: {result.message}")
    joint = as_probabilities(np.asarray(result.x, np.float64)[:num_joint])
    gap = deviation_gain(table, joint.reshape(table.shape[1:]), coarse=coarse)
    allowed = until if until is not None else GAP_TOLERANCE * scale
    return Solution(
        joint=joint.reshape(table.shape[1:]),
        gap=gap,
        gap_kind="coarse_deviation_gain" if coarse else "deviation_gain",
        values=tuple(float(own @ joint) for own in table.reshape(num_players, -1)),
        converged=gap <= allowed,
        guarantee="an equilibrium of greatest welfare, exact up to rounding: the gap is a certificate",
        iterations=int(result.nit),
        settings={"coarse": coarse, "welfare": welfare, "until": until},
        source="Moulin and Vial 1978; HiGHS" if coarse else "Aumann 1974; HiGHS",
    )


def deviation_gain(payoffs: NDArray[np.float64], joint: NDArray[np.float64], *, coarse: bool) -> float:
    """What the player that can gain most gains by its best deviation from a joint distribution [A_0, A_1, ...]."""
    greatest = 0.0
    for player, own in enumerate(payoffs):
        size = own.shape[player]
        mass = np.moveaxis(joint, player, 0).reshape(size, -1)
        earned = mass @ np.moveaxis(own, player, 0).reshape(size, -1).T  # [told, played instead]
        by_swap = earned - earned.diagonal()[:, None]
        gain = by_swap.sum(0).max() if coarse else by_swap.max(1).sum()
        greatest = max(greatest, float(gain))
    return greatest


def _gains(table: NDArray[np.float64], player: int, coarse: bool) -> csr_array:
    """What each deviation of a player gains at each joint action: rows (a, b) with a ≠ b, or b where coarse."""
    from scipy.sparse import csr_array

    own = table[player]
    size = own.shape[player]
    by_action = np.moveaxis(own, player, 0).reshape(size, -1)
    column = np.moveaxis(np.arange(own.size).reshape(own.shape), player, 0).reshape(size, -1)
    told, instead = np.nonzero(~np.eye(size, dtype=bool))
    values = by_action[instead] - by_action[told]
    rows = instead if coarse else np.arange(len(told))
    shape = (size if coarse else len(told), own.size)
    indices = (np.repeat(rows, by_action.shape[1]), column[told].ravel())
    return csr_array((values.ravel(), indices), shape=shape)

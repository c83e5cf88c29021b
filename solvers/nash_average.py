"""Nash averaging: the optimal strategies of greatest entropy of a zero-sum meta-game, by which agents or tasks are weighed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import ArenaError
from arena.solvers.deviations import nash_gap, row_payoffs
from arena.solvers.lp import as_probabilities, matrix_game_lp
from arena.solvers.solution import Solution

SUPPORT_TOLERANCE = 1e-7  # of the range of payoffs: a smaller weight or loss is what HiGHS leaves of a zero
RANK_TOLERANCE = 1e-9
GAP_TOLERANCE = 1e-14  # of the range of payoffs: a larger gap is no rounding, the support was taken wrongly
BARRIER_START, BARRIER_END = 1e-1, 1e-13
BARRIER_SHRINK = 0.1
NEWTON_STEPS = 60


def nash_average(payoffs: ArrayLike) -> Solution:
    """The Nash average of a zero-sum game: both players' optimal strategies of greatest entropy, in ``strategies``.

    Rows and columns are agents against agents (payoffs = −payoffsᵀ, the logits of their win rates, say; then both strategies
    are the same) or agents against tasks. The rating of row i is (payoffs @ strategies[1])[i]: at most the value, equal to it
    for every agent with weight. Copies of an agent or task share its weight and change no one's rating, and the average
    is the only one of its kind. ``unique`` says whether the game has other optimal strategies at all.

    The optimal strategies of a player are a polytope; its support and the strict losses outside are found by linear
    programming, the entropy is then maximised inside by Newton's method with a logarithmic barrier. The certificate is
    NashConv. Where weights or losses are so small that rounding decides whether they are any, ``converged`` is False.

    Source: Balduzzi, Tuyls, Perolat, Graepel, Re-evaluating evaluation, NeurIPS 2018, arXiv:1806.02643, section 3.

    Args:
        payoffs: [num_rows, num_columns], what the row player gets and the column player loses; finite.

    Raises:
        SpecificationError: not a matrix of finite numbers.
        ArenaError: the linear program could not be solved in floating point.
    """
    matrix = row_payoffs(payoffs)
    scale = float(np.ptp(matrix)) or 1.0
    game = (matrix - (matrix.max() + matrix.min()) / 2) / scale  # antisymmetric games stay so
    row, column, margin = _interior_optimum(game)
    certain = margin > SUPPORT_TOLERANCE
    unique: bool | None = None
    if certain:
        value = float(row @ game @ column)
        rows, columns = row > margin / 2, column > margin / 2
        row, free_rows = _greatest_entropy(game.T - value, row, rows, columns)
        column, free_columns = _greatest_entropy(value - game, column, columns, rows)
        unique = free_rows + free_columns == 0
    else:
        row, column = matrix_game_lp(game).strategies
    gap, values = nash_gap(np.stack((matrix, -matrix)), (row, column))
    return Solution(
        strategies=(row, column),
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=certain and gap <= GAP_TOLERANCE * scale,
        guarantee=(
            "optimal strategies of greatest entropy, exact up to rounding: the gap is a certificate of optimality"
            if certain
            else "optimal strategies, not of greatest entropy: rounding decides the support"
        ),
        unique=unique,
        iterations=1,
        settings={"selection": "greatest entropy" if certain else "a corner", "margin": margin},
        source="Balduzzi et al. 2018, arXiv:1806.02643; HiGHS",
    )


def _interior_optimum(game: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """(x, y, t): optimal strategies in which every action has weight t or loses t strictly, with the greatest t.

    Maximise t ≤ 1/(2 max(m, n)): x_i + (v − (game y)_i) ≥ t, y_j + ((xᵀ game)_j − v) ≥ t, game y ≤ v ≤ xᵀ game. By strict
    complementarity the greatest t is above 0; an action has weight in some optimal strategy just if it has in (x, y).
    """
    from scipy.optimize import linprog

    m, n = game.shape
    one = np.ones
    # variables: x, y, v, t
    limits = np.vstack(
        (
            np.hstack((np.zeros((m, m)), game, -one((m, 1)), np.zeros((m, 1)))),
            np.hstack((-game.T, np.zeros((n, n)), one((n, 1)), np.zeros((n, 1)))),
            np.hstack((-np.eye(m), game, -one((m, 1)), one((m, 1)))),
            np.hstack((-game.T, -np.eye(n), one((n, 1)), one((n, 1)))),
        )
    )
    sums = np.zeros((2, m + n + 2))
    sums[0, :m] = sums[1, m : m + n] = 1.0
    result = linprog(
        np.append(np.zeros(m + n + 1), -1.0),
        A_ub=limits,
        b_ub=np.zeros(2 * (m + n)),
        A_eq=sums,
        b_eq=[1.0, 1.0],
        bounds=[(0, None)] * (m + n) + [(None, None), (0, 1 / (2 * max(m, n)))],
        method="highs",
    )
    if not result.success:  # in exact numbers there is always a solution
        raise ArenaError(f"the linear program of the Nash average could not be solved: {result.message}")
    found = np.asarray(result.x, np.float64)
    return as_probabilities(found[:m]), as_probabilities(found[m : m + n]), float(found[-1])


def _greatest_entropy(
    gains: NDArray[np.float64], start: NDArray[np.float64], own: NDArray[np.bool_], others: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], int]:
    """(the optimal strategy of greatest entropy, dimensions of the set of optimal strategies).

    The set is {x on `own`, Σ x = 1, gains x = 0 on `others`, gains x ≥ 0 elsewhere}; `start` is strictly inside.
    """
    support = np.flatnonzero(own)
    equations = np.vstack((gains[np.ix_(others, own)], np.ones(len(support))))
    right = np.append(np.zeros(int(others.sum())), 1.0)
    _, singular, directions = np.linalg.svd(equations)
    rank = int((singular > RANK_TOLERANCE * singular[0]).sum())
    free = directions[rank:].T
    x = start[support]
    x = x + np.linalg.lstsq(equations, right - equations @ x, rcond=RANK_TOLERANCE)[0]
    if free.shape[1]:
        x = _maximised(x, free, gains[np.ix_(~others, own)])
    strategy = np.zeros(len(own))
    strategy[support] = as_probabilities(x)
    return strategy, int(free.shape[1])


def _maximised(x: NDArray[np.float64], free: NDArray[np.float64], limits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimises Σ x log x − barrier Σ log(limits x) over x + free z, the barrier shrinking to nothing."""
    barrier = BARRIER_START

    def cost(x: NDArray[np.float64]) -> float:
        slack = limits @ x
        if not (x > 0).all() or not (slack > 0).all():
            return float("inf")
        return float(x @ np.log(x) - barrier * np.log(slack).sum())

    while barrier >= BARRIER_END:
        for _ in range(NEWTON_STEPS):
            slack = limits @ x
            slope = free.T @ (1 + np.log(x) - barrier * limits.T @ (1 / slack))
            scaled = (limits @ free) / slack[:, None]
            bend = (free.T / x) @ free + barrier * scaled.T @ scaled
            step = -free @ np.linalg.solve(bend, slope)
            decrease = float(-slope @ (free.T @ step))
            if decrease <= 1e-24:
                break  # at the top, up to rounding
            length, now = 1.0, cost(x)
            while length > 1e-12 and not cost(x + length * step) <= now - 0.1 * length * decrease + 1e-16:
                length /= 2
            if length <= 1e-12:
                break
            x = x + length * step
        if not len(limits):
            break  # nothing holds it in but x > 0, which the entropy does by itself
        barrier *= BARRIER_SHRINK
    return x

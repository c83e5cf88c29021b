"""The minimax winner of a preference matrix: the mixed strategy that no candidate beats.

Also known as von Neumann winner and maximal lottery. With P[i, j] the probability that i beats j, it is an optimal
strategy of the symmetric zero-sum game 2 P − 1, whose value is 0. It exists where no candidate beats all others, and
where one does it is that one. Copies of a candidate share its weight and change nobody else's where the winner is unique.

Sources: Kreweras, Aggregation of preference orderings, 1965; Fishburn, Probabilistic social choice based on simple voting
comparisons, Review of Economic Studies 1984, doi:10.2307/2297786; Dudík et al., Contextual dueling bandits, COLT 2015,
arXiv:1502.06362 (von Neumann winner).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.central_path import central_strategy
from arena.solvers.lp import as_probabilities, maximin
from arena.solvers.preference_mirror import preference_matrix
from arena.solvers.solution import Solution

FEW_CANDIDATES = 60  # a program of all of them takes milliseconds
ADDED = 10  # candidates that join the program at once, or half as many as it has
MOST_SHARE = 0.1  # of the candidates: a winner spread over more is found faster with all of them at once
EVEN_TOLERANCE = 1e-9  # of payoffs against a winner: closer to even may be even; a candidate too many costs only time
SUPPORT_TOLERANCE = 1e-7  # a weight below it is what HiGHS leaves of a zero
RANK_TOLERANCE = 1e-9
GAP_TOLERANCE = 1e-9


def minimax_winner(preferences: ArrayLike) -> Solution:
    """The minimax winner of a preference matrix, the same for both players: ``strategies`` = (x, x).

    Of several minimax winners it is the one of least Euclidean norm, which depends neither on the order of candidates nor
    on the solver, and gives candidates that cannot be told apart the same weight; ``unique`` says whether there are several.
    The certificate is NashConv in the game 2 P − 1: twice the most by which a candidate beats the winner.

    Args:
        preferences: [n, n], P[i, j] = probability that i beats j, P + Pᵀ = 1, 1/2 on the diagonal; or one such table for each
            context [contexts, n, n]: then each strategy is [contexts, n], ``context_gaps`` has the gap in each, ``gap`` is the
            largest, and ``unique`` is whether the winner is the only one in every context.

    Raises:
        SpecificationError: not such a matrix; the message names the worst cell.
        ArenaError: the linear program could not be solved in floating point.
    """
    matrix = preference_matrix(preferences, shared=True)
    if matrix.ndim == 2:
        return symmetric_game(matrix - matrix.T)
    solutions = [symmetric_game(table - table.T) for table in matrix]
    winners = np.array([solution.strategies[0] for solution in solutions])
    gaps = np.array([solution.gap for solution in solutions])
    found = {solution.unique for solution in solutions}
    return replace(
        solutions[int(gaps.argmax())],
        strategies=(winners, winners),
        converged=all(solution.converged for solution in solutions),
        unique=False if False in found else None if None in found else True,
        iterations=len(solutions),
        context_gaps=gaps,
        settings={
            "selection": "least norm" if None not in found else "any in some contexts",
            "contexts": len(gaps),
        },
    )


def symmetric_game(payoffs: NDArray[np.float64]) -> Solution:
    """The optimal strategy of least norm of a symmetric zero-sum game, as `minimax_winner`; ``payoffs`` = −payoffsᵀ [n, n]."""
    scale = float(np.abs(payoffs).max()) or 1.0
    game = payoffs / scale
    winner, unique = _least_norm(game)
    gap = 2 * max(float((payoffs @ winner).max()), 0.0)
    return Solution(
        strategies=(winner, winner),
        gap=gap,
        gap_kind="nash_conv",
        values=(0.0, 0.0),
        converged=gap <= 1e-6 * scale,
        guarantee="exact up to rounding: the gap is a certificate",
        unique=unique,
        iterations=1,
        settings={"selection": "least norm" if unique is not None else "any"},
        source="Kreweras 1965; Fishburn 1984; arXiv:1502.06362; HiGHS",
    )


def _least_norm(game: NDArray[np.float64]) -> tuple[NDArray[np.float64], bool | None]:
    """(the optimal strategy of least norm, whether it is the only one), or (any, None) where rounding forbids an answer."""
    some = _some_winner(game)
    against = game @ some
    # Two optimal strategies are even against each other: another one can weigh what loses by d against this one with no more than
    # the most that anything wins against this one, divided by d.
    even = np.flatnonzero(against >= -max(EVEN_TOLERANCE, float(against.max()) / SUPPORT_TOLERANCE))
    # what weighs nothing in this one may weigh something in another
    support = even if some[even].min() > SUPPORT_TOLERANCE else _largest_support(game, even)
    if support is None or not len(support):
        return some, None
    # optimal strategies: x ≥ 0 on the support, Σ x = 1, even against the support, not beaten from outside
    equations = np.vstack((game[np.ix_(support, support)], np.ones(len(support))))
    left, singular, directions = np.linalg.svd(equations, full_matrices=False)
    rank = int((singular > RANK_TOLERANCE * singular[0]).sum())
    base = directions[:rank].T @ (left[-1, :rank] / singular[:rank])
    free = directions[rank:].T
    if free.shape[1]:
        outside = -np.delete(game, support, axis=0)[:, support]
        limits = np.vstack((np.eye(len(support)), outside))
        beyond = -limits @ base
        if beyond.max() > 0:
            base = base + free @ _least_distance(limits @ free, beyond)
    if base.min() < -SUPPORT_TOLERANCE or not base.sum() > 0:
        return some, None
    winner = np.zeros(len(game))
    winner[support] = as_probabilities(np.where(base > GAP_TOLERANCE, base, 0.0))
    if (game @ winner).max() > SUPPORT_TOLERANCE:
        return some, None
    return winner, free.shape[1] == 0


def _some_winner(game: NDArray[np.float64]) -> NDArray[np.float64]:
    """An optimal strategy: by a program of few candidates, to which the worst of those who beat its winner are added, where
    few are enough; else along the central path.

    McMahan, Gordon, Blum, Planning in the presence of cost functions controlled by an adversary, ICML 2003 (the double
    oracle); symmetric, so that both players have the same candidates.
    """
    size = len(game)
    if size > FEW_CANDIDATES:
        chosen = np.argsort(-game.sum(axis=1), kind="stable")[:ADDED]
        while len(chosen) <= MOST_SHARE * size:
            inner, _ = maximin(game[np.ix_(chosen, chosen)])
            against = game[:, chosen] @ inner
            against[chosen] = 0.0
            if against.max() <= GAP_TOLERANCE:
                winner = np.zeros(size)
                winner[chosen] = inner
                return winner
            worst = np.argsort(-against, kind="stable")[: max(ADDED, len(chosen) // 2)]
            chosen = np.append(chosen, worst[against[worst] > 0])
        winner = central_strategy(game)
        if (game @ winner).max() <= GAP_TOLERANCE:
            return winner
    return maximin(game)[0]


def _largest_support(game: NDArray[np.float64], even: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Which of the candidates that are even against a winner have weight in some optimal strategy; None where nothing says.

    By strict complementarity some optimal x has x_i > 0 or loses to i by something, for every i. Of many candidates the central
    path ends in one; else the program finds it: maximise t subject to x_i − (game x)_i ≥ t, game x ≤ 0, x a probability vector
    on them.
    """
    from scipy.optimize import linprog

    if len(game) > FEW_CANDIDATES:
        middle = central_strategy(game)
        against = game @ middle
        weighs = middle > SUPPORT_TOLERANCE
        if against.max() <= GAP_TOLERANCE and (weighs | (against < -SUPPORT_TOLERANCE)).all():
            return np.flatnonzero(weighs)
    size, inside = len(even), game[:, even]
    result = linprog(
        np.append(np.zeros(size), -1.0),
        A_ub=np.vstack(
            (
                np.hstack((inside, np.zeros((len(game), 1)))),
                np.hstack((inside[even] - np.eye(size), np.ones((size, 1)))),
            )
        ),
        b_ub=np.zeros(len(game) + size),
        A_eq=np.append(np.ones(size), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * (size + 1),
        method="highs",
    )
    if not result.success:  # in exact numbers there is always a solution
        return None
    return even[np.asarray(result.x, np.float64)[:size] > SUPPORT_TOLERANCE]


def _least_distance(limits: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The z of least norm with limits z ≥ bounds, by nonnegative least squares (Lawson and Hanson 1974, chapter 23)."""
    from scipy.optimize import nnls

    system = np.vstack((limits.T, bounds))
    right = np.zeros(len(system))
    right[-1] = 1.0
    weights, _ = nnls(system, right)
    residual = system @ weights - right
    least: NDArray[np.float64] = -residual[:-1] / residual[-1]
    return least

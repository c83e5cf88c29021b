"""Two-player zero-sum games of imperfect information by one linear program, as large as the tree, not as its strategies.

With x and y the players' realisation plans, A the first player's payoffs of pairs of sequences, and E x = e, F y = f saying
what a plan is, the first player's best guarantee is the program, and its dual the second player's:

    maximise f·q over x ≥ 0 and q, subject to E x = e and Fᵀ q ≤ Aᵀ x

Sources: Romanovskii, Reduction of a game with complete memory to a matrix game, 1962; von Stengel, Efficient computation of
behavior strategies, Games and Economic Behavior 14, 1996, section 4; Koller, Megiddo and von Stengel, Fast algorithms for
finding randomized strategies in game trees, STOC 1994.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.realisation_plans import behaviour, joined, payoff_matrix, plan_constraints
from arena.solvers.solution import Solution
from arena.solvers.tree_measures import payoff_scale, uniform_strategy
from arena.solvers.tree_solution import gap_unit, tree_solution
from arena.solvers.zero_sum_trees import zero_sum_tree

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

GAP_TOLERANCE = 1e-7
"""Of the largest payoff · chance, or the range of returns where that is less: HiGHS works to a feasibility of 1e-7, and mostly reaches rounding."""
REACHED = 1e-9
"""A realisation weight below it is what HiGHS leaves of a nought."""
ALGORITHMS: tuple[Literal["highs-ds"], Literal["highs-ipm"]] = ("highs-ds", "highs-ipm")
"""Dual simplex: 5 times faster on liar's dice than interior points, which stand in should it give up."""


def sequence_form_lp(game: Game | GameTree, *, until: float | None = None) -> Solution:
    """A Nash equilibrium and the value of a two-player zero-sum game, exact up to rounding, by one linear program.

    Both players' strategies are optimal at every information set that their own play comes to. Of the sets that it never
    comes to the program says nothing: there they are uniform, and no refinement is promised. The certificate is NashConv,
    measured on the whole tree. ``iterations`` counts those of the linear program.

    Source: von Stengel 1996, section 4. Solver: HiGHS, both strategies of one run, the second from the dual.

    Args:
        game: a game that `compile_tree` takes, or its tree, of two players and a constant sum.
        until: the NashConv up to which it calls itself ``converged``; by default 1e-7 of the largest payoff · chance,
            or of the range of returns where that is less.

    Raises:
        NotProvided: more players or returns without a constant sum (before any work), no tree, or imperfect recall.
        ArenaError: a game too large to be written out.
        ValueError: `until` is not positive.
    """
    if until is not None and not until > 0:
        raise ValueError(f"until must be positive; got {until}")
    tree = zero_sum_tree(game, "sequence_form_lp")
    tree.require_names()
    scale = payoff_scale(tree)  # the program does not see the unit of payoffs
    payoffs = payoff_matrix(tree, 0)
    payoffs.data /= scale
    plans, iterations = optimal_plans(payoffs, plan_constraints(tree, 0), plan_constraints(tree, 1))
    # where HiGHS gives up, uniform play stands in: its certificate says what it is worth
    strategy = uniform_strategy(tree) if plans is None else behaviour(tree, joined(plans), reached=REACHED)
    return tree_solution(
        game,
        tree,
        strategy,
        until=GAP_TOLERANCE * gap_unit(game, tree) if until is None else until,
        guarantee="exact up to rounding: the gap is a certificate",
        iterations=iterations,
        history=(),
        settings={"until": until},
        source="Romanovskii 1962; von Stengel 1996; HiGHS",
    )


def optimal_plans(
    payoffs: csr_matrix[np.float64], own: csr_matrix[np.float64], other: csr_matrix[np.float64]
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]] | None, int]:
    """(optimal realisation plans of both players, up to rounding; iterations). None where HiGHS gives up.

    Args:
        payoffs: the first player's, [S_0, S_1], of the order of 1. Sequences may be left out, with the sets behind them.
        own, other: what plans are, as by `plan_constraints`.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_matrix, hstack

    num_own, num_values = payoffs.shape[0], other.shape[0]
    objective = np.zeros(num_own + num_values)
    objective[num_own] = -1.0
    right = np.zeros(own.shape[0])
    right[0] = 1.0
    limits: csr_matrix[np.float64] = hstack((-payoffs.T, other.T), format="csr")
    equations: csr_matrix[np.float64] = hstack((own, csr_matrix((own.shape[0], num_values))), format="csr")
    bounds = np.zeros((num_own + num_values, 2))
    bounds[:num_own, 1] = bounds[num_own:, 1] = np.inf
    bounds[num_own:, 0] = -np.inf
    iterations = 0
    for algorithm in ALGORITHMS:
        result = linprog(  # type: ignore[call-overload]  # scipy takes sparse matrices, its stubs do not say so
            objective,
            A_ub=limits,
            b_ub=np.zeros(limits.shape[0]),
            A_eq=equations,
            b_eq=right,
            bounds=bounds,
            method=algorithm,
        )
        iterations += int(result.nit)
        if result.success:
            plans = np.asarray(result.x, np.float64)[:num_own], -np.asarray(result.ineqlin.marginals, np.float64)
            return plans, iterations
    return None, iterations

"""Logit quantal response equilibria of normal forms, by following the principal branch from random to rational play.

Not to be mixed up with agent QRE of game trees and with equilibria regularised by dilated entropy, which are other points.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from arena.solvers.deviations import Strategies, is_constant_sum, nash_gap, payoff_range, payoff_table
from arena.solvers.quantal_branch import branch_of, step_along
from arena.solvers.quantal_response import QuantalResponse, regularised_saddle_point
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 2_000
NASH_TOLERANCE = 1e-7  # of the range of payoffs: NashConv at which a branch counts as at its end
RESIDUAL_TOLERANCE = 1e-8  # of probabilities
LARGEST_RATIONALITY = 1e10  # in 1 / range of payoffs: beyond it rounding decides


def logit_qre(
    payoffs: ArrayLike,
    *,
    rationality: float = math.inf,
    trace: bool | None = None,
    iterations: int = DEFAULT_ITERATIONS,
    until: float | None = None,
    progress: Progress | None = None,
) -> Solution:
    """The logit quantal response equilibrium at a rationality λ: π_i(a) ∝ exp(λ u_i(a, π_-i)) for every player i.

    The principal branch starts at uniform play, λ = 0, and is followed by arc length: a step along its tangent, then
    Newton's method back onto it. It may turn back in λ; the answer is the first point with the rationality asked for. Its
    limit, λ = infinity, is a Nash equilibrium. ``branch`` holds (λ, strategies) at every step. Of two-player constant-sum games,
    whose equilibrium is the only one at each finite λ, the point alone is found, directly, unless ``trace`` is True.

    Certificate at finite λ: ``logit_residual`` = max |π − softmax(λ u(π))|. At infinity: ``nash_conv``. Games with symmetries may
    have branches that cross, which are followed straight on: ``settings["bifurcations"]`` counts them, and then the
    branch is one of several. Where λ times the range
    of payoffs is over 1e10 rounding decides: the branch ends there, and ``converged`` says whether the gap was reached.
    ``iterations`` counts steps along the branch.

    Source: McKelvey and Palfrey, Quantal response equilibria for normal form games, Games and Economic Behavior 1995,
    doi:10.1006/game.1995.1023; Turocy, A dynamic homotopy interpretation of the logistic quantal response equilibrium
    correspondence, 2005, doi:10.1016/j.geb.2004.04.003; Allgower and Georg, Numerical continuation methods, 1990.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite.
        rationality: λ ≥ 0, in 1 / units of payoff; 1 / temperature.
        trace: whether to follow the branch; by default wherever there may be several equilibria.
        iterations: the most steps along the branch.
        until: the gap to reach, by default 1e-8 at finite λ, 1e-7 of the range of payoffs at infinity.
        progress: called with (steps, NashConv) after every step.

    Raises:
        SpecificationError: no table of payoffs.
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    if not rationality >= 0 or iterations < 1 or (until is not None and not until > 0):
        raise ValueError(
            f"rationality must be at least 0, iterations and until positive; got {rationality}, {iterations} and {until}"
        )
    scale = payoff_range(table)
    response = QuantalResponse(table / scale)
    target = min(rationality * scale, LARGEST_RATIONALITY)
    at_infinity = math.isinf(rationality)
    allowed = until if until is not None else NASH_TOLERANCE * scale if at_infinity else RESIDUAL_TOLERANCE
    steps, history, points = 0, [], []
    settings: dict[str, str | int | float | bool | None] = {"rationality": rationality, "until": until}
    straight = is_constant_sum(table) and not at_infinity and not trace
    logs = regularised_saddle_point(response, target) if straight else None
    if logs is None:
        branch = branch_of(response)
        points.append((0.0, response.strategies(response.uniform)))
        while steps < iterations and not branch.lost and branch.rationality < target:
            if not step_along(response, branch, target):
                continue
            steps += 1
            points.append((branch.rationality / scale, response.strategies(branch.logs)))
            distance, _ = nash_gap(table, points[-1][1])
            history.append((steps, distance))
            if progress is not None:
                progress(steps, distance)
            if at_infinity and distance <= allowed:
                break
        logs = branch.logs
        settings |= {"bifurcations": branch.bifurcations, "turns": branch.turns}
        if not at_infinity and branch.rationality < target:
            allowed = 0.0  # the branch was lost or left: its last point, and no claim
        settings["reached"] = branch.rationality / scale
    strategies = response.strategies(logs)
    distance, values = nash_gap(table, strategies)
    gap = distance if at_infinity else _residual(response, strategies, rationality * scale)
    return Solution(
        strategies=strategies,
        gap=gap,
        gap_kind="nash_conv" if at_infinity else "logit_residual",
        values=values,
        converged=gap <= allowed,
        guarantee=(
            "the limit of the principal branch is a Nash equilibrium: the gap says how near"
            if at_infinity
            else "a quantal response equilibrium: the gap is a certificate"
        ),
        unique=True if is_constant_sum(table) and not at_infinity else None,
        iterations=steps,
        history=tuple(history),
        branch=tuple(points),
        settings=settings,
        source="McKelvey and Palfrey 1995, doi:10.1006/game.1995.1023; Turocy 2005, doi:10.1016/j.geb.2004.04.003",
    )


def _residual(response: QuantalResponse, strategies: Strategies, rationality: float) -> float:
    """max |π − softmax(λ u(π))| of probabilities."""
    answers = response.answers(strategies, rationality)
    return max(float(np.abs(own - answer).max()) for own, answer in zip(strategies, answers, strict=True))

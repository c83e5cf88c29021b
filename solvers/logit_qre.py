"""Logit quantal response equilibria of normal forms, by following the principal branch from random to rational play.

Not to be mixed up with agent QRE of game trees and with equilibria regularised by dilated entropy, which are other points.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from arena.solvers.branch_tracing import LARGEST_RATIONALITY, traced
from arena.solvers.checkpoint import Subject, fingerprint
from arena.solvers.deviations import Strategies, gap_unit, is_constant_sum, nash_gap, payoff_range, payoff_table
from arena.solvers.quantal_response import QuantalResponse, regularised_saddle_point
from arena.solvers.solution import Progress, Setting, Solution

NASH_TOLERANCE = 1e-7  # of the unit of gaps: NashConv at which a branch counts as at its end
RESIDUAL_TOLERANCE = 1e-8  # of probabilities


def logit_qre(
    payoffs: ArrayLike,
    *,
    rationality: float = math.inf,
    trace: bool | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
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
        iterations: the most steps along the branch, by default 2,000.
        until: the gap to reach, by default 1e-8 at finite λ, 1e-7 of the least range of a player's payoffs at infinity.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (steps, NashConv) after every step.
        checkpoint: of a branch: a file (.npz) to go on from where it exists, and that is written now and then, at the end
            and on Ctrl-C. A run that was interrupted ends with the same answer as one that was not.

    Raises:
        SpecificationError: no table of payoffs; the checkpoint is of other payoffs or settings, or no checkpoint.
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    if not rationality >= 0 or (iterations is not None and iterations < 1) or (until is not None and not until > 0):
        raise ValueError(
            f"rationality must be at least 0, iterations and until positive; got {rationality}, {iterations} and {until}"
        )
    scale = payoff_range(table)
    response = QuantalResponse(table / scale)
    at_infinity = math.isinf(rationality)
    allowed = until if until is not None else NASH_TOLERANCE * gap_unit(table) if at_infinity else RESIDUAL_TOLERANCE
    settings: dict[str, Setting] = {"rationality": rationality, "until": until}
    straight = is_constant_sum(table) and not at_infinity and not trace
    logs = regularised_saddle_point(response, min(rationality * scale, LARGEST_RATIONALITY)) if straight else None
    found = None
    if logs is None:
        found = traced(
            response,
            subject=Subject(
                method="logit_qre",
                game="payoffs",
                fingerprint=fingerprint((table,)),
                settings={"rationality": rationality},
            ),
            rationality=rationality * scale,
            gap=lambda logs: nash_gap(table, response.strategies(logs))[0],
            iterations=iterations,
            until=allowed if at_infinity else None,
            progress=progress,
            checkpoint=checkpoint,
        )
        branch, logs = found.branch, found.branch.logs
        settings |= {"bifurcations": branch.bifurcations, "turns": branch.turns}
        settings["reached"] = branch.rationality / scale
        if not at_infinity and not found.reached:
            allowed = 0.0  # the branch was lost or left: its last point, and no claim
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
        iterations=found.steps if found else 0,
        history=found.history if found else (),
        branch=tuple((float(point[-1]) / scale, response.strategies(point[:-1])) for point in found.points)
        if found
        else (),
        settings=settings,
        source="McKelvey and Palfrey 1995, doi:10.1006/game.1995.1023; Turocy 2005, doi:10.1016/j.geb.2004.04.003",
    )


def _residual(response: QuantalResponse, strategies: Strategies, rationality: float) -> float:
    """max |π − softmax(λ u(π))| of probabilities."""
    answers = response.answers(strategies, rationality)
    return max(float(np.abs(own - answer).max()) for own, answer in zip(strategies, answers, strict=True))

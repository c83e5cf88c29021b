"""Logit quantal response equilibria of normal forms, by following the principal branch from random to rational play.

Not to be mixed up with agent QRE of game trees and with equilibria regularised by dilated entropy, which are other points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.solvers.deviations import Strategies, is_constant_sum, nash_gap, payoff_range, payoff_table
from arena.solvers.quantal_response import QuantalResponse, regularised_saddle_point
from arena.solvers.solution import Progress, Solution

DEFAULT_ITERATIONS = 2_000
NASH_TOLERANCE = 1e-7  # of the range of payoffs: NashConv at which a branch counts as at its end
RESIDUAL_TOLERANCE = 1e-8  # of probabilities
LARGEST_RATIONALITY = 1e10  # in 1 / range of payoffs: beyond it rounding decides

FIRST_STEP = 0.03
SMALLEST_STEP = 1e-9
CROSSING_STEP = 1e-3
CORRECTIONS = 6
CONTRACTION = 0.4  # each correction must be this much shorter than the last: else the step was too long
NEAR = 5e-3  # corrections as small as this, relative to the point, need not: no other branch is that near
STRAIGHTNESS = 0.85  # the least cosine between the directions before and after a step


@dataclass(slots=True, kw_only=True)
class _Branch:
    """The end of what was traced: a point (logarithms of probabilities, rationality) and the direction there."""

    point: NDArray[np.float64]
    direction: NDArray[np.float64]
    sign: float
    bifurcations: int = 0
    turns: int = 0


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
        branch = _Branch(point=np.append(response.uniform, 0.0), direction=response.start, sign=0.0)
        length = FIRST_STEP
        points.append((0.0, response.strategies(response.uniform)))
        while steps < iterations and length > SMALLEST_STEP and branch.point[-1] < target:
            reached, length = _advance(response, branch, length, target)
            if not reached:
                continue
            steps += 1
            points.append((float(branch.point[-1] / scale), response.strategies(branch.point[:-1])))
            distance, _ = nash_gap(table, points[-1][1])
            history.append((steps, distance))
            if progress is not None:
                progress(steps, distance)
            if at_infinity and distance <= allowed:
                break
        logs = branch.point[:-1]
        settings |= {"bifurcations": branch.bifurcations, "turns": branch.turns}
        if not at_infinity and branch.point[-1] < target:
            allowed = 0.0  # the branch was lost or left: its last point, and no claim
        settings["reached"] = float(branch.point[-1] / scale)
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


def _advance(response: QuantalResponse, branch: _Branch, length: float, target: float) -> tuple[bool, float]:
    """One step along the branch, not beyond the target: (whether it was made, the length of the next)."""
    ahead = branch.direction[-1] * length
    fixed = branch.point[-1] + ahead >= target  # the step that lands on the target is corrected at its rationality
    if fixed:
        length = (target - branch.point[-1]) / branch.direction[-1]
    border = np.zeros_like(branch.direction) if fixed else branch.direction
    if fixed:
        border[-1] = 1.0
    predicted = branch.point + length * branch.direction
    corrected, corrections = _corrected(response, predicted, border, length)
    if corrected is None or corrected[-1] > target * (1 + 1e-12) or corrected[-1] < 0:
        return False, length / 2
    system = response.bordered(corrected, branch.direction)
    sign, _ = np.linalg.slogdet(system)
    if sign == 0:
        return False, length * 0.7  # right on a crossing: land beside it
    right = np.zeros(len(system))
    right[-1] = 1.0
    onwards = np.linalg.solve(system, right)
    direction: NDArray[np.float64] = np.asarray(onwards / np.linalg.norm(onwards), np.float64)
    if not direction @ branch.direction > STRAIGHTNESS and length > 10 * SMALLEST_STEP and not fixed:
        return False, length / 2
    if branch.sign * sign < 0 and length > CROSSING_STEP:
        return False, length / 2  # seen from near, it is a crossing or a bend that was cut off
    branch.bifurcations += int(branch.sign * sign < 0)
    branch.turns += int(branch.direction[-1] * direction[-1] < 0)
    branch.point, branch.direction, branch.sign = corrected, direction, float(sign)
    return True, length * (2.0 if corrections <= 4 else 1.2 if corrections == 5 else 0.8)


def _corrected(
    response: QuantalResponse, predicted: NDArray[np.float64], border: NDArray[np.float64], length: float
) -> tuple[NDArray[np.float64] | None, int]:
    """(the point of the branch in the plane of `border` through the prediction, corrections), None where it is not near."""
    point, last = predicted, math.inf
    for correction in range(1, CORRECTIONS + 1):
        residual = response.residual(point[:-1], point[-1])
        if residual is None:
            return None, correction
        system = response.bordered(point, border)
        try:
            step = np.linalg.solve(system, -np.append(residual, 0.0))
        except np.linalg.LinAlgError:
            return None, correction
        size = float(np.abs(step / (1 + np.abs(point))).max())
        rounding = 1e-10 + 1e-14 * abs(point[-1])
        if not size <= rounding and (
            (size > CONTRACTION * last and size > NEAR) or float(np.linalg.norm(step)) > length
        ):
            return None, correction
        point, last = point + step, size
        if size <= rounding:
            return point, correction
    return None, CORRECTIONS


def _residual(response: QuantalResponse, strategies: Strategies, rationality: float) -> float:
    """max |π − softmax(λ u(π))| of probabilities."""
    answers = response.answers(strategies, rationality)
    return max(float(np.abs(own - answer).max()) for own, answer in zip(strategies, answers, strict=True))

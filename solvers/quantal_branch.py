"""The principal branch of quantal response equilibria, followed by arc length from random to rational play.

A step along the tangent, then Newton's method back onto the branch, in the plane across the tangent. It may turn back in
rationality; where branches cross it goes straight on.

Source: Turocy, A dynamic homotopy interpretation of the logistic quantal response equilibrium correspondence, 2005,
doi:10.1016/j.geb.2004.04.003; Allgower and Georg, Numerical continuation methods, 1990, chapters 2 to 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena.solvers.checkpoint import State

FIRST_STEP = 0.03
SMALLEST_STEP = 1e-9
CROSSING_STEP = 1e-3
CORRECTIONS = 6
CONTRACTION = 0.4  # each correction must be this much shorter than the last: else the step was too long
NEAR = 5e-3  # corrections as small as this, relative to the point, need not: no other branch is that near
STRAIGHTNESS = 0.85  # the least cosine between the directions before and after a step


class Response(Protocol):
    """The equations F(l, λ) = 0 of quantal response equilibria, by the logarithms l [K] of all probabilities.

    ``uniform`` [K]: l of uniform play, the equilibrium at λ = 0; ``start`` [K + 1]: the direction in which (l, λ) leaves it.
    """

    @property
    def uniform(self) -> NDArray[np.float64]: ...

    @property
    def start(self) -> NDArray[np.float64]: ...

    def residual(self, logs: NDArray[np.float64], rationality: float) -> NDArray[np.float64] | None:
        """F [K], None where the logarithms are those of no probabilities near."""
        ...

    def bordered(self, point: NDArray[np.float64], border: NDArray[np.float64]) -> NDArray[np.float64]:
        """The Jacobian of F by (l, λ) [K + 1, K + 1] with `border` as its last row."""
        ...


@dataclass(slots=True, kw_only=True)
class Branch:
    """The end of what was traced: a point (logarithms of probabilities, rationality) and the direction there.

    ``length``: of the next step. ``bifurcations``: crossings so far; ``turns``: how often it turned back in rationality.
    """

    point: NDArray[np.float64]
    direction: NDArray[np.float64]
    sign: float = 0.0
    length: float = FIRST_STEP
    bifurcations: int = 0
    turns: int = 0

    @property
    def logs(self) -> NDArray[np.float64]:
        return self.point[:-1]

    @property
    def rationality(self) -> float:
        return float(self.point[-1])

    @property
    def lost(self) -> bool:
        """Whether no step is short enough to stay on the branch."""
        return self.length <= SMALLEST_STEP


def branch_of(response: Response) -> Branch:
    """The branch at its beginning: uniform play, rationality 0."""
    return Branch(point=np.append(response.uniform, 0.0), direction=response.start)


def state_of(branch: Branch) -> State:
    """The branch as arrays by name, which a checkpoint holds; copies, since a checkpoint is read into them."""
    way = np.array([branch.sign, branch.length, branch.bifurcations, branch.turns], np.float64)
    return {"point": branch.point.copy(), "direction": branch.direction.copy(), "way": way}


def branch_in(state: State) -> Branch:
    """The branch whose arrays are in a state."""
    sign, length, bifurcations, turns = state["way"].tolist()
    return Branch(
        point=state["point"],
        direction=state["direction"],
        sign=sign,
        length=length,
        bifurcations=int(bifurcations),
        turns=int(turns),
    )


def step_along(response: Response, branch: Branch, target: float) -> bool:
    """One step along the branch, not beyond the rationality `target`; False where it was too long and none was made."""
    ahead = branch.direction[-1] * branch.length
    length = branch.length
    fixed = branch.point[-1] + ahead >= target  # the step that lands on the target is corrected at its rationality
    if fixed:
        length = (target - branch.point[-1]) / branch.direction[-1]
    border = np.zeros_like(branch.direction) if fixed else branch.direction
    if fixed:
        border[-1] = 1.0
    predicted = branch.point + length * branch.direction
    corrected, corrections = _corrected(response, predicted, border, length)
    if corrected is None or corrected[-1] > target * (1 + 1e-12) or corrected[-1] < 0:
        branch.length = length / 2
        return False
    system = response.bordered(corrected, branch.direction)
    sign, _ = np.linalg.slogdet(system)
    if sign == 0:
        branch.length = length * 0.7  # right on a crossing: land beside it
        return False
    right = np.zeros(len(system))
    right[-1] = 1.0
    onwards = np.linalg.solve(system, right)
    direction: NDArray[np.float64] = np.asarray(onwards / np.linalg.norm(onwards), np.float64)
    if not direction @ branch.direction > STRAIGHTNESS and length > 10 * SMALLEST_STEP and not fixed:
        branch.length = length / 2
        return False
    if branch.sign * sign < 0 and length > CROSSING_STEP:
        branch.length = length / 2  # seen from near, it is a crossing or a bend that was cut off
        return False
    branch.bifurcations += int(branch.sign * sign < 0)
    branch.turns += int(branch.direction[-1] * direction[-1] < 0)
    branch.point, branch.direction, branch.sign = corrected, direction, float(sign)
    branch.length = length * (2.0 if corrections <= 4 else 1.2 if corrections == 5 else 0.8)
    return True


def _corrected(
    response: Response, predicted: NDArray[np.float64], border: NDArray[np.float64], length: float
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

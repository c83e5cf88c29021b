"""The maximum of the Bradley-Terry likelihood, by Newton's method on the table of all pairs.

A step solves H d = g, g the gradient and H the information, a weighted graph Laplacian. Where most agents met, conjugate
gradients scaled by the diagonal of H need a handful of products; where they take long (chains of agents) H is factored.

Every step raises the likelihood without looking at it. With R the range of d, the curvature along d changes by at most a
factor e^(R t), so that t = ln(1 + R) / R cannot pass the maximum, nor does t = 1 lose anything where R ≤ 1. A longer
step is kept where the gradient still points forward at its end.

Source: Sun and Tran-Dinh, Generalized self-concordant functions: a recipe for Newton-type methods, Mathematical Programming
2019, doi:10.1007/s10107-018-1282-4, section 4 (the damped step); Nocedal and Wright, Numerical Optimization, 2006, section
7.1 (how exactly a step is solved).
"""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

MAX_STEPS = 200
LARGEST_STEP = 3.0
GRADIENT_TOLERANCE = 1e-12
"""Of an agent's matches: near what rounding leaves."""
FEW_AGENTS = 100  # up to here a factorisation is cheaper than a dozen products
MOST_PRODUCTS = 60
WIDE = 300.0  # natural units: e to the power of twice as much is a number still


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvature:
    """``gradient`` [A]; of the information ``diagonal`` [A], and ``cells`` [A, A], what stands beside it, negated."""

    gradient: NDArray[np.float64]
    cells: NDArray[np.float64]
    diagonal: NDArray[np.float64]


def fit(
    wins: NDArray[np.float64], *, virtual: float = 0.0, start: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], Curvature]:
    """(θ [A], the derivatives there) of the maximum of Σ wins[i, j] ln σ(θ_i − θ_j) + virtual / 2 · Σ (ln σ(θ_i) + ln σ(−θ_i)).

    Without `virtual` it is the maximum of mean 0.

    Args:
        wins: [A, A], of the row against the column, draws as halves, each agent with some. Without `virtual` the graph of
            who won from whom must be strongly connected; otherwise there is no maximum.
        virtual: the weight of one virtual draw an agent against a rating of 0.
        start: where the search begins; None: near the maximum if opponents were drawn by lot.
    """
    points = wins.sum(axis=1)
    met = wins + wins.T
    played = met.sum(axis=1)
    if start is None:
        start = np.log((points + 0.5) / (played - points + 0.5))
    strength = start if virtual else start - start.mean()
    tolerance = GRADIENT_TOLERANCE * (played + virtual)
    cells = np.empty_like(met)  # one for all steps: fresh memory takes longer than what is written into it
    now = curvature(points, met, strength, virtual, cells=cells)
    least, stale = np.inf, 0
    for _ in range(MAX_STEPS):
        size = float((np.abs(now.gradient) / tolerance).max(initial=0.0))
        if size <= 1:
            break
        stale = stale + 1 if size >= 0.5 * least else 0
        least = min(least, size)
        if stale > 1 and least * GRADIENT_TOLERANCE < 1e-9:  # what is left is rounding
            break
        step = newton_step(now, virtual=virtual)
        spread = float(np.ptp(step)) if not virtual else 2 * float(np.abs(step).max())
        share = 1.0
        if spread > 1:
            share = min(1.0, LARGEST_STEP / float(np.abs(step).max()))
        moved = strength + share * step
        there = curvature(points, met, moved, virtual, cells=cells)
        if spread > 1 and there.gradient @ step < 0:
            moved = strength + np.log1p(spread) / spread * step
            there = curvature(points, met, moved, virtual, cells=cells)
        strength, now = moved, there
    return strength - (0.0 if virtual else strength.mean()), now


def curvature(
    points: NDArray[np.float64],
    met: NDArray[np.float64],
    strength: NDArray[np.float64],
    virtual: float,
    *,
    cells: NDArray[np.float64] | None = None,
) -> Curvature:
    """The derivatives of the log-likelihood of `fit` at a strength [A].

    Args:
        points: [A], the row sums of the wins.
        met: [A, A], how often two met.
        cells: [A, A], where the cells are written; None: into an array of their own.
    """
    cells = np.empty_like(met) if cells is None else cells
    if np.ptp(strength) > WIDE:
        expected, diagonal = _far_derivatives(met, strength, cells)
    else:
        expected, diagonal = _derivatives(met, np.exp(strength), cells)
    gradient = points - expected
    if virtual:
        win = 1 / (1 + np.exp(-strength))
        gradient += virtual * (0.5 - win)
        diagonal = diagonal + virtual * win * (1 - win)
    return Curvature(gradient=gradient, cells=cells, diagonal=diagonal)


def newton_step(now: Curvature, *, virtual: float) -> NDArray[np.float64]:
    """The d [A] with H d = g, of mean 0 without `virtual`, as exactly as the size of g makes worth while."""
    if len(now.gradient) > FEW_AGENTS:
        found, solved = _conjugate_gradients(now, centred=not virtual)
        if solved:
            return found
    import scipy.linalg

    # along the direction in which all ratings move together there is no information without virtual draws
    together = 0.0 if virtual else float(now.diagonal.mean()) / len(now.diagonal)
    information = np.diag(now.diagonal) - now.cells + together
    step: NDArray[np.float64] = scipy.linalg.solve(information, now.gradient, assume_a="pos", check_finite=False)
    return step if virtual else step - step.mean()


def _conjugate_gradients(now: Curvature, *, centred: bool) -> tuple[NDArray[np.float64], bool]:
    """(d, whether it is near enough to the solution of H d = g)."""
    gradient, diagonal = now.gradient, now.diagonal
    relative = np.sqrt(float((gradient * gradient / diagonal).sum() / diagonal.sum()))
    target = max(min(0.1, relative), 1e-7) ** 2  # so near the maximum the error falls to its square
    found = np.zeros_like(gradient)
    rest = gradient.copy()
    scaled = rest / diagonal
    if centred:
        scaled -= scaled.mean()
    direction = scaled
    size = first = float(rest @ scaled)
    for _ in range(MOST_PRODUCTS):
        if size <= target * first:
            return found, True
        product = diagonal * direction - now.cells @ direction
        share = size / float(direction @ product)
        found += share * direction
        rest -= share * product
        scaled = rest / diagonal
        if centred:
            scaled -= scaled.mean()
        size, before = float(rest @ scaled), size
        direction = scaled + size / before * direction
    return found, False


@nb.njit(cache=True, error_model="numpy")
def _derivatives(met, odds, cells):  # type: ignore[no-untyped-def]  # numba kernel
    """(expected points [A], row sums of the cells m p (1 − p) [A, A], which are filled), m = met, p = σ(difference)."""
    size = len(met)
    expected, diagonal = np.zeros(size), np.zeros(size)
    for i in range(size):
        own = odds[i]
        for j in range(size):  # along the columns and without sums, so that it is vectorised
            p = odds[j] / (odds[j] + own)
            points = met[i, j] * p
            information = points * (1 - p)
            expected[j] += points
            diagonal[j] += information
            cells[i, j] = information
    return expected, diagonal


@nb.njit(cache=True, error_model="numpy")
def _far_derivatives(met, strength, cells):  # type: ignore[no-untyped-def]  # numba kernel
    """The same of strengths so far apart that e to their power is no number."""
    size = len(met)
    expected, diagonal = np.zeros(size), np.zeros(size)
    for i in range(size):
        for j in range(size):
            p = 1 / (1 + np.exp(strength[i] - strength[j]))
            cells[i, j] = met[i, j] * p * (1 - p)
            expected[j] += met[i, j] * p
            diagonal[j] += cells[i, j]
    return expected, diagonal

"""What the comparisons of others foretell for two candidates that were never compared: Bradley-Terry strengths.

R. A. Bradley and M. E. Terry, "Rank Analysis of Incomplete Block Designs" (Biometrika 39, 1952): P(i beats j) =
σ(θ_i - θ_j). Strengths are those of the greatest posterior, each candidate having tied `PRIOR` comparisons with one of strength 0, so
that one who won all of few comparisons is not taken to be invincible. Nothing is foretold for two candidates that no chain
of comparisons joins.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PRIOR = 1.0  # comparisons
EVEN = 0.5
MAX_STEPS = 100  # of Newton's; ten do
CLOSE = 1e-10  # of a strength


def foretold_rates(points: Array, weights: Array) -> Array:
    """P(i beats j) [n, n] by Bradley-Terry strengths; 1/2 on the diagonal and where nothing joins the two.

    Args:
        points: [n, n], what i won against j, a tie counting half.
        weights: [n, n], symmetric: what the comparisons of the two weigh; 0 = never compared.
    """
    from scipy.sparse.csgraph import connected_components

    strengths = _strengths(points, weights)
    rates = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    _, part = connected_components(weights > 0, directed=False)
    result: Array = np.where(part[:, None] == part[None, :], rates, EVEN)
    np.fill_diagonal(result, EVEN)
    return result


def _strengths(points: Array, weights: Array) -> Array:
    """θ [n] by Newton's method; the objective is concave, and a step that does not raise it is halved."""
    strengths = np.zeros(len(points))
    value = _log_posterior(points, strengths)
    for _ in range(MAX_STEPS):
        rates = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
        own = 1 / (1 + np.exp(-strengths))
        slope = (points - weights * rates).sum(axis=1) + PRIOR * (EVEN - own)
        bend = weights * rates * (1 - rates)
        curvature = np.diag(bend.sum(axis=1) + PRIOR * own * (1 - own)) - bend
        step = np.linalg.solve(curvature, slope)
        while (new := _log_posterior(points, strengths + step)) < value and np.abs(step).max() > CLOSE:
            step /= 2
        strengths, value = strengths + step, new
        if np.abs(step).max() <= CLOSE:
            break
    return strengths


def _log_posterior(points: Array, strengths: Array) -> float:
    lead = strengths[:, None] - strengths[None, :]
    prior = np.logaddexp(0, strengths) + np.logaddexp(0, -strengths)
    return float(-(points * np.logaddexp(0, -lead)).sum() - PRIOR / 2 * prior.sum())

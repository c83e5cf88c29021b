"""Mirror descent on preferences, in the logarithms of policies: the step, the gaps, and how win rates are asked for.

P[i, j] = chance that i beats j, P + Pᵀ = 1; u = P π: how often each candidate beats a policy π. β: price of leaving a
reference μ. All that Nash learning from human feedback does with a table is one step,

    log π⁺ = (1 - η β) log π + η β log μ + η u + constant          η = γ / (1 + γ β)

which is argmax_p ⟨p, u⟩ - β KL(p, μ) - KL(p, π) / γ; methods differ in whom u is asked about, and in η. Policies are
arrays [..., n] and preferences [..., n, n], so that an axis of contexts may stand in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import SpecificationError
from arena.games.seeds import counter_hash, seed_of, unit

Array = NDArray[np.float64]

SUM_TOLERANCE = 1e-9  # of P + Pᵀ = 1 and of Σ μ = 1: rounding of decimals, not of measurements
NEAR = 0.5  # differences of logarithms below it are where p log(p / q) cancels
OPPONENT_STREAM = 0
OUTCOME_STREAM = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRates:
    """Answers queries: one query is one evaluation of P π.

    ``samples``: None = exact answers. Otherwise each candidate meets so many opponents drawn from π, and a judge, who says
    the contrary of what he should with chance ``noise``, names a winner each time; as ``noise`` is known, rates are put
    right by (rate - noise) / (1 - 2 noise), and have the right mean. The words are hashes of (seed, query).
    """

    preferences: Array = field(repr=False)
    samples: int | None = None
    noise: float = 0.0
    seed: int = 0

    @property
    def comparisons(self) -> int:
        """How many comparisons a query is; 0 where answers are exact."""
        return 0 if self.samples is None else self.samples * int(np.prod(self.preferences.shape[:-1]))

    def of(self, logs: Array, query: int) -> Array:
        """u [..., n] against the policy of these logarithms; ``query``: the number of the query, which decides the draws."""
        policy = np.exp(logs)
        if self.samples is None:
            return win_rates(self.preferences, policy)
        shape = (*self.preferences.shape[:-1], self.samples)
        counters = np.arange(int(np.prod(shape))).reshape(shape) + query * int(np.prod(shape))
        word = np.uint64(seed_of(("preference queries", self.seed)))
        edges = np.cumsum(policy, axis=-1)
        draws = unit(counter_hash(word, OPPONENT_STREAM, counters)) * edges[..., -1:, None]
        opponents = _places(edges, draws)
        chances = self.noise + (1 - 2 * self.noise) * np.take_along_axis(self.preferences, opponents, axis=-1)
        wins = unit(counter_hash(word, OUTCOME_STREAM, counters)) < chances
        rates: Array = (wins.mean(axis=-1) - self.noise) / (1 - 2 * self.noise)
        return rates


def mirror_step(logs: Array, gains: Array, reference: Array, *, rate: float, beta: float) -> Array:
    """The logarithms [..., n] of the next policy: (1 - η β) log π + η β log μ + η u, normalised.

    Args:
        logs: log π [..., n].
        gains: u [..., n].
        reference: log μ [..., n].
        rate: η, with η β at most 1.
        beta: β; 0 = no reference.
    """
    return normalised((1 - rate * beta) * logs + rate * beta * reference + rate * gains)


def rate_of(step: float, beta: float) -> float:
    """η = γ / (1 + γ β) of the proximal step γ."""
    return step / (1 + step * beta)


def falling_rate(beta: float, done: int) -> float:
    """η of the iteration after so many, 2 / (β (t + 2)): the first forgets where it began, the t-th weighs about 2/t."""
    return 2 / (beta * (done + 2))


def hedge_step(size: int, iterations: int) -> float:
    """√(8 ln n / T), which makes Hedge's bound ln n / (η T) + η / 8 least; 1 for a single candidate."""
    return float(np.sqrt(8 * np.log(size) / iterations)) if size > 1 else 1.0


def normalised(logs: Array) -> Array:
    """The logarithms [..., n] of the policy proportional to exp(logs)."""
    shifted = logs - logs.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def win_rates(preferences: Array, policy: Array) -> Array:
    """P π [..., n]: how often each candidate beats one that is drawn from the policy."""
    rates: Array = (preferences @ policy[..., None])[..., 0]
    return rates


def regularised_exploitability(preferences: Array, logs: Array, reference: Array, beta: float) -> Array:
    """max_q J(q, π) - 1/2 [...], in win rates, J(q, π) = q·Pπ - β KL(q, μ) + β KL(π, μ): 0 at the solution only.

    It is β KL(π, q*), q* ∝ μ exp(P π / β) the best reply: a sum of squares near the solution, where
    β log Σ μ exp(P π / β) + β KL(π, μ) - 1/2, the same number, would be left with rounding.
    """
    best = normalised(reference + win_rates(preferences, np.exp(logs)) / beta)
    return beta * divergence(logs, best)


def win_rate_exploitability(preferences: Array, policy: Array) -> Array:
    """max_i (P π)_i - 1/2 [...]: by how much the best candidate beats the policy; no reference."""
    beaten: Array = np.maximum(win_rates(preferences, policy).max(axis=-1) - 0.5, 0.0)
    return beaten


def divergence(logs: Array, others: Array) -> Array:
    """KL(p, q) [...] of logarithms: Σ p log(p / q) - p + q, every term of which is at least 0."""
    p, q, d = np.exp(logs), np.exp(others), logs - others
    small = np.clip(d, -NEAR, NEAR)
    terms = np.where(np.abs(d) <= NEAR, p * (small + np.expm1(-small)), p * d - p + q)
    total: Array = terms.sum(axis=-1)
    return total


def preference_matrix(preferences: ArrayLike) -> Array:
    """P [n, n] as float64 with P + Pᵀ = 1 to the last digit.

    Raises:
        SpecificationError: not a square matrix of probabilities with P + Pᵀ = 1; the message names the worst cell.
    """
    try:
        matrix = np.asarray(preferences, np.float64)
    except (TypeError, ValueError) as error:
        raise SpecificationError(f"preferences must be a square matrix of numbers: {error}") from None
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise SpecificationError(f"preferences must be a square matrix; got shape {matrix.shape}")
    outside = ~((matrix >= 0) & (matrix <= 1))
    if outside.any():
        away = np.where(np.isnan(matrix), np.inf, np.abs(matrix - 0.5))
        i, j = np.unravel_index(int(away.argmax()), matrix.shape)
        said = "; a pair that never met has none" if np.isnan(matrix[i, j]) else ""
        raise SpecificationError(f"preferences must be probabilities in 0..1; [{i}, {j}] is {matrix[i, j]:g}{said}")
    excess = np.abs(matrix + matrix.T - 1)
    if excess.max() > SUM_TOLERANCE:
        i, j = np.unravel_index(int(excess.argmax()), matrix.shape)
        if i == j:
            raise SpecificationError(f"preferences must be 1/2 on the diagonal; [{i}, {i}] is {matrix[i, i]:g}")
        raise SpecificationError(
            f"preferences[i, j] + preferences[j, i] must be 1 for every pair; the worst is [{i}, {j}] = {matrix[i, j]:g} and "
            f"[{j}, {i}] = {matrix[j, i]:g}"
        )
    even: Array = 0.5 + (matrix - matrix.T) / 2
    return even


def reference_logs(reference: Sequence[float] | Array | None, size: int) -> Array:
    """log μ [n]; uniform where none is given.

    Raises:
        ValueError: not a probability vector [n] with every entry above 0.
    """
    if reference is None:
        return np.full(size, -np.log(size))
    given = np.asarray(reference, np.float64)
    if given.shape != (size,):
        raise ValueError(f"reference must have one probability a candidate, {size}; got shape {given.shape}")
    if not ((given > 0) & np.isfinite(given)).all():
        worst = int(np.where(np.isfinite(given), given, -np.inf).argmin())
        raise ValueError(f"every probability of the reference must be above 0; [{worst}] is {given[worst]:g}")
    if abs(given.sum() - 1) > SUM_TOLERANCE * size:
        raise ValueError(f"the reference must add up to 1; it adds up to {given.sum():g}")
    return normalised(np.log(given))


def _places(edges: Array, draws: Array) -> NDArray[np.int64]:
    """Where each draw [..., n, S] falls among ascending edges [..., n]."""
    if edges.ndim == 1:
        return np.minimum(np.searchsorted(edges, draws, side="right"), len(edges) - 1)
    return np.stack([_places(one, drawn) for one, drawn in zip(edges, draws, strict=True)])

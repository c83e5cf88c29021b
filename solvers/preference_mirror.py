"""Mirror descent on preferences, in the logarithms of policies: the step, the gaps, and what is a table of preferences.

P[i, j] = chance that i beats j, P + Pᵀ = 1; u = P π: how often each candidate beats a policy π. β: price of leaving a
reference μ. All that Nash learning from human feedback does with a table is one step,

    log π⁺ = (1 - η β) log π + η β log μ + η u + constant          η = γ / (1 + γ β)

which is argmax_p ⟨p, u⟩ - β KL(p, μ) - KL(p, π) / γ; methods differ in whom u is asked about, and in η. Policies are
arrays [..., n] and preferences [..., n, n], so that an axis of contexts may stand in front.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import SpecificationError

Array = NDArray[np.float64]

SUM_TOLERANCE = 1e-9  # of P + Pᵀ = 1 and of Σ μ = 1: rounding of decimals, not of measurements
ROUNDING = 4e-16  # of the sum of a probability and its complement
NEAR = 0.5  # differences of logarithms below it are where p log(p / q) cancels
BLOCK = 2_000_000  # numbers of a table that are looked at together: temporary arrays stay small beside large tables


def mirror_step(logs: Array, gains: Array, reference: Array, *, rate: float | Array, beta: float) -> Array:
    """The logarithms [..., n] of the next policy: (1 - η β) log π + η β log μ + η u, normalised.

    Args:
        logs: log π [..., n].
        gains: u [..., n].
        reference: log μ [..., n].
        rate: η, with η β at most 1; one for all, or [..., 1].
        beta: β; 0 = no reference.
    """
    return normalised((1 - rate * beta) * logs + rate * beta * reference + rate * gains)


def rate_of(step: float, beta: float) -> float:
    """η = γ / (1 + γ β) of the proximal step γ."""
    return step / (1 + step * beta)


def falling_rate(beta: float, done: NDArray[np.int64]) -> Array:
    """η of the iteration after so many, 2 / (β (t + 2)): the first forgets where it began, the t-th weighs about 2/t."""
    rate: Array = 2 / (beta * (done + 2))
    return rate


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
    return reply_gain(win_rates(preferences, np.exp(logs)), logs, reference, beta)


def reply_gain(rates: Array, logs: Array, reference: Array, beta: float) -> Array:
    """`regularised_exploitability` [...] where the win rates u = P π against the policy are known."""
    return beta * divergence(logs, normalised(reference + rates / beta))


def win_rate_exploitability(preferences: Array, policy: Array) -> Array:
    """max_i (P π)_i - 1/2 [...]: by how much the best candidate beats the policy; no reference."""
    return most_beaten(win_rates(preferences, policy))


def most_beaten(rates: Array) -> Array:
    """`win_rate_exploitability` [...] where the win rates u = P π against the policy are known."""
    beaten: Array = np.maximum(rates.max(axis=-1) - 0.5, 0.0)
    return beaten


def divergence(logs: Array, others: Array) -> Array:
    """KL(p, q) [...] of logarithms: Σ p log(p / q) - p + q, every term of which is at least 0."""
    p, q, d = np.exp(logs), np.exp(others), logs - others
    small = np.clip(d, -NEAR, NEAR)
    terms = np.where(np.abs(d) <= NEAR, p * (small + np.expm1(-small)), p * d - p + q)
    total: Array = terms.sum(axis=-1)
    return total


def known_mean(values: Array) -> Array:
    """[...] of values [..., m]: the mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=-1) / np.maximum(count, 1), np.nan)


def preference_matrix(preferences: ArrayLike, *, shared: bool = False) -> Array:
    """P [n, n], or [contexts, n, n], as float64 with P + Pᵀ = 1 to the last digit.

    Args:
        preferences: the same up to rounding, of decimals to 1e-9, of float32 to that of its numbers.
        shared: the array itself may be returned where nothing has to be put right, to spare the memory of large tables; who
            asks for that writes nothing into it.

    Raises:
        SpecificationError: no square matrix of probabilities with P + Pᵀ = 1, nor several; the message names the worst cell.
    """
    try:
        stored = np.asarray(preferences)
        given = stored.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise SpecificationError(f"preferences must be a square matrix of numbers: {error}") from None
    tolerance = _rounding(stored.dtype)
    if given.ndim not in (2, 3) or given.shape[-1] != given.shape[-2] or not given.size:
        raise SpecificationError(
            f"preferences must be a square matrix, or one for each context [contexts, n, n]; got shape {given.shape}"
        )
    tables = given.reshape(-1, *given.shape[-2:])
    many = max(1, BLOCK // tables[0].size)
    excess, worst = 0.0, 0
    for begin in range(0, len(tables), many):
        block = tables[begin : begin + many]
        if not (block.min() >= 0 and block.max() <= 1):  # a NaN is neither
            raise _outside(given, begin, block)
        sums = block + block.swapaxes(-1, -2)
        away = max(float(sums.max()) - 1, 1 - float(sums.min()))
        if away > excess:
            excess, worst = away, begin
    if excess > tolerance:
        raise _uneven(given, worst, tables[worst : worst + many])
    if shared and excess <= ROUNDING and given.flags.c_contiguous and given.flags.writeable:
        return given
    even = np.empty(tables.shape)
    for begin in range(0, len(tables), many):
        block = tables[begin : begin + many]
        np.subtract(block, block.swapaxes(-1, -2), out=even[begin : begin + many])
        even[begin : begin + many] *= 0.5
        even[begin : begin + many] += 0.5
    return even.reshape(given.shape)


def reference_logs(reference: Sequence[float] | Array | None, size: int, contexts: int | None = None) -> Array:
    """log μ [n], or [contexts, n] where a number of contexts is given; uniform where no reference is.

    Raises:
        ValueError: not a probability vector [n], nor one for each context, with every entry above 0.
    """
    shape = (size,) if contexts is None else (contexts, size)
    if reference is None:
        return np.full(shape, -np.log(size))
    stored = np.asarray(reference)
    given = stored.astype(np.float64, copy=False)
    if given.shape not in {(size,), shape}:
        each = "" if contexts is None else f", for all contexts or each of the {contexts}"
        raise ValueError(f"reference must have one probability a candidate, {size}{each}; got shape {given.shape}")
    if not ((given > 0) & np.isfinite(given)).all():
        worst = np.unravel_index(int(np.where(np.isfinite(given), given, -np.inf).argmin()), given.shape)
        raise ValueError(f"every probability of the reference must be above 0; {_cell(worst)} is {given[worst]:g}")
    sums = given.sum(axis=-1)
    if np.abs(sums - 1).max() > _rounding(stored.dtype) * size:
        wrong = float(np.ravel(sums)[np.abs(np.ravel(sums) - 1).argmax()])
        raise ValueError(f"the reference must add up to 1; it adds up to {wrong:.10g}")
    return np.broadcast_to(normalised(np.log(given)), shape).copy()


def _rounding(kind: np.dtype[np.generic]) -> float:
    """How far what these numbers add up to may be from 1: numbers in single precision are rounded more."""
    narrow = kind.kind == "f" and kind.itemsize < np.dtype(np.float64).itemsize
    return 4 * float(np.finfo(str(kind)).eps) if narrow else SUM_TOLERANCE


def _outside(given: Array, begin: int, block: Array) -> SpecificationError:
    away = np.where(np.isnan(block), np.inf, np.abs(block - 0.5))
    k, i, j = (int(at) for at in np.unravel_index(int(away.argmax()), block.shape))
    said = "; a pair that never met has none" if np.isnan(block[k, i, j]) else ""
    cell = _cell((begin + k, i, j)[3 - given.ndim :])
    return SpecificationError(f"preferences must be probabilities in 0..1; {cell} is {block[k, i, j]:g}{said}")


def _uneven(given: Array, begin: int, block: Array) -> SpecificationError:
    away = np.abs(block + block.swapaxes(-1, -2) - 1)
    k, i, j = (int(at) for at in np.unravel_index(int(away.argmax()), block.shape))
    table, front = block[k], (begin + k,)[3 - given.ndim :]
    one, other = _cell((*front, i, j)), _cell((*front, j, i))
    if i == j:
        return SpecificationError(f"preferences must be 1/2 on the diagonal; {one} is {table[i, i]:g}")
    return SpecificationError(
        f"preferences[i, j] + preferences[j, i] must be 1 for every pair; the worst is {one} = {table[i, j]:g} and "
        f"{other} = {table[j, i]:g}, together {table[i, j] + table[j, i]:.10g}"
    )


def _cell(at: Sequence[int | np.signedinteger]) -> str:
    return f"[{', '.join(str(int(one)) for one in at)}]"

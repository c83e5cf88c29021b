"""How win rates are asked for: exactly, or by comparisons of a judge with candidates that are drawn from a policy.

A query is one evaluation of P π in one context; tables of several contexts are asked at once, and those whose policy is good
enough are left out of a question, without copying the others'.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.preference_rates import put_right
from arena.games.seeds import counter_hash, seed_of, unit
from arena.solvers.preference_mirror import Array

OPPONENT_STREAM = 0
OUTCOME_STREAM = 1
WORK_OF_A_THREAD = 4_000_000
"""Numbers of tables that are worth a thread of their own: some milliseconds."""

Contexts = NDArray[np.int64]
"""Places in the first axis of tables [contexts, n, n], ascending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WinRates:
    """Answers queries about preferences [contexts, n, n].

    ``samples``: None = exact answers. Otherwise each candidate meets so many opponents drawn from π, and a judge, who says
    the contrary of what he should with chance ``flip_rate``, names a winner each time; as ``flip_rate`` is known, rates are put
    right by (rate - flip_rate) / (1 - 2 flip_rate), and have the right mean. The words are hashes of (seed, query, context).
    """

    preferences: Array = field(repr=False)
    samples: int | None = None
    flip_rate: float = 0.0
    seed: int = 0

    @property
    def comparisons(self) -> int:
        """How many comparisons a query is; 0 where answers are exact."""
        return 0 if self.samples is None else self.samples * self.preferences.shape[-1]

    def of(self, policies: Array, contexts: Contexts, numbers: NDArray[np.int64]) -> Array:
        """u [k, n]: in each of these k contexts, how often each candidate beats one that is drawn from its policy [k, n].

        Args:
            policies: [k, n].
            contexts: [k].
            numbers: [k], the number of the query in its context, which decides the draws.
        """
        if self.samples is None:
            return exact_rates(self.preferences, policies, contexts)
        edges = np.cumsum(policies, axis=-1)
        word = np.uint64(seed_of(("preference queries", self.seed)))
        rates = np.empty_like(edges)
        sampled_wins(self.preferences, contexts, edges, numbers, self.samples, self.flip_rate, word, rates)
        rates /= self.samples
        return put_right(rates, self.flip_rate)


def exact_rates(preferences: Array, policies: Array, contexts: Contexts) -> Array:
    """P π [k, n] in these contexts: the same numbers to the last bit, whichever contexts are asked about together."""
    rates = np.empty_like(policies)
    work = len(contexts) * preferences[0].size
    parts = min(int(nb.config.NUMBA_NUM_THREADS), len(contexts), work // WORK_OF_A_THREAD)
    if parts < 2:
        chosen_products(preferences, contexts, policies, rates)
        return rates
    cuts = np.linspace(0, len(contexts), parts + 1).astype(np.int64)
    with ThreadPoolExecutor(parts) as threads:
        done = [
            threads.submit(chosen_products, preferences, contexts[a:b], policies[a:b], rates[a:b])
            for a, b in pairwise(cuts)
        ]
    for one in done:
        one.result()
    return rates


@nb.njit(cache=True, error_model="numpy", nogil=True)
def chosen_products(preferences, contexts, policies, rates):  # type: ignore[no-untyped-def]  # numba kernel
    """``rates`` [k, n] = preferences[contexts] @ policies, in place.

    As P + Pᵀ = 1, P π = Σ π - Pᵀ π, which is a sum of rows: four at a time, each read once and in order.
    """
    size = preferences.shape[1]
    whole = size - size % 4
    for k in range(len(contexts)):
        table, policy, rate = preferences[contexts[k]], policies[k], rates[k]
        rate[:] = 0.0
        for j in range(0, whole, 4):
            a, b, c, d = policy[j], policy[j + 1], policy[j + 2], policy[j + 3]
            first, second, third, fourth = table[j], table[j + 1], table[j + 2], table[j + 3]
            for i in range(size):
                rate[i] += (a * first[i] + b * second[i]) + (c * third[i] + d * fourth[i])
        for j in range(whole, size):
            a, first = policy[j], table[j]
            for i in range(size):
                rate[i] += a * first[i]
        total = policy.sum()
        for i in range(size):
            rate[i] = total - rate[i]


@nb.njit(cache=True, error_model="numpy")
def sampled_wins(  # type: ignore[no-untyped-def]  # numba kernel
    preferences, contexts, edges, numbers, samples, flip_rate, word, wins
):
    """``wins`` [k, n], in place: how many of its meetings with opponents drawn by ``edges`` [k, n], cumulated, each won."""
    total, size = preferences.shape[:2]
    for k in range(len(contexts)):
        context, last = contexts[k], edges[k, size - 1]
        for i in range(size):
            first = ((numbers[k] * total + context) * size + i) * samples
            won = 0
            for s in range(samples):
                draw = unit(counter_hash(word, OPPONENT_STREAM, first + s)) * last
                opponent = min(np.searchsorted(edges[k], draw, side="right"), size - 1)
                chance = flip_rate + (1 - 2 * flip_rate) * preferences[context, i, opponent]
                won += unit(counter_hash(word, OUTCOME_STREAM, first + s)) < chance
            wins[k, i] = won

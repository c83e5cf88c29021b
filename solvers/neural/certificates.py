"""How good policies are in each context: exactly, where a table of preferences is known, or by a judge, with a standard error."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from arena.solvers.neural.draws import Judging
from arena.solvers.preference_losses import EVEN
from arena.solvers.preference_mirror import (
    Array,
    divergence,
    known_mean,
    normalised,
    regularised_exploitability,
    win_rate_exploitability,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """The gap of a policy, in win rates, one player's; what it is a gap of, says who measured it.

    ``gap``: the mean over contexts. ``contexts``: of each [contexts]. ``error``: the standard error of the mean, 0 where it is
    exact. ``at_least``: the mean gain of replies that were fitted on half of the comparisons, on the other half: its expectation
    is not above the gap, while that of an estimated ``gap`` is not below it. The same as ``gap`` where it is exact.
    """

    gap: float
    contexts: Array = field(repr=False)
    error: float = 0.0
    at_least: float

    @property
    def worst(self) -> float:
        """Of the contexts; of estimates the greatest is mostly luck."""
        return float(self.contexts.max())


def exact_certificate(preferences: Array, logs: Array, log_reference: Array, beta: float) -> Certificate:
    """The gap of policies with these logarithms [contexts, n]; β 0: by how much the best candidate beats them.

    Args:
        preferences: [contexts, n, n].
        logs: log π [contexts, n].
        log_reference: log μ [contexts, n].
        beta: β ≥ 0.
    """
    gaps = (
        regularised_exploitability(preferences, logs, log_reference, beta)
        if beta > 0
        else win_rate_exploitability(preferences, np.exp(logs))
    )
    return Certificate(gap=float(gaps.mean()), contexts=gaps, at_least=float(gaps.mean()))


def estimated_certificate(
    judging: Judging, logs: Array, log_reference: Array, beta: float, *, opponents: int
) -> Certificate:
    """The same from comparisons: in every context each candidate meets so many opponents drawn from the policy.

    With the win rates u that were seen, the gap is max_q (q - π)·u - β KL(q, μ) + β KL(π, μ), the policy's own rate, 1/2 on average, from
    the same opponents, which takes most of their luck out. It is convex in u, so that noise raises it on average. Its error is
    that of (q - π)·u, opponents being the sample. Opponents are drawn by torch's global generator.

    Args:
        judging: who compares.
        logs: log π [contexts, n].
        log_reference: log μ [contexts, n].
        beta: β ≥ 0.
        opponents: 2 or more.
    """
    size, n = logs.shape
    policy = np.exp(logs)
    drawn = torch.multinomial(torch.from_numpy(policy), opponents, replacement=True)
    said = _against(judging, drawn, n)
    charge = beta * divergence(logs, log_reference) if beta > 0 else np.zeros(size)

    def gain(seen_by: Array, told: Array) -> Array:
        """[contexts] of the best reply to some comparisons, by what others say."""
        reply, paid = _reply(_means(seen_by), log_reference, beta)
        found: Array = ((reply - policy) * _means(told)).sum(-1) - paid + charge
        return found

    halves = said[..., ::2], said[..., 1::2]
    gaps, rates = gain(said, said), _means(said)
    spread = np.where(np.isnan(said), 0.0, said - rates[..., None])
    reply, _ = _reply(rates, log_reference, beta)
    swing = ((reply - policy)[..., None] * spread).sum(1)  # of what the reply gains against each opponent
    variances = (swing**2).sum(-1) / (opponents * (opponents - 1))
    return Certificate(
        gap=float(gaps.mean()),
        contexts=gaps,
        error=float(np.sqrt(variances.sum()) / size),
        at_least=float(np.mean([gain(*halves), gain(*halves[::-1])])),
    )


def _against(judging: Judging, drawn: Tensor, n: int) -> Array:
    """What was said of every candidate against opponents [contexts, S]: [contexts, n, S]."""
    size, opponents = drawn.shape
    second = drawn.unsqueeze(1).expand(size, n, opponents)
    first = torch.arange(n).reshape(1, n, 1).expand_as(second)
    found: Array = judging.shares(torch.arange(size), first, second).numpy()
    return found


def _means(said: Array) -> Array:
    """[contexts, n] over what has a verdict; 1/2 for a candidate that none has."""
    return np.nan_to_num(known_mean(said), nan=EVEN)


def _reply(rates: Array, log_reference: Array, beta: float) -> tuple[Array, Array]:
    """The best reply [contexts, n] to these win rates, and what it pays for leaving the reference [contexts]."""
    if beta == 0:
        best = (np.arange(rates.shape[-1]) == rates.argmax(-1)[:, None]).astype(np.float64)
        return best, np.zeros(len(rates))
    logs = normalised(log_reference + rates / beta)
    return np.exp(logs), beta * divergence(logs, log_reference)

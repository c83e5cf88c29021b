"""How far a language model is from the solution, by samples: an unbiased estimate of a lower bound of the regularised gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena.solvers.preference_mirror import Array, known_mean

EVEN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEstimate:
    """Means over prompts, with standard errors over prompts (NaN for a single prompt).

    ``gap``: what the best reply found gains, in win rates: at most the regularised exploitability, on average. ``win_rate``: of the
    policy against the candidates' policy, the reference where there is one. ``kl``: KL(π, μ), in nats a prompt.
    """

    gap: float
    gap_standard_error: float
    win_rate: float
    win_rate_standard_error: float
    kl: float
    kl_standard_error: float
    prompts: int


def gap_estimate(preferences: Array, log_ratios: Array, *, beta: float) -> GapEstimate:
    """The estimate from candidates y ~ μ, and draws y' ~ π, of each prompt.

    The regularised exploitability is max_q J(q, π) - 1/2 with J(q, π) = P(q ≻ π) - β KL(q, μ) + β KL(π, μ). The reply that is tried
    is: draw M candidates of μ, and give the one chosen with chances w ∝ exp(û / β), û being win rates against half of the draws of π,
    drawn together by the share of their spread that is chance (β = 0: the best of them). The other half tells what it earns, so choosing and measuring do not share their luck; then
    the halves change places, and the two are averaged. KL(q, μ) ≤ E[log M - H(w)], as what is chosen is told by the
    candidates and the choice. So the mean of

        Σ w û' - β (log M - H(w)) - 1/2 + β mean log(π/μ)

    is at most the gap: no bias up. It falls short where the best reply is rarer than one in M under μ, or where û is rough:
    more candidates and more draws make it tighter. A negative value says that nothing better was found.

    Args:
        preferences: [prompts, M, N], N even: the chance that candidate i is preferred to draw j; NaN = not known. A prompt that has
            a candidate without a verdict in either half is left out.
        log_ratios: [prompts, N], log(π(y') / μ(y')) of the draws.
        beta: β ≥ 0.

    Returns:
        The estimate; all NaN where no prompt is left.
    """
    half = preferences.shape[2] // 2
    chosen = np.stack([_steadied(preferences[:, :, :half]), _steadied(preferences[:, :, half:])])
    halves = np.stack([known_mean(preferences[:, :, :half]), known_mean(preferences[:, :, half:])])  # [2, prompts, M]
    kept = np.isfinite(halves).all((0, 2))
    chosen, halves = chosen[:, kept], halves[:, kept]
    kl = log_ratios[kept].mean(1)
    gains = [_gain(chosen[0], halves[1], beta), _gain(chosen[1], halves[0], beta)]
    gap = (gains[0] + gains[1]) / 2 - EVEN + beta * kl
    win_rate = 1 - halves.mean((0, 2))
    told = [moments(values) for values in (gap, win_rate, kl)]
    return GapEstimate(
        gap=told[0][0],
        gap_standard_error=told[0][1],
        win_rate=told[1][0],
        win_rate_standard_error=told[1][1],
        kl=told[2][0],
        kl_standard_error=told[2][1],
        prompts=int(kept.sum()),
    )


def moments(values: Array) -> tuple[float, float]:
    """(the mean, its standard error); NaN where there are too few values."""
    if not len(values):
        return float("nan"), float("nan")
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return float(values.mean()), error


def _gain(chosen_by: Array, measured_by: Array, beta: float) -> Array:
    """[prompts]: win rate of the reply less β times the bound of its KL."""
    size = chosen_by.shape[1]
    if beta == 0:
        best = chosen_by.argmax(1)
        return np.asarray(measured_by[np.arange(len(best)), best], np.float64)
    logs = chosen_by / beta
    logs = logs - logs.max(1, keepdims=True)
    logs = logs - np.log(np.exp(logs).sum(1, keepdims=True))
    weights = np.exp(logs)
    price = np.log(size) + (weights * logs).sum(1)
    return np.asarray((weights * measured_by).sum(1) - beta * price, np.float64)


def _steadied(values: Array) -> Array:
    """[prompts, M]: the mean of each candidate, drawn to that of its prompt by the share of their spread that is chance."""
    means = known_mean(values)
    known = np.isfinite(values).sum(-1)
    spread = np.where(np.isfinite(values), (values - means[..., None]) ** 2, 0.0).sum(-1)
    chance = (spread / np.maximum(known * (known - 1), 1)).mean(-1, keepdims=True)
    whole = means.var(-1, keepdims=True)
    share = np.where(whole > chance, 1 - chance / np.where(whole > 0, whole, 1.0), 0.0)
    middle = means.mean(-1, keepdims=True)
    return np.asarray(middle + share * (means - middle), np.float64)

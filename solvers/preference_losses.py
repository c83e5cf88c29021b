"""The losses of learning from preferences with gradients, as pure functions of log-probabilities and win rates.

π: the policy that learns, μ: the reference, β: price of KL(π, μ) in win rates, P(y ≻ y'): chance that y is preferred.
A candidate y may be one of a table or a whole text, whose log π(y) is the sum over its tokens. Every argument is a tensor
of one shape, one number for each candidate or pair of candidates, and a loss is its mean, or Σ w · loss with ``weights`` w:

- draws: y ~ π, weights None, shape [draws], win rates estimated by one comparison or many;
- exact: every candidate of every context, shape [contexts, n], weights π(y | x) / contexts, held fixed.

Gradients flow through the first argument alone; all others are held fixed. Minimise. Preferences of a judge who says the
contrary with a known chance f may be given as (said - f) / (1 - 2 f): they need not lie in 0..1.

Pairs (y, y') are given by margins, log π(y) - log π(y'): shape [pairs], or [contexts, n, n] by `margins`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

EVEN = 0.5
"""The win rate of a policy against itself: the baseline that costs no comparison."""


def nash_mp_loss(
    log_policy: Tensor,
    win_rate: Tensor,
    log_reference: Tensor,
    log_anchor: Tensor,
    *,
    beta: float,
    step: float = 2.0,
    weights: Tensor | None = None,
) -> Tensor:
    """-E[(u(y) - 1/2 - β log(π(y)/μ(y)) - log(π(y)/α(y)) / γ) log π(y)] with the bracket held fixed: Nash mirror prox, Nash Prox.

    Its gradient is that of -(⟨π, u⟩ - β KL(π, μ) - KL(π, α) / γ), the proximal step from the anchor α. Two-stage Nash-MP: u is
    asked against α until that gives π_half, then against π_half with the same α. With a target network, α and the opponent are the
    moving average of π. Nash Prox: u is asked against π itself.

    Source: Tiapkin et al., arXiv:2505.19731, version 1 (mirror prox), version 2 (proximal points).

    Args:
        log_policy: log π(y) of y ~ π; the gradient flows here.
        win_rate: u(y), the chance that y is preferred to an opponent's draw; any estimate with the right mean.
        log_reference: log μ(y).
        log_anchor: log α(y).
        beta: β ≥ 0.
        step: γ > 0; at most 2 for mirror prox.
        weights: see the module.
    """
    worth = advantage(log_policy, win_rate, log_reference, beta=beta) - (log_policy - log_anchor).detach() / step
    return reinforce_loss(log_policy, worth, weights=weights)


nash_prox_loss = nash_mp_loss
"""Nash Prox: the win rates are asked against the policy itself."""


def self_play_loss(
    log_policy: Tensor,
    win_rate: Tensor,
    log_reference: Tensor,
    *,
    beta: float,
    weights: Tensor | None = None,
) -> Tensor:
    """-E[(u(y) - 1/2 - β log(π(y)/μ(y))) log π(y)] with the bracket held fixed: the policy gradient of self-play.

    With y' ~ π this is self-play, the same direction as `online_ipo_loss`: gradient of that = 4/β · gradient of this. With y' from
    `geometric_mixture` it is Nash-MD-PG; with y' ~ μ the best response to the reference.

    Source: Munos et al., arXiv:2312.00886, section 7; Calandriello et al., arXiv:2403.08635.

    Args:
        log_policy: log π(y) of y ~ π; the gradient flows here.
        win_rate: u(y), the chance that y is preferred to an opponent's draw; any estimate with the right mean.
        log_reference: log μ(y).
        beta: β ≥ 0.
        weights: see the module.
    """
    return reinforce_loss(log_policy, advantage(log_policy, win_rate, log_reference, beta=beta), weights=weights)


nash_md_loss = self_play_loss
"""Nash-MD-PG: the win rates are asked against `geometric_mixture` of policy and reference."""


def spo_loss(
    log_policy: Tensor,
    win_rate: Tensor,
    log_previous: Tensor,
    *,
    rate: float,
    weights: Tensor | None = None,
) -> Tensor:
    """-E[(u(y) - 1/2 - log(π(y)/π_t(y)) / η) log π(y)], u against a queue of what earlier policies drew: SPO.

    Self-play preference optimisation leaves the learner open that it reduces to. Here it is a step of Hedge, followed to its
    end: log π = log π_t + η u + constant, whose regret is bounded. Where π_t is π itself this is the plain policy gradient, which
    sticks to what it has come to say nearly always.

    Source: Swamy et al., arXiv:2401.04056.

    Args:
        log_policy: log π(y) of y ~ π; the gradient flows here.
        win_rate: u(y), the mean over the queue of P(y ≻ y').
        log_previous: log π_t(y), the policy that a stage of steps began with.
        rate: η > 0 of the step of Hedge.
        weights: see the module.
    """
    worth = win_rate - EVEN - (log_policy - log_previous) / rate
    return reinforce_loss(log_policy, worth, weights=weights)


def online_ipo_loss(
    policy_margin: Tensor,
    reference_margin: Tensor,
    preference: Tensor,
    *,
    beta: float,
    weights: Tensor | None = None,
) -> Tensor:
    """E[(h - (P(y ≻ y') - 1/2) / β)²] with h = log π(y)/π(y') - log μ(y)/μ(y'), y and y' ~ π: Online IPO.

    A judge's word in place of P(y ≻ y'), 1 or 0, gives the target ±1/(2 β) of winner and loser. The draws are held fixed: weights are
    π(y) π(y').

    Source: Calandriello et al., Human alignment of large language models through online preference optimisation, ICML
    2024, arXiv:2403.08635.

    Args:
        policy_margin: log π(y) - log π(y'); the gradient flows here.
        reference_margin: log μ(y) - log μ(y').
        preference: P(y ≻ y'), or what a judge said.
        beta: β > 0.
        weights: see the module.
    """
    return _regression(policy_margin, reference_margin, (preference - EVEN) / beta, weights)


def inpo_loss(
    policy_margin: Tensor,
    previous_margin: Tensor,
    reference_margin: Tensor,
    preference: Tensor,
    *,
    beta: float,
    rate: float,
    weights: Tensor | None = None,
) -> Tensor:
    """E[(h - η (P(y ≻ y') - 1/2))²], h = log π(y)/π(y') - η β log μ(y)/μ(y') - (1 - η β) log π_t(y)/π_t(y'), y and y' ~ π_t: INPO.

    Its minimiser is the mirror step log π = (1 - η β) log π_t + η β log μ + η P(· ≻ π_t) + constant. Nothing but the two draws is
    compared. A judge's word, 1 or 0, gives the target ±η/2. The paper's η is 1/η here, its τ is β.

    Source: Zhang et al., Iterative Nash policy optimization, ICLR 2025, arXiv:2407.00617, equation (8).

    Args:
        policy_margin: log π(y) - log π(y'); the gradient flows here.
        previous_margin: log π_t(y) - log π_t(y'), π_t the policy that the pairs were drawn from.
        reference_margin: log μ(y) - log μ(y').
        preference: P(y ≻ y'), or what a judge said.
        beta: β ≥ 0.
        rate: η > 0, η β ≤ 1.
        weights: see the module; π_t(y) π_t(y') where exact.
    """
    kept = (1 - rate * beta) * previous_margin + rate * beta * reference_margin
    return _regression(policy_margin, kept, rate * (preference - EVEN), weights)


def dno_loss(
    policy_margin: Tensor,
    previous_margin: Tensor,
    advantage_margin: Tensor,
    *,
    rate: float,
    weights: Tensor | None = None,
) -> Tensor:
    """-E[σ(r) log σ(D) + σ(-r) log σ(-D)], r = u(y) - u(y'), D = (log π(y)/π(y') - log π_t(y)/π_t(y')) / η: DNO.

    Its minimiser is soft policy iteration, log π = log π_t + η P(· ≻ π_t) + constant, whatever the pairs are drawn from. r must be a
    difference of win rates against π_t: a judge's 0 or 1 of the pair itself in place of σ(r) has another minimiser. As σ
    is curved, an r estimated from few comparisons pulls D towards 0 a little. The paper's η is 1/η here.

    Source: Rosset et al., Direct Nash optimization, arXiv:2404.03715, equation (8).

    Args:
        policy_margin: log π(y) - log π(y'); the gradient flows here.
        previous_margin: log π_t(y) - log π_t(y'); for the regularised form of appendix A give
            (1 - η β) of it + η β times that of μ.
        advantage_margin: r = P(y ≻ π_t) - P(y' ≻ π_t).
        rate: η > 0.
        weights: see the module.
    """
    ratio = (policy_margin - previous_margin.detach()) / rate
    gain = advantage_margin.detach()
    entropy = torch.sigmoid(gain) * logsigmoid(ratio) + torch.sigmoid(-gain) * logsigmoid(-ratio)
    return -_mean(entropy, weights)


def reinforce_loss(log_policy: Tensor, worth: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """-E[A(y) log π(y)], A held fixed: its gradient is minus that of E_π[A].

    Source: Williams, Simple statistical gradient-following algorithms, Machine Learning 8, 1992.

    Args:
        log_policy: log π(y) of y ~ π; the gradient flows here.
        worth: A(y).
        weights: see the module.
    """
    return -_mean(worth.detach() * log_policy, weights)


def advantage(log_policy: Tensor, win_rate: Tensor, log_reference: Tensor, *, beta: float) -> Tensor:
    """u(y) - 1/2 - β log(π(y) / μ(y)), without a gradient: what y is worth, net of the price of leaving the reference."""
    worth: Tensor = (win_rate - EVEN - beta * (log_policy - log_reference)).detach()
    return worth


def geometric_mixture(log_policy: Tensor, log_reference: Tensor, *, mixture: float) -> Tensor:
    """The logarithms of the policy proportional to π^(1 - c) μ^c, over the last axis: the opponent of Nash-MD.

    Args:
        log_policy: [..., n], all candidates, or all next tokens; logits will do.
        log_reference: [..., n].
        mixture: c from 0, the policy, to 1, the reference.
    """
    return torch.log_softmax((1 - mixture) * log_policy + mixture * log_reference, dim=-1)


def margins(logs: Tensor) -> Tensor:
    """logs[..., i] - logs[..., j] of all pairs, [..., n, n]."""
    return logs.unsqueeze(-1) - logs.unsqueeze(-2)


def _regression(margin: Tensor, kept: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    return _mean((margin - kept.detach() - target.detach()).square(), weights)


def _mean(terms: Tensor, weights: Tensor | None) -> Tensor:
    return terms.mean() if weights is None else (weights.detach() * terms).sum()

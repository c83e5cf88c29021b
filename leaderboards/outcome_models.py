"""What a comparison of two agents can end in, and how likely: three models of win, draw and loss with their derivatives.

x is the difference of the strengths, the first's less the second's; t the parameter of draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.special
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The log-likelihood of each cell [K] and its derivatives: ``dx`` = ∂/∂x, ``dxt`` = ∂²/∂x∂t and so on."""

    value: Array
    dx: Array
    dt: Array
    dxx: Array
    dxt: Array
    dtt: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeModel:
    """A model of outcomes.

    ``probabilities(x, t)``: of win, draw and loss, each [K]. ``terms(x, t, win, draw, loss)``: of counts [K]. ``tie_start``: a t
    at which equal agents draw as often as was seen. ``tie_name``, ``tie_value``: t as the literature writes it.
    """

    has_ties: bool
    probabilities: Callable[[Array, float], tuple[Array, Array, Array]]
    terms: Callable[[Array, float, Array, Array, Array], Terms]
    tie_start: Callable[[float], float]
    tie_name: str
    tie_value: Callable[[float], float]


def _half_probabilities(x: Array, _: float) -> tuple[Array, Array, Array]:
    win = scipy.special.expit(x)
    return win, np.zeros_like(win), 1 - win


def _half(x: Array, _: float, win: Array, draw: Array, loss: Array) -> Terms:
    total, points = win + draw + loss, win + draw / 2
    p = scipy.special.expit(x)
    nothing = np.zeros_like(p)
    return Terms(
        value=-points * np.logaddexp(0, -x) - (total - points) * np.logaddexp(0, x),
        dx=points - total * p,
        dt=nothing,
        dxx=-total * p * (1 - p),
        dxt=nothing,
        dtt=nothing,
    )


def _davidson_probabilities(x: Array, t: float) -> tuple[Array, Array, Array]:
    log_total = np.logaddexp(np.logaddexp(x / 2, -x / 2), t)
    return np.exp(x / 2 - log_total), np.exp(t - log_total), np.exp(-x / 2 - log_total)


def _davidson(x: Array, t: float, win: Array, draw: Array, loss: Array) -> Terms:
    total = win + draw + loss
    log_total = np.logaddexp(np.logaddexp(x / 2, -x / 2), t)
    won, drawn, lost = _davidson_probabilities(x, t)
    return Terms(
        value=(win - loss) * x / 2 + draw * t - total * log_total,
        dx=(win - loss) / 2 - total * (won - lost) / 2,
        dt=draw - total * drawn,
        dxx=-total * (won + lost - (won - lost) ** 2) / 4,
        dxt=total * drawn * (won - lost) / 2,
        dtt=-total * drawn * (1 - drawn),
    )


def _rao_kupper_probabilities(x: Array, t: float) -> tuple[Array, Array, Array]:
    won, lost = scipy.special.expit(x - t), scipy.special.expit(-x - t)
    return won, math.expm1(2 * t) * won * lost, lost


def _rao_kupper(x: Array, t: float, win: Array, draw: Array, loss: Array) -> Terms:
    if t <= 0:  # draws have no probability
        endless = np.full_like(x, -np.inf)
        return Terms(value=endless, dx=endless, dt=endless, dxx=endless, dxt=endless, dtt=endless)
    won, lost = scipy.special.expit(x - t), scipy.special.expit(-x - t)
    up, down = win + draw, loss + draw
    shrink = -math.expm1(-2 * t)  # 1 − e^(−2t)
    bend_up, bend_down = up * won * (1 - won), down * lost * (1 - lost)
    return Terms(
        value=-up * np.logaddexp(0, t - x) - down * np.logaddexp(0, t + x) + draw * (2 * t + math.log(shrink)),
        dx=up * (1 - won) - down * (1 - lost),
        dt=-up * (1 - won) - down * (1 - lost) + draw * 2 / shrink,
        dxx=-bend_up - bend_down,
        dxt=bend_up - bend_down,
        dtt=-bend_up - bend_down - draw * 4 * math.exp(-2 * t) / shrink**2,
    )


HALF = OutcomeModel(
    has_ties=False,
    probabilities=_half_probabilities,
    terms=_half,
    tie_start=lambda _: math.nan,
    tie_name="",
    tie_value=lambda t: t,
)
"""Bradley and Terry's: P(win) = σ(x), a draw counts as half a win and half a loss."""

DAVIDSON = OutcomeModel(
    has_ties=True,
    probabilities=_davidson_probabilities,
    terms=_davidson,
    tie_start=lambda share: math.log(2 * share / (1 - share)),
    tie_name="ties_nu",
    tie_value=math.exp,
)
"""Win : draw : loss = e^(x/2) : ν : e^(−x/2), ν = e^t. Davidson, On extending the Bradley-Terry model to accommodate ties in
paired comparison experiments, JASA 1970, doi:10.1080/01621459.1970.10481082."""

RAO_KUPPER = OutcomeModel(
    has_ties=True,
    probabilities=_rao_kupper_probabilities,
    terms=_rao_kupper,
    tie_start=lambda share: math.log((1 + share) / (1 - share)),
    tie_name="ties_theta",
    tie_value=math.exp,
)
"""P(win) = σ(x − t), P(loss) = σ(−x − t), else a draw: the difference must exceed a threshold; θ = e^t ≥ 1. Rao and Kupper, Ties
in paired-comparison experiments, JASA 1967, doi:10.1080/01621459.1967.10482901."""

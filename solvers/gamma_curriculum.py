"""A curriculum of temperatures: drawn from a gamma distribution that an exact teacher moves from random to rational play.

The temperature is α ~ Gamma(k, rate), mean k / rate, of a fixed rate. An update of the teacher solves

    min over k' of KL(Gamma(k') ‖ Gamma(target))
    subject to     KL(Gamma(k') ‖ Gamma(k)) ≤ ε
    and            1/M Σ_j p_k'(α_j) / p_k(α_j) J_j ≥ ξ,   where returns J_j were seen at temperatures α_j ~ Gamma(k, rate),

and keeps k where the returns seen already fall short of ξ. KL(Gamma(a) ‖ Gamma(b)) = (a − b) ψ(a) − ln Γ(a) + ln Γ(b) at one
rate; it grows as a leaves b on either side. So the answer is the nearest point to the target at which both constraints hold:
bracketed roots in one dimension, and no optimiser whose tolerances show in the answer.

Source: Reddi et al., Robust adversarial reinforcement learning via bounded rationality curricula, ICLR 2024,
arXiv:2311.01642; Klink et al., Self-paced deep reinforcement learning, NeurIPS 2020, arXiv:2004.11812.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.seeds import counter_hash, seed_of, unit

START, TARGET, RATE, MAX_DIVERGENCE = 50.0, 1.0, 1000.0, 0.5
"""The source's settings: temperatures of mean 0.05 at first and 0.001 at the end."""
UPDATES = 13
"""From START to TARGET by MAX_DIVERGENCE: as many as the teacher takes."""
TEMPERATURES = 30  # that returns are seen at before an update: the source's
SCAN = 1024  # points between k and the target at which the performance constraint is looked at before a root is closed in on
ROOT_TOLERANCE = 1e-13
TEMPERATURE_STREAM = 64


def gamma_divergence(shape: float, other: float) -> float:
    """KL(Gamma(shape) ‖ Gamma(other)) in nats, of two gamma distributions of one rate.

    Raises:
        ValueError: a shape is not positive and finite.
    """
    from scipy.special import digamma

    _check(shape=shape, other=other)
    return float((shape - other) * digamma(shape)) - math.lgamma(shape) + math.lgamma(other)


def next_shape(
    shape: float,
    *,
    target: float = TARGET,
    max_divergence: float = MAX_DIVERGENCE,
    rate: float = RATE,
    temperatures: ArrayLike = (),
    returns: ArrayLike = (),
    threshold: float | None = None,
) -> float:
    """The shape after one update of the teacher; ``shape`` itself where the returns seen fall short of `threshold`.

    Args:
        shape: k, of the distribution that `temperatures` were drawn from.
        target: the shape that the curriculum ends at.
        max_divergence: ε, the most that an update may move by, in nats.
        rate: of the gamma distributions, 1 / temperature.
        temperatures: α_j [M], above 0; read where there is a threshold.
        returns: J_j [M], what was earned at each of them; discounted, where the game is.
        threshold: ξ, the return to be kept up; None = no such constraint.

    Raises:
        ValueError: a number is not positive and finite, or temperatures and returns do not fit.
    """
    _check(shape=shape, target=target, max_divergence=max_divergence, rate=rate)
    allowed = _reached(shape, target, max_divergence)
    if threshold is None:
        return allowed
    performance = _performance(shape, rate, temperatures, returns)
    if not math.isfinite(threshold):
        raise ValueError(f"the threshold must be a finite return; got {threshold}")
    if performance(shape) < threshold:
        return shape
    if performance(allowed) >= threshold:
        return allowed
    points = np.linspace(allowed, shape, SCAN + 1)
    enough = next(i for i, point in enumerate(points) if performance(float(point)) >= threshold or i == SCAN)
    return _last_enough(performance, threshold, float(points[enough]), float(points[enough - 1]))


def taught_shape(
    shape: float,
    earned: Callable[[float], float],
    *,
    target: float,
    max_divergence: float,
    rate: float,
    threshold: float | None,
    seed: int,
    update: int,
) -> float:
    """`next_shape` where returns are seen at 30 temperatures drawn from Gamma(shape, rate), if there is a threshold to keep.

    Args:
        earned: the return at a temperature.
        seed, update: of `draw_temperatures`.
    """
    drawn = (
        ()
        if threshold is None
        else draw_temperatures(shape, rate=rate, count=TEMPERATURES, seed=seed, update=update).tolist()
    )
    return next_shape(
        shape,
        target=target,
        max_divergence=max_divergence,
        rate=rate,
        temperatures=drawn,
        returns=[earned(temperature) for temperature in drawn],
        threshold=threshold,
    )


def gamma_shapes(
    *, start: float = START, target: float = TARGET, max_divergence: float = MAX_DIVERGENCE
) -> tuple[float, ...]:
    """The whole sequence of shapes from `start` to `target` where performance constrains nothing, both ends included.

    Raises:
        ValueError: a number is not positive and finite.
    """
    shapes = [start]
    while shapes[-1] != target:
        shapes.append(next_shape(shapes[-1], target=target, max_divergence=max_divergence))
    return tuple(shapes)


def linear_temperatures(start: float, end: float, count: int, *, share: float = 2 / 3) -> NDArray[np.float64]:
    """Temperatures [count] that fall from `start` to `end` in equal steps over the first `share` of them, then stay.

    Raises:
        ValueError: temperatures that are not positive, no step, or a share outside (0, 1].
    """
    _check(start=start, end=end)
    if count < 1 or not 0 < share <= 1:
        raise ValueError(f"count must be at least 1 and share in (0, 1]; got {count} and {share}")
    steps = max(round(share * count) - 1, 1)
    passed = np.minimum(np.arange(count) / steps, 1.0)
    return start + (end - start) * passed


def draw_temperatures(shape: float, *, rate: float = RATE, count: int, seed: int, update: int) -> NDArray[np.float64]:
    """Temperatures [count] drawn from Gamma(shape, rate): a function of (seed, update) alone.

    Raises:
        ValueError: a number is not positive and finite.
    """
    from scipy.special import gammaincinv

    _check(shape=shape, rate=rate)
    words = counter_hash(np.uint64(seed_of(("gamma_curriculum", seed))), TEMPERATURE_STREAM + update, np.arange(count))
    drawn: NDArray[np.float64] = gammaincinv(shape, unit(words)) / rate
    return np.maximum(drawn, np.finfo(np.float64).tiny)


def _reached(shape: float, target: float, max_divergence: float) -> float:
    """The nearest point to the target that an update may move to."""
    from scipy.optimize import brentq

    if gamma_divergence(target, shape) <= max_divergence:
        return target
    return float(
        brentq(
            lambda point: gamma_divergence(point, shape) - max_divergence,
            min(target, shape),
            max(target, shape),
            xtol=ROOT_TOLERANCE,
        )
    )


def _performance(shape: float, rate: float, temperatures: ArrayLike, returns: ArrayLike) -> Callable[[float], float]:
    """The expected return at another shape, by importance weights."""
    drawn, earned = np.asarray(temperatures, np.float64), np.asarray(returns, np.float64)
    if drawn.ndim != 1 or drawn.shape != earned.shape or not drawn.size:
        raise ValueError(
            f"a threshold needs as many returns as temperatures, at least one; got shapes {earned.shape} and {drawn.shape}"
        )
    if not (np.isfinite(drawn) & (drawn > 0) & np.isfinite(earned)).all():
        raise ValueError("temperatures must be positive and finite, and returns finite")
    logarithms = np.log(drawn) + math.log(rate)
    constant = math.lgamma(shape)

    def performance(other: float) -> float:
        weights = np.exp((other - shape) * logarithms - math.lgamma(other) + constant)
        return float(np.mean(weights * earned))

    return performance


def _last_enough(performance: Callable[[float], float], threshold: float, enough: float, short: float) -> float:
    """Halves the interval between a point that keeps up the threshold and one that does not; returns one that does."""
    while True:
        middle = (enough + short) / 2
        if middle in (enough, short):
            return enough
        if performance(middle) >= threshold:
            enough = middle
        else:
            short = middle


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive and finite; got {value}")

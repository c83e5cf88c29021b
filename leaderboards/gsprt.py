"""The pentanomial sequential probability ratio test of two agents: few matches, with error rates that hold for long tests alone.

A pair of seat-swapped twins gives the first agent 0, 1/4, 1/2, 3/4 or 1 of its points. The five probabilities are unknown; each
hypothesis fixes one number of theirs, an Elo difference. The test compares how likely the pairs are under the most likely
probabilities of either hypothesis (a generalised likelihood ratio) and stops at Wald's bounds ln(β / (1 − α)) and
ln((1 − β) / α). Fluctuations of single matches, draws and the correlation of twins are in the five counts.

The bounds are Wald's for a ratio of known probabilities. Those here are fitted, so α and β hold in the limit of small
differences and long tests; docs/explanation/sequential-tests.md has measured rates. `sequential_test` makes no such assumption.

A score that was not seen yet counts as `UNSEEN` pairs, so that every hypothesis stays possible. Where all pairs are alike the
ratio is finite and moves slowly; in normalised Elo, whose unit is then unknown, it stays 0.

Sources: Wald, Sequential tests of statistical hypotheses, Annals of Mathematical Statistics 1945, doi:10.1214/aoms/1177731118
(bounds); Li, Liu and Ying, Generalized sequential probability ratio test for separate families of hypotheses, Sequential
Analysis 2014, doi:10.1080/07474946.2014.961861; Van den Bergh, A practical introduction to the GSPRT, and Normalized Elo,
2020-21 (multinomial maximum likelihood under a fixed mean, and under a fixed ratio of mean to standard deviation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numba as nb
import numpy as np
from numpy.typing import NDArray

PAIR_SCORES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
UNSEEN = 1e-3
"""Pairs that a score counts that was not seen: too few to matter, enough to keep likelihoods finite."""
NORMALIZED_PER_MATCH = 800 / math.log(10)
"""Normalised Elo of a match whose expected score is one standard deviation above 1/2."""
STEPS, ROUNDS, TOLERANCE = 60, 200, 1e-12

Scale = Literal["logistic", "normalized"]
GsprtVerdict = Literal["above_elo0", "below_elo1", "not_told_apart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GsprtDecision:
    """What the test says.

    ``above_elo0``: the difference elo1 is accepted, elo0 and less are rejected; ``below_elo1``: the reverse. ``at``: the number
    of pairs read when it decided, None while undecided; ``pairs``: the number read. ``score``: the first agent's mean share of
    the points in them (nan without pairs). ``counts`` int64 [5] of their scores. ``path`` float64 [pairs]: the log-likelihood
    ratio of elo1 to elo0 after each pair; ``low``, ``high``: where it decides.
    """

    decided: bool
    verdict: GsprtVerdict
    at: int | None
    elo0: float
    elo1: float
    alpha: float
    beta: float
    scale: Scale
    pairs: int
    score: float
    counts: NDArray[np.int64]
    path: NDArray[np.float64]
    low: float
    high: float

    @property
    def better(self) -> Literal["first", "second"] | None:
        """Who is better, where the accepted hypothesis and the rejected one leave no other answer."""
        if self.verdict == "above_elo0" and self.elo0 >= 0:
            return "first"
        return "second" if self.verdict == "below_elo1" and self.elo1 <= 0 else None

    def sentence(self, first: str = "the first agent", second: str = "the second agent") -> str:
        """The verdict in words, with its error rate."""
        read = f"{self.pairs:,} pair{'' if self.pairs == 1 else 's'} of matches"
        unit = "Elo" if self.scale == "logistic" else "normalised Elo"
        if not self.decided:
            ratio = (
                f", log-likelihood ratio {self.path[-1]:+.2f} in {self.low:.2f}..{self.high:.2f}" if self.pairs else ""
            )
            return f"{first} and {second} are not told apart by {read}{ratio}"
        points = f"{100 * self.score:.0f}\N{NO-BREAK SPACE}% of the points in {read}"
        if self.verdict == "above_elo0":
            said, rate = f"more than {self.elo0:g} {unit} above", self.alpha
        else:
            said, rate = f"less than {self.elo1:g} {unit} above", self.beta
        beats = {"first": f"{first} beats {second}: ", "second": f"{second} beats {first}: ", None: ""}[self.better]
        return f"{beats}{first} is {said} {second}, with {points} (a wrong verdict has a probability of about {rate:g})"


def gsprt(
    pair_scores: Sequence[float] | NDArray[np.float64],
    *,
    elo0: float = 0.0,
    elo1: float = 10.0,
    alpha: float = 0.05,
    beta: float = 0.05,
    scale: Scale = "logistic",
) -> GsprtDecision:
    """Whether the first of two agents is elo1 above the second rather than elo0, read after every pair.

    If the true difference is elo0 or less, elo1 is accepted with a probability of about `alpha`; if it is elo1 or more, elo0 is
    accepted with about `beta`. In between either is. To ask who is better choose elo0 = 0.

    Args:
        pair_scores: [pairs], in schedule order: the first agent's share of the points in each pair of seat-swapped twins, one
            of 0, 1/4, 1/2, 3/4 and 1.
        elo0: the smaller difference.
        elo1: the larger one; differences of up to ±1,500.
        alpha: in (0, 1/2).
        beta: in (0, 1/2).
        scale: ``logistic``: expected score 1 / (1 + 10^(−elo / 400)). ``normalized``: elo · ln 10 / 800 standard deviations of
            one match above 1/2, the twins' correlation taken in; how long a test lasts is then the same at every share of draws.

    Raises:
        ValueError: another score (games of graded results: use `sequential_test` or `score_sequence`), or a setting out of its
            range.
    """
    check_hypotheses(elo0=elo0, elo1=elo1, alpha=alpha, beta=beta, scale=scale)
    classes = score_classes(pair_scores)
    low, high = wald_bounds(alpha=alpha, beta=beta)
    path, stops, _ = _watch(classes[None, :], *_targets(elo0, elo1, scale), scale == "normalized", low, high, True)
    decided = bool(stops[0] > 0)
    pairs = int(stops[0]) if decided else len(classes)
    ratios = path[0, :pairs]
    counts = np.bincount(classes[:pairs], minlength=5).astype(np.int64)
    verdict: GsprtVerdict = "not_told_apart"
    if decided:
        verdict = "above_elo0" if ratios[-1] >= high else "below_elo1"
    return GsprtDecision(
        decided=decided,
        verdict=verdict,
        at=pairs if decided else None,
        elo0=elo0,
        elo1=elo1,
        alpha=alpha,
        beta=beta,
        scale=scale,
        pairs=pairs,
        score=float(counts @ PAIR_SCORES / pairs) if pairs else math.nan,
        counts=counts,
        path=ratios,
        low=low,
        high=high,
    )


def log_likelihood_ratio(
    counts: Sequence[float] | NDArray[np.float64], *, elo0: float, elo1: float, scale: Scale = "logistic"
) -> float:
    """ln of how much likelier the pairs are under elo1 than under elo0, each at its most likely five probabilities.

    Args:
        counts: [5], pairs in which the first agent had 0, 1/4, 1/2, 3/4 and 1 of the points.

    Raises:
        ValueError: not five counts of at least 0, or a hypothesis out of its range.
    """
    check_hypotheses(elo0=elo0, elo1=elo1, alpha=0.05, beta=0.05, scale=scale)
    seen = np.asarray(counts, np.float64)
    if seen.shape != (5,) or not np.all((seen >= 0) & np.isfinite(seen)):
        raise ValueError(f"counts must be five numbers of at least 0; got {counts!r}")
    return float(_ratio(seen, *_targets(elo0, elo1, scale), scale == "normalized", np.zeros(2)))


def most_likely(
    counts: Sequence[float] | NDArray[np.float64], *, elo: float, scale: Scale = "logistic"
) -> NDArray[np.float64]:
    """[5]: the probabilities of the five pair scores that make the counts most likely, given the difference `elo`.

    Raises:
        ValueError: no five counts, or in normalised Elo counts of fewer than two different scores.
    """
    seen = np.asarray(counts, np.float64)
    if seen.shape != (5,) or not np.all(seen >= 0) or (seen > 0).sum() < 1 + (scale == "normalized"):
        raise ValueError(f"counts must be five numbers of at least 0 with enough pairs in them; got {counts!r}")
    share = np.where(seen > 0, seen, UNSEEN)
    share /= share.sum()
    target, _ = _targets(elo, elo, scale)
    fitted: NDArray[np.float64] = np.empty(5)
    _fit(share, target, scale == "normalized", 0.0, fitted)
    return fitted


def watched(
    classes: NDArray[np.int8], *, elo0: float, elo1: float, alpha: float, beta: float, scale: Scale = "logistic"
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """(pairs read when each of R tests stopped [R], 0 where it did not; 1 where elo1 was accepted, −1 elo0, 0 neither [R]).

    Args:
        classes: [R, pairs], 4 × the pair scores, as `score_classes` gives them.
    """
    check_hypotheses(elo0=elo0, elo1=elo1, alpha=alpha, beta=beta, scale=scale)
    low, high = wald_bounds(alpha=alpha, beta=beta)
    _, stops, sides = _watch(classes, *_targets(elo0, elo1, scale), scale == "normalized", low, high, False)
    return stops, sides


def wald_bounds(*, alpha: float, beta: float) -> tuple[float, float]:
    """Where the log-likelihood ratio decides: for the smaller difference at or below the first, for the larger at the second."""
    return math.log(beta / (1 - alpha)), math.log((1 - beta) / alpha)


def score_classes(pair_scores: Sequence[float] | NDArray[np.float64]) -> NDArray[np.int8]:
    """4 × the pair scores. Raises `ValueError` where one is not a multiple of 1/4 in 0..1."""
    scores = np.asarray(pair_scores, np.float64)
    classes = 4 * scores
    if scores.ndim != 1 or not np.all((classes >= 0) & (classes <= 4) & (classes == np.round(classes))):
        raise ValueError(
            "the pentanomial test reads pairs of won, drawn and lost matches: scores 0, 1/4, 1/2, 3/4 and 1; "
            "graded scores are for sequential_test and score_sequence, which take any in 0..1"
        )
    return classes.astype(np.int8)


def check_hypotheses(*, elo0: float, elo1: float, alpha: float, beta: float, scale: str = "logistic") -> None:
    """Raises `ValueError` where no test can be made of them."""
    if scale not in get_args(Scale):
        raise ValueError(f"scale must be one of {', '.join(get_args(Scale))}; got {scale!r}")
    if not (-1500 <= elo0 < elo1 <= 1500):
        raise ValueError(f"elo0 must be less than elo1, both in -1500..1500; got {elo0:g} and {elo1:g}")
    if not (0 < alpha < 0.5 and 0 < beta < 0.5):
        raise ValueError(f"alpha and beta must be in (0, 0.5); got {alpha:g} and {beta:g}")


def _targets(elo0: float, elo1: float, scale: Scale) -> tuple[float, float]:
    """Expected scores, or how many standard deviations of a pair these are above 1/2."""
    if scale == "logistic":
        return 1 / (1 + 10 ** (-elo0 / 400)), 1 / (1 + 10 ** (-elo1 / 400))
    pair = math.sqrt(2) / NORMALIZED_PER_MATCH  # a pair's mean varies less than a match by √2
    return elo0 * pair, elo1 * pair


@nb.njit(cache=True, error_model="numpy")
def _watch(classes, target0, target1, normalized, low, high, keep):  # type: ignore[no-untyped-def]  # numba kernel
    runs, pairs = classes.shape
    path = np.zeros((runs if keep else 0, pairs))
    stops, sides = np.zeros(runs, np.int64), np.zeros(runs, np.int8)
    counts, start = np.empty(5), np.empty(2)
    for run in range(runs):
        counts[:] = 0.0
        start[:] = 0.0
        for pair in range(pairs):
            counts[np.uint32(classes[run, pair])] += 1
            ratio = _ratio(counts, target0, target1, normalized, start)
            if keep:
                path[run, pair] = ratio
            if ratio >= high or ratio <= low:
                stops[run] = pair + 1
                sides[run] = 1 if ratio >= high else -1
                break
    return path, stops, sides


@nb.njit(cache=True, error_model="numpy")
def _ratio(counts, target0, target1, normalized, start):  # type: ignore[no-untyped-def]  # numba kernel
    """`start` [2]: the multipliers at which the two searches begin; left at those found."""
    share, total, kinds = np.empty(5), 0.0, 0
    for k in range(5):
        share[k] = counts[k] if counts[k] > 0 else UNSEEN
        total += share[k]
        kinds += counts[k] > 0
    if kinds < 1 + normalized:  # pairs all alike have no standard deviation to measure by
        return 0.0
    for k in range(5):
        share[k] /= total
    smaller, larger = np.empty(5), np.empty(5)
    start[0] = _fit(share, target0, normalized, start[0], smaller)
    start[1] = _fit(share, target1, normalized, start[1], larger)
    ratio = 0.0
    for k in range(5):
        ratio += share[k] * np.log(larger[k] / smaller[k])
    return total * ratio


@nb.njit(cache=True, error_model="numpy")
def _fit(share, target, normalized, multiplier, fitted):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills `fitted` [5] with the most likely probabilities; returns the multiplier of the constraint."""
    away = np.empty(5)
    if not normalized:
        for k in range(5):
            away[k] = PAIR_SCORES[k] - target
        return _tilt(share, away, multiplier, fitted)
    for k in range(5):
        fitted[k] = share[k]
    for _ in range(ROUNDS):  # the gradient of mean − target · deviation, at the probabilities so far
        mean, square = 0.0, 0.0
        for k in range(5):
            mean += fitted[k] * PAIR_SCORES[k]
            square += fitted[k] * PAIR_SCORES[k] ** 2
        deviation = np.sqrt(max(square - mean * mean, 1e-12))
        for k in range(5):
            apart = (PAIR_SCORES[k] - mean) / deviation
            away[k] = PAIR_SCORES[k] - 0.5 - target * deviation * (1 + apart * apart) / 2
        before = fitted.copy()
        multiplier = _tilt(share, away, multiplier, fitted)
        change = 0.0
        for k in range(5):
            change = max(change, abs(fitted[k] - before[k]))
        if change < 1e-9:
            break
    return multiplier


@nb.njit(cache=True, error_model="numpy")
def _tilt(share, away, multiplier, fitted):  # type: ignore[no-untyped-def]  # numba kernel
    """share / (1 + λ · away), with the λ for which Σ fitted · away = 0: Newton steps kept between ends that close in."""
    least, most = away.min(), away.max()
    left, right = -1 / most, -1 / least
    if not left < multiplier < right:
        multiplier = 0.0
    for _ in range(STEPS):
        value, slope = 0.0, 0.0
        for k in range(5):
            part = away[k] / (1 + multiplier * away[k])
            value += share[k] * part
            slope += share[k] * part * part
        if value > 0:
            left = multiplier
        else:
            right = multiplier
        if abs(value) < TOLERANCE:
            break
        step = multiplier + value / slope
        multiplier = step if left < step < right else (left + right) / 2
    total = 0.0
    for k in range(5):
        fitted[k] = share[k] / (1 + multiplier * away[k])
        total += fitted[k]
    for k in range(5):  # exactly 1 at the λ sought
        fitted[k] /= total
    return multiplier

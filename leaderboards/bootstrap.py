"""Resampling of matches: what ratings would be on other samples of the same league, twins kept together.

The Bayesian bootstrap: every unit of resampling (a pair of seat-swapped twins) gets an independent exponential weight of
mean 1 in place of a count. No unit vanishes, so that agents who met still have met in every resample, and a likelihood
that has a maximum keeps it. The weights are a hash of (seed, resample, unit), so that neither the order of matches nor
the numbering of agents changes them.

Source: Rubin, The Bayesian bootstrap, The Annals of Statistics 1981, doi:10.1214/aos/1176345338.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import Comparisons

RESAMPLES = 200
SEED = 0
EVEN = 0.5
PSEUDO_UNITS = np.int64(1) << 40
"""Where the numbers of the units of unknown outcome begin; units of matches are numbered from 0."""


def unit_weights(num_units: int, *, resample: int, seed: int = SEED) -> NDArray[np.float64]:
    """The weight [num_units] of each unit in a resample: exponential, mean 1."""
    weights: NDArray[np.float64] = _exponentials(np.arange(num_units), resample, seed)
    return weights


def unit_contents(compared: Comparisons) -> NDArray[np.uint64]:
    """A hash [num_units] of what each unit holds: who scored what against whom, in whatever order and however it is numbered."""
    contents: NDArray[np.uint64] = _contents(
        compared.first, compared.second, compared.score, compared.weight, compared.unit, compared.num_units
    )
    return contents


def resampled_scores(
    compared: Comparisons, agents: tuple[str, ...], *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.float64]:
    """Head-to-head scores [resamples, A, A] of resampled matches, nan where two never met, 1/2 on the diagonal.

    To every pair that met, one unit of unknown outcome won and one lost are added, each with a random weight as the others:
    of units that are won or lost a score then has the posterior law of a uniform prior, and it has a spread even where
    all units ended alike.

    Args:
        agents: [A], names; the order of the names, not of the agents, decides which random weights an unknown unit gets.
    """
    size = compared.num_agents
    low, high = np.minimum(compared.first, compared.second), np.maximum(compared.first, compared.second)
    points = compared.weight * np.where(compared.first == low, compared.score, 1 - compared.score)
    # one entry a unit and pair of agents
    key, entry = np.unique((compared.unit * size + low) * size + high, return_inverse=True)
    weight, won = np.bincount(entry, compared.weight), np.bincount(entry, points)
    unit, pair = key // (size * size), key % (size * size)
    pairs, at = np.unique(pair, return_inverse=True)
    mean_weight = np.bincount(at, weight) / np.maximum(np.bincount(at), 1)
    place = np.argsort(np.argsort(np.array(agents, dtype=np.str_), kind="stable"))
    one, two = pairs // size, pairs % size
    swapped = place[one] > place[two]
    code = np.minimum(place[one], place[two]) * size + np.maximum(place[one], place[two])
    draws = np.full((resamples, size, size), np.nan)
    draws[:, np.arange(size), np.arange(size)] = EVEN
    for resample in range(resamples):
        times = _exponentials(unit, resample, seed)  # `unit_weights` of the units that are compared here, and no others
        first_won = mean_weight * _exponentials(PSEUDO_UNITS + 2 * code, resample, seed)
        first_lost = mean_weight * _exponentials(PSEUDO_UNITS + 2 * code + 1, resample, seed)
        total = np.bincount(at, times * weight, minlength=len(pairs)) + first_won + first_lost
        score = np.bincount(at, times * won, minlength=len(pairs)) + np.where(swapped, first_lost, first_won)
        draws[resample, one, two] = score / total
        draws[resample, two, one] = 1 - score / total
    return draws


def unknown_outcomes(agents: tuple[str, ...], *, resample: int, seed: int = SEED) -> NDArray[np.float64]:
    """[A, 2]: how often each agent won and lost one unit of unknown outcome against the field, 1/2 each on the average.

    So a resample of few matches, or of matches that all ended alike, differs from them, as another sample of the league might.

    Args:
        agents: [A], names; their order, not that of the agents, decides which random weights an agent gets.
    """
    place = np.argsort(np.argsort(np.array(agents, dtype=np.str_), kind="stable"))
    numbers = PSEUDO_UNITS + 2 * place[:, None] + np.arange(2)
    drawn: NDArray[np.float64] = _exponentials(numbers.ravel(), resample, seed) / 2
    return drawn.reshape(-1, 2)


def quantiles(draws: NDArray[np.float64], shares: Sequence[float]) -> NDArray[np.float64]:
    """The quantiles [len(shares), ...] of the draws [R, ...]: the k-th smallest of R is the one at k / (R + 1).

    So one more draw is below it with the probability that it is asked for, whatever the law of the draws.
    """
    found: NDArray[np.float64] = np.quantile(draws, shares, axis=0, method="weibull")
    return found


def percentile_bounds(
    scores: NDArray[np.float64], draws: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(intervals [A, 2] from the quantiles of `draws` [R, A], widened to hold the score; who is above whom [A, A]).

    One agent is above another where it has the larger score in all resamples but the share (1 − confidence) / 2, and has so
    itself. Without resamples the intervals are nan and nobody is above anybody.
    """
    size = len(scores)
    if not len(draws):
        return np.full((size, 2), np.nan), np.zeros((size, size), np.bool_)
    tail = (1 - confidence) / 2
    low, high = quantiles(draws, [tail, 1 - tail])
    intervals = np.stack((np.minimum(low, scores), np.maximum(high, scores)), axis=1)
    larger = np.zeros((size, size))
    for draw in draws:
        larger += draw[:, None] > draw
    above = (larger >= (1 - tail) * len(draws)) & (scores[:, None] > scores)
    return intervals, above


@nb.njit(cache=True, error_model="numpy")
def _exponentials(numbers, resample, seed):  # type: ignore[no-untyped-def]  # numba kernel
    """−ln u of the hash u in (0, 1) of each number: splitmix64's finaliser, thrice keyed."""
    made = np.empty(len(numbers))
    start = _mixed(_mixed(np.uint64(seed)) ^ np.uint64(resample))
    for k in range(len(numbers)):
        word = _mixed(start ^ np.uint64(numbers[k])) >> np.uint64(11)
        made[k] = -np.log((np.float64(word) + 0.5) * 2.0**-53)
    return made


@nb.njit(cache=True, error_model="numpy")
def _contents(first, second, score, weight, unit, num_units):  # type: ignore[no-untyped-def]  # numba kernel
    contents = np.zeros(num_units, np.uint64)
    ahead, behind = (weight * score).view(np.uint64), (weight * (1 - score)).view(np.uint64)
    for k in range(len(unit)):
        one = _mixed(np.uint64(first[k]) ^ _mixed(ahead[k]))
        two = _mixed(np.uint64(second[k]) ^ _mixed(behind[k]))
        contents[unit[k]] += _mixed(one + two)  # sums do not know of an order
    return contents


@nb.njit(cache=True, error_model="numpy")
def _mixed(word):  # type: ignore[no-untyped-def]  # numba kernel
    word = np.uint64(word + np.uint64(0x9E3779B97F4A7C15))
    word = np.uint64((word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9))
    word = np.uint64((word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB))
    return word ^ (word >> np.uint64(31))

"""Glicko-2: a rating with its deviation and volatility, moved period by period; for agents that change.

A period is a number of consecutive matches taken as played at once. Between periods every deviation grows by the volatility, so
that what was learnt is slowly forgotten; the volatility grows where results surprise.

Source: Glickman, Dynamic paired comparison models with stochastic variances, Journal of Applied Statistics 2001,
doi:10.1080/02664760120059219; Glickman, Example of the Glicko-2 system, 2013, glicko.net/glicko/glicko2.pdf, the steps of
which are numbered here as there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.comparisons import comparisons, groups_of, pair_sums
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record

SCALE = 400 / math.log(10)
START, START_DEVIATION, START_VOLATILITY = 1500.0, 350.0, 0.06
TAU = 0.5
MATCHES_A_PERIOD = 15
"""Of each agent, on the average: the system works best from 10 to 15 on (Glickman 2013)."""
TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Glicko2State:
    """Each agent's ``rating``, ``deviation`` (both on the scale of 1500 and 350) and ``volatility``, float64 [A]."""

    rating: NDArray[np.float64]
    deviation: NDArray[np.float64]
    volatility: NDArray[np.float64]


def glicko2(
    record: Record, *, matches_a_period: float = MATCHES_A_PERIOD, tau: float = TAU, confidence: float = 0.95
) -> Ratings:
    """Each agent's Glicko-2 rating after the last period; the interval is rating ± z deviations.

    Matches are taken in their canonical order: by number of the pair of twins, within a pair as they stand. Agents start at
    1500 ± 350, volatility 0.06. A match of more players counts as its comparisons, with their weights.

    Args:
        record: the matches.
        matches_a_period: how many matches of each agent, on the average, make a period; above 0.
        tau: how fast volatilities change, 0.3 to 1.2 as a rule; above 0.
        confidence: of the intervals.

    Raises:
        ValueError: a setting out of its range.
    """
    if not matches_a_period > 0 or not tau > 0 or not 0 < confidence < 1:
        raise ValueError(
            "matches_a_period and tau must be above 0, confidence in (0, 1); got "
            f"{matches_a_period}, {tau} and {confidence}"
        )
    compared = comparisons(record)
    size = compared.num_agents
    met = pair_sums(compared, compared.weight)
    groups = groups_of(met + met.T > 0)
    alone = np.bincount(groups, minlength=1)[groups] == 1
    state = Glicko2State(
        rating=np.full(size, START),
        deviation=np.full(size, START_DEVIATION),
        volatility=np.full(size, START_VOLATILITY),
    )
    # an agent's matches number 2 Σ weight / agents: each comparison has two agents, a match the weight 1 for each seat
    played = np.cumsum(compared.weight) * 2 / max(int((~alone).sum()), 1)
    period = np.minimum(played / matches_a_period, np.iinfo(np.int32).max).astype(np.int64)
    period = period[_first_of_match(compared.match)] if len(period) else period
    borders = np.flatnonzero(np.diff(period)) + 1
    for part in np.split(np.arange(len(compared)), borders) if len(compared) else []:
        state = glicko2_period(
            state, compared.first[part], compared.second[part], compared.score[part], compared.weight[part], tau=tau
        )
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scores, deviation = np.where(alone, np.nan, state.rating), np.where(alone, np.nan, state.deviation)
    apart = z * np.hypot(deviation[:, None], deviation)
    return Ratings(
        method="glicko2",
        names=record.agents,
        scores=scores,
        intervals=np.stack((scores - z * deviation, scores + z * deviation), axis=1),
        groups=groups,
        above=(scores[:, None] - scores > apart) & (groups[:, None] == groups),
        matches=compared.matches,
        confidence=confidence,
        settings={"tau": tau, "periods": len(borders) + 1 if len(compared) else 0, "intervals": "rating deviations"},
        notes=tuple(group_notes(record.agents, groups)),
    )


def glicko2_period(
    state: Glicko2State,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    score: NDArray[np.float64],
    weight: NDArray[np.float64],
    *,
    tau: float = TAU,
) -> Glicko2State:
    """The state after one period of comparisons [C]: `score` of the first agent against the second, `weight` each."""
    mu, phi = (state.rating - START) / SCALE, state.deviation / SCALE
    information, surprise = np.zeros(len(mu)), np.zeros(len(mu))
    _sums(mu, phi, first, second, score, weight, information, surprise)
    volatility = state.volatility.copy()
    played = information > 0
    if played.any():
        variance = 1 / information[played]
        improvement = variance * surprise[played]
        volatility[played] = _volatilities(improvement, phi[played], variance, volatility[played], tau)
    before = np.hypot(phi, volatility)  # step 6
    after = 1 / np.sqrt(1 / before**2 + information)  # step 7
    return Glicko2State(
        rating=START + SCALE * (mu + after**2 * surprise), deviation=SCALE * after, volatility=volatility
    )


def _first_of_match(match: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each comparison the place of the first one of its match: a match is not split between periods."""
    begins = np.concatenate(([True], match[1:] != match[:-1]))
    places: NDArray[np.int64] = np.maximum.accumulate(np.where(begins, np.arange(len(match)), 0))
    return places


@nb.njit(cache=True, error_model="numpy")
def _sums(mu, phi, first, second, score, weight, information, surprise):  # type: ignore[no-untyped-def]  # numba kernel
    """Step 3 and the sum of step 4: Σ g² E (1 − E) and Σ g (s − E) over each agent's comparisons."""
    g = 1 / np.sqrt(1 + 3 * phi**2 / np.pi**2)
    for k in range(len(first)):
        i, j = np.uint32(first[k]), np.uint32(second[k])
        expected = 1 / (1 + np.exp(-g[j] * (mu[i] - mu[j])))
        information[i] += weight[k] * g[j] ** 2 * expected * (1 - expected)
        surprise[i] += weight[k] * g[j] * (score[k] - expected)
        expected = 1 / (1 + np.exp(-g[i] * (mu[j] - mu[i])))
        information[j] += weight[k] * g[i] ** 2 * expected * (1 - expected)
        surprise[j] += weight[k] * g[i] * (1 - score[k] - expected)


@nb.njit(cache=True, error_model="numpy")
def _volatilities(improvement, phi, variance, volatility, tau):  # type: ignore[no-untyped-def]  # numba kernel
    """Step 5: the volatility that explains the improvement, by the Illinois rule; of several, the one that Glickman's bracket leads to."""
    found = np.empty(len(phi))
    for k in range(len(phi)):
        delta2, phi2, v, start = improvement[k] ** 2, phi[k] ** 2, variance[k], np.log(volatility[k] ** 2)
        a = start
        if delta2 > phi2 + v:
            b = np.log(delta2 - phi2 - v)
        else:
            step = 1
            while _slope(start - step * tau, delta2, phi2, v, start, tau) < 0:
                step += 1
            b = start - step * tau
        at_a, at_b = _slope(a, delta2, phi2, v, start, tau), _slope(b, delta2, phi2, v, start, tau)
        while np.abs(b - a) > TOLERANCE:
            c = a + (a - b) * at_a / (at_b - at_a)
            at_c = _slope(c, delta2, phi2, v, start, tau)
            if at_c * at_b <= 0:
                a, at_a = b, at_b
            else:
                at_a /= 2
            b, at_b = c, at_c
        found[k] = np.exp(a / 2)
    return found


@nb.njit(cache=True, error_model="numpy")
def _slope(x, delta2, phi2, v, start, tau):  # type: ignore[no-untyped-def]  # numba kernel
    power = np.exp(x)
    total = phi2 + v + power
    return power * (delta2 - total) / (2 * total**2) - (x - start) / tau**2

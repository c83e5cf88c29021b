"""How many matches a question needs: a fixed number of them, or until a sequential test decides.

Matches come in pairs of seat-swapped twins. A pair's mean score varies by what its five probabilities say; these are made of the
expected score, the share of draws, and the correlation of the twins (negative where sitting first decides, positive where luck
does). Fixed samples by the normal approximation; sequential tests by simulation, with the error of the simulation.

Sources: the sample size of a two-sided test of a mean with given power, for example Cohen, Statistical power analysis, 1988; widths
of intervals from the sandwich H⁻¹ B H⁻¹ of `bradley_terry` where all agents are equal, in closed form.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.gsprt import PAIR_SCORES, watched
from arena.leaderboards.sequential_test import BETS, EVEN

ELO = 400 / math.log(10)
LONGER = 10
"""Simulated tests may last so many times the fixed sample."""
CELLS, FEWEST_RUNS, MOST_RUNS = 30_000_000, 100, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A sequential test where the difference is what is planned for. ``pairs``: mean number until it decided, with its standard
    ``error``; ``nine_of_ten``: as many are enough in 90 % of the runs; ``right``: share of all runs that said who is better;
    ``open``: share not decided within ``most`` pairs, which count as that many."""

    runs: int
    pairs: float
    error: float
    nine_of_ten: float
    right: float
    open: float
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``fixed_pairs``: of twins, for `power` at `alpha`; ``deviation``: of a pair's mean score. Simulations are None where the
    difference is too small to simulate. ``half_width``: of the 95 % intervals of the ratings, and ``difference_half_width``
    of the difference of two, in Elo, where `agents` equal agents play a round robin of ``fixed_pairs`` pairs each."""

    score: float
    elo: float
    draws: float
    correlation: float
    alpha: float
    power: float
    agents: int
    deviation: float
    fixed_pairs: int
    gsprt: Simulated | None
    betting: Simulated | None
    half_width: float
    difference_half_width: float

    def sentence(self) -> str:
        """What to play."""
        said = (
            f"To tell a difference of {self.elo:.3g} Elo (score {self.score:.4f}) from none takes {2 * self.fixed_pairs:,} matches "
            f"of a pair of agents, with a power of {100 * self.power:g}\N{NO-BREAK SPACE}% at an error rate of {self.alpha:g}"
        )
        if self.gsprt is None or self.betting is None:
            return said + "; it is too small to simulate the sequential tests."
        return said + (
            f"; until decided about {2 * self.gsprt.pairs:,.0f} by the pentanomial test and {2 * self.betting.pairs:,.0f} by the "
            "betting test."
        )

    def to_dict(self) -> dict[str, object]:
        """All of it in types of JSON."""
        return {**asdict(self), "sentence": self.sentence(), "fixed_matches": 2 * self.fixed_pairs}


def plan(
    *,
    score: float | None = None,
    difference: float | None = None,
    draws: float = 0.3,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.9,
    agents: int = 2,
    seed: int = 1,
) -> Plan:
    """How many matches tell a difference from none.

    Args:
        score: the better agent's expected share of the points, in (1/2, 1); or
        difference: in Elo, above 0.
        draws: share of the matches, in 0..1.
        correlation: of the two scores of twins, in (−1, 1), as far as scores of this mean can have it.
        alpha: of a wrong verdict, two-sided; each sequential test has it too.
        power: probability that a difference is found, in (alpha, 1).
        agents: in the round robin of which interval widths are said, at least 2.
        seed: of the simulations.

    Raises:
        ValueError: neither or both of score and difference, or a number out of its range.
    """
    if (score is None) == (difference is None):
        raise ValueError("give either score or difference")
    if score is None:
        assert difference is not None
        if not 0 < difference <= 1000:
            raise ValueError(f"difference must be in (0, 1000] Elo; got {difference:g}")
        score = 1 / (1 + 10 ** (-difference / 400))
    if not 0.5 < score < 1:
        raise ValueError(f"score must be in (0.5, 1); got {score:g}")
    if not 0 < alpha < 0.5 or not alpha < power < 1:
        raise ValueError(f"alpha must be in (0, 0.5), power in (alpha, 1); got {alpha:g} and {power:g}")
    if agents < 2:
        raise ValueError(f"agents must be at least 2; got {agents}")
    five = pair_probabilities(score, draws=draws, correlation=correlation)
    deviation = math.sqrt(five @ (PAIR_SCORES - score) ** 2)
    even = pair_probabilities(EVEN, draws=draws, correlation=correlation)
    spread = float(even @ (PAIR_SCORES - EVEN) ** 2)
    pairs = fixed_pairs(score, deviation=deviation, alpha=alpha, power=power)
    elo = 400 * math.log10(score / (1 - score))
    runs = min(MOST_RUNS, CELLS // (LONGER * pairs))
    gsprt = betting = None
    if runs >= FEWEST_RUNS:
        classes = simulated_pairs(five, runs=runs, pairs=LONGER * pairs, seed=seed)
        stops, sides = watched(classes, elo0=0, elo1=elo, alpha=alpha, beta=1 - power)
        gsprt = _summary(stops, sides, LONGER * pairs)
        betting = _summary(*betting_stops(classes, alpha=alpha), LONGER * pairs)
    z = NormalDist().inv_cdf(0.975)
    return Plan(
        score=score,
        elo=elo,
        draws=draws,
        correlation=correlation,
        alpha=alpha,
        power=power,
        agents=agents,
        deviation=deviation,
        fixed_pairs=pairs,
        gsprt=gsprt,
        betting=betting,
        half_width=z * ELO * math.sqrt(16 * spread * (agents - 1) / (pairs * agents**2)),
        difference_half_width=z * ELO * math.sqrt(32 * spread / (pairs * agents)),
    )


def pair_probabilities(score: float, *, draws: float, correlation: float = 0.0) -> NDArray[np.float64]:
    """[5]: probabilities of the pair scores 0, 1/4, 1/2, 3/4, 1 of twins that each have this mean score, share of draws, and this
    correlation: independent twins mixed with equal ones, or with those that are least alike.

    Raises:
        ValueError: no such distribution.
    """
    win, lose = score - draws / 2, 1 - score - draws / 2
    if not 0 <= draws <= 1 or win < -1e-12 or lose < -1e-12:
        raise ValueError(f"a share of draws of {draws:g} is impossible at a mean score of {score:g}")
    single = np.clip(np.array([lose, draws, win]), 0, 1)
    joint = np.outer(single, single)
    if correlation:
        other = np.diag(single) if correlation > 0 else _least_alike(single)
        values = np.array([0.0, 0.5, 1.0])
        variance = float(single @ (values - score) ** 2)
        least = float((values - score) @ other @ (values - score)) / variance if variance else 0.0
        if not variance or correlation / least > 1:
            raise ValueError(
                f"twins of this mean score have a correlation between {min(least, 0):.3g} and 1; got {correlation:g}"
            )
        share = correlation / least
        joint = (1 - share) * joint + share * other
    five = np.zeros(5)
    for one in range(3):
        for two in range(3):
            five[one + two] += joint[one, two]
    return five


def fixed_pairs(score: float, *, deviation: float, alpha: float, power: float) -> int:
    """Pairs for which a two-sided test of the mean at `alpha` finds the score different from 1/2 with this power."""
    normal = NormalDist()
    need = (normal.inv_cdf(1 - alpha / 2) + normal.inv_cdf(power)) * deviation / (score - EVEN)
    return max(2, math.ceil(need**2))


def simulated_pairs(five: NDArray[np.float64], *, runs: int, pairs: int, seed: int) -> NDArray[np.int8]:
    """[runs, pairs]: 4 × the pair scores of independent pairs."""
    words = np.random.default_rng(seed).random((runs, pairs), np.float32)
    classes: NDArray[np.int8] = np.zeros((runs, pairs), np.int8)
    for bound in np.cumsum(five)[:-1]:
        classes += words > bound
    return classes


def betting_stops(classes: NDArray[np.int8], *, alpha: float) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """(pairs when `sequential_test` stopped [R], 0 where it did not; 1 for the first agent, −1 for the second, 0 neither [R])."""
    gains = np.log1p(BETS[:, None] / EVEN * (PAIR_SCORES[None, :] - EVEN))
    stops, sides = _betting_stops(classes, gains, math.log(2 / alpha))
    return stops, sides


def _summary(stops: NDArray[np.int64], sides: NDArray[np.int8], most: int) -> Simulated:
    lasted = np.where(stops > 0, stops, most)
    return Simulated(
        runs=len(stops),
        pairs=float(lasted.mean()),
        error=float(lasted.std() / math.sqrt(len(stops))),
        nine_of_ten=float(np.quantile(lasted, 0.9)),
        right=float((sides == 1).mean()),
        open=float((sides == 0).mean()),
        most=most,
    )


def _least_alike(single: NDArray[np.float64]) -> NDArray[np.float64]:
    """[3, 3]: the joint probabilities in which the best score of one meets the worst of the other."""
    joint, left, right = np.zeros((3, 3)), single.copy(), single.copy()
    one, two = 0, 2
    while one < 3 and two >= 0:
        both = min(left[one], right[two])
        joint[one, two] += both
        left[one] -= both
        right[two] -= both
        if left[one] <= right[two]:
            one += 1
        else:
            two -= 1
    return joint


@nb.njit(cache=True, error_model="numpy")
def _betting_stops(classes, gains, bound):  # type: ignore[no-untyped-def]  # numba kernel
    runs, pairs = classes.shape
    bets = len(gains)
    stops, sides = np.zeros(runs, np.int64), np.zeros(runs, np.int8)
    up, down = np.empty(bets), np.empty(bets)
    for run in range(runs):
        up[:] = 0.0
        down[:] = 0.0
        for pair in range(pairs):
            won = classes[run, pair]
            top, bottom = -np.inf, -np.inf
            for k in range(bets):
                up[k] += gains[k, won]
                down[k] += gains[k, 4 - won]
                top, bottom = max(top, up[k]), max(bottom, down[k])
            side = 0
            if top >= bound and top + np.log(np.exp(up - top).mean()) >= bound:
                side = 1
            elif bottom >= bound and bottom + np.log(np.exp(down - bottom).mean()) >= bound:
                side = -1
            if side:
                stops[run], sides[run] = pair + 1, side
                break
    return stops, sides

"""Plackett-Luce ratings by maximum likelihood: matches of many players as whole orders, not as pairs.

Model: the winner is drawn with probability e^θ_i / Σ e^θ over all players of the match, the second from the rest in the same
way, and so on. Of two players it is Bradley-Terry's. Players who got the same have no order: a match counts the mean of the
log-likelihoods of all orders that break its ties, which of two players is half a win for each. With a tie of players T above
the players below it, that mean is Σ_T θ_i − Σ_(∅ ≠ U ⊆ T) ln(Σ_(U and below) e^θ) / C(|T|, |U|): a set U is what is left of T
at some moment with probability 1 / C(|T|, |U|).

Sources: Plackett, The analysis of permutations, Applied Statistics 1975, doi:10.2307/2346567; Hunter, MM algorithms for
generalized Bradley-Terry models, The Annals of Statistics 2004, doi:10.1214/aos/1079120141 (when the maximum exists).
"""

from __future__ import annotations

from statistics import NormalDist

import numba as nb
import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from arena.games.errors import ArenaError
from arena.leaderboards.bradley_terry import VAGUE_UNITS, VIRTUAL_WEIGHT
from arena.leaderboards.comparisons import comparisons, groups_of, pair_sums, units_of
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record
from arena.leaderboards.unit_spread import unit_spread
from arena.leaderboards.wording import listed

MOST_TIED = 12  # players of one tie: the sums go over all of its 4,096 subsets
MAX_NEWTON_STEPS = 200
LARGEST_STEP = 3.0
GRADIENT_TOLERANCE = 1e-11
NOBODY = -1


def plackett_luce(record: Record, *, prior: float = 0.0, confidence: float = 0.95) -> Ratings:
    """Strengths θ on the natural scale, mean 0 in each group of agents that met, with sandwich intervals over twins.

    A forfeited match of more than two players says nothing of the order of the others who got the same: it counts as the
    comparisons that `comparisons` makes of it. A match in which one agent sits in all seats is not rated.

    Args:
        record: the matches; their order does not matter.
        prior: the weight of one virtual draw of each agent with an average one; it pulls ratings together. 0 = none.
        confidence: of the intervals.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: a tie of more than 12 players.
    """
    if not (np.isfinite(prior) and prior >= 0) or not 0 < confidence < 1:
        raise ValueError(f"prior must be at least 0, confidence in (0, 1); got {prior} and {confidence}")
    compared = comparisons(record)
    points = pair_sums(compared, compared.weight * compared.score)
    points += pair_sums(compared, compared.weight * (1 - compared.score)).T
    groups = groups_of(points + points.T > 0)
    agents, levels, weight, unit = _orders(record)
    size = len(record.agents)
    scores, spread, above = np.full(size, np.nan), np.full(size, np.nan), np.zeros((size, size), np.bool_)
    notes: list[str] = []
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    for group in range(int(groups.max(initial=-1)) + 1):
        members = np.flatnonzero(groups == group)
        if len(members) < 2:
            continue
        inside = (groups[np.maximum(agents[:, 0], 0)] == group) & (weight > 0)
        number = np.full(size + 1, NOBODY)
        number[members] = np.arange(len(members))
        part = number[agents[inside]]
        held = prior
        if (
            not held
            and connected_components(points[np.ix_(members, members)] > 0, directed=True, connection="strong")[0] > 1
        ):
            held = VIRTUAL_WEIGHT
            notes.append(
                f"some of {listed([record.agents[i] for i in members])} came out ahead or behind too often for maximum likelihood to "
                "have a finite answer; one virtual draw of each agent with an average one keeps the ratings finite"
            )
        strength, information, slopes = fit_orders(part, levels[inside], weight[inside], len(members), prior=held)
        covariance = _covariance(
            part, slopes, unit[inside], weight[inside], information, strength, held, drawn=record.drawn
        )
        variance = np.maximum(np.diag(covariance), 0)
        difference = np.maximum(variance[:, None] + variance - 2 * covariance, 0)
        scores[members], spread[members] = strength - strength.mean(), np.sqrt(variance)
        above[np.ix_(members, members)] = strength[:, None] - strength > z * np.sqrt(difference)
    notes += group_notes(record.agents, groups)
    return Ratings(
        method="plackett_luce",
        names=record.agents,
        scores=scores,
        intervals=np.stack((scores - z * spread, scores + z * spread), axis=1),
        groups=groups,
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings={"intervals": "sandwich", "prior": prior, "zero": "mean of the group"},
        notes=tuple(notes),
    )


def fit_orders(
    agents: NDArray[np.int64],
    levels: NDArray[np.int64],
    weight: NDArray[np.float64],
    num_agents: int,
    *,
    prior: float = 0.0,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(θ [A] of mean 0 without a prior, information [A, A], the slope of each match in each of its players [N, P]).

    Args:
        agents: [N, P], -1 = nobody.
        levels: [N, P]: players with the smallest level came first, equal levels are tied.
        weight: [N].
    """
    theta, total = np.zeros(num_agents), max(float(weight.sum()), 1.0)
    value, gradient, information, slopes = _at(agents, levels, weight, theta, prior)
    for _ in range(MAX_NEWTON_STEPS):
        if np.abs(gradient).max(initial=0.0) <= GRADIENT_TOLERANCE * total:
            break
        step = scipy.linalg.solve(_regular(information, prior), gradient, assume_a="pos")
        step *= min(1.0, LARGEST_STEP / np.abs(step).max())
        length, moved = 1.0, theta
        while length > 1e-10:
            moved = theta + length * step
            found = _at(agents, levels, weight, moved, prior)
            if found[0] >= value - 1e-13 * abs(value):
                break
            length /= 2
        else:
            break
        if np.array_equal(moved, theta):
            break
        theta, (value, gradient, information, slopes) = moved, found
    if not prior:
        theta -= theta.mean()
    return theta, information, slopes


def _at(
    agents: NDArray[np.int64],
    levels: NDArray[np.int64],
    weight: NDArray[np.float64],
    theta: NDArray[np.float64],
    prior: float,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(log-likelihood, gradient, minus second derivative, slopes [N, P])."""
    information, slopes = np.zeros((len(theta), len(theta))), np.zeros(agents.shape)
    value = float(_sum_orders(agents, levels, weight, theta, information, slopes))
    gradient = np.bincount(np.maximum(agents, 0).ravel(), slopes.ravel(), minlength=len(theta)).astype(np.float64)
    if prior:
        win = 1 / (1 + np.exp(-theta))
        value -= prior / 2 * float((np.logaddexp(0, theta) + np.logaddexp(0, -theta)).sum())
        gradient += prior * (0.5 - win)
        information += np.diag(prior * win * (1 - win))
    return value, gradient, information, slopes


def _regular(information: NDArray[np.float64], prior: float) -> NDArray[np.float64]:
    return information if prior else information + np.diag(information).mean() / len(information)


def _covariance(
    agents: NDArray[np.int64],
    slopes: NDArray[np.float64],
    unit: NDArray[np.int64],
    weight: NDArray[np.float64],
    information: NDArray[np.float64],
    theta: NDArray[np.float64],
    prior: float,
    *,
    drawn: bool,
) -> NDArray[np.float64]:
    """H⁻¹ B H⁻¹ of the ratings of mean 0, as in `bradley_terry`; `drawn`: whether who met whom was drawn by lot."""
    size = len(theta)
    number = np.cumsum(np.diff(unit, prepend=unit[:1]) != 0)
    units, free = int(number[-1]) + 1, max(size - 1, 1)
    correction = units / max(units - free, units / 2)
    middle = unit_spread(
        np.ascontiguousarray(agents.T), np.ascontiguousarray(slopes.T), number,
        num_agents=size, size=size, correction=correction, drawn=drawn,
    )  # fmt: skip
    win = 1 / (1 + np.exp(-theta))
    vague = information - np.diag(prior * win * (1 - win))
    mean_weight = float(weight @ weight) / float(weight.sum())
    middle += VAGUE_UNITS * free / units * len(unit) / units * mean_weight * vague
    middle += np.diag(prior * (win**2 + (1 - win) ** 2) / 2)
    bread = scipy.linalg.solve(_regular(information, prior), np.eye(size), assume_a="pos")
    bread -= bread.mean(axis=0)
    covariance: NDArray[np.float64] = bread @ middle @ bread.T
    return covariance


def _orders(
    record: Record,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """(agents [N, P], levels [N, P], weight [N], unit [N] ascending), seated players first; unusable matches are left out."""
    order, unit, _ = units_of(record.pair)
    rows = np.arange(len(record)) if order is None else order
    seats, returns = record.seats[rows], record.returns[rows]
    forfeit, weight = record.forfeit[rows], record.weight[rows]
    seated = seats >= 0
    players = seated.sum(axis=1)
    key = np.where(seated, -returns, np.inf)
    at_fault = np.flatnonzero(forfeit >= 0)
    apart = at_fault[players[at_fault] > 2]  # their comparisons stand in for them
    key[at_fault, forfeit[at_fault]] = np.finfo(np.float64).max
    weight = weight.copy()
    weight[apart] = 0.0
    place = np.argsort(key, axis=1, kind="stable")
    agents = np.where(np.take_along_axis(seated, place, 1), np.take_along_axis(seats, place, 1), NOBODY)
    ranked = np.take_along_axis(key, place, 1)
    levels = np.concatenate(
        (np.zeros((len(rows), 1), np.int64), np.cumsum(ranked[:, 1:] != ranked[:, :-1], axis=1)), axis=1
    )
    mixed = ((agents != agents[:, :1]) & (agents >= 0)).any(axis=1)
    kept = np.flatnonzero(mixed & (weight > 0))
    agents, levels, weight, unit_of = agents[kept], levels[kept], weight[kept], unit[kept]
    if len(kept):
        tied = (levels[:, :, None] == levels[:, None, :]) & (agents >= 0)[:, :, None] & (agents >= 0)[:, None, :]
        if tied.sum(axis=2).max() > MOST_TIED:
            raise ArenaError(f"plackett_luce takes ties of at most {MOST_TIED} players; the record has larger ones")
    if not len(apart):
        return agents, levels, weight, unit_of
    pairs = comparisons(record)
    kept = np.flatnonzero(np.isin(pairs.match, rows[apart]))
    wide = np.full((len(kept), record.seats.shape[1]), NOBODY)
    first_won = pairs.score[kept] >= 0.5
    wide[:, 0] = np.where(first_won, pairs.first[kept], pairs.second[kept])
    wide[:, 1] = np.where(first_won, pairs.second[kept], pairs.first[kept])
    below = np.zeros(wide.shape, np.int64)
    below[:, 1] = pairs.score[kept] != 0.5
    below[:, 2:] = 2
    units = np.concatenate((unit_of, pairs.unit[kept]))
    together = np.argsort(units, kind="stable")
    return (
        np.concatenate((agents, wide))[together],
        np.concatenate((levels, below))[together],
        np.concatenate((weight, pairs.weight[kept]))[together],
        units[together],
    )


@nb.njit(cache=True, error_model="numpy")
def _sum_orders(agents, levels, weight, theta, information, slopes):  # type: ignore[no-untyped-def]  # numba kernel
    """The log-likelihood; adds to the information and fills the slopes. Players stand by level, nobodies last."""
    value = 0.0
    num_seats = agents.shape[1]
    strength, share = np.empty(num_seats), np.empty(num_seats)
    for match in range(len(agents)):
        players = 0
        while players < num_seats and agents[match, players] >= 0:
            players += 1
        top = -np.inf
        for k in range(players):
            top = max(top, theta[agents[match, k]])
        for k in range(players):
            strength[k] = np.exp(theta[agents[match, k]] - top)
        begin = 0
        while begin < players:
            end = begin
            while end < players and levels[match, end] == levels[match, begin]:
                end += 1
            below = 0.0
            for k in range(end, players):
                below += strength[k]
            tied = end - begin
            for k in range(begin, end):
                value += weight[match] * theta[agents[match, k]]
                slopes[match, k] += weight[match]
            ways = 1.0  # C(tied, members)
            for members in range(1, tied + 1):
                ways *= (tied - members + 1) / members
                for chosen in range(1, 1 << tied):
                    count = 0
                    for k in range(tied):
                        count += (chosen >> k) & 1
                    if count != members:
                        continue
                    total = below
                    for k in range(tied):
                        if (chosen >> k) & 1:
                            total += strength[begin + k]
                    times = weight[match] / ways
                    value -= times * (np.log(total) + top)
                    for k in range(begin, players):
                        inside = k >= end or (chosen >> (k - begin)) & 1
                        share[k] = strength[k] / total if inside else 0.0
                        slopes[match, k] -= times * share[k]
                    for k in range(begin, players):
                        i = agents[match, k]
                        information[i, i] += times * share[k]
                        for other in range(begin, players):
                            information[i, agents[match, other]] -= times * share[k] * share[other]
            begin = end
    return value

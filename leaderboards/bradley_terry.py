"""Bradley-Terry ratings by maximum likelihood, with intervals that stay true when twins and seats go together.

Model: P(i beats j) = σ(θ_i − θ_j), σ(x) = 1 / (1 + exp(−x)); a draw is half a win for each. The fit is Newton's method on
the counts of all pairs. Its covariance is the sandwich H⁻¹ B H⁻¹: H the information, B the sum over units (pairs of
seat-swapped twins) of the outer products of their gradients, so that neither draws nor seats nor repeated matches of
deterministic agents make the intervals too narrow. Of some hundred agents and more, most of whom met, without an anchor or virtual
draws, it is found by an expansion: `Ratings.settings` then bounds by how much of itself an interval's width may be off (``width_error``,
at most some 0.0025), and who is above whom is said only where the bounds leave no doubt.

Sources: Bradley and Terry, Rank analysis of incomplete block designs, Biometrika 1952, doi:10.2307/2334029; Ford, Solution
of a ranking problem from binary comparisons, 1957, doi:10.2307/2308513 (when the maximum exists); Caron and Doucet, Efficient
Bayesian inference for generalized Bradley-Terry models, 2012, doi:10.1080/10618600.2012.638220 (a prior as pseudo-counts).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.errors import UnknownName
from arena.leaderboards.bradley_terry_fit import Curvature, fit
from arena.leaderboards.comparisons import groups_of, pair_points
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record
from arena.leaderboards.sandwich import VAGUE_UNITS, covariance, middle, middle_of_tally, near_covariance
from arena.leaderboards.unit_tally import points_of, unit_tally
from arena.leaderboards.wording import listed

__all__ = ["ELO_PER_NATURAL", "VAGUE_UNITS", "VIRTUAL_WEIGHT", "bradley_terry", "elo", "expected_score"]

ELO_PER_NATURAL = 400 / math.log(10)
"""173.7: an Elo difference of 400 is odds of 10 to 1."""
VIRTUAL_WEIGHT = 1.0
"""Where the likelihood has no maximum, each agent is given one virtual draw against an agent of the mean rating."""

Method = Literal["bradley_terry", "elo"]


def expected_score(difference: float) -> float:
    """The score that an Elo difference means: 1 / (1 + 10^(−difference / 400))."""
    return 1 / (1 + math.exp(-difference / ELO_PER_NATURAL))


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Agents that met, at least through others: ``members`` [n]; ``wins`` [n, n] among them; ``virtual``: the weight of the
    virtual draw of each; ``separated``: whether there is no maximum without one."""

    members: NDArray[np.int64]
    wins: NDArray[np.float64]
    virtual: float
    separated: bool


def bradley_terry(
    record: Record, *, confidence: float = 0.95, anchor: str | None = None, prior: float = 0.0
) -> Ratings:
    """Ratings θ on the natural scale; a difference of 1 is odds of e to 1.

    Args:
        record: the matches; their order does not matter.
        confidence: of the intervals.
        anchor: the agent at 0; None: the mean of each group of agents that met is 0.
        prior: the weight, in matches, of a virtual draw of each agent with one of the mean rating: pulls ratings together,
            most where matches are few. 0: maximum likelihood.

    Raises:
        UnknownName: no agent has the anchor's name.
        ValueError: a setting out of its range.
        ArenaError: more agents than matrices of all pairs can hold.
    """
    return _rate(record, "bradley_terry", confidence=confidence, anchor=anchor, prior=prior)


def elo(record: Record, *, confidence: float = 0.95, anchor: str | None = None, prior: float = 0.0) -> Ratings:
    """Bradley-Terry ratings on the Elo scale, 400 / ln 10 · θ: a difference of 400 is odds of 10 to 1.

    Fitted to all matches at once: the order of matches does not matter. Settings as in `bradley_terry`.
    """
    return _rate(record, "elo", confidence=confidence, anchor=anchor, prior=prior)


def connected_groups(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """`groups_of` whoever met, with points [A, A] of the row against the column; at once where they all are one group."""
    if len(points) and _reached(points).all():
        return np.zeros(len(points), np.int64)
    return groups_of(points + points.T > 0)


def groups_to_fit(points: NDArray[np.float64], groups: NDArray[np.int64], *, prior: float = 0.0) -> Iterator[Group]:
    """The groups of two agents and more, with what their likelihoods need to have a maximum.

    Args:
        points: [A, A], of the row against the column.
        groups: [A], the group of each agent.
    """
    for group in range(int(groups.max(initial=-1)) + 1):
        members = np.flatnonzero(groups == group)
        if len(members) < 2:
            continue
        wins = points if len(members) == len(points) else points[np.ix_(members, members)]
        separated = not prior and not (_reached(wins).all() and _reached(wins.T).all())
        virtual = VIRTUAL_WEIGHT if separated else prior
        yield Group(members=members, wins=wins, virtual=virtual, separated=separated)


def _rate(record: Record, method: Method, *, confidence: float, anchor: str | None, prior: float) -> Ratings:
    scale = ELO_PER_NATURAL if method == "elo" else 1.0
    if anchor is not None and anchor not in record.agents:
        raise UnknownName("agent to anchor at", anchor, record.agents)
    if not 0 < confidence < 1 or not (math.isfinite(prior) and prior >= 0):
        raise ValueError(f"confidence must be in (0, 1), prior at least 0; got {confidence} and {prior}")
    tally = unit_tally(record)
    points, matches = pair_points(record) if tally is None else (points_of(tally), tally.matches)
    groups = connected_groups(points)
    size = len(record.agents)
    strength, spread = np.full(size, np.nan), np.full(size, np.nan)
    notes: list[str] = []
    fitted: list[tuple[Group, Curvature]] = []
    for group in groups_to_fit(points, groups, prior=prior):
        strength[group.members], there = fit(group.wins, virtual=group.virtual)
        fitted.append((group, there))
        if group.separated:
            notes.append(_separation_note(tuple(record.agents[i] for i in group.members), group.wins))
    scores, above = strength.copy(), np.zeros((size, size), np.bool_)
    if tally is None:
        outer = middle(record, strength, points, matches=matches)
    else:
        outer = middle_of_tally(tally, strength, drawn=record.drawn)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    width_error = 0.0
    for group, there in fitted:
        members = group.members
        own, slack = strength[members], np.zeros(len(members))
        block = np.s_[:, :] if len(members) == size else np.ix_(members, members)  # the whole is not copied
        inside = outer[block]
        near = near_covariance(own, there, inside) if anchor is None and not group.virtual else None
        if near is None:
            found = covariance(own, there, inside, virtual=group.virtual)
        else:
            found, slack = near.matrix, near.slack
            width_error = max(width_error, near.width_error)
        above[block] = _above(own, found, z, slack)
        variance = np.diag(found)
        zero = own.mean()
        if anchor is not None and (at := np.flatnonzero(members == record.agents.index(anchor))).size:
            zero = own[at[0]]
            variance = variance + variance[at[0]] - 2 * found[at[0]]
        scores[members] -= zero
        spread[members] = np.sqrt(np.maximum(variance, 0))
    notes += group_notes(record.agents, groups)
    told: dict[str, str | float] = {
        "scale": scale,
        "draws": "half wins",
        "zero": anchor or "mean of the group",
        "prior": prior,
        "intervals": "sandwich",
    }
    if width_error:
        told["width_error"] = width_error
    return Ratings(
        method=method,
        names=record.agents,
        scores=scale * scores,
        intervals=scale * np.stack((scores - z * spread, scores + z * spread), axis=1),
        groups=groups,
        above=above,
        matches=matches,
        confidence=confidence,
        settings=told,
        notes=tuple(notes),
    )


@nb.njit(cache=True)
def _reached(links):  # type: ignore[no-untyped-def]  # numba kernel
    """[A]: which agents chains of links > 0 lead to from the first."""
    size = len(links)
    reached = np.zeros(size, np.bool_)
    waiting = np.zeros(size, np.int64)
    reached[0] = True
    count, done = 1, 0
    while done < count < size:
        row = links[waiting[done]]
        done += 1
        for agent in range(size):
            if row[agent] > 0 and not reached[agent]:
                reached[agent] = True
                waiting[count] = agent
                count += 1
    return reached


@nb.njit(cache=True, error_model="numpy")
def _above(strength, covariance, z, slack):  # type: ignore[no-untyped-def]  # numba kernel
    """[n, n]: whether the row's strength is more than z standard errors of the difference above the column's, the
    squares of those errors at their largest."""
    size = len(strength)
    above = np.empty((size, size), np.bool_)
    for i in range(size):
        for j in range(size):
            apart = strength[i] - strength[j]
            variance = max(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j], 0.0) + slack[i] + slack[j]
            above[i, j] = (apart > 0) & (apart * apart > z * z * variance)
    return above


def _separation_note(names: tuple[str, ...], wins: NDArray[np.float64]) -> str:
    met = wins + wins.T > 0
    points = (wins * met).sum(axis=1), (wins.T * met).sum(axis=1)
    all_won = [names[i] for i in np.flatnonzero(points[1] == 0)]
    all_lost = [names[i] for i in np.flatnonzero(points[0] == 0)]
    facts = []
    if all_won:
        facts.append(f"{listed(all_won)} won every match")
    if all_lost:
        facts.append(f"{listed(all_lost)} lost every match")
    if not facts:
        facts.append("some agents won every match against all the others")
    return (
        f"{' and '.join(facts)}, so that maximum likelihood has no finite answer; one virtual draw of each agent with an "
        f"average one keeps the ratings finite, and the distance to the others is at least what the interval's near end says"
    )

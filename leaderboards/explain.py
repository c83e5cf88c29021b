"""Why an agent has the rating it has: the matches and opponents that hold it there, and whom to play next.

Taking observations S away moves a maximum-likelihood rating by about -(H - H_S)^-1 g_S: H the information of all matches, H_S
that of S, g_S the gradient of S at the fit (one Newton step). For all comparisons of two agents H_S has rank one, so that
every match and every opponent costs a few multiplications; those that move most are then taken away and the ratings fitted again,
and what is told of them is that refit.

Sources: Hampel, The influence curve and its role in robust estimation, JASA 1974, doi:10.1080/01621459.1974.10482962; Pregibon,
Logistic regression diagnostics, Annals of Statistics 1981, doi:10.1214/aos/1176345513 (one-step removal in such models).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from arena.games.errors import NotProvided, UnknownName
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL, bradley_terry, connected_groups, groups_to_fit
from arena.leaderboards.bradley_terry_fit import fit
from arena.leaderboards.comparisons import Comparisons, comparisons, pair_points
from arena.leaderboards.record import Record

FURTHER = 100
"""Matches against one opponent that the advice on whom to play next is about."""
MOST = 5
SAME = 12  # significant digits in which matches of equal influence agree
NO_RATING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class OpponentShare:
    """What the results against one opponent do to the rating, in the rating's unit.

    ``points`` of ``matches`` (shares of matches where more than two play); ``expected``: what the two ratings expect;
    ``surplus``: points less expected: above 0 these results hold the rating up. ``removed``: how the rating moves where all
    comparisons with this opponent are taken away, nan where there is none then; ``refitted``: whether that was fitted again, or is the estimate of one step.
    """

    opponent: str
    matches: float
    points: float
    expected: float
    removed: float
    refitted: bool

    @property
    def surplus(self) -> float:
        return self.points - self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchInfluence:
    """A match whose removal moves the rating. ``row``: in the record; ``alike``: how many matches do the same, itself included;
    ``removed``: how the rating moves without it, fitted again; ``agents``: by seat; ``returns``: what each got."""

    row: int
    alike: int
    removed: float
    agents: tuple[str, ...]
    returns: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """What ``matches`` more against one opponent would do: the half width of the interval then, by the model."""

    opponent: str
    matches: int
    half_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an agent has its rating. All numbers of ratings in one unit, Elo or natural.

    ``opponents``: those it met, by how much their removal moves the rating; ``matches``: the most influential, most first;
    ``next``: opponents worth playing, the narrowest interval first; ``half_width``: of the interval now.
    """

    agent: str
    method: Literal["elo", "bradley_terry"]
    rating: float
    low: float
    high: float
    opponents: tuple[OpponentShare, ...]
    matches: tuple[MatchInfluence, ...]
    next: tuple[Further, ...]

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def explain(
    record: Record,
    agent: str,
    *,
    method: Literal["elo", "bradley_terry"] = "elo",
    confidence: float = 0.95,
    most: int = MOST,
) -> Explanation:
    """What makes an agent's rating by maximum likelihood.

    Args:
        record: the matches; their order does not matter.
        agent: whose rating.
        method: the unit.
        confidence: of the interval.
        most: how many matches are told, and how many opponents at least are fitted again.

    Raises:
        UnknownName: no such agent.
        NotProvided: the agent met nobody, so that it has no rating.
    """
    if agent not in record.agents:
        raise UnknownName("agent of this board", agent, record.agents)
    field = _Field(record, record.agents.index(agent))
    scale = ELO_PER_NATURAL if method == "elo" else 1.0
    ratings = bradley_terry(record, confidence=confidence)
    low, high = (scale * ratings.intervals[field.agent]).tolist()
    return Explanation(
        agent=agent,
        method=method,
        rating=float(scale * ratings.scores[field.agent]),
        low=low,
        high=high,
        opponents=_opponents(field, scale, most),
        matches=_matches(field, scale, most),
        next=_next(field, (high - low) / 2),
    )


def rating_without(points: NDArray[np.float64], agent: int) -> float:
    """The natural rating of an agent, the mean of its group being 0; nan where it met nobody.

    Args:
        points: [A, A], of the row against the column.
    """
    for group in groups_to_fit(points, connected_groups(points)):
        at = np.flatnonzero(group.members == agent)
        if len(at):
            strength, _ = fit(group.wins, virtual=group.virtual)
            return float(strength[at[0]] - strength.mean())
    return float("nan")


class _Field:
    """The fit of an agent's group, with what one step from it needs."""

    def __init__(self, record: Record, agent: int):
        self.record, self.agent = record, agent
        self.points, _ = pair_points(record)
        found = [
            group
            for group in groups_to_fit(self.points, connected_groups(self.points))
            if agent in group.members.tolist()
        ]
        if not found:
            raise NotProvided(f"{record.agents[agent]} met no other agent: it has no rating to explain")
        self.members = found[0].members
        wins, virtual = found[0].wins, found[0].virtual
        strength, _ = fit(wins, virtual=virtual)
        self.rating = float(strength[self.members == agent][0] - strength.mean())
        self.win: NDArray[np.float64] = np.full(self.points.shape, 0.5)
        block = np.ix_(self.members, self.members)
        self.win[block] = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))
        self.met = self.points + self.points.T
        inverse = _inverse((wins + wins.T) * self.win[block] * (1 - self.win[block]), strength, virtual)
        self.inverse = np.zeros(self.points.shape)
        self.inverse[block] = inverse
        # how the centred rating of the agent follows a push on each strength
        self.push = np.zeros(len(self.points))
        self.push[self.members] = inverse[self.members == agent][0] - inverse.mean(axis=0)

    def step(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        surplus: NDArray[np.float64],
        weight: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """How the rating moves where comparisons of `first` with `second` of this surplus and weight are taken away."""
        spread = self.inverse[first, first] + self.inverse[second, second] - 2 * self.inverse[first, second]
        probability = self.win[first, second]
        left = 1 - weight * probability * (1 - probability) * spread
        moved = -surplus * (self.push[first] - self.push[second])
        with np.errstate(divide="ignore", invalid="ignore"):
            stepped: NDArray[np.float64] = np.where(left > NO_RATING, moved / left, np.nan)
        return stepped


def _inverse(cells: NDArray[np.float64], strength: NDArray[np.float64], virtual: float) -> NDArray[np.float64]:
    """H^-1; along the direction in which all strengths move together, which nothing determines, H is made regular."""
    information = np.diag(cells.sum(axis=1)) - cells
    if virtual:
        win = 1 / (1 + np.exp(-strength))
        information = information + np.diag(virtual * win * (1 - win))
    else:
        information = information + np.diag(information).mean() / len(strength)
    inverse: NDArray[np.float64] = scipy.linalg.inv(information)
    return inverse


def _opponents(field: _Field, scale: float, most: int) -> tuple[OpponentShare, ...]:
    agent = field.agent
    others = np.array([i for i in field.members.tolist() if i != agent and field.met[agent, i] > 0], np.int64)
    expected = field.met[agent, others] * field.win[agent, others]
    surplus = field.points[agent, others] - expected
    steps = field.step(np.full(len(others), agent), others, surplus, field.met[agent, others])
    order = np.argsort(-np.nan_to_num(np.abs(steps), nan=np.inf), kind="stable")
    shares = []
    for place, at in enumerate(order.tolist()):
        other = int(others[at])
        refitted = place < most or bool(np.isnan(steps[at]))
        removed = _without_pair(field, other) if refitted else float(steps[at])
        shares.append(
            OpponentShare(
                opponent=field.record.agents[other],
                matches=float(field.met[agent, other]),
                points=float(field.points[agent, other]),
                expected=float(expected[at]),
                removed=scale * removed,
                refitted=refitted,
            )
        )
    return tuple(sorted(shares, key=lambda one: -abs(one.removed) if one.removed == one.removed else -np.inf))


def _without_pair(field: _Field, other: int) -> float:
    points = field.points.copy()
    points[field.agent, other] = points[other, field.agent] = 0
    return rating_without(points, field.agent) - field.rating


def _matches(field: _Field, scale: float, most: int) -> tuple[MatchInfluence, ...]:
    """Of matches that do the same the first stands for all."""
    compared = comparisons(field.record)
    inside = np.isin(compared.first, field.members)
    first, second, weight = compared.first[inside], compared.second[inside], compared.weight[inside]
    surplus = weight * (compared.score[inside] - field.win[first, second])
    steps = field.step(first, second, surplus, weight)
    moved = np.bincount(compared.match[inside], steps, minlength=len(field.record))
    rows = np.flatnonzero(np.isfinite(moved) & (np.bincount(compared.match[inside], minlength=len(moved)) > 0))
    if not len(rows):
        return ()
    unit = np.abs(moved[rows]).max() or 1.0
    _, start, alike = np.unique(np.round(moved[rows] / unit, SAME), return_index=True, return_counts=True)
    told = []
    for kind in np.argsort(-np.abs(moved[rows[start]]), kind="stable")[:most].tolist():
        row = int(rows[start[kind]])
        seats = field.record.seats[row]
        told.append(
            MatchInfluence(
                row=row,
                alike=int(alike[kind]),
                removed=scale * (rating_without(_points_without(field, compared, row), field.agent) - field.rating),
                agents=tuple(field.record.agents[i] for i in seats.tolist() if i >= 0),
                returns=tuple(field.record.returns[row][seats >= 0].tolist()),
            )
        )
    return tuple(told)


def _points_without(field: _Field, compared: Comparisons, row: int) -> NDArray[np.float64]:
    points = field.points.copy()
    for at in np.flatnonzero(compared.match == row).tolist():
        first, second = int(compared.first[at]), int(compared.second[at])
        points[first, second] -= compared.weight[at] * compared.score[at]
        points[second, first] -= compared.weight[at] * (1 - compared.score[at])
    rounding = np.abs(points) < NO_RATING  # what was one match's alone is nothing now, not a trace of one
    points[rounding] = 0
    return points


def _next(field: _Field, half_width: float) -> tuple[Further, ...]:
    """By the model: more matches add n p (1 - p) to the information of a pair, and take that much off the variance."""
    agent = field.agent
    others = field.members[field.members != agent]
    probability = field.win[agent, others]
    added = FURTHER * probability * (1 - probability)
    spread = field.inverse[agent, agent] + field.inverse[others, others] - 2 * field.inverse[agent, others]
    variance = field.push[agent] - field.push[field.members].mean()
    less = added * (field.push[agent] - field.push[others]) ** 2 / (1 + added * spread)
    width = half_width * np.sqrt(np.maximum(1 - less / variance, 0))
    order = np.argsort(width, kind="stable").tolist()
    return tuple(
        Further(opponent=field.record.agents[others[at]], matches=FURTHER, half_width=float(width[at])) for at in order
    )

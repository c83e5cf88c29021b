"""Bradley-Terry ratings by maximum likelihood, with intervals that stay true when twins and seats go together.

Model: P(i beats j) = σ(θ_i − θ_j), σ(x) = 1 / (1 + exp(−x)); a draw is half a win for each. The fit is Newton's method on
the counts of all pairs. Its covariance is the sandwich H⁻¹ B H⁻¹: H the information, B the sum over units (pairs of
seat-swapped twins) of the outer products of their gradients, so that neither draws nor seats nor repeated matches of
deterministic agents make the intervals too narrow.

Sources: Bradley and Terry, Rank analysis of incomplete block designs, Biometrika 1952, doi:10.2307/2334029; Ford, Solution
of a ranking problem from binary comparisons, 1957, doi:10.2307/2308513 (when the maximum exists); Liang and Zeger,
Longitudinal data analysis using generalized linear models, Biometrika 1986, doi:10.1093/biomet/73.1.13 (the sandwich).
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

import numpy as np
import scipy.linalg
import scipy.special
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from arena.games.errors import UnknownName
from arena.leaderboards.comparisons import Comparisons, clustered_outer, comparisons, groups_of, pair_sums
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record
from arena.leaderboards.wording import listed

ELO_PER_NATURAL = 400 / math.log(10)
"""173.7: an Elo difference of 400 is odds of 10 to 1."""
VIRTUAL_WEIGHT = 1.0
"""Where the likelihood has no maximum, each agent is given one virtual draw against an agent of the mean rating."""
VAGUE_UNITS = 2.0
"""Units of unknown outcome that each rating adds to B: with few units the observed spread alone is too small, and zero
when all pairs ended alike. The idea is that of Agresti and Coull's two wins and two losses."""
MAX_NEWTON_STEPS = 100
LARGEST_STEP = 3.0
GRADIENT_TOLERANCE = 1e-9


def bradley_terry(record: Record, *, confidence: float = 0.95, anchor: str | None = None) -> Ratings:
    """Maximum-likelihood ratings θ on the natural scale; a difference of 1 is odds of e to 1.

    Args:
        record: the matches; their order does not matter.
        confidence: of the intervals.
        anchor: the agent at 0; None: the mean of each group of agents that met is 0.

    Raises:
        UnknownName: no agent has the anchor's name.
    """
    return rate(record, comparisons(record), "bradley_terry", confidence=confidence, anchor=anchor)


def elo(record: Record, *, confidence: float = 0.95, anchor: str | None = None) -> Ratings:
    """Bradley-Terry ratings on the Elo scale, 400 / ln 10 · θ: a difference of 400 is odds of 10 to 1.

    Fitted to all matches at once: the order of matches does not matter. See `bradley_terry`.
    """
    return rate(record, comparisons(record), "elo", confidence=confidence, anchor=anchor)


def fit(wins: NDArray[np.float64], *, virtual: float = 0.0) -> NDArray[np.float64]:
    """The θ [A] of mean 0 that maximises Σ wins[i, j] ln σ(θ_i − θ_j) + virtual / 2 · Σ (ln σ(θ_i) + ln σ(−θ_i)).

    Args:
        wins: [A, A], of the row against the column, draws as halves. Without `virtual` the graph of who won from whom
            must be strongly connected; otherwise there is no maximum.
        virtual: the weight of one virtual draw an agent against a rating of 0.
    """
    size = len(wins)
    met = wins + wins.T
    strength = np.zeros(size)
    total = max(float(met.sum()), 1.0)
    value = _log_likelihood(wins, strength, virtual)
    for _ in range(MAX_NEWTON_STEPS):
        gradient, information = _derivatives(wins, met, strength, virtual)
        if np.abs(gradient).max(initial=0.0) <= GRADIENT_TOLERANCE * total:
            break
        step = _solve(information, gradient)
        step *= min(1.0, LARGEST_STEP / np.abs(step).max())
        while True:  # halve a step that overshoots; the likelihood is concave, so this ends
            moved = strength + step
            moved_value = _log_likelihood(wins, moved, virtual)
            if moved_value >= value - 1e-12 * abs(value):
                break
            step /= 2
        strength, value = moved, moved_value
    centred: NDArray[np.float64] = strength - (strength.mean() if not virtual else 0.0)
    return centred


def rate(
    record: Record,
    compared: Comparisons,
    method: Literal["bradley_terry", "elo"],
    *,
    confidence: float = 0.95,
    anchor: str | None = None,
) -> Ratings:
    """`bradley_terry` or `elo` of a record whose comparisons have been made already."""
    scale = ELO_PER_NATURAL if method == "elo" else 1.0
    if anchor is not None and anchor not in record.agents:
        raise UnknownName("agent to anchor at", anchor, record.agents)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1); got {confidence}")
    wins = pair_sums(compared, compared.weight * compared.score)
    wins += pair_sums(compared, compared.weight * (1 - compared.score)).T
    groups = groups_of(wins + wins.T > 0)
    members_of = [
        members for g in range(int(groups.max(initial=-1)) + 1) if len(members := np.flatnonzero(groups == g)) > 1
    ]
    strength = np.full(len(record.agents), np.nan)
    virtual = np.zeros(len(record.agents))
    notes: list[str] = []
    for members in members_of:
        inside = wins[np.ix_(members, members)]
        if connected_components(inside > 0, directed=True, connection="strong")[0] > 1:
            virtual[members] = VIRTUAL_WEIGHT
            notes.append(_separation_note(tuple(record.agents[i] for i in members), inside))
        strength[members] = fit(inside, virtual=float(virtual[members[0]]))
    at = None if anchor is None else record.agents.index(anchor)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    scores, spread = strength.copy(), np.full(len(strength), np.nan)
    above = np.zeros((len(strength), len(strength)), np.bool_)
    middle = _middle(compared, strength)
    for members in members_of:
        block = np.ix_(members, members)
        covariance = _covariance(wins[block], strength[members], middle[block], float(virtual[members[0]]))
        variance = np.diag(covariance)
        difference = np.maximum(variance[:, None] + variance - 2 * covariance, 0)
        above[block] = strength[members][:, None] - strength[members] > z * np.sqrt(difference)
        if at in members:
            zero = int(np.flatnonzero(members == at)[0])
            scores[members] -= strength[at]
            variance = difference[zero]
        else:
            scores[members] -= strength[members].mean()
        spread[members] = np.sqrt(variance)
    notes += group_notes(record.agents, groups)
    return Ratings(
        method=method,
        names=record.agents,
        scores=scale * scores,
        intervals=scale * np.stack((scores - z * spread, scores + z * spread), axis=1),
        groups=groups,
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings={"scale": scale, "draws": "half wins", "zero": anchor or "mean of the group", "intervals": "sandwich"},
        notes=tuple(notes),
    )


def _middle(compared: Comparisons, strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """B [A, A] of all groups: outer products of the units' gradients, and what is added for units of unknown outcome."""
    probability = _sigmoid(strength[compared.first] - strength[compared.second])
    seen = clustered_outer(compared, compared.weight * (compared.score - probability))
    matches_per_unit = compared.matches / max(compared.num_units, 1)
    cells = pair_sums(compared, matches_per_unit * compared.weight**2 * probability * (1 - probability))
    parameters = max(len(strength) - 1, 1)
    units = max(compared.num_units, 1)
    correction = units / max(units - parameters, units / 2)
    return correction * seen + VAGUE_UNITS * parameters / units * _laplacian(cells + cells.T)


def _covariance(
    wins: NDArray[np.float64],
    strength: NDArray[np.float64],
    middle: NDArray[np.float64],
    virtual: float,
) -> NDArray[np.float64]:
    """H⁻¹ B H⁻¹ of the centred ratings of one group. A virtual draw enters B as half a win and half a loss."""
    size = len(strength)
    _, information = _derivatives(wins, wins + wins.T, strength, virtual)
    win = _sigmoid(strength)
    middle = middle + np.diag(virtual * (win**2 + (1 - win) ** 2) / 2)
    centre = np.eye(size) - 1 / size
    bread = centre @ _solve(information, np.eye(size))
    covariance: NDArray[np.float64] = bread @ middle @ bread.T
    return covariance


def _log_likelihood(wins: NDArray[np.float64], strength: NDArray[np.float64], virtual: float) -> float:
    """Σ w ln σ(θ_i − θ_j), and the virtual draws."""
    difference = strength[:, None] - strength
    value = -(wins * np.logaddexp(0, -difference)).sum()
    if virtual:
        value -= virtual / 2 * (np.logaddexp(0, -strength) + np.logaddexp(0, strength)).sum()
    return float(value)


def _derivatives(
    wins: NDArray[np.float64], met: NDArray[np.float64], strength: NDArray[np.float64], virtual: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(gradient [A], information H [A, A], made regular along the direction in which all ratings move together)."""
    probability = _sigmoid(strength[:, None] - strength)
    gradient = (wins - met * probability).sum(axis=1)
    information = _laplacian(met * probability * (1 - probability))
    if virtual:
        win = _sigmoid(strength)
        gradient += virtual * (0.5 - win)
        information += np.diag(virtual * win * (1 - win))
    else:
        information += np.diag(information).mean() / len(strength)
    return gradient, information


def _laplacian(cells: NDArray[np.float64]) -> NDArray[np.float64]:
    laplacian: NDArray[np.float64] = np.diag(cells.sum(axis=1)) - cells
    return laplacian


def _solve(information: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    solution: NDArray[np.float64] = scipy.linalg.solve(information, right, assume_a="pos")
    return solution


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    value: NDArray[np.float64] = scipy.special.expit(x)
    return value


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

"""Maximum likelihood for matches that are won, drawn or lost: strengths, what a draw is worth and what sitting first is worth.

The outcome of a comparison depends on x = θ_first − θ_second + γ, where γ is what sitting first is worth, and on a parameter t
of draws, through one of the models of `outcome_models`. All of them are concave in (θ, γ, t), so that Newton's method
finds the maximum. Where there is none (an agent that won everything), one virtual draw of each agent with an average one
keeps the answer finite, and a note says so.

The covariance is the sandwich H⁻¹ B H⁻¹ of `bradley_terry`: H the information, B how the gradients of the units of
resampling spread (`unit_spread`), and a little for units of unknown outcome.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from arena.leaderboards.bradley_terry import VAGUE_UNITS, VIRTUAL_WEIGHT
from arena.leaderboards.comparisons import Comparisons, comparisons, groups_of, pair_sums
from arena.leaderboards.outcome_models import HALF, OutcomeModel
from arena.leaderboards.ratings import Ratings, group_notes
from arena.leaderboards.record import Record
from arena.leaderboards.unit_spread import unit_spread
from arena.leaderboards.wording import SPACE, listed, signed

MAX_NEWTON_STEPS = 200
LARGEST_STEP = 3.0
GRADIENT_TOLERANCE = 1e-11  # of the number of matches
SAME_VALUE = 1e-13
NEVER = -1
RUN_AWAY = 15.0
"""Natural units: no finite maximum of fewer than three million matches lies so far out."""
CONFOUNDED = 1e-8  # the share of what is known of γ that strengths do not explain: below, rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedFit:
    """The maximum. ``strength`` float64 [A], mean 0; ``seat``: γ, 0 where it was not fitted; ``tie``: t, nan where no draw is fitted.

    ``parameters`` float64 [A + γ and t where fitted]; ``information`` float64 [same, same]: minus the second derivative;
    ``converged``: whether the gradient vanishes.
    """

    strength: NDArray[np.float64]
    seat: float
    tie: float
    parameters: NDArray[np.float64]
    information: NDArray[np.float64]
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Matches by who sat first and who second: agents ``first``, ``second`` int64 [K], weights ``win``, ``draw``, ``loss`` [K]."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    win: NDArray[np.float64]
    draw: NDArray[np.float64]
    loss: NDArray[np.float64]


def rate_paired(
    record: Record,
    model: OutcomeModel,
    method: str,
    *,
    seat_advantage: bool,
    prior: float,
    confidence: float,
) -> Ratings:
    """The ratings of a record by an outcome model, group by group of agents that met.

    Args:
        seat_advantage: whether γ is fitted; else it is 0.
        prior: the weight of one virtual draw of each agent with an agent of rating 0; 0 = maximum likelihood.
    """
    if not (np.isfinite(prior) and prior >= 0) or not 0 < confidence < 1:
        raise ValueError(f"prior must be at least 0, confidence in (0, 1); got {prior} and {confidence}")
    compared = comparisons(record)
    points = pair_sums(compared, compared.weight * compared.score)
    points += pair_sums(compared, compared.weight * (1 - compared.score)).T
    groups = groups_of(points + points.T > 0)
    size = len(record.agents)
    scores, spread, above = np.full(size, np.nan), np.full(size, np.nan), np.zeros((size, size), np.bool_)
    settings: dict[str, str | float] = {"intervals": "sandwich", "prior": prior, "zero": "mean of the group"}
    notes: list[str] = []
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    for group in range(int(groups.max(initial=-1)) + 1):
        members = np.flatnonzero(groups == group)
        if len(members) < 2:
            continue
        names = tuple(record.agents[i] for i in members)
        part, inside = _part(compared, members), points[np.ix_(members, members)]
        fitted, weight = _fitted(part, inside, model, seat_advantage, prior, names, notes)
        covariance = _covariance(part, fitted, model, weight, drawn=record.drawn)
        at = np.arange(len(members))
        variance = np.maximum(np.diag(covariance), 0)
        theirs = variance[at]
        difference = np.maximum(theirs[:, None] + theirs - 2 * covariance[np.ix_(at, at)], 0)
        scores[members], spread[members] = fitted.strength, np.sqrt(theirs)
        apart = fitted.strength[:, None] - fitted.strength
        above[np.ix_(members, members)] = apart > z * np.sqrt(difference)
        found = {} if np.isnan(fitted.tie) else {model.tie_name: model.tie_value(fitted.tie)}
        if seat_advantage:
            place = len(members)
            error = z * float(np.sqrt(variance[place]))
            found |= {
                "seat_advantage": fitted.seat,
                "seat_advantage_low": fitted.seat - error,
                "seat_advantage_high": fitted.seat + error,
            }
        notes += _estimates_in_words(fitted, model, found, f" in group {group + 1}" if (groups > 0).any() else "")
        settings |= {name if not group else f"{name} of group {group + 1}": value for name, value in found.items()}
    notes += group_notes(record.agents, groups)
    return Ratings(
        method=method,
        names=record.agents,
        scores=scores,
        intervals=np.stack((scores - z * spread, scores + z * spread), axis=1),
        groups=groups,
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings=settings,
        notes=tuple(notes),
    )


def _estimates_in_words(fitted: PairedFit, model: OutcomeModel, found: dict[str, float], where: str) -> list[str]:
    """What sitting first is worth, and how often equal agents draw."""
    said = []
    if "seat_advantage" in found:
        low, high = found["seat_advantage_low"], found["seat_advantage_high"]
        said.append(f"sitting first is worth {signed(fitted.seat, 2)} ({signed(low, 2)} to {signed(high, 2)}){where}")
    if not np.isnan(fitted.tie):
        drawn = float(model.probabilities(np.zeros(1), fitted.tie)[1][0])
        said.append(f"equal agents draw {100 * drawn:.0f}{SPACE}% of their matches{where}")
    return said


def fit_paired(
    cells: Cells, model: OutcomeModel, *, num_agents: int, seat_advantage: bool = False, prior: float = 0.0
) -> PairedFit:
    """The (θ, γ, t) of greatest likelihood, with `prior` virtual draws of each agent with an agent of rating 0.

    Without a prior the graph of who got points from whom must be strongly connected; ``converged`` says whether the
    gradient vanishes at the answer, which it cannot where there is no maximum. Without draws t is not fitted.
    """
    draws, total = float(cells.draw.sum()), float((cells.win + cells.draw + cells.loss).sum())
    fits_tie = model.has_ties and draws > 0
    used = model if fits_tie or not model.has_ties else HALF
    if fits_tie and draws == total:  # without a decisive match draws would be certain, and t infinite
        cells = Cells(
            first=np.append(cells.first, 0),
            second=np.append(cells.second, 0),
            win=np.append(cells.win, 0.5),
            draw=np.append(cells.draw, 0.0),
            loss=np.append(cells.loss, 0.5),
        )
        total += 1
    count = num_agents + seat_advantage + fits_tie
    point = np.zeros(count)
    if fits_tie:
        point[-1] = used.tie_start(draws / total)
    value, gradient, information = _derivatives(cells, used, point, num_agents, seat_advantage, prior)
    converged = False
    for _ in range(MAX_NEWTON_STEPS):
        converged = bool(np.abs(gradient).max(initial=0.0) <= GRADIENT_TOLERANCE * total)
        if converged:
            break
        step = _newton_step(_regular(information, num_agents, prior), gradient)
        if step is None:
            break
        step *= min(1.0, LARGEST_STEP / np.abs(step).max())
        length = 1.0
        while length > 1e-10:
            moved = point + length * step
            found = _derivatives(cells, used, moved, num_agents, seat_advantage, prior)
            if found[0] >= value - SAME_VALUE * abs(value):
                break
            length /= 2
        else:
            break
        if np.array_equal(moved, point):
            break
        point, (value, gradient, information) = moved, found
    if not prior:
        point[:num_agents] -= point[:num_agents].mean()
    return PairedFit(
        strength=point[:num_agents] - point[:num_agents].mean(),
        seat=float(point[num_agents]) if seat_advantage else 0.0,
        tie=float(point[-1]) if fits_tie else float("nan"),
        parameters=point,
        information=information,
        converged=converged or bool(np.abs(gradient).max(initial=0.0) <= 1e3 * GRADIENT_TOLERANCE * total),
    )


def cells_of(compared: Comparisons) -> Cells:
    """The comparisons counted by who sat first and who second."""
    size = compared.num_agents
    tables = [pair_sums(compared, compared.weight * (compared.score == score)) for score in (1.0, 0.5, 0.0)]
    first, second = np.nonzero(sum(tables, np.zeros((size, size))))
    win, draw, loss = (table[first, second] for table in tables)
    return Cells(first=first, second=second, win=win, draw=draw, loss=loss)


def _fitted(
    part: Comparisons,
    points: NDArray[np.float64],
    model: OutcomeModel,
    seat_advantage: bool,
    prior: float,
    names: tuple[str, ...],
    notes: list[str],
) -> tuple[PairedFit, float]:
    """(the fit, the weight of the virtual draws it needed)."""
    cells = cells_of(part)
    if prior or connected_components(points > 0, directed=True, connection="strong")[0] == 1:
        fitted = fit_paired(cells, model, num_agents=len(names), seat_advantage=seat_advantage, prior=prior)
        if _is_determined(fitted, seat_advantage, prior):
            return fitted, prior
    weight = max(prior, VIRTUAL_WEIGHT)
    fitted = fit_paired(cells, model, num_agents=len(names), seat_advantage=seat_advantage, prior=weight)
    cause = " or always sat first" if seat_advantage else ""
    notes.append(
        f"of {listed(names)} some won or lost everything{cause}, so that maximum likelihood has no one finite answer; one "
        "virtual draw of each agent with an average one keeps the ratings finite"
    )
    return fitted, weight


def _is_determined(fitted: PairedFit, seat_advantage: bool, prior: float) -> bool:
    """Whether there is a maximum, and only one: nothing runs away, and seats can be told from strengths."""
    if not fitted.converged or np.abs(fitted.parameters).max(initial=0.0) >= RUN_AWAY:
        return False
    if not seat_advantage:
        return True
    size = len(fitted.strength)
    strengths, mixed = fitted.information[:size, :size], fitted.information[:size, size]
    own = float(fitted.information[size, size])
    explained = float(mixed @ scipy.linalg.solve(_regular(strengths, size, prior), mixed, assume_a="sym"))
    return own - explained > CONFOUNDED * own


def _part(compared: Comparisons, members: NDArray[np.int64]) -> Comparisons:
    """The comparisons between members, who get numbers from 0 on."""
    number = np.full(compared.num_agents, NEVER)
    number[members] = np.arange(len(members))
    inside = number[compared.first] >= 0
    _, unit = np.unique(compared.unit[inside], return_inverse=True)
    return Comparisons(
        first=number[compared.first[inside]],
        second=number[compared.second[inside]],
        score=compared.score[inside],
        margin=compared.margin[inside],
        weight=compared.weight[inside],
        times=compared.times[inside],
        unit=unit.astype(np.int64),
        match=compared.match[inside],
        num_agents=len(members),
        num_units=int(unit.max(initial=-1)) + 1,
        matches=len(np.unique(compared.match[inside])),
    )


def _derivatives(
    cells: Cells, model: OutcomeModel, point: NDArray[np.float64], num_agents: int, seat_advantage: bool, prior: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """(log-likelihood, its gradient, minus its second derivative), a virtual draw being half a win and half a loss."""
    theta, has_tie = point[:num_agents], len(point) > num_agents + seat_advantage
    seat, tie = num_agents, len(point) - 1
    x = theta[cells.first] - theta[cells.second] + (point[seat] if seat_advantage else 0.0)
    terms = model.terms(x, float(point[tie]) if has_tie else 0.0, cells.win, cells.draw, cells.loss)
    value = float(terms.value.sum())
    gradient = np.zeros(len(point))
    gradient[:num_agents] = np.bincount(cells.first, terms.dx, minlength=num_agents)
    gradient[:num_agents] -= np.bincount(cells.second, terms.dx, minlength=num_agents)
    information = np.zeros((len(point), len(point)))
    bend = np.bincount(cells.first * num_agents + cells.second, -terms.dxx, minlength=num_agents**2)
    bend = bend.reshape(num_agents, num_agents)
    both = bend + bend.T
    information[:num_agents, :num_agents] = np.diag(both.sum(axis=1)) - both
    if seat_advantage:
        gradient[seat] = terms.dx.sum()
        information[seat, seat] = -terms.dxx.sum()
        information[seat, :num_agents] = information[:num_agents, seat] = bend.sum(axis=1) - bend.sum(axis=0)
    if has_tie:
        gradient[tie] = terms.dt.sum()
        information[tie, tie] = -terms.dtt.sum()
        mixed = np.bincount(cells.first, -terms.dxt, minlength=num_agents)
        mixed -= np.bincount(cells.second, -terms.dxt, minlength=num_agents)
        information[tie, :num_agents] = information[:num_agents, tie] = mixed
        if seat_advantage:
            information[tie, seat] = information[seat, tie] = -terms.dxt.sum()
    if prior:
        held = point[: num_agents + seat_advantage]
        half = np.full(len(held), prior / 2)
        virtual = HALF.terms(held, 0.0, half, np.zeros(len(held)), half)
        value += float(virtual.value.sum())
        gradient[: len(held)] += virtual.dx
        information[np.arange(len(held)), np.arange(len(held))] -= virtual.dxx
    return value, gradient, information


def _regular(information: NDArray[np.float64], num_agents: int, prior: float) -> NDArray[np.float64]:
    """The information made regular along the direction in which all strengths move together."""
    if prior:
        return information
    regular = information.copy()
    regular[:num_agents, :num_agents] += np.diag(information)[:num_agents].mean() / num_agents
    return regular


def _newton_step(information: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """H⁻¹ g, None where H is singular up to rounding: then the matches do not determine the parameters."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", scipy.linalg.LinAlgWarning)
        try:
            step: NDArray[np.float64] = scipy.linalg.solve(information, gradient, assume_a="sym")
        except (scipy.linalg.LinAlgError, scipy.linalg.LinAlgWarning):
            return None
    return step


def _covariance(
    part: Comparisons, fitted: PairedFit, model: OutcomeModel, prior: float, *, drawn: bool
) -> NDArray[np.float64]:
    """H⁻¹ B H⁻¹ of (θ of mean 0, γ, t); `drawn`: whether who met whom was drawn by lot."""
    num_agents, count = part.num_agents, len(fitted.parameters)
    has_tie = not np.isnan(fitted.tie)
    has_seat = count > num_agents + has_tie
    used = model if has_tie or not model.has_ties else HALF
    point = fitted.parameters
    x = point[part.first] - point[part.second] + fitted.seat
    outcome = [part.weight * (part.score == score) for score in (1.0, 0.5, 0.0)]
    terms = used.terms(x, fitted.tie if has_tie else 0.0, *outcome)
    rows = [(part.first, terms.dx), (part.second, -terms.dx)]
    if has_seat:
        rows.append((np.full(len(part), num_agents), terms.dx))
    if has_tie:
        rows.append((np.full(len(part), count - 1), terms.dt))
    agents, values = (np.stack(column) for column in zip(*rows, strict=True))
    units, free = max(part.num_units, 1), max(count - 1, 1)
    correction = units / max(units - free, units / 2)
    seen = unit_spread(agents, values, part.unit, num_agents=num_agents, size=count, correction=correction, drawn=drawn)
    per_unit = part.matches / units
    vague = fitted.information.copy()
    if prior:
        held = point[: num_agents + has_seat]
        half = np.full(len(held), prior / 2)
        virtual = HALF.terms(held, 0.0, half, np.zeros(len(held)), half)
        vague[np.arange(len(held)), np.arange(len(held))] += virtual.dxx
    mean_weight = float(part.weight @ part.weight) / max(float(part.weight.sum()), 1e-300)
    middle = seen + VAGUE_UNITS * free / units * per_unit * mean_weight * vague
    if prior:
        win = 1 / (1 + np.exp(-held))
        middle[np.arange(len(held)), np.arange(len(held))] += prior * (win**2 + (1 - win) ** 2) / 2
    regular = _regular(fitted.information, num_agents, prior)
    bread = scipy.linalg.solve(regular, np.eye(count), assume_a="sym")
    bread[:num_agents] -= bread[:num_agents].mean(axis=0)
    covariance: NDArray[np.float64] = bread @ middle @ bread.T
    return covariance

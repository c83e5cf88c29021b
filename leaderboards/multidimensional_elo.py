"""Multidimensional Elo: who beats whom as a difference of ratings plus a cyclic part of low rank.

Model: logit P(i beats j) = θ_i − θ_j + Σ_k (u_ik v_jk − v_ik u_jk), k = 1..rank; rank 0 is Elo. A cyclic part of rank 1 holds a
game like rock, paper, scissors. How many are needed is chosen by what predicts matches that were held out.

Source: Balduzzi, Tuyls, Perolat, Graepel, Re-evaluating evaluation, NeurIPS 2018, arXiv:1806.02643, section 2.3 (mElo).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import SEED, percentile_bounds, unit_contents, unit_weights, unknown_outcomes
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL
from arena.leaderboards.comparisons import Comparisons, comparisons, groups_of, pair_sums
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record

FOLDS = 5
MOST_RANK = 3
RIDGE = 1.0
"""Weight of Σ (u² + v²) / 2 in the penalised likelihood, in matches: as normal laws of variance 1."""
TRANSITIVE_RIDGE = 0.01
"""The same of θ² / 2: hardly anything, and enough to keep an undefeated agent finite."""
RESAMPLES = 50
MOST_RESAMPLED = 30  # agents: above, fifty fits take seconds
MOST_AGENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffModel:
    """A fitted model of who beats whom.

    ``agents`` [A]; ``strength`` float64 [A]: the mean logit against the field, mean 0; ``cyclic`` float64 [A, A], antisymmetric,
    rows of mean 0: the rest of the logits; ``rank``; ``held_out``: for each rank that was tried, from 0 on, the mean
    log-likelihood of a held-out match, in natural units.
    """

    agents: tuple[str, ...]
    strength: NDArray[np.float64]
    cyclic: NDArray[np.float64]
    rank: int
    held_out: tuple[float, ...]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """P(row beats column) [A, A], draws as halves."""
        logits = self.strength[:, None] - self.strength + self.cyclic
        return 1 / (1 + np.exp(-logits))


def multidimensional_elo(
    record: Record, *, rank: int | None = None, confidence: float = 0.95, resamples: int | None = None
) -> Ratings:
    """Each agent's mean logit against all agents of the field, on the Elo scale, by the model of `low_rank_payoffs`.

    Where the cyclic part is nothing it is Elo. Where it is something, unlike Elo it does not depend on whom an agent happened to
    meet how often: every opponent counts once. ``settings`` holds the rank and its gain in held-out log-likelihood over rank 0.

    Args:
        record: the matches, of agents that met at least through others; their order does not matter.
        rank: of the cyclic part; None: chosen by held-out likelihood, at most 3.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins, at the chosen rank, with a unit of unknown outcome an agent; None: 50
            up to 30 agents, else 0.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: groups of agents that never met, or over 200 agents.
    """
    if not 0 < confidence < 1 or (resamples is not None and resamples < 0):
        raise ValueError(f"confidence must be in (0, 1), resamples at least 0; got {confidence} and {resamples}")
    model = low_rank_payoffs(record, rank=rank)
    compared, active = _active(record)
    if resamples is None:
        resamples = RESAMPLES if len(active) <= MOST_RESAMPLED else 0
    draws = np.empty((resamples, len(active)))
    start = _start(compared, model.rank)
    met = pair_sums(compared, compared.weight)
    met += met.T
    shares, unit_weight = met / met.sum(axis=1, keepdims=True), float(compared.weight.sum()) / compared.num_units
    for resample in range(resamples):
        times = unit_weights(compared.num_units, resample=resample)[compared.unit]
        points = _points(compared, compared.weight * times)
        won, lost = unit_weight * unknown_outcomes(model.agents, resample=resample).T
        points += won[:, None] * shares + (lost[:, None] * shares).T
        draws[resample] = _fit(points, model.rank, start)[0]
    scores = ELO_PER_NATURAL * model.strength
    intervals, above = percentile_bounds(scores, ELO_PER_NATURAL * draws, confidence)
    settings: dict[str, str | float] = {"rank": model.rank, "ridge": RIDGE, "intervals": "bootstrap"}
    settings |= {"resamples": resamples, "seed": SEED}
    if rank is None:
        settings["held_out_gain"] = model.held_out[model.rank] - model.held_out[0]
    return Ratings(
        method="multidimensional_elo",
        names=model.agents,
        scores=scores,
        intervals=intervals,
        groups=np.zeros(len(active), np.int64),
        above=above,
        matches=compared.matches,
        confidence=confidence,
        settings=settings,
        notes=(_rank_in_words(model),),
    ).spread_over(record.agents)


def _rank_in_words(model: PayoffModel) -> str:
    if not model.rank:
        return "no cyclic part" + (" predicts held-out matches better than Elo" if model.held_out else "")
    chosen = ", chosen by what predicts held-out matches" if model.held_out else ""
    return f"who beats whom has a cyclic part of rank {model.rank}{chosen}"


def low_rank_payoffs(record: Record, *, rank: int | None = None) -> PayoffModel:
    """The fitted model of who beats whom among the agents that met somebody.

    The likelihood, draws as half wins, has a weak penalty: normal laws of variance 1 on u and v, of variance 100 on θ. The rank
    is the smallest whose held-out likelihood is within one standard error of the best: matches are held out in five parts,
    twins together, and the standard error is that of the difference to the best over the parts.

    Args:
        record: the matches, of agents that met at least through others.
        rank: of the cyclic part, at least 0; None: chosen, at most 3.

    Raises:
        ValueError: a negative rank.
        ArenaError: groups of agents that never met, nobody met anybody, or over 200 agents.
    """
    if rank is not None and rank < 0:
        raise ValueError(f"rank must be at least 0; got {rank}")
    compared, active = _active(record)
    held_out: tuple[float, ...] = ()
    if rank is None:
        tried = range(min(MOST_RANK, (len(active) - 1) // 2) + 1)
        parts = np.array([_held_out(compared, one) for one in tried])  # [ranks, folds], nan = empty
        held_out = tuple(float(value) for value in parts.mean(axis=1))
        best = int(np.argmax(held_out))
        rank = best
        for one in range(best):
            behind = parts[best] - parts[one]
            if behind.mean() <= behind.std(ddof=1) / np.sqrt(FOLDS):
                rank = one
                break
    strength, cyclic = _fit(_points(compared, compared.weight), rank, _start(compared, rank))
    return PayoffModel(
        agents=tuple(record.agents[i] for i in active), strength=strength, cyclic=cyclic, rank=rank, held_out=held_out
    )


def penalised(
    parameters: NDArray[np.float64], points: NDArray[np.float64], rank: int
) -> tuple[float, NDArray[np.float64]]:
    """(minus the penalised log-likelihood, its gradient) of the parameters (θ, u, v) in one row.

    Args:
        points: [A, A], of the row against the column.
    """
    size = len(points)
    theta = parameters[:size]
    u, v = parameters[size:].reshape(2, size, rank)
    product = u @ v.T
    logits = theta[:, None] - theta + product - product.T
    value = float((points * np.logaddexp(0, -logits)).sum())
    slope = -points / (1 + np.exp(np.clip(logits, -700, 700)))  # ∂ value / ∂ logits
    turned = slope - slope.T
    ridge = np.concatenate((np.full(size, TRANSITIVE_RIDGE), np.full(2 * size * rank, RIDGE)))
    gradient = np.concatenate((turned.sum(axis=1), (turned @ v).ravel(), (turned.T @ u).ravel()))
    return value + float(ridge @ parameters**2) / 2, gradient + ridge * parameters


def _active(record: Record) -> tuple[Comparisons, NDArray[np.int64]]:
    """(comparisons of the agents that met somebody, numbered by name, so that the search goes the same way; these agents)."""
    compared = comparisons(record)
    met = pair_sums(compared, compared.weight)
    groups = groups_of(met + met.T > 0)
    sizes = np.bincount(groups, minlength=1)
    active = np.array(sorted(np.flatnonzero(sizes[groups] > 1), key=record.agents.__getitem__), np.int64)
    if (sizes > 1).sum() != 1:
        raise ArenaError("multidimensional Elo needs agents that all met, at least through others")
    if len(active) > MOST_AGENTS:
        raise ArenaError(f"multidimensional Elo is for at most {MOST_AGENTS} agents; got {len(active)}")
    number = np.zeros(len(groups), np.int64)
    number[active] = np.arange(len(active))
    return (
        Comparisons(
            first=number[compared.first],
            second=number[compared.second],
            score=compared.score,
            margin=compared.margin,
            weight=compared.weight,
            times=compared.times,
            unit=compared.unit,
            match=compared.match,
            num_agents=len(active),
            num_units=compared.num_units,
            matches=compared.matches,
        ),
        active,
    )


def _points(compared: Comparisons, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    points = pair_sums(compared, weight * compared.score)
    return points + pair_sums(compared, weight * (1 - compared.score)).T


def _held_out(compared: Comparisons, rank: int) -> NDArray[np.float64]:
    """[folds]: the mean log-likelihood of the matches of each part under the fit to the others."""
    fold = _folds(compared)[compared.unit]
    made = np.empty(FOLDS)
    for part in range(FOLDS):
        inside = fold == part
        kept = _points(compared, np.where(inside, 0.0, compared.weight))
        strength, cyclic = _fit(kept, rank, _start_of(kept, rank))
        points = _points(compared, np.where(inside, compared.weight, 0.0))
        logits = strength[:, None] - strength + cyclic
        made[part] = -float((points * np.logaddexp(0, -logits)).sum()) / max(float(points.sum()), 1e-300)
    return made


def _folds(compared: Comparisons) -> NDArray[np.int64]:
    """The part [num_units] that each unit is in: parts of equal size, drawn by the hash of the bootstrap.

    Drawn for units sorted by what they hold, so that the parts do not depend on how a ledger numbers its units.
    """
    held = np.argsort(unit_contents(compared), kind="stable")
    drawn = np.argsort(unit_weights(compared.num_units, resample=0, seed=SEED + 1), kind="stable")
    fold = np.empty(compared.num_units, np.int64)
    fold[held[drawn]] = np.arange(compared.num_units) % FOLDS
    return fold


def _start(compared: Comparisons, rank: int) -> NDArray[np.float64]:
    return _start_of(_points(compared, compared.weight), rank)


def _start_of(points: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """Where the search begins: the greatest planes of the smoothed logits less their transitive part."""
    size = len(points)
    logits = np.log((points + 0.5) / (points.T + 0.5))
    theta = logits.mean(axis=1)
    rest = np.where(points + points.T > 0, logits - (theta[:, None] - theta), 0.0)
    rest = (rest - rest.T) / 2
    u, v = np.zeros((size, rank)), np.zeros((size, rank))
    if rank:
        # an antisymmetric matrix is Σ s (x yᵀ − y xᵀ), x + i y an eigenvector of i · rest
        values, vectors = scipy.linalg.eigh(1j * rest)
        for k in range(rank):
            vector, weight = vectors[:, -1 - k], max(float(values[-1 - k]), 1e-3)
            u[:, k], v[:, k] = np.sqrt(2 * weight) * vector.imag, np.sqrt(2 * weight) * vector.real
    return np.concatenate((theta, u.ravel(), v.ravel()))


def _fit(
    points: NDArray[np.float64], rank: int, start: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(strength [A] of mean 0, cyclic [A, A] with rows of mean 0) at the maximum that the search reaches from `start`."""
    size = len(points)
    found = scipy.optimize.minimize(
        penalised,
        start,
        args=(points, rank),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-8 * max(float(points.sum()), 1.0) ** 0.5},
    )
    theta = found.x[:size]
    u, v = found.x[size:].reshape(2, size, rank)
    logits = theta[:, None] - theta + u @ v.T - v @ u.T
    strength: NDArray[np.float64] = logits.mean(axis=1)
    return strength, logits - (strength[:, None] - strength)

"""Bootstrap intervals of Bradley-Terry ratings with all refits at once, as tensors on a device.

The same numbers as `bootstrap_intervals(record, elo)`: the same random weights of the same units, and the same maximum of
each resampled likelihood, found by Newton's method on stacks of matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from arena.leaderboards.bootstrap import RESAMPLES, SEED, percentile_bounds
from arena.leaderboards.bradley_terry import ELO_PER_NATURAL, VIRTUAL_WEIGHT, bradley_terry, elo
from arena.leaderboards.comparisons import Comparisons, comparisons
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers.tensor_tree import tensor_device

STACK_BYTES = 1 << 28  # what a stack of square matrices may take; Newton's method holds several
MAX_NEWTON_STEPS = 100
LARGEST_STEP = 3.0
GRADIENT_TOLERANCE = 1e-12  # of all matches: the last step leaves rounding
GOLDEN, FIRST, SECOND = (word - (1 << 64) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
"""splitmix64's constants as signed numbers, whose sums and products have the same bits."""


def tensor_bootstrap(
    record: Record,
    method: Literal["elo", "bradley_terry"] = "elo",
    *,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    device: str = "torch",
    progress: Callable[[int, int], None] | None = None,
) -> Ratings:
    """`elo` or `bradley_terry` with intervals and ranks from refits on resampled pairs of twins.

    Args:
        record: the matches; their order does not matter.
        method: the scale.
        resamples: how many refits, at least 2.
        confidence: of the intervals, in (0, 1).
        device: as of `tensor_device`: ``cuda``, ``cuda:1``, or ``torch`` for tensors on the CPU.
        progress: called with (refits done, refits in all).

    Raises:
        ValueError: a setting out of its range.
        NotProvided: a device that is not there.
        ArenaError: more agents than are rated at once.
    """
    if resamples < 2 or not 0 < confidence < 1:
        raise ValueError(f"resamples must be at least 2, confidence in (0, 1); got {resamples} and {confidence}")
    place = tensor_device(device)
    ratings = {"elo": elo, "bradley_terry": bradley_terry}[method](record, confidence=confidence)
    scale = ELO_PER_NATURAL if method == "elo" else 1.0
    compared = comparisons(record)
    draws = np.full((resamples, len(record.agents)), np.nan)
    for group in range(int(ratings.groups.max(initial=-1)) + 1):
        members = np.flatnonzero(ratings.groups == group)
        if len(members) > 1:
            entries = _entries(compared, members, place)
            step = max(1, STACK_BYTES // (8 * len(members) ** 2))
            for begin in range(0, resamples, step):
                numbers = torch.arange(begin, min(begin + step, resamples), device=place)
                fitted = _refitted(entries, numbers, len(members))
                draws[numbers.cpu().numpy()[:, None], members] = fitted.cpu().numpy()
                if progress:
                    progress(begin + len(numbers), resamples)
    rated = np.isfinite(ratings.scores)
    intervals, above = np.full((len(rated), 2), np.nan), np.zeros((len(rated), len(rated)), np.bool_)
    found, certain = percentile_bounds(ratings.scores[rated], scale * draws[:, rated], confidence)
    intervals[rated], above[np.ix_(rated, rated)] = found, certain
    return replace(
        ratings,
        intervals=intervals,
        above=above & (ratings.groups[:, None] == ratings.groups),
        confidence=confidence,
        settings={**ratings.settings, "intervals": "bootstrap", "resamples": resamples, "seed": SEED, "device": device},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """What each unit adds to each cell: ``unit`` [E], ``cell`` [E] of a flat wins matrix, ``won`` [E]; ``virtual``: the weight of
    each agent's virtual draw, 0 where the likelihood has a maximum."""

    unit: torch.Tensor
    cell: torch.Tensor
    won: torch.Tensor
    virtual: float


def _entries(compared: Comparisons, members: NDArray[np.int64], place: torch.device) -> _Entries:
    """The wins between the members of one group, each unit and cell once."""
    size = len(members)
    at = np.full(compared.num_agents, -1)
    at[members] = np.arange(size)
    first, second = at[compared.first], at[compared.second]
    inside = first >= 0
    won = compared.weight * compared.score
    cell = np.concatenate(((first * size + second)[inside], (second * size + first)[inside]))
    value = np.concatenate((won[inside], (compared.weight - won)[inside]))
    unit = np.tile(compared.unit[inside], 2)
    some = value > 0
    key, entry = np.unique(unit[some] * size**2 + cell[some], return_inverse=True)
    wins = np.bincount(cell, value, size * size).reshape(size, size)
    separated = connected_components(wins > 0, directed=True, connection="strong")[0] > 1
    return _Entries(
        unit=torch.as_tensor(key // size**2, device=place),
        cell=torch.as_tensor(key % size**2, device=place),
        won=torch.as_tensor(np.bincount(entry, value[some], len(key)), device=place),
        virtual=VIRTUAL_WEIGHT if separated else 0.0,
    )


def _refitted(entries: _Entries, resamples: torch.Tensor, size: int) -> torch.Tensor:
    """The ratings [R, A], mean 0, that are most likely in each resample."""
    wins = torch.zeros((len(resamples), size * size), dtype=torch.float64, device=resamples.device)
    for row, resample in enumerate(resamples.tolist()):
        wins[row].index_add_(0, entries.cell, entries.won * _exponentials(entries.unit, resample))
    wins = wins.view(-1, size, size)
    strength = torch.zeros(wins.shape[:2], dtype=torch.float64, device=wins.device)
    met, total = wins + wins.transpose(1, 2), wins.sum((1, 2)).clamp_min(1.0)
    value = _log_likelihood(wins, strength, entries.virtual)
    for _ in range(MAX_NEWTON_STEPS):
        gradient, information = _derivatives(wins, met, strength, entries.virtual)
        still = gradient.abs().amax(1) > GRADIENT_TOLERANCE * total
        if not bool(still.any()):
            break
        step = torch.cholesky_solve(gradient[:, :, None], torch.linalg.cholesky(information))[:, :, 0]
        step *= (LARGEST_STEP / step.abs().amax(1, keepdim=True)).clamp_max(1.0)
        step[~still] = 0
        while True:  # halve the steps that overshoot; the likelihood is concave, so this ends
            moved_value = _log_likelihood(wins, strength + step, entries.virtual)
            worse = moved_value < value - 1e-12 * value.abs()
            if not bool(worse.any()):
                break
            step[worse] /= 2
        strength, value = strength + step, moved_value
    return strength - strength.mean(1, keepdim=True)


def _log_likelihood(wins: torch.Tensor, strength: torch.Tensor, virtual: float) -> torch.Tensor:
    """[R]: Σ w ln σ(θ_i − θ_j), and the virtual draws."""
    log = torch.nn.functional.logsigmoid
    value = (wins * log(strength[:, :, None] - strength[:, None, :])).sum((1, 2))
    if virtual:
        value = value + virtual / 2 * (log(strength) + log(-strength)).sum(1)
    return value


def _derivatives(
    wins: torch.Tensor, met: torch.Tensor, strength: torch.Tensor, virtual: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """(gradient [R, A], information [R, A, A], regular along the direction in which all ratings move together)."""
    probability = torch.sigmoid(strength[:, :, None] - strength[:, None, :])
    gradient = (wins - met * probability).sum(2)
    cells = met * probability * (1 - probability)
    diagonal = cells.sum(2)
    information = torch.diag_embed(diagonal) - cells
    if virtual:
        win = torch.sigmoid(strength)
        gradient = gradient + virtual * (0.5 - win)
        information = information + torch.diag_embed(virtual * win * (1 - win))
    else:
        information = information + (diagonal.mean(1) / strength.shape[1])[:, None, None]
    return gradient, information


def _exponentials(numbers: torch.Tensor, resample: int) -> torch.Tensor:
    """`arena.leaderboards.bootstrap.unit_weights` of these units, bit by bit up to the logarithm's rounding."""
    start = _mixed(_mixed(torch.tensor(SEED, dtype=torch.int64)) ^ resample)
    word = _shifted(_mixed(numbers ^ start.to(numbers.device)), 11)
    uniform = (word.to(torch.float64) + 0.5) * 2.0**-53
    return -uniform.log()


def _mixed(word: torch.Tensor) -> torch.Tensor:
    word = word + GOLDEN
    word = (word ^ _shifted(word, 30)) * FIRST
    word = (word ^ _shifted(word, 27)) * SECOND
    return word ^ _shifted(word, 31)


def _shifted(word: torch.Tensor, places: int) -> torch.Tensor:
    """The bits of an unsigned word moved to the right; torch's own shift copies the sign."""
    return (word >> places) & ((1 << (64 - places)) - 1)

"""Win rates as given become preferences without gaps: checked, put right for judges who err, and filled where unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.foretold_rates import foretold_rates
from arena.games.preference_settings import EVEN, PreferenceSettings
from arena.games.votes import shares

if TYPE_CHECKING:
    from torch import Tensor

SUM_TOLERANCE = 1e-6  # of P(i beats j) + P(j beats i) = 1: printed decimals are rounded
SHOWN = 3  # pairs in a note

Array = NDArray[np.float64]
Values = TypeVar("Values", NDArray[np.float64], "Tensor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """``rates`` [..., n, n], NaN where unknown in both directions; ``weights`` [..., n, n], what comparisons of the two weigh, None = all alike."""

    rates: Array = field(repr=False)
    weights: Array | None = field(default=None, repr=False)

    @staticmethod
    def of_points(points: Array, weights: Array) -> Rates:
        """The rates of counted votes."""
        return Rates(rates=shares(points, weights), weights=weights)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """``preferences`` [..., n, n] with P + Pᵀ = 1 to the last digit; ``compared`` bool [..., n, n]: what was known."""

    preferences: Array = field(repr=False)
    compared: NDArray[np.bool_] = field(repr=False)
    notes: tuple[str, ...] = ()


def require_flip_rate(flip_rate: float, name: str = "flip_rate") -> float:
    """The rate at which a judge names the other one.

    Raises:
        ValueError: not from 0 to below 1/2.
    """
    if not 0 <= flip_rate < EVEN:
        raise ValueError(f"{name} must be from 0 to below 1/2, where a judge says nothing; got {flip_rate}")
    return float(flip_rate)


def put_right(rates: Values, flip_rate: float) -> Values:
    """(r - f) / (1 - 2 f): what a rate r [...] says of what would be preferred if judges did not err with chance f.

    A tie stays one half. Chance may leave a measured rate nearer to 0 or 1 than an erring judge's can be; the result is then
    outside 0..1, and unbiased for all that.
    """
    result: Values = (rates - flip_rate) / (1 - 2 * flip_rate)
    return result


def checked_rates(rates: Array, names: Sequence[str], *, specification: str, contexts: Sequence[str] = ()) -> Array:
    """The rates [..., n, n] with both directions of a pair known or NaN, and a known diagonal; one direction is enough.

    Args:
        rates: as given, [n, n] or [contexts, n, n].
        names: the n candidates.
        specification: of the game, for messages.
        contexts: names, where there is such an axis.

    Raises:
        SpecificationError: a rate is no probability, or two directions do not add up to 1; the message names the pair.
    """
    outside = np.argwhere((rates < 0) | (rates > 1))
    if len(outside):
        place, where, one, other = _pair(outside[0], names, contexts)
        raise SpecificationError(
            f"{specification}: P({one} beats {other}){where} is {rates[place]:g}; a probability is from 0 to 1"
        )
    filled = np.where(np.isnan(rates), 1 - np.swapaxes(rates, -1, -2), rates)
    diagonal = np.arange(len(names))
    own = rates[..., diagonal, diagonal]
    filled[..., diagonal, diagonal] = np.where(np.isnan(own), EVEN, own)
    wrong = np.argwhere(np.abs(filled + np.swapaxes(filled, -1, -2) - 1) > SUM_TOLERANCE)
    if len(wrong):
        place, where, one, other = _pair(wrong[0], names, contexts)
        mirrored = (*place[:-2], place[-1], place[-2])
        raise SpecificationError(
            f"{specification}: P({one} beats {other}) = {filled[place]:g} and P({other} beats {one}) = "
            f"{filled[mirrored]:g}{where} must add up to 1"
        )
    return filled


def completed_rates(
    given: Rates,
    names: Sequence[str],
    *,
    specification: str,
    settings: PreferenceSettings,
    contexts: Sequence[str] = (),
) -> Completed:
    """The preferences [..., n, n] without gaps, put right for judges who err.

    Args:
        given: `checked_rates`, [n, n] or [contexts, n, n].
        names: the n candidates.
        specification: of the game, for messages.
        settings: ``flip_rate`` and ``unmet`` are used.
        contexts: names, where there is such an axis.

    Raises:
        SpecificationError: a pair was never compared and ``unmet`` is not set.
    """
    filled, notes = given.rates, []
    compared = ~np.isnan(filled)
    gaps = np.argwhere(~compared)
    if len(gaps) and settings.unmet == "refused":
        _, where, one, other = _pair(gaps[0], names, contexts)
        raise SpecificationError(
            f"{specification}: {one} and {other} were never compared{where} ({_times(len(gaps) // 2, 'such pair')}); take "
            f"them as even with preference:FILE(unmet={EVEN}), or as unknown with unmet=unknown"
        )
    if settings.flip_rate:
        filled = put_right(filled, settings.flip_rate)
        over = np.argwhere(filled > 1 + SUM_TOLERANCE)
        if len(over):
            told = []
            for cell in over[:SHOWN]:
                place, where, one, other = _pair(cell, names, contexts)
                told.append(f"{one} against {other} {filled[place]:.2f}{where}")
            notes.append(
                f"put right for flip_rate={settings.flip_rate:g}, the rates of {_times(len(over), 'pair')} lay outside 0 to 1 and were "
                f"clipped: {'; '.join(told)}{', ...' if len(over) > SHOWN else ''}"
            )
        filled = np.clip(filled, 0, 1)  # NaN stays
    if len(gaps):
        filled = np.where(compared, filled, _in_place_of_unknown(given, filled, compared, settings))
        total = compared[..., 0, 0].size * len(names) * (len(names) - 1) // 2
        verbs = ("was", "is") if len(gaps) == 2 else ("were", "are")
        how = "even" if settings.unmet == "even" else "what the comparisons of others foretell, 1/2 where nothing does"
        notes.append(
            f"{len(gaps) // 2:,} of {_times(total, 'pair')} {verbs[0]} never compared and {verbs[1]} taken as {how}"
        )
    even: Array = (filled + 1 - np.swapaxes(filled, -1, -2)) / 2
    return Completed(preferences=even, compared=compared, notes=tuple(notes))


def _pair(
    cell: NDArray[np.int64], names: Sequence[str], contexts: Sequence[str]
) -> tuple[tuple[int, ...], str, str, str]:
    """(the cell, its context in words, the two candidates)."""
    *context, i, j = cell.tolist()
    where = f" in context {contexts[context[0]]!r:.60}" if context else ""
    return (*context, i, j), where, names[i], names[j]


def _times(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _in_place_of_unknown(
    given: Rates, filled: Array, compared: NDArray[np.bool_], settings: PreferenceSettings
) -> Array:
    if settings.unmet == "even":
        return np.full_like(filled, EVEN)
    size = filled.shape[-1]
    weights = compared.astype(np.float64) if given.weights is None else given.weights
    weights = np.where(np.eye(size, dtype=bool), 0.0, weights)
    points = np.where(weights > 0, filled, 0.0) * weights
    flat = [
        foretold_rates(one, weight)
        for one, weight in zip(points.reshape(-1, size, size), weights.reshape(-1, size, size), strict=True)
    ]
    return np.stack(flat).reshape(filled.shape)

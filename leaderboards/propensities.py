"""Adaptively chosen matches as if every pair had been as likely: weights from the probabilities with which pairs were drawn.

Who meets whom often is, under adaptive pairing, a matter of what was still in doubt; in a cyclic field ratings and mean scores
then depend on it. Weighted by the inverse of its propensity π, a match stands for the matches that a uniform draw would have
given: Σ w x of the weighted matches has the expectation of as many uniform draws, for every x. Weights are 1 for uniform draws
and at most 1 / explore.

Two kinds of weights. ``field``: w = 1 / (π · number of pairs), scaled to a mean of 1 (Hájek's form): sums before the scaling are unbiased, and
their spread is that of few draws if most went elsewhere. ``pair`` divides further by the sum of w of the two agents' matches, so
that every pair counts the same: stabilised, as the luck of how often a pair was drawn cancels; it needs all pairs to have met, and is
unbiased up to terms of the order of 1 / matches of a pair.

Sources: Horvitz and Thompson, JASA 1952, doi:10.1080/01621459.1952.10483446; Hájek, Comment on an essay by Basu, 1971; Hadad, Hirshberg,
Zhan, Wager and Athey, Confidence intervals for policy evaluation in adaptive experiments, PNAS 2021, arXiv:1911.02768.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import ArenaError, NotProvided
from arena.leaderboards.record import Record

Kind = Literal["pair", "field"]


def uniform_field(record: Record, propensity: NDArray[np.float64], *, kind: Kind = "pair") -> Record:
    """The record with weights as if every pair of agents had been equally likely to meet; weights have a mean of 1.

    Args:
        record: matches of two players each, drawn with known probabilities.
        propensity: [N], the probability with which the draw of each match gave its two agents, in (0, 1]; of both matches of
            a pair of twins, that of the pair.
        kind: ``pair`` or ``field``, see above.

    Raises:
        ValueError: a probability out of its range, or another number of them than of matches.
        NotProvided: matches of more than two players.
        ArenaError: ``pair``, and two agents never met.
    """
    propensity = np.asarray(propensity, np.float64)
    if propensity.shape != (len(record),) or not np.all((propensity > 0) & (propensity <= 1)):
        raise ValueError(
            f"propensity must be one number in (0, 1] a match, {len(record)} in all; got {propensity.shape}"
        )
    if kind not in ("pair", "field"):
        raise ValueError(f"kind must be 'pair' or 'field'; got {kind!r}")
    if not len(record):
        return record
    if record.seats.shape[1] != 2 or (record.seats < 0).any():
        raise NotProvided("propensities are of pairs; matches of more than two players are weighted by nothing")
    weight = record.weight / propensity
    if kind == "pair":
        weight = weight / _of_pair(record, weight)
    return replace(record, weight=weight * (record.weight.sum() / weight.sum()), drawn=True)


def effective_matches(weight: NDArray[np.float64]) -> float:
    """How many equally weighted matches tell as much of a mean: (Σ w)² / Σ w². Kish, Survey Sampling, 1965."""
    total = float((weight**2).sum())
    return float(weight.sum()) ** 2 / total if total else 0.0


def _of_pair(record: Record, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the weights [N] of all matches of each match's two agents."""
    size = len(record.agents)
    low, high = record.seats.min(axis=1), record.seats.max(axis=1)
    total = np.bincount(low * size + high, weights=weight, minlength=size * size).reshape(size, size)
    unmet = np.argwhere(np.triu(total <= 0, 1))
    if len(unmet):
        one, two = (record.agents[i] for i in unmet[0])
        raise ArenaError(
            f"{one} and {two} never met, so that not every pair can count the same; play the pairs that never met, "
            "or weigh the matches by kind 'field'"
        )
    of_pair: NDArray[np.float64] = total[low, high]
    return of_pair

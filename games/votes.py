"""Comparisons in pairs as columns: who was shown beside whom, who won, for whom, in which context, and what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError, UnknownName

UNSAID = -1
"""The context or the judge of a vote that names none."""

MAX_CELLS = 2**28  # of sums over pairs: 2 GiB each


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """m votes on n candidates.

    ``first``, ``second`` int64 [m]: the two candidates in the order in which they were shown, never the same. ``score``
    float64 [m]: the share of the win that the first takes: 1, 1/2 for a tie, 0, or the
    probability that a judge gave. ``both_bad`` bool [m]: a tie in which neither was good. ``weight`` float64 [m], above 0: how much a vote counts. ``context`` and ``judge`` int64 [m]: places
    in ``contexts`` and ``judges``, `UNSAID` where the source says nothing.
    """

    candidates: tuple[str, ...]
    contexts: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    first: NDArray[np.int64] = field(repr=False)
    second: NDArray[np.int64] = field(repr=False)
    score: NDArray[np.float64] = field(repr=False)
    both_bad: NDArray[np.bool_] = field(repr=False)
    weight: NDArray[np.float64] = field(repr=False)
    context: NDArray[np.int64] = field(repr=False)
    judge: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.first)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Votes:
        """The votes named; candidates, contexts and judges keep their places."""
        return Votes(
            candidates=self.candidates,
            contexts=self.contexts,
            judges=self.judges,
            first=self.first[rows],
            second=self.second[rows],
            score=self.score[rows],
            both_bad=self.both_bad[rows],
            weight=self.weight[rows],
            context=self.context[rows],
            judge=self.judge[rows],
        )

    def without_judges(self, names: Sequence[str]) -> Votes:
        """The votes that none of these judges gave.

        Raises:
            UnknownName: no vote is of this judge.
        """
        return self.take(~np.isin(self.judge, self._places_of(names)))

    def of_judges(self, names: Sequence[str]) -> Votes:
        """The votes that one of these judges gave.

        Raises:
            UnknownName: no vote is of this judge.
        """
        return self.take(np.isin(self.judge, self._places_of(names)))

    def of_context(self, name: str) -> Votes:
        """The votes in one context.

        Raises:
            UnknownName: no vote is in this context.
        """
        if name not in self.contexts:
            raise UnknownName("context", name, list(self.contexts))
        return self.take(self.context == self.contexts.index(name))

    def named(self) -> Votes:
        """The same votes without the candidates, contexts and judges that none of them names."""
        shown = np.unique(np.concatenate((self.first, self.second)))
        contexts, judges = (np.unique(column[column != UNSAID]) for column in (self.context, self.judge))
        return replace(
            self,
            candidates=tuple(self.candidates[k] for k in shown),
            contexts=tuple(self.contexts[k] for k in contexts),
            judges=tuple(self.judges[k] for k in judges),
            first=np.searchsorted(shown, self.first),
            second=np.searchsorted(shown, self.second),
            context=np.where(self.context == UNSAID, UNSAID, np.searchsorted(contexts, self.context)),
            judge=np.where(self.judge == UNSAID, UNSAID, np.searchsorted(judges, self.judge)),
        )

    def counts(self) -> NDArray[np.int64]:
        """[n, n]: how many votes there are on each two candidates, whatever they weigh."""
        return replace(self, weight=np.ones(len(self))).points()[1].astype(np.int64)

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(points, weights) [n, n]: what i won against j, a tie counting half, and the weight of the votes on the two.

        Raises:
            SpecificationError: more than `MAX_CELLS` pairs.
        """
        size = len(self.candidates)
        points, weights = self._sums(np.zeros(len(self), np.int64), 1)
        return points.reshape(size, size), weights.reshape(size, size)

    def points_by_context(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(points, weights) [contexts, n, n], in the order of ``contexts``; votes that name none are left out.

        Raises:
            SpecificationError: more than `MAX_CELLS` pairs, all contexts together.
        """
        named = self if (self.context != UNSAID).all() else self.take(self.context != UNSAID)
        return named._sums(named.context, len(self.contexts))

    def _places_of(self, names: Sequence[str]) -> list[int]:
        for name in names:
            if name not in self.judges:
                raise UnknownName("judge", name, list(self.judges))
        return [self.judges.index(name) for name in names]

    def _sums(self, group: NDArray[np.int64], groups: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        size = len(self.candidates)
        if groups * size * size > MAX_CELLS:
            contexts = f" in {groups:,} contexts" if groups > 1 else ""
            raise SpecificationError(
                f"{size:,} candidates{contexts} make {groups * size * size:,} pairs; tables of at most {MAX_CELLS:,} fit"
            )
        one = (group * size + self.first) * size + self.second
        other = (group * size + self.second) * size + self.first
        cells = np.concatenate((one, other))
        won = np.concatenate((self.weight * self.score, self.weight * (1 - self.score)))
        shape, total = (groups, size, size), groups * size * size
        points, weights = np.zeros(total), np.zeros(total)
        points += np.bincount(cells, won, minlength=total)
        weights += np.bincount(cells, np.concatenate((self.weight, self.weight)), minlength=total)
        return points.reshape(shape), weights.reshape(shape)


def shares(points: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Win rates [..., n, n]: 1/2 on the diagonal, NaN where two candidates were never compared."""
    rates = np.full(points.shape, np.nan)
    np.divide(points, weights, out=rates, where=weights > 0)
    places = np.arange(points.shape[-1])
    rates[..., places, places] = 0.5
    return rates

"""The value that every rating method returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.wording import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What a method says of each agent, on the method's own scale, higher is better.

    ``names`` [A]; ``scores`` float64 [A], nan where an agent has no rated match; ``intervals`` float64 [A, 2]: from, to,
    at ``confidence``; ``groups`` int64 [A]: agents of different groups never met, not even through others, and are not
    comparable; ``above`` bool [A, A]: the row's agent is above the column's with that confidence, pair by pair;
    ``matches``: how many were used; ``notes``: sentences that a reader must know.
    """

    method: str
    names: tuple[str, ...]
    scores: NDArray[np.float64]
    intervals: NDArray[np.float64]
    groups: NDArray[np.int64]
    above: NDArray[np.bool_]
    matches: int
    confidence: float = 0.95
    settings: Mapping[str, str | float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def rank_ranges(self, left_out: NDArray[np.bool_] | None = None) -> list[tuple[int, int]]:
        """(best, worst) rank of each agent among the rated ones of its group: 1 + those above, the size less those below.

        Args:
            left_out: [A], agents that take no rank, such as provisional ones; they get the whole range of their group.
        """
        ranges, ranked = [], np.isfinite(self.scores)
        if left_out is not None:
            ranked &= ~left_out
        for agent in range(len(self.names)):
            group = self.groups == self.groups[agent]
            field = ranked & group
            if not field[agent]:
                ranges.append((1, int((np.isfinite(self.scores) & group).sum())))
                continue
            above, below = int(self.above[field, agent].sum()), int(self.above[agent, field].sum())
            ranges.append((1 + above, int(field.sum()) - below))
        return ranges

    def spread_over(self, names: tuple[str, ...]) -> Ratings:
        """The same ratings among more names, the others unrated and each in a group of its own."""
        at = np.array([names.index(name) for name in self.names], np.int64)
        size = len(names)
        scores, intervals, above = np.full(size, np.nan), np.full((size, 2), np.nan), np.zeros((size, size), np.bool_)
        groups = np.full(size, -1)
        scores[at], intervals[at], groups[at], above[np.ix_(at, at)] = (
            self.scores,
            self.intervals,
            self.groups,
            self.above,
        )
        unrated = np.flatnonzero(groups < 0)
        groups[unrated] = int(self.groups.max(initial=-1)) + 1 + np.arange(len(unrated))
        return replace(self, names=names, scores=scores, intervals=intervals, groups=groups, above=above)


def group_notes(names: Sequence[str], groups: NDArray[np.int64]) -> list[str]:
    """What a reader must know of agents that never met."""
    sizes = np.bincount(groups, minlength=1)
    notes = []
    alone = [names[i] for i in np.flatnonzero(sizes[groups] == 1).tolist()]
    if alone:
        notes.append(f"{listed(alone)} met no other agent and {'is' if len(alone) == 1 else 'are'} not rated")
    if (sizes > 1).sum() > 1:
        notes.append(
            f"the agents fall into {(sizes > 1).sum()} groups that never met, not even through others; "
            "ratings of different groups are not comparable"
        )
    return notes

"""What can follow what in a Markov game, whatever its chance: the bounds of returns, and whether chance plays a part.

The greatest sum of rewards of a match is the length of a longest path, found as by Bellman and Ford. Without a horizon it has
no bound exactly where a cycle that can be reached pays; such a cycle mostly shows early, in the graph of each state's best next
one, so that not as many rounds as there are states are needed to know it.

Source: Cherkassky and Goldberg, Negative-cycle detection algorithms, Mathematical Programming 1999, doi:10.1007/s101070050058
(looking for cycles among the best next states).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.constant_sums import SUM_TOLERANCE

EXACT_STEPS = 1_000  # of a horizon, that bounds on returns are exact for; each step beyond counts as the best reward


@dataclass(frozen=True, slots=True)
class Reach:
    """The rows of a `MarkovGame` without their chances: `begin`, `successors`, `terminal` and the number of joint actions."""

    begin: NDArray[np.int64]
    successors: NDArray[np.int64]
    terminal: NDArray[np.bool_]
    joints: int

    def bounds(
        self, paid: NDArray[np.float64], initial: NDArray[np.float64], discount: float, horizon: int | None
    ) -> tuple[float | None, float | None]:
        """The least and the greatest sum of rewards of any match, over players; None where steps may pay without end."""
        reached = self._reached(initial)
        least = [self._greatest(0 - own, initial, reached, discount, horizon) for own in paid.T]
        most = [self._greatest(own, initial, reached, discount, horizon) for own in paid.T]
        return (
            None if None in least else 0 - max(value for value in least if value is not None),
            None if None in most else max(value for value in most if value is not None),
        )

    def has_chance(self, initial: NDArray[np.float64], discount: float, horizon: int | None) -> bool:
        """Whether two matches with the same choices can differ."""
        reached = initial > 0
        if reached.sum() > 1:
            return True
        mixed = np.diff(self.begin).reshape(-1, self.joints).max(axis=1) > 1
        for step in range(len(reached) if horizon is None else min(horizon, len(reached))):
            rows = np.repeat(np.repeat(reached, self.joints), np.diff(self.begin))
            after = self.successors[rows]
            last = horizon is not None and step + 1 == horizon  # nobody is stopped after the last step
            if mixed[reached].any() or (discount < 1 and not last and not self.terminal[after].all()):
                return True
            wider = reached.copy()
            wider[after[~self.terminal[after]]] = True
            if (wider == reached).all():
                return False
            reached = wider
        return False

    def _greatest(
        self,
        own: NDArray[np.float64],
        initial: NDArray[np.float64],
        reached: NDArray[np.bool_],
        discount: float,
        horizon: int | None,
    ) -> float | None:
        """A sum that still grows after S steps goes round a cycle that pays."""
        ahead = np.zeros(len(self.terminal))
        enough = SUM_TOLERANCE * float(np.abs(own).max(initial=0.0))
        steps = len(ahead) + 1 if horizon is None else min(horizon, EXACT_STEPS)
        for step in range(steps):
            onward = np.where(self.terminal, 0.0, ahead if discount == 1 else np.maximum(ahead, 0.0))
            worth = own + onward[self.successors]
            best = np.maximum.reduceat(worth, self.begin[:-1])
            now = best.reshape(-1, self.joints).max(axis=1)
            if np.abs(now - ahead)[reached].max() <= enough:
                return float(now[initial > 0].max())
            if horizon is None and step & (step + 1) == 0 and self._goes_round(own, worth, now, reached, enough):
                return None
            ahead = now
        if horizon is None:
            return None
        return float(ahead[initial > 0].max()) + (horizon - steps) * max(float(own.max()), 0.0)

    def _goes_round(
        self,
        own: NDArray[np.float64],
        worth: NDArray[np.float64],
        best: NDArray[np.float64],
        reached: NDArray[np.bool_],
        enough: float,
    ) -> bool:
        """Whether going from each state on with what is of most ``worth`` leads round a cycle that pays more than ``enough``."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import connected_components

        states = len(best)
        outcomes = np.flatnonzero(worth == np.repeat(best, np.diff(self.begin[:: self.joints])))
        from_state = np.searchsorted(self.begin[:: self.joints], outcomes, side="right") - 1
        _, first = np.unique(from_state, return_index=True)
        chosen = outcomes[first]
        following = self.successors[chosen]
        graph = csr_array((np.ones(states, np.int8), following, np.arange(states + 1)), shape=(states, states))
        count, cycle = connected_components(graph, connection="strong")
        closed = cycle[following] == cycle
        gains = np.bincount(cycle[closed & reached], weights=own[chosen][closed & reached], minlength=count)
        return bool((gains > enough).any())

    def _reached(self, initial: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The states that some match may come to: a walk from one state more, which leads to all first ones."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import breadth_first_order

        states, first = len(initial), np.flatnonzero(initial)
        ends = np.append(self.begin[:: self.joints], len(self.successors) + len(first))
        graph = csr_array(
            (np.ones(ends[-1], np.int8), np.append(self.successors, first), ends), shape=(states + 1, states + 1)
        )
        found = np.zeros(states + 1, np.bool_)
        found[breadth_first_order(graph, states, return_predecessors=False)] = True
        return found[:-1]

"""The equations of agent quantal response on a game tree in the logarithms of probabilities, and their Jacobian.

    F(l, λ) = l − log softmax(λ q(l)),   q[s] = what the action s earns once its information set is reached

With W(e | s) = how likely the end e is once the sequence s is played, and by whom an end's payoff is changed,

    dq[s] / dl[t] = Σ over the ends e behind s and t of W(e | s) (payoff[e] − q[s])         t another player's
    dq[s] / dl[t] = W(t | s) (q[t] − q[s])                                                  t the same player's, behind s

F = 0 holds exactly at the agent quantal response equilibria: it makes the probabilities of each set add up to one too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.games.game_tree import GameTree
from arena.solvers.agent_values import AgentGame, agent_values, fill_responses

LARGEST_LOGARITHM = 30.0  # of an unnormalised probability on the way: beyond it Newton's method is lost

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


class AgentResponse:
    """F of a tree; l [K] are the logarithms of all sequences but the empty ones, λ is in units of 1 / ``scale``."""

    def __init__(self, tree: GameTree, agents: AgentGame):
        self.tree, self.agents = tree, agents
        self.scale = agents.payoff_range or 1.0
        self.offset = tree.num_players
        first = tree.first.astype(np.int64)
        self._begins, self._counts = first[:-1] - self.offset, first[1:] - first[:-1]
        size = tree.num_sequences - self.offset
        self.uniform: NDArray[np.float64] = -np.log(np.repeat(self._counts, self._counts).astype(np.float64))
        before = np.arange(tree.num_sequences)  # the sequence before each one; of empty ones themselves
        before[self.offset :] = np.repeat(tree.parent.astype(np.int64), self._counts)
        own = _climb(np.arange(self.offset, tree.num_sequences), before, self.offset)
        later = np.flatnonzero(own[0] + self.offset != own[1])
        self._behind: Pairs = (own[1][later] - self.offset, own[0][later])  # (s, t behind s)
        self._row = _rows(agents, tree.num_sequences)
        entry, ancestor = _climb(self._row, before, self.offset)
        self._ends: Pairs = (ancestor - self.offset, entry)  # (s, end behind s)
        sources, places = [], []
        for i in range(agents.others.shape[1]):
            others = agents.others[:, i].astype(np.int64)[entry]
            pair, other = _climb(others, before, self.offset)
            sources.append(pair)
            places.append(self._ends[0][pair] * size + other - self.offset)
        self._sources = np.concatenate(sources) if sources else np.zeros(0, np.int64)
        self._places = np.concatenate(places) if places else np.zeros(0, np.int64)
        self._log_chance, self._payoffs = np.log(agents.chance), agents.payoffs
        self.start = self._tangent()

    def logs(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithms [S] of a point [K], those of each set made to add up to one."""
        return np.concatenate((np.zeros(self.offset), point - self._spread(np.logaddexp.reduceat(point, self._begins))))

    def answers(self, point: NDArray[np.float64], rationality: float) -> NDArray[np.float64]:
        """log softmax(λ q) [K]."""
        return self._answers(self._values(point)[0], rationality)

    def residual(self, logs: NDArray[np.float64], rationality: float) -> NDArray[np.float64] | None:
        """F [K], None where the logarithms are those of no probabilities near."""
        if len(logs) and not logs.max() < LARGEST_LOGARITHM:
            return None
        difference: NDArray[np.float64] = logs - self.answers(logs, rationality)
        return difference

    def bordered(self, point: NDArray[np.float64], border: NDArray[np.float64]) -> NDArray[np.float64]:
        """The Jacobian of F by (l, λ) [K + 1, K + 1] with `border` as its last row."""
        logs, rationality = point[:-1], float(point[-1])
        size = len(logs)
        values, masses = self._values(logs)
        answers = np.exp(self._answers(values, rationality))[:, None]
        change = self._change(logs, values, masses)
        change -= self._spread(np.add.reduceat(answers * change, self._begins))
        system = np.zeros((size + 1, size + 1))
        system[:-1, :-1] = -rationality / self.scale * change
        system[np.arange(size), np.arange(size)] += 1.0
        mean = self._spread(np.add.reduceat(answers[:, 0] * values, self._begins))
        system[:-1, -1] = (mean - values) / self.scale
        system[-1] = border
        return system

    def _tangent(self) -> NDArray[np.float64]:
        """The direction in which the branch leaves uniform play: dl = λ (q − mean q)."""
        values = self._values(self.uniform)[0]
        direction = np.append((values - self._spread(self._means(values))) / self.scale, 1.0)
        return np.asarray(direction / np.linalg.norm(direction), np.float64)

    def _means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean over the actions of each set [I]."""
        if not len(self._begins):
            return np.zeros(0)
        return np.asarray(np.add.reduceat(values, self._begins) / self._counts, np.float64)

    def _values(self, point: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(q, log M), both [K]."""
        values, masses = agent_values(self.tree, self.agents, np.concatenate((np.zeros(self.offset), point)))
        return values[self.offset :], masses[self.offset :]

    def _answers(self, values: NDArray[np.float64], rationality: float) -> NDArray[np.float64]:
        padded = np.concatenate((np.zeros(self.offset), values))
        answers = np.zeros(len(padded))
        fill_responses(self.tree.first, rationality / self.scale, padded, answers)
        return answers[self.offset :]

    def _change(
        self, point: NDArray[np.float64], values: NDArray[np.float64], masses: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """dq / dl [K, K]."""
        size, tree = len(point), self.tree
        reach = np.zeros(tree.num_sequences)  # logarithms of realisation weights, and below of ends
        for j, (begin, count) in enumerate(zip(self._begins, self._counts, strict=True)):
            reach[begin + self.offset : begin + self.offset + count] = (
                reach[tree.parent[j]] + point[begin : begin + count]
            )
        mine = reach[self.offset :]
        come = np.where(np.isfinite(masses), masses, 0.0)  # no end is behind a set that chance never leads to
        ends = self._log_chance + reach[self.agents.others.astype(np.int64)].sum(axis=1) + reach[self._row]
        s, e = self._ends
        share = np.exp(ends[e] - mine[s] - come[s]) * (self._payoffs[e] - values[s])
        flat = np.zeros(size * size)
        flat += np.bincount(self._places, weights=share[self._sources], minlength=size * size)
        change = flat.reshape(size, size)
        s, t = self._behind
        change[s, t] += np.where(
            np.isfinite(masses[t]), np.exp(mine[t] + come[t] - mine[s] - come[s]) * (values[t] - values[s]), 0.0
        )
        return change

    def _spread(self, by_set: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each set has, once for each of its sequences."""
        return np.repeat(by_set, self._counts, axis=0)


def _rows(agents: AgentGame, size: int) -> NDArray[np.int64]:
    """The sequence that each end belongs to."""
    begin = agents.row_begin.astype(np.int64)
    return np.repeat(np.arange(size), begin[1:] - begin[:-1])


def _climb(sequences: NDArray[np.int64], before: NDArray[np.int64], offset: int) -> Pairs:
    """(place in `sequences`, sequence) for each of them and all sequences on its way from the empty one, which is left out."""
    places, found = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    at, here = np.arange(len(sequences)), sequences
    while True:
        kept = here >= offset
        at, here = at[kept], here[kept]
        if not len(at):
            return np.concatenate(places), np.concatenate(found)
        places.append(at)
        found.append(here)
        here = before[here]

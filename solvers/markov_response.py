"""The equations of Markov quantal response in the logarithms of probabilities, and their Jacobian.

    F(l, λ) = l − log softmax(λ Q(l)),   Q_i(s, a) = E over the others' actions of [ r_i + γ V_i(s') ],   V = (1 − γ P)⁻¹ r

Players respond in each state to what their actions are worth while everybody, they too, goes on as before: nobody is paid for
entropy. F = 0 holds exactly at the logit Markov quantal response equilibria. With G = (1 − γ P)⁻¹ and Q_ik(s, b) = what player
i expects of player k's action b, ∂V_i(s') / ∂π_k(s, b) = G(s', s) Q_ik(s, b).

Source: Eibelshäuser and Poensgen, Markov quantal response equilibrium and a homotopy method for computing and selecting
Markov perfect equilibria of dynamic stochastic games, 2019, doi:10.2139/ssrn.3314404.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.markov_game import MarkovGame

LARGEST_LOGARITHM = 30.0  # of an unnormalised probability on the way: beyond it Newton's method is lost

Tables = list[NDArray[np.float64]]


class MarkovResponse:
    """F of a Markov game; l [K] are each player's logarithms [T * S, A_i] one after the other, λ is in units of 1 / ``scale``.

    A horizon of T steps is written out: a state of each step is a state of its own.
    """

    def __init__(self, game: MarkovGame):
        self.game, self.sizes = game, game.sizes
        self.states = game.stages * game.num_states
        self.scale = float(np.ptp(game.rewards)) or 1.0
        self._rewards, self._following = _written_out(game)
        ends = np.cumsum([self.states * size for size in self.sizes])
        self.parts = [slice(int(end) - self.states * n, int(end)) for end, n in zip(ends, self.sizes, strict=True)]
        self.uniform = np.concatenate([np.full(self.states * size, -np.log(size)) for size in self.sizes])
        self.start = self._tangent()

    def tables(self, logs: NDArray[np.float64]) -> Tables:
        """Each player's probabilities [T, S, A_i], made to add up to one."""
        shape = (self.game.stages, self.game.num_states)
        return [
            np.exp(_log_softmax(logs[part].reshape(self.states, size))).reshape(*shape, size)
            for part, size in zip(self.parts, self.sizes, strict=True)
        ]

    def distance(self, logs: NDArray[np.float64], rationality: float) -> float:
        """max |π − softmax(λ Q)| of the probabilities of `tables`."""
        tables = [own.reshape(self.states, -1) for own in self.tables(logs)]
        _, worth = self._worth(tables)
        values = (self._expected(worth[i], tables, i) for i in self._players)
        answers = (np.exp(_log_softmax(rationality / self.scale * own)) for own in values)
        return max(float(np.abs(own - answer).max()) for own, answer in zip(tables, answers, strict=True))

    def residual(self, logs: NDArray[np.float64], rationality: float) -> NDArray[np.float64] | None:
        """F [K], None where the logarithms are those of no probabilities near."""
        if not logs.max() < LARGEST_LOGARITHM:
            return None
        weights = self._weights(logs)
        _, worth = self._worth(weights)
        answers = [_log_softmax(rationality / self.scale * self._expected(worth[i], weights, i)) for i in self._players]
        difference: NDArray[np.float64] = logs - np.concatenate([answer.ravel() for answer in answers])
        return difference

    def bordered(self, point: NDArray[np.float64], border: NDArray[np.float64]) -> NDArray[np.float64]:
        """The Jacobian of F by (l, λ) [K + 1, K + 1] with `border` as its last row."""
        logs, rationality = point[:-1], float(point[-1]) / self.scale
        weights = self._weights(logs)
        resolvent, worth = self._worth(weights)
        system = np.zeros((len(point), len(point)))
        everybody = np.arange(self.states)
        for i, rows in enumerate(self.parts):
            own = self._expected(worth[i], weights, i)
            answer = np.exp(_log_softmax(rationality * own))
            ahead = self.game.discount * self._expected(self._following, weights, i) @ resolvent  # [S, A_i, S]
            for k, columns in enumerate(self.parts):
                expected = self._expected(worth[i], weights, k) * weights[k]  # [S, A_k]
                change = ahead[:, :, :, None] * expected
                if k != i:
                    local = self._expected(worth[i], weights, i, k)
                    change[everybody, :, everybody, :] += local * weights[k][:, None, :]
                change -= np.einsum("sa,satb->stb", answer, change)[:, None]
                system[rows, columns] = -rationality * change.reshape(own.size, -1)
            mean = (answer * own).sum(axis=1, keepdims=True)
            system[rows, -1] = (mean - own).ravel() / self.scale
        system[np.arange(len(logs)), np.arange(len(logs))] += 1.0
        system[-1] = border
        return system

    @property
    def _players(self) -> range:
        return range(len(self.sizes))

    def _tangent(self) -> NDArray[np.float64]:
        """The direction in which the branch leaves uniform play."""
        weights = self._weights(self.uniform)
        _, worth = self._worth(weights)
        values = [self._expected(worth[i], weights, i) for i in self._players]
        slopes = [((own - own.mean(axis=1, keepdims=True)) / self.scale).ravel() for own in values]
        direction = np.concatenate((*slopes, [1.0]))
        return np.asarray(direction / np.linalg.norm(direction), np.float64)

    def _weights(self, logs: NDArray[np.float64]) -> Tables:
        return [np.exp(logs[part]).reshape(self.states, -1) for part in self.parts]

    def _worth(self, weights: Tables) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(G [S, S], r_i + γ P V_i of every joint action [n, S, A_0, ...])."""
        moves = self._expected(self._following, weights)
        resolvent = np.asarray(np.linalg.inv(np.eye(self.states) - self.game.discount * moves), np.float64)
        values = np.stack([resolvent @ self._expected(own, weights) for own in self._rewards])
        return resolvent, self._rewards + self.game.discount * np.moveaxis(self._following @ values.T, -1, 0)

    def _expected(
        self, table: NDArray[np.float64], weights: Sequence[NDArray[np.float64]], *kept: int
    ) -> NDArray[np.float64]:
        """A table [S, A_0, ..., A_{n-1}, ...] with the actions of all but the players `kept` summed out, in their order."""
        names = [chr(ord("A") + player) for player in range(len(self.sizes))]
        rest = "z" * (table.ndim - 1 - len(self.sizes))
        others = [player for player in self._players if player not in kept]
        factors = "".join(f",s{names[player]}" for player in others)
        formula = f"s{''.join(names)}{rest}{factors}->s{''.join(names[player] for player in kept)}{rest}"
        found: NDArray[np.float64] = np.einsum(formula, table, *(weights[player] for player in others))
        return found


def _written_out(game: MarkovGame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rewards [n, T * S, A_0, ...], chances of what follows [T * S, A_0, ..., T * S]); after the last step nothing does."""
    if game.horizon is None:
        return game.rewards, game.transitions
    steps, states = game.horizon, game.num_states
    rewards = np.concatenate([game.rewards] * steps, axis=1)
    following = np.zeros((steps * states, *game.sizes, steps * states))
    for step in range(steps - 1):
        here, then = (slice(at * states, (at + 1) * states) for at in (step, step + 1))
        following[here, ..., then] = game.transitions
    return rewards, following


def _log_softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = values - values.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised

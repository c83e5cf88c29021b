"""The equations of logit quantal response in the logarithms of probabilities, where they stay solvable at any rationality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from arena.solvers.deviations import Strategies, deviation_payoffs

LARGEST_LOGARITHM = 30.0  # of an unnormalised probability on the way: beyond it Newton's method is lost
SADDLE_STEPS = 200
SADDLE_TOLERANCE = 1e-13
SADDLE_STALLED = 1e-11  # rounding: no step is shorter
SADDLE_FIRST = 4.0  # rationality from which Newton's method is started at uniform play; larger ones are doubled up to


class QuantalResponse:
    """F(l, λ) = l − log softmax(λ u(exp l)) of a game [num_players, A_0, ...], all players' logarithms l in one vector.

    F = 0 holds exactly at the quantal response equilibria: it makes each player's probabilities add up to one too.
    """

    def __init__(self, payoffs: NDArray[np.float64]):
        self.payoffs = _centred(payoffs)
        sizes = payoffs.shape[1:]
        ends = np.cumsum(sizes)
        self.parts = [slice(int(end - size), int(end)) for size, end in zip(sizes, ends, strict=True)]
        self.uniform = np.concatenate([np.full(size, -np.log(size)) for size in sizes])
        self.start = np.append(np.zeros(len(self.uniform)), 1.0)
        self._constant = (payoffs[0], payoffs[1].T) if len(payoffs) == 2 else None

    def strategies(self, logs: NDArray[np.float64]) -> Strategies:
        """The probabilities of logarithms, made to add up to one."""
        return tuple(np.exp(_log_softmax(logs[part])) for part in self.parts)

    def answers(self, strategies: Strategies, rationality: float) -> Strategies:
        """The quantal response of each player to the others."""
        payoffs = deviation_payoffs(self.payoffs, strategies)
        return tuple(np.exp(_log_softmax(rationality * own)) for own in payoffs)

    def residual(self, logs: NDArray[np.float64], rationality: float) -> NDArray[np.float64] | None:
        """F [Σ A_i], None where the logarithms are those of no probabilities near."""
        if not logs.max() < LARGEST_LOGARITHM:
            return None
        payoffs = deviation_payoffs(self.payoffs, tuple(np.exp(logs[part]) for part in self.parts))
        answers = np.concatenate([_log_softmax(rationality * own) for own in payoffs])
        difference: NDArray[np.float64] = logs - answers
        return difference

    def bordered(self, point: NDArray[np.float64], border: NDArray[np.float64]) -> NDArray[np.float64]:
        """The Jacobian of F by (l, λ) [Σ A_i + 1, Σ A_i + 1] with `border` as its last row.

        dF_i/dl_k = −λ (D − answer_i · D) diag(exp l_k), D = du_i/dπ_k; dF_i/dλ = −(u_i − answer_i · u_i).
        """
        logs, rationality = point[:-1], point[-1]
        size = len(logs)
        weights = [np.exp(logs[part]) for part in self.parts]
        system = np.zeros((size + 1, size + 1))
        system[np.arange(size), np.arange(size)] = 1.0
        payoffs = deviation_payoffs(self.payoffs, weights)
        for i, rows in enumerate(self.parts):
            answer = np.exp(_log_softmax(rationality * payoffs[i]))
            system[rows, -1] = answer @ payoffs[i] - payoffs[i]
            for k, columns in enumerate(self.parts):
                if k != i:
                    change = self._by_other(i, k, weights)
                    system[rows, columns] = rationality * (answer @ change - change) * weights[k]
        system[-1] = border
        return system

    def _by_other(self, player: int, other: int, weights: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """du_i/dπ_k [A_i, A_k] at the weights of all others."""
        if self._constant is not None:
            constant: NDArray[np.float64] = self._constant[player]
            return constant
        own: NDArray[np.float64] = self.payoffs[player]
        for third in reversed(range(len(weights))):
            if third not in (player, other):
                own = np.tensordot(own, weights[third], (third, 0))
        return own if player < other else own.T


def regularised_saddle_point(response: QuantalResponse, rationality: float) -> NDArray[np.float64] | None:
    """The logarithms of the one quantal response equilibrium of a two-player constant-sum game, by damped Newton steps;
    None where they stall, as they may at high rationality.

    The second player's answer is put into the first's equation, l = log softmax(λ A y(l)), whose Jacobian
    1 + λ² (1 − 1 answer') A (diag y − y y') A' diag x is never singular.
    """
    matrix = response.payoffs[0]
    flipped = matrix.shape[0] > matrix.shape[1]  # the smaller side is solved for
    game = -matrix.T if flipped else matrix
    logs = np.full(len(game), -np.log(len(game)))
    current = min(rationality, SADDLE_FIRST)
    while True:
        found = _saddle(game, logs, current)
        if found is None:
            return None
        logs = found
        if current == rationality:
            break
        current = min(2 * current, rationality)
    other = _log_softmax(-rationality * (np.exp(logs) @ game))
    return np.concatenate((other, logs) if flipped else (logs, other))


def _saddle(game: NDArray[np.float64], logs: NDArray[np.float64], rationality: float) -> NDArray[np.float64] | None:
    def evaluated(logs: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        other = np.exp(_log_softmax(-rationality * (np.exp(logs) @ game)))
        answer = _log_softmax(rationality * (game @ other))
        return logs - answer, other, np.exp(answer)

    difference, other, answer = evaluated(logs)
    size = float(np.abs(difference).max())
    for _ in range(SADDLE_STEPS):
        if size <= SADDLE_TOLERANCE * max(rationality, 1.0):
            return logs
        centred = game - (game @ other)[:, None]
        spread = (centred * other) @ centred.T  # A (diag y − y y') A'
        jacobian = rationality**2 * (spread - answer @ spread) * np.exp(logs)
        jacobian[np.arange(len(logs)), np.arange(len(logs))] += 1.0
        step = np.linalg.solve(jacobian, difference)
        damping = 1.0
        while damping > 1e-6:
            trial = _log_softmax(logs - damping * step)
            found = evaluated(trial)
            now = float(np.abs(found[0]).max())
            if now < (1 - damping / 4) * size:
                break
            damping /= 2
        else:
            return logs if size <= SADDLE_STALLED * max(rationality, 1.0) else None
        logs, size, (difference, other, answer) = trial, now, found
    return None


def _centred(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The payoffs around 0: a constant of a player's changes no response, but takes digits."""
    axes = tuple(range(1, payoffs.ndim))
    centred: NDArray[np.float64] = payoffs - (payoffs.max(axes, keepdims=True) + payoffs.min(axes, keepdims=True)) / 2
    return centred


def _log_softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = values - values.max()
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return normalised

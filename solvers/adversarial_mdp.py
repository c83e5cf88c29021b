"""Decision processes whose losses an adversary chooses anew in every episode: policy optimisation from what one player sees.

The transitions are known (a simulator), the losses ℓ_k(t, x, a) in [0, 1] of episode k are chosen beforehand by somebody else and
seen only where the player goes. In each state stands a learner; with L_t the losses from step t on, φ features in which
action values are linear, and Σ_t = E φ φᵀ of the present policy plus a damping, the estimate

    Q̂_t(x, a) = φ(x, a)ᵀ Σ_t⁻¹ φ(x_t, a_t) L_t

has the right mean, and may be negative without bound. Two ways to live with that:

    log_barrier         learners of `arena.solvers.log_barrier_ftrl`, to whom that makes no difference
    magnitude_reduced   exponential weights on Q̂ − H (z)₋ + m with z = φ(x, a)ᵀ Σ_t⁻¹ φ(x_t, a_t), (z)₋ = min(z, 0) and
                        m(x, a) = H E (z)₋: of the same mean, and nowhere below m

Both may be given a dilated bonus for exploration, B = b + (1 + 1/H) E B of the next step, b = `bonus` × (‖φ(x, a)‖² + E_π ‖φ(x, ·)‖²)
in the norm of Σ_t⁻¹. Tables of transitions make occupancies, Σ_t and m exact where the paper samples.

Source: Dai, Luo, Wei and Zimmert, Refined regret for adversarial MDPs with linear function approximation, ICML 2023,
arXiv:2301.12942, algorithms 1 and 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.games.seeds import counter_hash, unit
from arena.solvers.log_barrier_ftrl import barrier_strategy

STREAM = 112
FIRST, ACTION, OUTCOME = range(3)  # random words of a step

Algorithm = Literal["log_barrier", "magnitude_reduced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialEpisodes:
    """``expected``: the loss that each episode's policy expects, exactly [K]. ``best``: the least summed loss of any one policy.

    ``policy``: of the last episode [T, S, A].
    """

    expected: NDArray[np.float64] = field(repr=False)
    best: float
    policy: NDArray[np.float64] = field(repr=False)

    @property
    def regret(self) -> float:
        """Σ expected − best."""
        return float(self.expected.sum()) - self.best


def adversarial_mdp(
    game: Game,
    losses: ArrayLike,
    *,
    algorithm: Algorithm = "log_barrier",
    eta: float | None = None,
    features: ArrayLike | None = None,
    damping: float | None = None,
    bonus: float = 0.0,
    seed: int = 0,
) -> AdversarialEpisodes:
    """What a learner expects to lose in each episode of an adversarial decision process, and what the best policy would.

    Source: see the module.

    Args:
        game: a `MarkovGame` of one player with a horizon and discount 1; its rewards are not read.
        losses: [K, T, S, A], in [0, 1], fixed before the first episode.
        algorithm: ``log_barrier`` or ``magnitude_reduced``.
        eta: η above 0; by default √(A log K / K), over T √d for ``magnitude_reduced``.
        features: φ [S, A, d], linearly independent over all states and actions; by default one for each state and action.
        damping: above 0, added to the diagonal of Σ_t; by default 1 / K.
        bonus: β, at least 0.
        seed: of all that is drawn; from 0 to 2^64 - 1.

    Raises:
        NotProvided: another game.
        ValueError: arrays that do not fit or numbers outside their range.
    """
    if not isinstance(game, MarkovGame) or game.num_players != 1 or game.horizon is None or game.discount != 1:
        raise NotProvided("adversarial_mdp needs a Markov game of one player with a horizon and discount 1")
    states, actions = game.num_states, game.sizes[0]
    table = np.ascontiguousarray(losses, np.float64)
    if table.ndim != 4 or table.shape[1:] != (game.horizon, states, actions) or not len(table):
        raise ValueError(
            f"losses have the shape [episodes, {game.horizon}, {states}, {actions}]; got {list(table.shape)}"
        )
    if not ((table >= 0) & (table <= 1)).all():
        raise ValueError("losses must be in [0, 1]")
    basis = np.eye(states * actions) if features is None else np.asarray(features, np.float64)
    if features is not None and (basis.ndim != 3 or basis.shape[:2] != (states, actions)):
        raise ValueError(f"features have the shape [{states}, {actions}, d]; got {list(basis.shape)}")
    basis = np.ascontiguousarray(basis.reshape(states * actions, -1))
    if not np.isfinite(basis).all() or np.linalg.matrix_rank(basis) < basis.shape[1]:
        raise ValueError("features must be finite and linearly independent")
    if algorithm not in ("log_barrier", "magnitude_reduced"):
        raise ValueError(f"algorithm must be log_barrier or magnitude_reduced; got {algorithm!r}")
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"seed must be at least 0 and below 2^64; got {seed}")
    episodes = len(table)
    rate = eta
    if rate is None:
        rate = math.sqrt(actions * math.log(episodes + 1) / episodes)
        if algorithm == "magnitude_reduced":
            rate /= game.horizon * math.sqrt(basis.shape[1])
    ridge = 1 / episodes if damping is None else damping
    if not (0 < rate < math.inf and 0 < ridge < math.inf and 0 <= bonus < math.inf):
        raise ValueError(f"eta and damping must be positive, bonus at least 0; got {rate}, {ridge} and {bonus}")
    expected, policy = np.zeros(episodes), np.zeros((game.horizon, states, actions))
    _episodes(
        np.uint64(seed),
        rate,
        ridge,
        bonus,
        algorithm == "magnitude_reduced",
        game.begin,
        game.successors,
        game.chances,
        game.initial,
        basis,
        table,
        expected,
        policy,
    )
    return AdversarialEpisodes(expected=expected, best=_best(game, table.sum(axis=0)), policy=policy)


def estimates(
    features: NDArray[np.float64],
    inverse: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    seen: int,
    loss: float,
    horizon: int,
    reduced: bool,
) -> NDArray[np.float64]:
    """Q̂ [N] of one step for all N pairs of state and action.

    Args:
        features: [N, d]. inverse: Σ⁻¹ [d, d]. weights: how likely the policy is to be at each pair [N].
        seen: the pair that was met. loss: L, the losses from there on, in [0, horizon].
        reduced: whether its magnitude is reduced; then nowhere below m = horizon × E (z)₋.
    """
    found = np.empty(len(features))
    _estimate(features, inverse, weights, seen, loss, float(horizon), reduced, found)
    return found


@nb.njit(cache=True, error_model="numpy")
def _estimate(features, inverse, weights, seen, loss, horizon, reduced, found):  # type: ignore[no-untyped-def]  # numba kernel
    """Fills `estimates`."""
    pairs = len(features)
    direction = inverse @ features[seen]
    for i in range(pairs):
        z = features[i] @ direction
        found[i] = z * loss
        if reduced:
            found[i] -= horizon * min(z, 0.0)
    if reduced:
        for k in range(pairs):
            if weights[k] > 0:
                direction = inverse @ features[k]
                for i in range(pairs):
                    found[i] += horizon * weights[k] * min(features[i] @ direction, 0.0)


@nb.njit(cache=True, error_model="numpy")
def _episodes(  # type: ignore[no-untyped-def]  # numba kernel
    seed, eta, damping, bonus, reduced, begin, successors, chances, initial, features, losses, expected, policy
):
    """Plays all episodes: fills what each expects to lose [K], and the last policy [T, S, A]."""
    episodes, stages, states, actions = losses.shape
    pairs, width = features.shape
    summed = np.zeros((stages, states, actions))
    weights = np.zeros((stages, pairs))
    inverses = np.zeros((stages, width, width))
    found, squares = np.empty(pairs), np.empty(pairs)
    seen, met = np.zeros(stages, np.int64), np.zeros(stages)
    edges = np.cumsum(initial)
    for k in range(episodes):
        for t in range(stages):
            for s in range(states):
                if reduced:
                    least = summed[t, s].min()
                    total = 0.0
                    for a in range(actions):
                        policy[t, s, a] = np.exp(-eta * (summed[t, s, a] - least))
                        total += policy[t, s, a]
                    for a in range(actions):
                        policy[t, s, a] /= total
                else:
                    barrier_strategy(summed[t, s], eta, policy[t, s])
        here = initial.copy()
        for t in range(stages):  # occupancies, what is lost, Σ
            after = np.zeros(states)
            second = damping * np.eye(width)
            for s in range(states):
                for a in range(actions):
                    pair = s * actions + a
                    weights[t, pair] = here[s] * policy[t, s, a]
                    expected[k] += weights[t, pair] * losses[k, t, s, a]
                    for i in range(width):
                        for j in range(width):
                            second[i, j] += weights[t, pair] * features[pair, i] * features[pair, j]
                    for at in range(begin[pair], begin[pair + 1]):
                        after[successors[at]] += weights[t, pair] * chances[at]
            inverses[t] = np.linalg.inv(second)
            here = after
        place = np.searchsorted(edges, unit(counter_hash(seed, STREAM + FIRST, k * stages)) * edges[-1], side="right")
        for t in range(stages):
            left = unit(counter_hash(seed, STREAM + ACTION, k * stages + t))
            a = 0
            while a + 1 < actions and left >= policy[t, place, a]:
                left -= policy[t, place, a]
                a += 1
            pair = place * actions + a
            seen[t], met[t] = pair, losses[k, t, place, a]
            left = unit(counter_hash(seed, STREAM + OUTCOME, k * stages + t))
            row = begin[pair]
            while row + 1 < begin[pair + 1] and left >= chances[row]:
                left -= chances[row]
                row += 1
            place = np.int64(successors[row])
        onward = np.zeros(states)  # of the bonus
        lost = 0.0
        for t in range(stages - 1, -1, -1):
            lost += met[t]
            _estimate(features, inverses[t], weights[t], seen[t], lost, float(stages), reduced, found)
            for pair in range(pairs):
                squares[pair] = features[pair] @ (inverses[t] @ features[pair])
            fresh = np.zeros(states)
            for s in range(states):
                mean = 0.0
                for a in range(actions):
                    mean += policy[t, s, a] * squares[s * actions + a]
                for a in range(actions):
                    pair = s * actions + a
                    ahead = 0.0
                    for at in range(begin[pair], begin[pair + 1]):
                        ahead += chances[at] * onward[successors[at]]
                    worth = bonus * (squares[pair] + mean) + (1 + 1 / stages) * ahead
                    summed[t, s, a] += found[pair] - worth
                    fresh[s] += policy[t, s, a] * worth
            onward = fresh


def _best(game: MarkovGame, losses: NDArray[np.float64]) -> float:
    """The least that any policy loses in expectation when these losses [T, S, A] are summed."""
    transitions, ahead = game.transitions, np.zeros(game.num_states)
    for step in reversed(losses):
        ahead = (step + transitions @ ahead).min(axis=1)
    return float(game.initial @ ahead)

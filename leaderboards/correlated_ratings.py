"""Correlated-equilibrium ratings: what an agent earns where a mediator recommends agents that nobody wants to change."""

from __future__ import annotations

import math

import numpy as np
import scipy.optimize
import scipy.special
from numpy.typing import NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import SEED, percentile_bounds
from arena.leaderboards.empirical_game import empirical_game
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers.deviations import payoff_range

EPSILON = 0.01
"""Of the range of payoffs: what a player may gain by disobeying. Without it some recommendations have probability 0."""
RESAMPLES = 50
MOST_RESAMPLED = 10
GAP_TOLERANCE = 1e-4  # of the range of payoffs, beyond epsilon


def correlated_ratings(
    record: Record, *, epsilon: float = EPSILON, confidence: float = 0.95, resamples: int | None = None
) -> Ratings:
    """Each agent's expected return, given that it is recommended, in the ε-correlated equilibrium of greatest entropy.

    The equilibrium is that of the empirical game, of any number of players, zero- or general-sum. It is unique. Copies of an
    agent add entropy where they stand, and so move the ratings of others: it is not independent of clones.

    Source: Marris et al., Game theoretic rating in N-player general-sum games with equilibria, 2022, arXiv:2210.02205, the
    payoff rating; Ortiz, Schapire, Kakade, Maximum entropy correlated equilibria, AISTATS 2007.

    Args:
        record: matches in which every company of agents was seen; see `empirical_game`.
        epsilon: what a player may gain by a deviation, as a share of the range of payoffs, above 0.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins; None: 50 up to 10 agents, else 0. None are made, and there are no
            intervals, where a company was seen in one pair of twins only.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: a company of agents that was never seen, or no equilibrium was found in floating point.
    """
    if not 0 < epsilon < 1 or not 0 < confidence < 1 or (resamples is not None and resamples < 0):
        raise ValueError(
            "epsilon and confidence must be in (0, 1), resamples at least 0; got "
            f"{epsilon}, {confidence} and {resamples}"
        )
    if resamples is None:
        resamples = RESAMPLES if len(np.unique(record.seats[record.seats >= 0])) <= MOST_RESAMPLED else 0
    game = empirical_game(record, resamples=resamples)
    scores = correlated_payoffs(game.payoffs, epsilon=epsilon)
    draws = [correlated_payoffs(payoffs, epsilon=epsilon) for payoffs in game.draws]
    intervals, above = percentile_bounds(scores, np.array(draws).reshape(len(game.draws), len(scores)), confidence)
    return Ratings(
        method="correlated",
        names=game.agents,
        scores=scores,
        intervals=intervals,
        groups=np.zeros(len(scores), np.int64),
        above=above,
        matches=game.matches,
        confidence=confidence,
        settings={"epsilon": epsilon, "intervals": "bootstrap", "resamples": len(game.draws), "seed": SEED},
        notes=game.notes,
    ).spread_over(record.agents)


def correlated_payoffs(payoffs: NDArray[np.float64], *, epsilon: float = EPSILON) -> NDArray[np.float64]:
    """The ratings [A] of a symmetric game [P, A, ..., A]: each strategy's expected payoff given that it is recommended."""
    players, size = len(payoffs), payoffs.shape[1]
    joint = max_entropy_equilibrium(payoffs, epsilon=epsilon)
    rating = np.zeros(size)
    for player in range(players):
        told = np.moveaxis(joint, player, 0).reshape(size, -1)
        earned = np.moveaxis(payoffs[player], player, 0).reshape(size, -1)
        rating += (told * earned).sum(axis=1) / told.sum(axis=1)
    return rating / players


def max_entropy_equilibrium(payoffs: NDArray[np.float64], *, epsilon: float = EPSILON) -> NDArray[np.float64]:
    """The joint distribution [A, ..., A] of greatest entropy in which no told agent gains more than ε by any other.

    For all agents a, b: the mean over players p of Σ σ(a, a_-p) (u_p(b, a_-p) − u_p(a, a_-p)) is at most ε times the range of
    payoffs. The game is symmetric, so that σ is too. By duality σ ∝ e^(−Σ α D), and α ≥ 0 minimises
    ln Σ e^(−α D) + ε Σ α: a smooth convex problem, for L-BFGS-B.

    Raises:
        ArenaError: the answer breaks its own limits.
    """
    players, size = len(payoffs), payoffs.shape[1]
    if size == 1:
        return np.ones(payoffs.shape[1:])
    scale = payoff_range(payoffs)
    profiles = np.stack(np.unravel_index(np.arange(payoffs[0].size), payoffs.shape[1:]))
    kept = np.flatnonzero((np.diff(profiles, axis=0) >= 0).all(axis=0))
    counts = np.stack([(profiles[:, kept] == agent).sum(axis=0) for agent in range(size)])
    orders = math.lgamma(players + 1) - scipy.special.gammaln(counts + 1).sum(
        axis=0
    )  # log of how many profiles are the same
    limits = np.zeros((size, size, len(kept)))
    flat = payoffs.reshape(players, -1)
    stride = size ** np.arange(players - 1, -1, -1)
    for player in range(players):
        told = profiles[player, kept]
        for instead in range(size):
            turned = kept + (instead - told) * stride[player]
            gain = (flat[player, turned] - flat[player, kept]) / scale / players
            limits[told, instead, np.arange(len(kept))] += gain
    rows = limits[~np.eye(size, dtype=bool)]

    def dual(multipliers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        exponent = orders - multipliers @ rows
        value = float(scipy.special.logsumexp(exponent))
        return value + epsilon * float(multipliers.sum()), epsilon - rows @ np.exp(exponent - value)

    found = scipy.optimize.minimize(
        dual,
        np.zeros(len(rows)),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0, None)] * len(rows),
        options={"maxiter": 5000, "maxfun": 20000, "ftol": 1e-15, "gtol": 1e-9},
    )
    mass = scipy.special.softmax(orders - found.x @ rows)
    gap = float((rows @ mass).max(initial=0.0))
    if not gap <= epsilon + GAP_TOLERANCE:
        raise ArenaError(f"no correlated equilibrium was found: a player gains {gap:.2g} of the range of payoffs")
    number = {tuple(profile): k for k, profile in enumerate(profiles[:, kept].T.tolist())}
    at = np.array([number[tuple(sorted(profile))] for profile in profiles.T.tolist()])
    joint: NDArray[np.float64] = (mass / np.exp(orders))[at].reshape(payoffs.shape[1:])
    return joint

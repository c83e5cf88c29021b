"""Preference matrices that several tests of solvers solve, and their gaps by the definition."""

import numpy as np

CYCLE = np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]])
"""Rock, paper, scissors."""
WEIGHTED = 0.5 + 0.5 * np.array([[0.0, 0.6, -0.9], [-0.6, 0.0, 0.3], [0.9, -0.3, 0.0]])
"""A weighted Condorcet cycle; its minimax winner is (1/6, 1/2, 1/3)."""
SKEWED = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
"""A reference to start three candidates from."""


def softmax(logs):
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


def kl(p, q):
    return float(np.sum(p * np.log(p / q)))


def solution_by_newton(preferences, reference, beta):
    """log π [n] with π ∝ μ exp(P π / β): Newton's method on logarithms, from a strong charge down to this one.

    Nothing of a mirror step is in it, so that what mirror steps come to can be held against it.
    """
    size, magnet = len(reference), np.log(reference)
    logs, price = magnet.copy(), max(beta, 1.0)
    while True:
        for _ in range(60):
            policy = softmax(logs)
            unnormalised = magnet + preferences @ policy / price
            top = unnormalised.max()
            target = unnormalised - top - np.log(np.exp(unnormalised - top).sum())
            centred = preferences - policy @ preferences  # (I - 1 πᵀ) P, then times diag(π) - π πᵀ
            slope = np.eye(size) - (centred - (centred @ policy)[:, None]) * policy / price
            step = np.linalg.solve(slope, target - logs)
            logs = logs + step
            logs -= np.log(np.exp(logs - logs.max()).sum()) + logs.max()
            if np.abs(step).max() < 1e-13:
                break
        if price == beta:
            return logs
        price = max(beta, price * 0.3)


def circulant(size):
    """The deterministic tournament of an odd number of candidates in which each beats the next (size - 1) / 2."""
    ahead = (np.arange(size)[None] - np.arange(size)[:, None]) % size
    return np.where(ahead == 0, 0.5, (ahead <= size // 2).astype(float))


def random_preferences(size, seed):
    """Each pair's chance uniform in [0, 1]."""
    upper = np.triu(np.random.default_rng(seed).uniform(size=(size, size)), 1)
    return upper + np.tril(1 - upper.T, -1) + np.eye(size) / 2


def gap_by_definition(preferences, policy, reference, beta):
    """max_q q·Pπ - β KL(q, μ) + β KL(π, μ) - 1/2 by the closed form of the maximum, logsumexp, as papers print it."""
    inner = np.log(reference) + preferences @ policy / beta
    top = inner.max()
    present = policy > 0
    own = float(np.sum(policy[present] * np.log(policy[present] / reference[present])))
    return beta * (top + np.log(np.exp(inner - top).sum())) + beta * own - 0.5

"""Games in normal form that several tests of solvers solve."""

import numpy as np

ROCK_PAPER_SCISSORS = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], float)


def zero_sum(matrix):
    matrix = np.asarray(matrix, float)
    return np.stack((matrix, -matrix))


def random_payoffs(seed, *sizes):
    """A general-sum game without ties."""
    return np.random.default_rng(seed).normal(size=(len(sizes), *sizes))


def plain_deviations(payoffs, strategies):
    """What each action of each player earns, by the definition: a sum over all joint actions."""
    found = [np.zeros(size) for size in payoffs.shape[1:]]
    for profile in np.ndindex(payoffs.shape[1:]):
        for player, action in enumerate(profile):
            others = [strategies[other][a] for other, a in enumerate(profile) if other != player]
            found[player][action] += payoffs[(player, *profile)] * np.prod(others)
    return found


def plain_nash_conv(payoffs, strategies):
    deviations = plain_deviations(payoffs, strategies)
    return sum(own.max() - own @ strategy for own, strategy in zip(deviations, strategies, strict=True))


def permuted(payoffs, orders):
    """The game in which player i's action k is what was its action ``orders[i][k]``."""
    return payoffs[np.ix_(range(len(payoffs)), *orders)]

"""Records made for tests."""

import numpy as np

from arena.leaderboards import Record


def record_of(seats, returns, *, agents=None, forfeit=None, pair=None, weight=None, utility="zero_sum", drawn=False):
    """A record of these matches, each its own unit unless `pair` says otherwise."""
    seats, returns = np.asarray(seats, np.int64), np.asarray(returns, np.float64)
    return Record(
        agents=agents or tuple(f"a{i}" for i in range(int(seats.max(initial=-1)) + 1)),
        seats=seats,
        returns=returns,
        forfeit=np.full(len(seats), -1) if forfeit is None else np.asarray(forfeit, np.int64),
        pair=np.arange(len(seats)) if pair is None else np.asarray(pair, np.int64),
        weight=np.ones(len(seats)) if weight is None else np.asarray(weight, np.float64),
        utility=utility,
        drawn=drawn,
    )


def from_counts(wins, agents=None):
    """A record in which agent i won wins[i][j] matches against agent j."""
    rows = [(i, j) for i, row in enumerate(wins) for j, count in enumerate(row) for _ in range(count)]
    return record_of(rows, [(1, -1)] * len(rows), agents=agents)


def twins(rng, strength, pairs, *, seat=0.0, draws=0.0):
    """Round robin of seat-swapped twins with true strengths on the natural scale; `seat`: what moving first is worth."""
    num = len(strength)
    i, j = (np.repeat(side, pairs) for side in np.triu_indices(num, 1))
    difference = (strength[i] - strength[j])[:, None] + np.array([seat, -seat])
    win = (1 - draws) / (1 + np.exp(-difference))
    words = rng.random((len(i), 2))
    first = np.where(words < win, 1.0, np.where(words < win + draws, 0.0, -1.0)).ravel()
    first = first * np.tile([1, -1], len(i))  # the return of whoever sits in seat 0
    seats = np.stack((i, j, j, i), axis=1).reshape(-1, 2)
    return record_of(
        seats,
        np.stack((first, -first), axis=1),
        agents=tuple(f"a{k}" for k in range(num)),
        pair=np.arange(len(i)).repeat(2),
    )

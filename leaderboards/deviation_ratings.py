"""Deviation ratings: what a player would gain by insisting on an agent, in the strictest coarse correlated equilibrium.

They rate strategies of any number of players and of general-sum games, always exist, are unique, and copies of a strategy
change nobody's rating. Agents of one cycle at the top all have rating 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import ArenaError
from arena.leaderboards.bootstrap import SEED, percentile_bounds
from arena.leaderboards.empirical_game import empirical_game
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers.deviations import payoff_range, payoff_table
from arena.solvers.lp import as_probabilities

RESAMPLES = 50
MOST_RESAMPLED = 12  # agents: above, the sequences of linear programs take seconds
DUAL_TOLERANCE = 1e-9
SLACK = 1e-9  # of the range of payoffs, for what rounding leaves of an equation


def deviation_ratings(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """Each agent's deviation rating in the empirical game, at most 0, in units of return; 0 is as good as any.

    Args:
        record: matches in which every company of agents was seen; see `empirical_game`.
        confidence: of the intervals.
        resamples: of the bootstrap over pairs of twins; None: 50 up to 12 agents, else 0. None are made, and there are no
            intervals, where a company was seen in one pair of twins only.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: a company of agents that was never seen.
    """
    if not 0 < confidence < 1 or (resamples is not None and resamples < 0):
        raise ValueError(f"confidence must be in (0, 1), resamples at least 0; got {confidence} and {resamples}")
    if resamples is None:
        resamples = RESAMPLES if len(np.unique(record.seats[record.seats >= 0])) <= MOST_RESAMPLED else 0
    game = empirical_game(record, resamples=resamples)
    scores = _of_symmetric(game.payoffs)
    draws = np.array([_of_symmetric(payoffs) for payoffs in game.draws]).reshape(len(game.draws), len(scores))
    intervals, above = percentile_bounds(scores, draws, confidence)
    size = len(scores)
    return Ratings(
        method="deviation",
        names=game.agents,
        scores=scores,
        intervals=intervals,
        groups=np.zeros(size, np.int64),
        above=above,
        matches=game.matches,
        confidence=confidence,
        settings={"intervals": "bootstrap", "resamples": len(game.draws), "seed": SEED},
        notes=game.notes,
    ).spread_over(record.agents)


def deviation_ratings_of(payoffs: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """The deviation ratings of every player's strategies, [A_p] a player: at most 0.

    Of a joint distribution σ, the gain of player p by strategy b is Σ_a σ(a) (u_p(b, a_-p) − u_p(a)). The greatest gain of all
    is made as small as possible, and the gains that are that large in every solution are fixed; then the greatest of the rest,
    and so on: one linear program a step. The gains are unique, σ is not.

    Source: Marris, Liu, Gemp, Piliouras, Lanctot, Deviation ratings: a general, clone-invariant rating method, ICLR 2025,
    arXiv:2502.11645, section 3. Solver: HiGHS.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite.

    Raises:
        SpecificationError: no table of payoffs.
        ArenaError: a linear program could not be solved in floating point.
    """
    table = payoff_table(payoffs)
    gains = np.concatenate([_gains(table, player) for player in range(len(table))])
    found = _least_gains(gains, payoff_range(table))
    return tuple(np.split(found, np.cumsum(table.shape[1:])[:-1]))


def _of_symmetric(payoffs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ratings [A] of a symmetric game, which are every player's: σ may be taken symmetric, and profiles in any order."""
    players, size = len(payoffs), payoffs.shape[1]
    gains = sum((_gains(payoffs, player) for player in range(players)), np.zeros((size, payoffs[0].size))) / players
    profile = np.stack(np.unravel_index(np.arange(payoffs[0].size), payoffs.shape[1:]))
    return _least_gains(gains[:, (np.diff(profile, axis=0) >= 0).all(axis=0)], payoff_range(payoffs))


def _gains(table: NDArray[np.float64], player: int) -> NDArray[np.float64]:
    """[A_p, profiles]: what the player gains by each strategy at each profile."""
    own = np.moveaxis(table[player], player, 0)
    gains = own[:, None] - own[None]  # [instead, played, others...]
    flat: NDArray[np.float64] = np.moveaxis(gains, 1, player + 1).reshape(len(own), -1)
    return flat


def _least_gains(gains: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """The gains [K] whose largest is least, whose second largest is least given that, and so on, over mixtures of columns."""
    from scipy.optimize import linprog

    scaled = gains / scale
    count, columns = scaled.shape
    fixed, level = np.zeros(count, np.bool_), np.zeros(count)
    while not fixed.all():
        free = np.flatnonzero(~fixed)
        held = np.flatnonzero(fixed)
        limits = np.vstack(
            (
                np.hstack((scaled[free], -np.ones((len(free), 1)))),
                np.hstack((scaled[held], np.zeros((len(held), 1)))),
            )
        )
        result = linprog(
            np.append(np.zeros(columns), 1.0),
            A_ub=limits,
            b_ub=np.concatenate((np.zeros(len(free)), level[held] + SLACK)),
            A_eq=np.append(np.ones(columns), 0.0)[None],
            b_eq=[1.0],
            bounds=[(0, None)] * columns + [(None, None)],
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if not result.success or result.x is None:
            raise ArenaError(f"the linear program of the deviation ratings could not be solved: {result.message}")
        tight = free[-result.ineqlin.marginals[: len(free)] > DUAL_TOLERANCE]
        if not len(tight):  # by duality the multipliers of the free gains add up to 1
            raise ArenaError("rounding hides which deviation gains are the largest")
        fixed[tight] = True
        gained = scaled @ as_probabilities(np.asarray(result.x[:-1], np.float64))
        level[tight] = gained[tight].max()
        level[held] = np.maximum(level[held], gained[held])  # so that rounding never shuts the next program out
    return np.minimum(level, 0.0) * scale

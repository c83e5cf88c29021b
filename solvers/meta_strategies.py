"""How the members of populations are weighed by what they earn against each other: the meta-solvers of PSRO.

===========  ====================================================================================================
uniform      all members alike, however they do: each best response counts once, as in fictitious play
nash         an equilibrium of the game between members: by linear programming for two players and a constant sum,
             else by Lemke and Howson's path (two players) or at the end of the logit branch (more)
prd          averages of projected replicator dynamics, which keep every member alive
alpha_rank   the marginals of alpha-rank's distribution over joint choices, at infinite selection
rectified    as nash; but each member with weight is answered for itself, among the opponents that it does well against
===========  ====================================================================================================

Sources: Lanctot et al., A unified game-theoretic approach to multiagent reinforcement learning, NeurIPS 2017,
arXiv:1711.00832 (uniform, nash, prd); Muller et al., A generalized training approach for multiagent learning, ICLR 2020,
arXiv:1909.12823 (alpha_rank); Balduzzi et al., Open-ended learning in symmetric zero-sum games, ICML 2019, arXiv:1901.08106,
algorithm 4 (rectified).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from arena.solvers.alpha_rank import MAX_STATES, alpha_rank
from arena.solvers.bimatrix_nash import bimatrix_nash
from arena.solvers.deviations import Strategies, payoff_range
from arena.solvers.logit_qre import logit_qre
from arena.solvers.lp import maximin
from arena.solvers.projected_replicator_dynamics import projected_replicator_dynamics

MetaSolver = Literal["uniform", "nash", "prd", "alpha_rank", "rectified"]
META_SOLVERS: tuple[MetaSolver, ...] = get_args(MetaSolver)

PRD_ITERATIONS, PRD_STEP, PRD_FLOOR = 20_000, 0.01, 1e-6
"""Steps of projected replicator dynamics, on payoffs of range 1: the average is over a time of 200."""
SUPPORT = 1e-9
"""A weight up to here is what solvers leave of 0."""
AS_GOOD = 1e-9
"""Of the range of payoffs: a member that earns so little less than the value does as well as it."""


def weights_of(meta_solver: MetaSolver, payoffs: NDArray[np.float64], *, constant_sum: bool) -> Strategies:
    """The weights [K_p] of each player's members.

    Args:
        payoffs: [n, K_0, K_1, ...], what members earn against each other.
        constant_sum: whether the whole game has two players and a constant sum.
    """
    makers: dict[MetaSolver, Callable[[], Strategies]] = {
        "uniform": lambda: tuple(np.full(size, 1 / size) for size in payoffs.shape[1:]),
        "nash": lambda: _nash(payoffs, constant_sum),
        "prd": lambda: _replicator_dynamics(payoffs),
        "alpha_rank": lambda: _ranked(payoffs),
        "rectified": lambda: _nash(payoffs, constant_sum),
    }
    return makers[meta_solver]()


def rectified(payoffs: NDArray[np.float64], weights: Strategies, player: int) -> list[NDArray[np.float64]]:
    """For each member of a player with weight, the weights of the opponents that it does at least as well against as the value.

    Of two players with a constant sum. In a symmetric game the value is 0 and these are the opponents that it beats or draws
    against: it is answered by what gets still more of them, not by what mends its weaknesses.

    Args:
        payoffs: [2, K_0, K_1].
        weights: an equilibrium of them.
    """
    own = payoffs[player] if player == 0 else payoffs[player].T
    earned = own @ weights[1 - player]
    value = weights[player] @ earned
    beaten = own >= value - AS_GOOD * payoff_range(payoffs)
    found = []
    for member in np.flatnonzero(weights[player] > SUPPORT):
        mixture = np.where(beaten[member], weights[1 - player], 0.0)
        if mixture.sum() > SUPPORT:
            found.append(mixture / mixture.sum())
    return found


def most_members(num_players: int) -> int:
    """How many members of each player alpha-rank can rank."""
    most = int(MAX_STATES ** (1 / num_players))
    return most + 1 if (most + 1) ** num_players <= MAX_STATES else most


def _nash(payoffs: NDArray[np.float64], constant_sum: bool) -> Strategies:
    if constant_sum:
        return maximin(payoffs[0])[0], maximin(payoffs[1].T)[0]
    if len(payoffs) == 2:
        found = bimatrix_nash(payoffs, algorithm="lemke_howson").strategies
        if found:
            return found
    return logit_qre(payoffs).strategies


def _replicator_dynamics(payoffs: NDArray[np.float64]) -> Strategies:
    return projected_replicator_dynamics(
        payoffs / payoff_range(payoffs),
        iterations=PRD_ITERATIONS,
        step=PRD_STEP,
        floor=min(PRD_FLOOR, 1 / max(payoffs.shape[1:])),
    ).strategies


def _ranked(payoffs: NDArray[np.float64]) -> Strategies:
    joint = alpha_rank(payoffs, alpha=math.inf, populations="many").joint
    assert joint is not None  # many populations have a joint distribution
    axes = range(joint.ndim)
    return tuple(joint.sum(tuple(axis for axis in axes if axis != player)) for player in axes)

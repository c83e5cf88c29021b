"""Alpha-rank: how often evolution with rare mutations is at each strategy, or at each joint choice of strategies."""

from __future__ import annotations

import math
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.errors import SpecificationError
from arena.solvers.deviations import payoff_range, payoff_table
from arena.solvers.solution import Solution
from arena.solvers.stationary import closed_classes, stationary_distribution

MAX_STATES = 5_000  # the chain is a dense matrix: 200 MB
TIE_TOLERANCE = 1e-12  # of the range of payoffs
GAP_TOLERANCE = 1e-10
NEGLIGIBLE = 40.0  # 1 − e^−40 is 1 in double precision

VANISHED = 746.0  # e^−746 is 0 in double precision

Populations = Literal["auto", "one", "many"]


def alpha_rank(
    payoffs: ArrayLike,
    *,
    alpha: float = 100.0,
    population_size: int = 50,
    noise: float = 0.01,
    populations: Populations = "auto",
) -> Solution:
    """The stationary distribution of the response graph's Markov chain, whose masses rank strategies.

    One population: states are the strategies of a symmetric two-player game, ``strategies`` = (π, π). Many: one population a
    player, states are joint actions, ``joint`` [A_0, A_1, ...] = π. A population of m that plays s turns to the mutant r
    with probability (1 − e^(−u)) / (1 − e^(−m u)), u = alpha (payoff of r − payoff of s), 1/m where u = 0, and every mutant
    is as likely: 1 / (actions − 1), 1 / Σ (A_i − 1) for many. One population compares payoffs r against s with s against r.
    With alpha = infinity it turns with probability 1 − noise to what pays more, 1/2 to what pays the same, noise to less.

    The certificate is Σ |π C − π| of the chain C. Where alpha is so large that transitions vanish below the smallest number
    and several groups of states are never left, there is no one ranking: ``unique`` is False and ``converged`` too; the
    groups then share the mass by their size. π is the answer of an evolutionary model, not a Nash equilibrium.

    Source: Omidshafiei et al., α-Rank: multi-agent evaluation by evolution, Scientific Reports 2019, arXiv:1903.01373,
    theorem 2.1.5 and section 3; conventions as in OpenSpiel.

    Args:
        payoffs: [num_players, A_0, A_1, ...], finite.
        alpha: intensity of selection, above 0, in 1 / units of payoff; infinity for the limit.
        population_size: m, at least 2.
        noise: for alpha = infinity only, between 0 and 1/2.
        populations: "auto" takes one where the game is symmetric.

    Raises:
        SpecificationError: no table of payoffs, one population for a game that is not symmetric, or over 5,000 states.
        ValueError: a setting out of its range.
    """
    table = payoff_table(payoffs)
    if not alpha > 0 or population_size < 2 or not 0 < noise < 0.5 or populations not in ("auto", "one", "many"):
        raise ValueError(
            "alpha must be above 0, population_size at least 2, noise between 0 and 1/2, populations auto, one or many; got "
            f"{alpha}, {population_size}, {noise} and {populations}"
        )
    symmetric = table.ndim == 3 and table.shape[1] == table.shape[2] and np.array_equal(table[0], table[1].T)
    if populations == "one" and not symmetric:
        raise SpecificationError("one population needs a symmetric two-player game, payoffs[1] = payoffs[0].T")
    one = symmetric and populations != "many"
    num_states = table.shape[1] if one else table[0].size
    if num_states > MAX_STATES:
        raise SpecificationError(f"alpha_rank is for at most {MAX_STATES} states; the game has {num_states}")
    tie = TIE_TOLERANCE * payoff_range(table)
    if one:
        chain, least = _one_population(table[0], alpha, population_size, noise, tie)
    else:
        chain, least = _many_populations(table, alpha, population_size, noise, tie)
    classes = [np.arange(num_states)] if least > 0 else closed_classes(chain)
    masses = np.zeros(num_states)
    for states in classes:
        inner = chain if len(states) == num_states else chain[np.ix_(states, states)]
        masses[states] = stationary_distribution(inner) * len(states) / sum(map(len, classes))
    gap = float(np.abs(masses @ chain - masses).sum())
    converged = len(classes) == 1 and gap <= GAP_TOLERANCE
    return Solution(
        strategies=(masses, masses) if one else (),
        joint=None if one else masses.reshape(table.shape[1:]),
        gap=gap,
        gap_kind="stationarity",
        values=_values(table, masses, one),
        converged=converged,
        guarantee=(
            "the stationary distribution, exact up to rounding" if len(classes) == 1 else "none: the chain falls apart"
        ),
        unique=len(classes) == 1,
        iterations=1,
        settings={
            "alpha": alpha,
            "population_size": population_size,
            "noise": noise if math.isinf(alpha) else None,
            "populations": "one" if one else "many",
        },
        source="Omidshafiei et al. 2019, arXiv:1903.01373",
    )


def _values(table: NDArray[np.float64], masses: NDArray[np.float64], one: bool) -> tuple[float, ...]:
    """Each player's payoff: of two draws from one population, or on the average over joint actions."""
    if one:
        return (float(masses @ table[0] @ masses),) * 2
    return tuple(float(own.ravel() @ masses) for own in table)


def _one_population(
    payoffs: NDArray[np.float64], alpha: float, population_size: int, noise: float, tie: float
) -> tuple[NDArray[np.float64], float]:
    """(the chain [n, n], its smallest transition)."""
    chain = np.empty_like(payoffs)
    least: float = _fill_one(payoffs, alpha, population_size, noise, tie, 1 / max(len(payoffs) - 1, 1), chain)
    return chain, least


def _many_populations(
    table: NDArray[np.float64], alpha: float, population_size: int, noise: float, tie: float
) -> tuple[NDArray[np.float64], float]:
    """(the chain over joint actions [P, P], its smallest transition among those of one mutation)."""
    states = np.arange(table[0].size).reshape(table.shape[1:])
    chain = np.zeros((states.size, states.size))
    weight = 1 / max(sum(table.shape[1:]) - len(table), 1)
    least = np.inf
    for player, own in enumerate(table):
        size = own.shape[player]
        fitness = np.ascontiguousarray(np.moveaxis(own, player, -1)).reshape(-1, size)
        numbers = np.ascontiguousarray(np.moveaxis(states, player, -1)).reshape(-1, size)
        least = min(least, _fill_many(fitness, numbers, alpha, population_size, noise, tie, weight, chain))
    np.fill_diagonal(chain, 1 - chain.sum(1))
    return chain, least


@nb.njit(cache=True)
def _turning(advantage, alpha, population_size, noise, tie):  # type: ignore[no-untyped-def]  # numba kernel
    """(probability of turning to what pays `advantage` ≥ 0 more, probability of turning back)."""
    if np.isinf(alpha):
        return (0.5, 0.5) if advantage <= tie else (1 - noise, noise)
    u = alpha * advantage
    if u == 0:
        return 1 / population_size, 1 / population_size
    forth = -np.expm1(-u) if u < NEGLIGIBLE else 1.0
    if population_size * u < NEGLIGIBLE:
        forth /= -np.expm1(-population_size * u)
    back = (population_size - 1) * u
    return forth, forth * np.exp(-back) if back < VANISHED else 0.0


@nb.njit(cache=True)
def _fill_one(payoffs, alpha, population_size, noise, tie, weight, chain):  # type: ignore[no-untyped-def]  # numba kernel
    size = len(payoffs)
    least = np.inf
    for i in range(size):
        chain[i, i] = 0.0
        for j in range(i):
            difference = payoffs[j, i] - payoffs[i, j]  # of the mutant j among i
            better, worse = _turning(abs(difference), alpha, population_size, noise, tie)
            least = min(least, worse)
            chain[i, j] = weight * (better if difference >= 0 else worse)
            chain[j, i] = weight * (worse if difference >= 0 else better)
    for i in range(size):
        chain[i, i] = 1 - chain[i].sum()
    return least


@nb.njit(cache=True)
def _fill_many(fitness, numbers, alpha, population_size, noise, tie, weight, chain):  # type: ignore[no-untyped-def]  # numba kernel
    least = np.inf
    for row in range(len(fitness)):
        for i in range(fitness.shape[1]):
            for j in range(i):
                difference = fitness[row, j] - fitness[row, i]
                better, worse = _turning(abs(difference), alpha, population_size, noise, tie)
                least = min(least, worse)
                chain[numbers[row, i], numbers[row, j]] = weight * (better if difference >= 0 else worse)
                chain[numbers[row, j], numbers[row, i]] = weight * (worse if difference >= 0 else better)
    return least

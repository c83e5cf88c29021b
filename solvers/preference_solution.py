"""The minimax winner of a preference game with its doubt: intervals on its weights, the rules of social choice beside it, and
how much of it rests on pairs that were never compared.

Win rates are drawn again by the Bayesian bootstrap, every vote, or every context with all its votes, weighed by an exponential
number (Rubin, The Bayesian bootstrap, Annals of Statistics 1981, doi:10.1214/aos/1176345338), and every pair has two votes
more, one each way: a flat prior. So a pair met once is drawn from Beta(2, 1), not taken to be sure, and a pair never met from
the flat prior itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games.preference import PreferenceGame
from arena.games.preference_rates import put_right
from arena.games.votes import UNSAID, Votes
from arena.solvers.minimax_winner import minimax_winner, symmetric_game
from arena.solvers.simplex import symmetric_strategies
from arena.solvers.social_choice import (
    EVEN,
    MOST_KEMENY,
    SAME_SCORE,
    borda_scores,
    condorcet_winner,
    copeland_scores,
    kemeny_scores,
    top_cycle,
)
from arena.solvers.solution import Solution

Array = NDArray[np.float64]

RESAMPLES = 200
MOST_RESAMPLED = 150  # candidates: above, two hundred programs may take many seconds
MOST_RANGED = 60  # candidates: the programs of pairs never compared, which may have several winners, cost more


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceSolution:
    """Of n candidates, in the order of ``candidates``.

    ``solution``: the minimax winner with its certificate; ``weights`` [n]. ``low``, ``high`` [n]: interval of each weight, NaN
    where none was computed. ``condorcet``: who beats all others, None where nobody does; ``top_cycle``: the Smith set, and
    ``ties``: whether two of it are even. ``agreed``: the share of the rates drawn from the votes in which the same one beats all
    others, or nobody does either; None where none were drawn.
    ``copeland``, ``borda`` [n]: scores in 0..1. ``kemeny`` [n]: the place in Kemeny's order, 1 the first, the mean over all
    best orders; None above 16 candidates.

    ``pairs``, ``unmet``: how many pairs there are, and were never compared. ``resting``: the chance that two draws from the winner
    are such a pair. ``worst``: its win rate against the candidate who beats it most if every such pair went against it.
    ``unmet_low``, ``unmet_high`` [n]: range of each weight, at the same confidence, where the rates of these pairs alone are drawn
    from the flat prior; NaN where none was computed.
    """

    candidates: tuple[str, ...]
    solution: Solution
    weights: Array
    low: Array
    high: Array
    condorcet: str | None
    top_cycle: tuple[str, ...]
    ties: bool
    agreed: float | None
    copeland: Array
    borda: Array
    kemeny: Array | None
    pairs: int
    unmet: int
    resting: float
    worst: float
    unmet_low: Array
    unmet_high: Array
    confidence: float
    resamples: int


def preference_solution(
    game: PreferenceGame,
    *,
    solution: Solution | None = None,
    confidence: float = 0.95,
    resamples: int | None = None,
    seed: int = 0,
) -> PreferenceSolution:
    """The minimax winner of the game, with intervals, the rules beside it, and what rests on pairs never compared.

    Args:
        game: of votes or rates, see `arena.games.preference.preference_game`. Of rates alone there are no intervals of votes.
        solution: the minimax winner of the game where it is known already.
        confidence: of the intervals, in (0, 1).
        resamples: how often rates are drawn, at least 0; None: 200, or 0 above 150 candidates, and of pairs never
            compared above 60.
        seed: of the draws.

    Raises:
        ValueError: a setting out of its range.
    """
    if not 0 < confidence < 1 or (resamples is not None and resamples < 0):
        raise ValueError(f"confidence must be in (0, 1), resamples at least 0; got {confidence} and {resamples}")
    rates, size = game.preferences, len(game.candidates)
    ranging = size <= MOST_RANGED if resamples is None else resamples > 0
    if resamples is None:
        resamples = RESAMPLES if size <= MOST_RESAMPLED else 0
    solution = solution or minimax_winner(rates)
    winner = solution.strategies[0]
    unmet = ~game.compared
    best, top = condorcet_winner(rates), top_cycle(rates)
    inside = rates[np.ix_(top, top)][np.triu_indices(len(top), 1)]
    rng = np.random.default_rng(seed)
    drawn, agreed = np.full((2, size), np.nan), None
    if game.votes is not None and resamples:
        above = np.triu(2 * _drawn_rates(game.votes, resamples, game.settings.flip_rate, rng) - 1, 1)
        games = above - above.transpose(0, 2, 1)
        drawn = _bounds(symmetric_strategies(games), winner, confidence)
        beats_all = (games > 0).sum(axis=2) == size - 1
        agreed = float((beats_all[:, best] if best is not None else ~beats_all.any(axis=1)).mean())
    ranged = np.array((winner, winner))
    resting, worst = rests_on_unmet(rates, unmet, winner)
    if unmet.any() and ranging:
        flat = np.triu(rng.uniform(-1, 1, (resamples, size, size)), 1)
        drawn_games = np.where(unmet, flat - flat.transpose(0, 2, 1), rates - rates.T)
        # the other rates stay and may leave several winners: of them the one that the weights are of
        ranged = _bounds(np.array([symmetric_game(one).strategies[0] for one in drawn_games]), winner, confidence)
    elif unmet.any():
        ranged = np.full((2, size), np.nan)
    return PreferenceSolution(
        candidates=game.candidates,
        solution=solution,
        weights=winner,
        low=drawn[0],
        high=drawn[1],
        condorcet=None if best is None else game.candidates[best],
        top_cycle=tuple(game.candidates[k] for k in top),
        ties=bool((np.abs(inside - EVEN) <= SAME_SCORE).any()),
        agreed=agreed,
        copeland=copeland_scores(rates),
        borda=borda_scores(rates),
        kemeny=1 + (1 - kemeny_scores(rates)) * (size - 1) if size <= MOST_KEMENY else None,
        pairs=size * (size - 1) // 2,
        unmet=int(unmet.sum()) // 2,
        resting=resting,
        worst=worst,
        unmet_low=ranged[0],
        unmet_high=ranged[1],
        confidence=confidence,
        resamples=resamples,
    )


def rests_on_unmet(rates: Array, unmet: NDArray[np.bool_], mixture: Array) -> tuple[float, float]:
    """(the chance that two draws from the mixture never met, its win rate at worst if all such pairs went against it).

    Args:
        rates: [n, n], with any number where two never met.
        unmet: [n, n], who never met.
        mixture: [n].
    """
    return float(mixture @ unmet @ mixture), float(1 - (np.where(unmet, 1.0, rates) @ mixture).max())


def _drawn_rates(votes: Votes, resamples: int, flip_rate: float, rng: np.random.Generator) -> Array:
    """Win rates [resamples, n, n]; the numbers below the diagonal mean nothing."""
    size = len(votes.candidates)
    alone = np.arange(len(votes)) + len(votes.contexts)  # a vote that names no context, or all where there is but one
    clustered = len(votes.contexts) > 1
    cluster = np.where(votes.context == UNSAID, alone, votes.context) if clustered else alone
    forward = votes.first < votes.second
    cell = np.where(forward, votes.first * size + votes.second, votes.second * size + votes.first)
    score = np.where(forward, votes.score, 1 - votes.score)
    unit = float(votes.weight.mean())
    drawn = np.empty((resamples, size * size))
    for at in range(resamples):
        weight = votes.weight * rng.exponential(size=len(votes) + len(votes.contexts))[cluster]
        prior = unit * rng.exponential(size=(2, size * size))
        won = np.bincount(cell, weight * score, minlength=size * size) + prior[0]
        drawn[at] = won / (np.bincount(cell, weight, minlength=size * size) + prior.sum(axis=0))
    return np.clip(put_right(drawn, flip_rate), 0, 1).reshape(resamples, size, size)


def _bounds(weights: Array, winner: Array, confidence: float) -> Array:
    """Bounds [2, n] of drawn weights [resamples, n], which hold the winner's own."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(weights, [tail, 1 - tail], axis=0)
    return np.array((np.minimum(low, winner), np.maximum(high, winner)))

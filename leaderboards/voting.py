"""Voting rules: every match is a ballot on the agents that played it, and the pairwise majorities decide.

They look at who beats whom by what share of the points, so that a pair that met often counts no more than one that met seldom.
Maximal lotteries are the minimax winner: see `minimax_ranking`. The rules are those of `arena.solvers.social_choice`.
"""

from __future__ import annotations

from arena.leaderboards.matrix_ranking import rank_by_scores
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers.social_choice import copeland_scores, kemeny_scores, schulze_scores

KEMENY_RESAMPLED = 10


def copeland(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent beats, ties as halves. See `copeland_scores`; arguments as for `schulze`."""
    return rank_by_scores(record, "copeland", copeland_scores, confidence=confidence, resamples=resamples)


def schulze(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent is above by Schulze's rule. See `schulze_scores`.

    Args:
        record: matches; every two agents of a group must have met.
        confidence: of the bootstrap intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 60 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met.
    """
    return rank_by_scores(record, "schulze", schulze_scores, confidence=confidence, resamples=resamples)


def kemeny(record: Record, *, confidence: float = 0.95, resamples: int | None = None) -> Ratings:
    """The share of its opponents that each agent is above in Kemeny's order, of at most 16 agents. See `kemeny_scores`.

    Args:
        record: matches; every two agents of a group must have met.
        confidence: of the bootstrap intervals.
        resamples: of the bootstrap over pairs of twins; None: 200, or 0 above 10 agents.

    Raises:
        ValueError: a setting out of its range.
        ArenaError: two agents that are linked through others never met, or more than 16 agents.
    """
    return rank_by_scores(
        record,
        "kemeny",
        kemeny_scores,
        confidence=confidence,
        resamples=resamples,
        most_resampled=KEMENY_RESAMPLED,
    )

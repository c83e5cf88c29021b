"""Play until decided: what the matches of two agents say so far, read in schedule order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.gsprt import GsprtDecision, Scale, gsprt
from arena.leaderboards.same_games import SameGames, alike_pairs_needed
from arena.leaderboards.sequential_test import Decision, sequential_test
from arena.ledger import Ledger, Played, Tournament
from arena.repeated_games import always_alike
from arena.results import NOBODY, Termination

Found = Decision | GsprtDecision | SameGames
"""What stops a tournament that is played until decided, or leaves it open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """What the pentanomial test is asked: see `gsprt`."""

    elo0: float
    elo1: float
    alpha: float
    beta: float
    scale: Scale


def hypotheses_of(config: Mapping[str, object]) -> Hypotheses | None:
    """Those of a recorded configuration; None where the test that bets decides, as in all older ones."""
    if config.get("test") != "gsprt":
        return None
    return Hypotheses(
        elo0=float(str(config["elo0"])),
        elo1=float(str(config["elo1"])),
        alpha=float(str(config["alpha"])),
        beta=float(str(config["beta"])),
        scale="normalized" if config["elo_scale"] == "normalized" else "logistic",
    )


def error_rate_of(tournament: Tournament) -> float:
    """Of a tournament that is played until decided: the probability of a wrong verdict."""
    return float(str(tournament.config.get("error_rate", 0.05)))


def decision_recorded(ledger: Ledger, tournament: Tournament, played: Played) -> Found:
    """What the recorded matches of a tournament that is played until decided say.

    The sequential test reads the longest complete prefix of the schedule; without hypotheses a wrong verdict has at most the
    probability `error_rate_of`, however often one looks: `sequential_test`. With them it is the pentanomial test, `gsprt`. Where
    the first pairs of twins are all alike, move for move, between agents that do not draw, the rest would be copies: `SameGames`.

    Args:
        ledger: where the moves are.
        tournament: of two entrants.
        played: its matches by side.
    """
    return decision(
        points_of_prefix(played),
        error_rate=error_rate_of(tournament),
        hypotheses=hypotheses_of(tournament.config),
        alike=alike_recorded(ledger, tournament),
    )


def alike_recorded(ledger: Ledger, tournament: Tournament) -> int | None:
    """`always_alike` at the error rate of the test that the tournament asks for."""
    return always_alike(
        ledger, tournament, error_rate=_rate(error_rate_of(tournament), hypotheses_of(tournament.config))
    )


def pairs_looked_at(*, error_rate: float, hypotheses: Hypotheses | None) -> int:
    """How many pairs of twins, from the first on, decide whether all are alike."""
    return alike_pairs_needed(_rate(error_rate, hypotheses))


def _rate(error_rate: float, hypotheses: Hypotheses | None) -> float:
    return error_rate if hypotheses is None else min(hypotheses.alpha, hypotheses.beta)


def decision(
    points: NDArray[np.float64], *, error_rate: float, hypotheses: Hypotheses | None = None, alike: int | None = None
) -> Found:
    """What the test says of agent 0's points in the first matches [N], in schedule order, so that twins stand side by side.

    It reads the pairs of which both matches were played: see `points_of_matches`.

    Args:
        alike: how many pairs there are at the beginning, all alike, after which the rest would be copies; None: they are not.
    """
    pairs = _pairs_of(points)
    pairs = pairs[~np.isnan(pairs)]
    found: Decision | GsprtDecision
    if hypotheses is None:
        found = sequential_test(pairs, alpha=error_rate)
    else:
        found = gsprt(
            pairs,
            elo0=hypotheses.elo0,
            elo1=hypotheses.elo1,
            alpha=hypotheses.alpha,
            beta=hypotheses.beta,
            scale=hypotheses.scale,
        )
    if alike is None or alike > len(pairs) or (found.at is not None and found.at <= alike):
        return found
    return SameGames(at=alike, score=float(pairs[:alike].mean()), error_rate=_rate(error_rate, hypotheses) / 2)


def points_of_prefix(played: Played) -> NDArray[np.float64]:
    """`points_of_matches` of the longest complete prefix [N]."""
    missing = np.flatnonzero(played.index != np.arange(len(played)))
    return points_of_matches(played.take(slice(0, int(missing[0]) if len(missing) else len(played))))


def points_of_matches(played: Played) -> NDArray[np.float64]:
    """Agent 0's share of the points of each match of two [N], in 0..1; nan where the game itself failed and nobody played."""
    first, at = np.argmax(played.seats == 0, axis=1), np.arange(len(played))  # agent 0's seat
    shares = (np.sign(played.returns[at, first] - played.returns[at, 1 - first]) + 1) / 2
    points: NDArray[np.float64] = np.where(played.forfeit == NOBODY, shares, played.forfeit != first)
    points[played.termination == Termination.INFRASTRUCTURE] = np.nan
    return points


def matches_rated(decision: Found, played: Played) -> int:
    """How many of the recorded matches, from the first on, the verdict read: those after it are kept as surplus and not rated."""
    if decision.at is None:
        return len(played)
    read = np.flatnonzero(~np.isnan(_pairs_of(points_of_prefix(played))))
    return 2 * (int(read[decision.at - 1]) + 1)


def _pairs_of(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each pair of twins [N // 2]; nan where one of them was not played."""
    pairs: NDArray[np.float64] = points[: len(points) - len(points) % 2].reshape(-1, 2).mean(axis=1)
    return pairs

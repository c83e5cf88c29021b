"""Play until decided: what the matches of two agents say so far, read in schedule order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.leaderboards.gsprt import GsprtDecision, Scale, gsprt
from arena.leaderboards.sequential_test import Decision, sequential_test
from arena.ledger import Played
from arena.results import NOBODY


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


def decision(played: Played, *, error_rate: float, hypotheses: Hypotheses | None = None) -> Decision | GsprtDecision:
    """The sequential test on the longest complete prefix of the schedule.

    Without `hypotheses` a wrong verdict has at most the probability `error_rate`, however often one looks: `sequential_test`.
    With them it is the pentanomial test, `gsprt`.
    """
    return decision_of_points(points_of_prefix(played), error_rate=error_rate, hypotheses=hypotheses)


def decision_of_points(
    points: NDArray[np.float64], *, error_rate: float, hypotheses: Hypotheses | None = None
) -> Decision | GsprtDecision:
    """The same of agent 0's points in the first matches [N], in schedule order, so that twins stand side by side."""
    pairs = points[: len(points) - len(points) % 2].reshape(-1, 2).mean(axis=1)
    if hypotheses is None:
        return sequential_test(pairs, alpha=error_rate)
    return gsprt(
        pairs,
        elo0=hypotheses.elo0,
        elo1=hypotheses.elo1,
        alpha=hypotheses.alpha,
        beta=hypotheses.beta,
        scale=hypotheses.scale,
    )


def points_of_prefix(played: Played) -> NDArray[np.float64]:
    """Agent 0's share of the points of each match of the longest complete prefix [N], in 0..1."""
    missing = np.flatnonzero(played.index != np.arange(len(played)))
    prefix = slice(0, int(missing[0]) if len(missing) else len(played))
    return points_of_matches(played.seats[prefix], played.returns[prefix], played.forfeit[prefix])


def points_of_matches(
    seats: NDArray[np.int64], returns: NDArray[np.float64], forfeit: NDArray[np.int8]
) -> NDArray[np.float64]:
    """Agent 0's share of the points of each match of two [N], in 0..1; columns as of `Played`."""
    first, at = np.argmax(seats == 0, axis=1), np.arange(len(seats))  # agent 0's seat
    played = (np.sign(returns[at, first] - returns[at, 1 - first]) + 1) / 2
    points: NDArray[np.float64] = np.where(forfeit == NOBODY, played, forfeit != first)
    return points


def matches_rated(decision: Decision | GsprtDecision, recorded: int) -> int:
    """How many of the recorded matches count: those after the verdict are kept as surplus and not rated."""
    return recorded if decision.at is None else 2 * decision.at

"""Parts of jobs that need nothing of the ledger: functions of values that a machine elsewhere can be sent."""

from __future__ import annotations

from typing import Literal

from arena.agents import load_agent
from arena.executor import close_agents
from arena.games import NotProvided, load_game
from arena.job_work import Progress
from arena.leaderboards.bootstrap_intervals import bootstrap_intervals
from arena.leaderboards.bradley_terry import bradley_terry, elo
from arena.leaderboards.methods import METHODS, RATING_METHODS
from arena.leaderboards.ratings import Ratings
from arena.leaderboards.record import Record
from arena.solvers import nash_conv
from arena.solvers.policy_table import measurable


def rated(record: Record, method: str) -> Ratings:
    """The ratings of a record by a method of `METHODS`."""
    return RATING_METHODS[next(name for name in METHODS if name == method)].rate(record)


def bootstrapped(record: Record, method: str, resamples: int, device: str, progress: Progress) -> Ratings:
    """The ratings of a record by Elo or Bradley-Terry with bootstrap intervals.

    Args:
        record: matches.
        method: ``elo`` or ``bradley_terry``.
        resamples: how many refits.
        device: where: ``cpu``; ``cuda`` or ``torch`` for tensors.
        progress: hears how far it is, of tensors.
    """
    known: Literal["elo", "bradley_terry"] = "elo" if method == "elo" else "bradley_terry"
    if device == "cpu":
        return bootstrap_intervals(record, elo if known == "elo" else bradley_terry, resamples=resamples)
    from arena.leaderboards.tensor_bootstrap import tensor_bootstrap  # late: torch is slow to import

    return tensor_bootstrap(record, known, resamples=resamples, device=device, progress=progress)


def nash_conv_of(game: str, specification: str, label: str, device: str) -> float:
    """NashConv of an agent that tells its probabilities.

    Raises:
        NotProvided: it does not tell them.
    """
    loaded = load_game(game)
    agent = load_agent(specification, game=loaded)
    try:
        policy = measurable(agent)
        if policy is None:
            raise NotProvided(f"{label} does not tell its probabilities; a lower bound comes from arena exploit")
        return float(nash_conv(loaded, policy, device=device))
    finally:
        close_agents([agent])

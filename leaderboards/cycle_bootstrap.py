"""How probable it is that a cycle is real: the share of resampled matches in which every link of it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from arena.leaderboards.bootstrap import EVEN, resampled_scores
from arena.leaderboards.comparisons import Comparisons, comparisons
from arena.leaderboards.record import Record
from arena.leaderboards.response_graph import Cycle

RESAMPLES = 1_000
MOST_RESAMPLED = 5_000
"""Comparisons among the agents of cycles: of more, the normal law of `cycles` and the bootstrap say the same."""


def cycle_probabilities(record: Record, found: Sequence[Cycle], *, resamples: int = RESAMPLES) -> tuple[float, ...]:
    """The probability that each cycle is real: (n + 1/2) / (resamples + 1), n the resamples in which each agent beats the next.

    Matches are resampled by pairs of twins, with units of unknown outcome added as `resampled_scores` says; so that links
    which rest on the same matches are real or not together, which `cycles` does not know.

    Args:
        record: the matches.
        found: cycles of agents of the record.
        resamples: at least 1.

    Raises:
        ValueError: fewer than 1 resample.
    """
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1; got {resamples}")
    return _probabilities(record.agents, comparisons(record), found, resamples)


def with_probabilities(found: Sequence[Cycle], agents: tuple[str, ...], compared: Comparisons) -> list[Cycle]:
    """The same cycles with the probabilities of the bootstrap, where there are at most 5,000 comparisons to resample."""
    part = _between(agents, compared, found)
    if not found or len(part) > MOST_RESAMPLED:
        return list(found)
    return [
        replace(cycle, probability=probability)
        for cycle, probability in zip(found, _probabilities(agents, part, found, RESAMPLES), strict=True)
    ]


def _probabilities(
    agents: tuple[str, ...], compared: Comparisons, found: Sequence[Cycle], resamples: int
) -> tuple[float, ...]:
    if not found:
        return ()
    at = {agent: number for number, agent in enumerate(sorted({agent for cycle in found for agent in cycle.agents}))}
    number = np.array([at.get(agent, -1) for agent in agents])
    part = _between(agents, compared, found)
    part = replace(part, first=number[part.first], second=number[part.second], num_agents=len(at))
    draws = resampled_scores(part, tuple(at), resamples=resamples)
    made = []
    for cycle in found:
        links = pairwise((*cycle.agents, cycle.agents[0]))
        holds = np.all([draws[:, at[winner], at[loser]] > EVEN for winner, loser in links], axis=0)
        made.append((float(holds.sum()) + 0.5) / (resamples + 1))
    return tuple(made)


def _between(agents: tuple[str, ...], compared: Comparisons, found: Sequence[Cycle]) -> Comparisons:
    """The comparisons between agents of the cycles."""
    members = {agent for cycle in found for agent in cycle.agents}
    inside = np.array([agent in members for agent in agents], np.bool_)
    kept = inside[compared.first] & inside[compared.second]
    columns = ("first", "second", "score", "margin", "weight", "times", "unit", "match")
    return replace(compared, **{name: getattr(compared, name)[kept] for name in columns})

"""What language models used up, in the ledger: by match and player, and summed by agent for people who pay for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from arena.games.usage import Usage
from arena.ledger_rows import Tournament
from arena.ledger_schema import usage
from arena.results import NOBODY, MatchUsage


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentUsage:
    """What an agent used in the recorded matches of a tournament.

    Sums are of what is known: ``untold`` counts the matches of which the server did not tell all tokens, ``unpriced`` those
    of which the cost is not known. ``cost`` is None where no match has one.
    """

    agent: str
    matches: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None
    untold: int
    unpriced: int

    def sentence(self) -> str:
        """``gpt@1: 120 requests, 12,000 prompt and 840 completion tokens, cost 0.021, in 40 matches``."""
        requests = f"{self.requests:,} request" + ("" if self.requests == 1 else "s")
        tokens = f"{self.prompt_tokens:,} prompt and {self.completion_tokens:,} completion tokens"
        if self.untold == self.matches:
            tokens = "tokens not told by the server"
        elif self.untold:
            tokens = f"at least {tokens} ({self.untold:,} {_matches(self.untold)} not told)"
        cost = ""
        if self.cost is not None:
            cost = f", cost {'at least ' if self.unpriced else ''}{self.cost:,.4g}"
        return f"{self.agent}: {requests}, {tokens}{cost}, in {self.matches:,} {_matches(self.matches)}"

    def to_dict(self) -> dict[str, object]:
        """In types of JSON."""
        return {
            "agent": self.agent,
            "matches": self.matches,
            "requests": self.requests,
            "prompt_tokens": None if self.untold == self.matches else self.prompt_tokens,
            "completion_tokens": None if self.untold == self.matches else self.completion_tokens,
            "seconds": round(self.seconds, 6),
            "cost": self.cost,
            "matches_with_unknown_tokens": self.untold,
            "matches_with_unknown_cost": self.unpriced,
        }


def usage_rows(tournament: Tournament, used: Iterable[MatchUsage]) -> list[tuple[object, ...]]:
    """The rows of the ledger's table, in the order of its columns."""
    return [
        (
            tournament.id,
            one.index,
            one.player,
            one.usage.requests,
            one.usage.prompt_tokens,
            one.usage.completion_tokens,
            one.usage.seconds,
            one.usage.cost,
        )
        for one in used
    ]


def read_usage(
    connection: sa.Connection, tournament: Tournament, index: NDArray[np.int64] | None = None
) -> list[MatchUsage]:
    """What players used in all matches, or in those between the first and the last of ``index``; by match and player. What judges
    used is `arena.judgements.judge_usage`."""
    players = (usage.c.tournament_id == tournament.id, usage.c.player != NOBODY)
    query = sa.select(usage).where(*players).order_by(usage.c.number, usage.c.player)
    if index is not None and len(index):
        query = query.where(usage.c.number.between(int(index[0]), int(index[-1])))
    return [
        MatchUsage(
            index=row.number,
            player=row.player,
            usage=Usage(
                requests=row.requests,
                prompt_tokens=row.prompt_tokens,
                completion_tokens=row.completion_tokens,
                seconds=row.seconds,
                cost=row.cost,
            ),
        )
        for row in connection.execute(query)
    ]


def by_agent(
    tournament: Tournament, used: Sequence[MatchUsage], index: NDArray[np.int64], seats: NDArray[np.int64]
) -> list[AgentUsage]:
    """The sums of each agent, in the order of the tournament; agents that used nothing are left out.

    Args:
        tournament: whose agents are meant.
        used: what was used.
        index: the numbers of the recorded matches, ascending.
        seats: [len(index), num_players] the agents of these matches, as numbers in the tournament.
    """
    of_agent: dict[int, dict[int, Usage]] = {}
    for one in used:
        row = int(np.searchsorted(index, one.index))
        if row < len(index) and index[row] == one.index:
            matches = of_agent.setdefault(int(seats[row, one.player]), {})
            matches[one.index] = matches.get(one.index, Usage()) + one.usage
    return [
        _summed(tournament.agents[number].label, list(matches.values())) for number, matches in sorted(of_agent.items())
    ]


def _summed(agent: str, matches: Sequence[Usage]) -> AgentUsage:
    costs = [one.cost for one in matches if one.cost is not None]
    return AgentUsage(
        agent=agent,
        matches=len(matches),
        requests=sum(one.requests for one in matches),
        prompt_tokens=sum(one.prompt_tokens or 0 for one in matches),
        completion_tokens=sum(one.completion_tokens or 0 for one in matches),
        seconds=sum(one.seconds for one in matches),
        cost=sum(costs) if costs else None,
        untold=sum(one.prompt_tokens is None or one.completion_tokens is None for one in matches),
        unpriced=sum(one.cost is None for one in matches),
    )


def _matches(count: int) -> str:
    return "match" if count == 1 else "matches"

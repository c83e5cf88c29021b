"""The noise floor of a ladder: how far apart equals seem to be, from two agents that are the same byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena.games.errors import UnknownName
from arena.leaderboards.bradley_terry import elo
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.record import Record
from arena.leaderboards.wording import signed


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """Two agents that are the same, and what the board says of them, in Elo.

    ``difference``: of the twin's rating from the agent's, with its interval ``low``..``high``; ``anchor``: who plays at random, '' nobody;
    ``anchor_sentence``: where it stands.
    """

    agent: str
    twin: str
    difference: float
    low: float
    high: float
    anchor: str = ""
    anchor_sentence: str = ""

    @property
    def covers_zero(self) -> bool:
        """Whether the interval holds the truth, which is 0."""
        return self.low <= 0 <= self.high

    @property
    def floor(self) -> float:
        """Elo: smaller differences of two agents with as many matches mean nothing here."""
        return max(abs(self.difference), (self.high - self.low) / 2)

    def sentence(self) -> str:
        """The noise floor as a board prints it."""
        covers = (
            "which covers 0, as it must"
            if self.covers_zero
            else "which does not cover 0: chance does that one time in 20, else something besides strength decides, such as "
            "memory, clocks or the machine"
        )
        said = (
            f"{self.twin} is {self.agent} byte for byte, and they differ by {signed(self.difference)} Elo "
            f"({signed(self.low)} to {signed(self.high)}), {covers}. Differences below {self.floor:,.0f} Elo mean nothing here."
        )
        return f"{said} {self.anchor_sentence}".rstrip()

    def to_dict(self) -> dict[str, object]:
        return {
            "agent": self.agent,
            "twin": self.twin,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "covers_zero": self.covers_zero,
            "floor": self.floor,
            "anchor": self.anchor or None,
            "sentence": self.sentence(),
        }


def noise_floor(
    record: Record, board: Leaderboard, *, agent: str, twin: str, anchor: str = "", confidence: float = 0.95
) -> NoiseFloor | None:
    """What the matches say of two agents that are the same; None where they did not meet, not even through others.

    Args:
        record: the matches of the board.
        board: its leaderboard, whatever its method.
        agent: one of the two.
        twin: the other.
        anchor: an agent that plays at random.
        confidence: of the interval of the difference.

    Raises:
        UnknownName: the record has no such agent.
    """
    for name in (agent, twin):
        if name not in record.agents:
            raise UnknownName("agent of this board", name, record.agents)
    ratings = elo(record, confidence=confidence, anchor=agent)
    at, other = record.agents.index(twin), record.agents.index(agent)
    if not np.isfinite(ratings.scores[at]) or ratings.groups[at] != ratings.groups[other]:
        return None
    low, high = ratings.intervals[at].tolist()
    return NoiseFloor(
        agent=agent,
        twin=twin,
        difference=float(ratings.scores[at]),
        low=low,
        high=high,
        anchor=anchor,
        anchor_sentence=_anchor_sentence(board, anchor),
    )


def _anchor_sentence(board: Leaderboard, anchor: str) -> str:
    row = next((row for row in board.rows if row.agent == anchor), None)
    if row is None:
        return ""
    if row.provisional:
        return f"{anchor}, which plays at random, has too few matches for a rank."
    size = next((len(group) for group in board.groups if anchor in group), len(board.rows))
    rank = str(row.rank[0]) if row.rank[0] == row.rank[1] else f"{row.rank[0]}–{row.rank[1]}"
    return f"{anchor}, which plays at random, has rank {rank} of {size}."

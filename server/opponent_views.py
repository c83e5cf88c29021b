"""How an agent does against each opponent of a ladder, beside what their Elo predicts, and what that comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from arena.leaderboards.bradley_terry import expected_score
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.wording import FEW
from arena.server import numbers
from arena.server.drawing.bars import score_interval, wdl_bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Opponent:
    """How an agent does against one other. ``value``, ``low``, ``high``: the score with its interval; ``predicted``: by Elo, nan where
    the ladder is by something else. Words and drawings are made when they are asked for: of a thousand opponents few are shown."""

    agent: str
    wins: int
    draws: int
    losses: int
    played: int
    value: float
    low: float
    high: float
    predicted: float

    @property
    def score(self) -> str:
        return numbers.percent(self.value, self.played)

    @property
    def few(self) -> str:
        """Of how many matches, where these are few."""
        return f"of {self.played}" if self.played < FEW else ""

    @property
    def drawing(self) -> Markup:
        return score_interval(self.value, self.low, self.high, tick=self.predicted)

    @property
    def record(self) -> Markup:
        return wdl_bar(self.wins, self.draws, self.losses)

    @property
    def matches(self) -> str:
        return numbers.count(self.played)

    @property
    def gap(self) -> str:
        """The score less what is predicted."""
        return numbers.whole(100 * (self.value - self.predicted))

    @property
    def surprises(self) -> bool:
        """Whether the interval excludes what Elo predicts."""
        return self.predicted < self.low or self.predicted > self.high


def opponents_of(board: Leaderboard, agent: str) -> tuple[Opponent, ...]:
    """The opponents that an agent has met, the hardest one first."""
    matrix = board.matrix
    rating = {row.agent: row.rating for row in board.rows} if board.method == "elo" else {}
    r = matrix.agents.index(agent)
    met = np.flatnonzero(matrix.matches[r] > 0)
    met = met[met != r]
    counts = (matrix.wins, matrix.draws, matrix.losses, matrix.matches)
    wins, draws, losses, played = (column[r, met].tolist() for column in counts)
    values, lows, highs = (column[r, met].tolist() for column in (matrix.score, matrix.low, matrix.high))
    names = [matrix.agents[c] for c in met.tolist()]
    found = [
        Opponent(
            agent=name,
            wins=wins[k],
            draws=draws[k],
            losses=losses[k],
            played=played[k],
            value=values[k],
            low=lows[k],
            high=highs[k],
            predicted=expected_score(rating[agent] - rating[name]) if agent in rating and name in rating else math.nan,
        )
        for k, name in enumerate(names)
    ]
    return tuple(sorted(found, key=lambda one: one.value if math.isfinite(one.value) else 2.0))


def surprise(opponents: Sequence[Opponent]) -> str:
    """Where Elo is most wrong about an agent with these opponents, in a sentence; '' where there are no predictions."""
    predicted = [one for one in opponents if math.isfinite(one.predicted) and math.isfinite(one.low)]
    if not predicted:
        return ""
    wrong = [one for one in predicted if one.surprises]
    if not wrong:
        return f"Elo explains its results: all {numbers.in_words(len(predicted))} lie within their intervals of what it predicts."
    worst = max(wrong, key=lambda one: abs(one.value - one.predicted))
    verb = "holds it to" if worst.value < worst.predicted else "lets it score"
    more = f"; {numbers.counted(len(wrong) - 1, 'other result')} lie outside too" if len(wrong) > 1 else ""
    return f"{worst.agent} {verb} {numbers.percent(worst.value)} where Elo predicts {numbers.percent(worst.predicted)}{more}."


def opponent_rows(opponents: Sequence[Opponent]) -> list[list[object]]:
    """What is drawn, a row an opponent."""
    return [
        ["opponent", "score", "low", "high", "elo_predicts"],
        *([one.agent, one.value, one.low, one.high, one.predicted] for one in opponents),
    ]

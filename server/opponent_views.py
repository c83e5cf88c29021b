"""How an agent does against each opponent of a ladder, beside what their Elo predicts, and what that comes to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.leaderboards.bradley_terry import expected_score
from arena.leaderboards.leaderboard import Leaderboard
from arena.leaderboards.wording import FEW
from arena.server import numbers
from arena.server.drawing.bars import score_interval, wdl_bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Opponent:
    """How an agent does against one other. ``few``: of how many matches, where these are few. ``value``, ``low``, ``high``: the score with
    its interval; ``predicted``: by Elo, nan where the ladder is by something else; ``gap``: the score less that, in words."""

    agent: str
    score: str
    few: str
    drawing: Markup
    record: Markup
    matches: str
    value: float
    low: float
    high: float
    predicted: float
    gap: str

    @property
    def surprises(self) -> bool:
        """Whether the interval excludes what Elo predicts."""
        return self.predicted < self.low or self.predicted > self.high


def opponents_of(board: Leaderboard, agent: str) -> tuple[Opponent, ...]:
    """The opponents that an agent has met, the hardest one first."""
    matrix = board.matrix
    rating = {row.agent: row.rating for row in board.rows} if board.method == "elo" else {}
    r = matrix.agents.index(agent)
    found = []
    for c, name in enumerate(matrix.agents):
        played = int(matrix.matches[r, c])
        if c == r or not played:
            continue
        value, low, high = (float(column[r, c]) for column in (matrix.score, matrix.low, matrix.high))
        both = agent in rating and name in rating
        predicted = expected_score(rating[agent] - rating[name]) if both else math.nan
        found.append(
            Opponent(
                agent=name,
                score=numbers.percent(value, played),
                few=f"of {played}" if played < FEW else "",
                drawing=score_interval(value, low, high, tick=predicted),
                record=wdl_bar(int(matrix.wins[r, c]), int(matrix.draws[r, c]), int(matrix.losses[r, c])),
                matches=numbers.count(played),
                value=value,
                low=low,
                high=high,
                predicted=predicted,
                gap=numbers.whole(100 * (value - predicted)),
            )
        )
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

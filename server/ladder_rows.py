"""The rows of a ladder: an agent's numbers as words and drawings, on axes that all rows share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from arena.leaderboards.leaderboard import Row
from arena.server import numbers
from arena.server.drawing.bars import exploit_bar, seat_dots, wdl_bar, weight_bar
from arena.server.drawing.intervals import Axis, axis_of, interval
from arena.server.ladder_beside import Beside, by_agent
from arena.server.ladder_words import (
    beaten_in_words,
    doubt_in_words,
    estimate_in_words,
    played_out_in_words,
    rank_range,
    reliability_in_words,
    writer,
)
from arena.server.starcraft_views import published_means
from arena.standings import Standings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LadderRow:
    """One agent's cells in one table, ready to be shown.

    ``exploiter``: who shows a lower bound; ``exploitable``: how that is known, in words. ``beaten_by``: agents that certainly
    beat it; ``beaten``: the same in words. ``reliability``: the share of its matches that it did not forfeit, with its interval;
    ``played_out``: its rating where nobody forfeited, with its half width. ``tier``: everyone above ranks certainly before
    everyone from here on. ``others``: by the column of a method or a job the number and its doubt. ``moved``: since the other date, ``was``: the rating then.
    """

    agent: str
    rank: str
    tier: bool
    rating: str
    doubt: str
    interval: Markup
    weight: Markup | None
    exploitability: Markup | None
    exploiter: str | None
    exploitable: str
    beaten_by: tuple[str, ...]
    beaten: str
    reliability: str
    played_out: str
    record: Markup
    seats: Markup
    mean_return: str
    matches: str
    forfeits: int
    provisional: bool
    kind: str
    others: Mapping[str, tuple[str, str]]
    moved: str
    was: str


class Cells:
    """Makes rows' cells: what all rows of a table share is found once."""

    def __init__(self, standings: Standings, beside: Beside, rows: Sequence[Row], kinds: Mapping[str, str], place: str):
        self.standings, self.kinds, self.place = standings, kinds, place
        self.method = standings.leaderboard.method
        self.written = writer(self.method)
        self.before = by_agent(beside.before)
        self.others = {method: by_agent(found) for method, found in beside.others.items()}
        self.jobs = beside.jobs
        self.axis: Axis = axis_of(
            [(row.low, row.rating, row.high) for row in rows],
            written=self.written,
            references=published_means(standings.game) if self.method == "mean_return" else (),
        )
        self.most_weight = max((row.minimax_weight for row in rows if row.minimax_weight is not None), default=1.0)
        self.most_gap = max((one.value for one in standings.exploitability.values()), default=1.0)

    def row(self, row: Row, *, tier: bool) -> LadderRow:
        written, gap = self.written, self.standings.exploitability.get(row.agent)
        before = self.before.get(row.agent)
        label = f"{row.agent}: {written(row.rating)}, 95 % interval {written(row.low)} to {written(row.high)}"
        if before is not None:
            label += f", on the other date {written(before.rating)}"
        return LadderRow(
            agent=row.agent,
            rank=rank_range(row),
            tier=tier,
            rating=written(row.rating),
            doubt=doubt_in_words(row, self.method),
            interval=interval(
                self.axis,
                row.low,
                row.rating,
                row.high,
                label=label,
                open_dot=row.provisional,
                tick=math.nan if before is None else before.rating,
            ),
            weight=_weight(row, self.most_weight),
            exploitability=None
            if gap is None
            else exploit_bar(gap.value, most=self.most_gap, at_least=gap.kind != "exact"),
            exploiter=None if gap is None else gap.exploiter,
            exploitable="" if gap is None else gap.sentence(),
            beaten_by=self.standings.beaten_by.get(row.agent, ()),
            beaten=beaten_in_words(self.standings, row.agent),
            reliability=reliability_in_words(row),
            played_out=played_out_in_words(row, written),
            record=wdl_bar(row.wins, row.draws, row.losses),
            seats=seat_dots(
                tuple(seat.score for seat in row.seat_scores),
                tuple(seat.matches for seat in row.seat_scores),
                place=self.place,
            ),
            mean_return=numbers.signed(row.mean_return),
            matches=numbers.count(row.matches),
            forfeits=row.forfeits,
            provisional=row.provisional,
            kind=self.kinds.get(row.agent, ""),
            others={
                method: (writer(method)(rows[row.agent].rating), doubt_in_words(rows[row.agent], method))
                for method, rows in self.others.items()
                if row.agent in rows
            }
            | {
                key: estimate_in_words(column.values[row.agent], column.method)
                for key, column in self.jobs.items()
                if row.agent in column.values
            },
            moved="new" if before is None else written(row.rating - before.rating),
            was="" if before is None else f"was {written(before.rating)} {doubt_in_words(before, self.method)}",
        )


def _weight(row: Row, most: float) -> Markup | None:
    if row.minimax_weight is None:
        return None
    low, high = row.minimax_low, row.minimax_high
    if low is None or high is None:
        return weight_bar(row.minimax_weight, most=most)
    return weight_bar(row.minimax_weight, low=low, high=high, most=most)

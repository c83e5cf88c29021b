"""An agent's rating as tournaments came in, and the score of two agents as their matches did: findings, drawings, numbers as rows."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from arena.leaderboards.methods import RATING_METHODS
from arena.ratings_over_time import RatingsOverTime
from arena.server import numbers
from arena.server.drawing.band import Band
from arena.server.ladder_words import METHODS, writer

if TYPE_CHECKING:
    from arena.head_to_head import HeadToHead

NEIGHBOURS = 3
EVENTS = 3
"""Agents that joined: the last ones are named."""
PATH_POINTS = 200


def rating_band(found: RatingsOverTime, agent: str) -> Band | None:
    """An agent's rating with those of its neighbours of now; None where it has no two times to compare."""
    at = found.agents.index(agent)
    when = [datetime.fromisoformat(time).timestamp() for time in found.times]
    points = [
        (x, (float(low), float(value), float(high)))
        for x, low, value, high in zip(when, found.low[:, at], found.rating[:, at], found.high[:, at], strict=True)
        if math.isfinite(value)
    ]
    if len(points) < 2 or not math.isfinite(found.rating[-1, at]):
        return None
    now = found.rating[-1]
    near = sorted(
        (k for k in range(len(found.agents)) if k != at and math.isfinite(now[k])), key=lambda k: abs(now[k] - now[at])
    )[:NEIGHBOURS]
    others = [
        (
            found.agents[k],
            [(x, float(value)) for x, value in zip(when, found.rating[:, k], strict=True) if math.isfinite(value)],
        )
        for k in near
    ]
    method = METHODS[found.method]
    written = writer(found.method)
    first, last = points[0][1][1], points[-1][1][1]
    return Band(
        name=agent,
        points=points,
        label=f"{method} of {agent}: {written(first)} on {_day(found.times[-len(points)])}, {written(last)} on {_day(found.times[-1])}",
        written=written,
        ticks=[(x, _day(time)) for x, time in zip(when, found.times, strict=True)],
        others=others,
        events=_joined(found, when, agent),
    )


def rating_sentence(found: RatingsOverTime, agent: str) -> str:
    """How the rating moved over the time, with what its intervals say of that."""
    at = found.agents.index(agent)
    known = [k for k in range(len(found.times)) if math.isfinite(found.rating[k, at])]
    written, doubt = writer(found.method), RATING_METHODS[found.method].doubt
    first, last = known[0], known[-1]
    ends = [(float(found.low[k, at]), float(found.rating[k, at]), float(found.high[k, at])) for k in (first, last)]
    said = [f"{written(level[1])} {doubt(*level)}".strip() for level in ends]
    moved = ends[1][1] - ends[0][1]
    apart = ends[1][0] > ends[0][2] or ends[1][2] < ends[0][0]
    verb = ("rose" if moved > 0 else "fell") if apart else "went"
    return (
        f"It {verb} from {said[0]} on {_day(found.times[first])} to {said[1]} on {_day(found.times[last])}"
        f"{'' if apart else '; the two intervals overlap'}."
    )


def rating_rows(found: RatingsOverTime, agent: str) -> list[list[object]]:
    """What is drawn of the agent, a row a time."""
    at = found.agents.index(agent)
    rows: list[list[object]] = [["time", "matches", "rating", "low", "high", "tournaments"]]
    for k, time in enumerate(found.times):
        if math.isfinite(found.rating[k, at]):
            levels = [float(column[k, at]) for column in (found.rating, found.low, found.high)]
            rows.append([time, int(found.matches[k]), *levels, " ".join(found.tournaments[k])])
    return rows


def score_band(found: HeadToHead) -> Band:
    """The score of the first agent after each unit, with bounds that hold at all of them at once."""
    step = max(1, len(found.units) // PATH_POINTS)
    kept = sorted({*range(0, len(found.units), step), len(found.units) - 1})
    last = int(found.units[-1])
    return Band(
        name=found.first,
        points=[
            (float(found.units[k]), (float(found.low[k]), float(found.path[k]), float(found.high[k]))) for k in kept
        ],
        label=f"Score of {found.first} against {found.second} after each of {last:,} units: now {numbers.percent(float(found.path[-1]))}, "
        f"between {100 * found.low[-1]:.0f} and {100 * found.high[-1]:.0f}",
        written=numbers.percent,
        ticks=[(1.0, "1"), (float(last), f"{last:,} units")],
        even=0.5,
        ends=(0.0, 1.0),
    )


def score_rows(found: HeadToHead) -> list[list[object]]:
    """The score after each unit."""
    columns = (found.units.tolist(), found.path.tolist(), found.low.tolist(), found.high.tolist())
    return [["units", "score", "low", "high"], *map(list, zip(*columns, strict=True))]


def _joined(found: RatingsOverTime, when: list[float], agent: str) -> list[tuple[float, str]]:
    """Who was first rated after this agent was, the last ones."""
    first = {
        name: next((k for k in range(len(when)) if math.isfinite(found.rating[k, at])), None)
        for at, name in enumerate(found.agents)
    }
    own = first[agent]
    assert own is not None
    later = [(k, name) for name, k in first.items() if k is not None and k > own]
    return [(when[k], f"{name} joins") for k, name in sorted(later)[-EVENTS:]]


def _day(time: str) -> str:
    return f"{datetime.fromisoformat(time):%-d %b %Y}"

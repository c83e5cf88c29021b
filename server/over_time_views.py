"""What changes as matches come in, a rating, a score, the evidence of a test: findings, drawings, and the same numbers as rows."""

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
    from arena.duel_test import DuelTest
    from arena.head_to_head import HeadToHead

NEIGHBOURS = 3
EVENTS = 3
"""Agents that joined: the last ones are named."""
PATH_POINTS = 200


def rating_band(found: RatingsOverTime, agent: str) -> Band | None:
    """An agent's rating with those of its neighbours of now; None where it has no two times to compare."""
    if agent not in found.agents:
        return None
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
    kept = _kept(len(found.units))
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


def evidence_band(found: DuelTest) -> Band | None:
    """The evidence of a sequential test after each pair, with the lines at which it decides; None before the first pair.

    The betting test's is what a bet of 1 has become, drawn by its decimal logarithm.
    """
    if not found.paths or found.high is None:
        return None
    betting = found.test != "gsprt"
    unit = math.log(10) if betting else 1.0
    (name, path), *others = sorted(found.paths.items(), key=lambda one: -float(one[1][-1]))
    bounds = [(found.high / unit, f"above: {name if betting else 'accepted'}" if not others else "decides")]
    if found.low is not None:
        bounds.append((found.low / unit, "below: rejected"))
    levels = (
        [float(value) / unit for one in found.paths.values() for value in one] + [level for level, _ in bounds] + [0.0]
    )
    room = 0.06 * (max(levels) - min(levels))
    kept = _kept(len(path))
    return Band(
        name=name,
        points=[(k + 1.0, (math.nan, float(path[k]) / unit, math.nan)) for k in kept],
        label=f"Evidence of the sequential test after each of {len(path):,} pairs: {found.evidence_sentence()}",
        written=(lambda value: f"{10**value:,.3g}") if betting else (lambda value: numbers.signed(value, 1)),
        ticks=[(1.0, "1"), (float(len(path)), f"{len(path):,} pairs")],
        others=[(other, [(k + 1.0, float(one[k]) / unit) for k in kept]) for other, one in others],
        even=0.0,
        bounds=bounds,
        ends=(min(levels) - room, max(levels) + room),
    )


def evidence_rows(found: DuelTest) -> list[list[object]]:
    """The evidence after each pair, as natural logarithms."""
    rows: list[list[object]] = [["pairs", *found.paths]]
    for k, values in enumerate(zip(*found.paths.values(), strict=True), 1):
        rows.append([k, *map(float, values)])
    return rows


def _kept(size: int) -> list[int]:
    """Which of so many points are drawn: evenly spread, the last among them."""
    return sorted({*range(0, size, max(1, size // PATH_POINTS)), size - 1})


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

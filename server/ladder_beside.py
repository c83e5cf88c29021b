"""What stands beside a ladder's own numbers: those of other methods, and the board of another date."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from arena.counterfactual import Where
from arena.games import ArenaError
from arena.job_columns import JobColumn
from arena.leaderboards.leaderboard import Method, Row
from arena.server import numbers
from arena.server.ladder_columns import View, job_key
from arena.server.ladder_words import METHODS, writer
from arena.server.standings_cache import StandingsCache
from arena.standings import Standings


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What a ladder shows beside its own board. ``others``: by further methods; ``jobs``: what jobs computed, by their columns' keys;
    ``before``: by the same method, of the date that it is compared with; ``refused``: what could not be computed, and why."""

    others: Mapping[Method, Standings] = field(default_factory=dict)
    jobs: Mapping[str, JobColumn] = field(default_factory=dict)
    before: Standings | None = None
    refused: tuple[str, ...] = ()


def beside_of(cache: StandingsCache, found: Standings, view: View, where: Where) -> Beside:
    """What a view asks for beside a board; kept as boards are. What cannot be computed is said, and its column is not there."""
    others: dict[Method, Standings] = {}
    refused = []
    for method in view.methods:
        try:
            others[method] = cache.standings(found.game, method=method, where=where)
        except ArenaError as error:
            refused.append(f"{METHODS[method]}: {error}")
    before = None
    if view.compare:
        try:
            earlier = replace(where, until=view.compare)
            before = cache.standings(found.game, method=found.leaderboard.method, where=earlier)
        except ArenaError as error:
            refused.append(f"Compared with {view.compare}: {error}")
    jobs = {key: one for one in found.columns if (key := job_key(one.kind, one.method)) in view.columns}
    return Beside(others=others, jobs=jobs, before=before, refused=tuple(refused))


def compared_sentence(standings: Standings, beside: Beside, date: str) -> str:
    """What moved since a date, in a sentence; '' where nothing is compared."""
    if beside.before is None:
        return ""
    before = {row.agent: row.rating for row in beside.before.leaderboard.rows}
    moved = [
        (row.rating - before[row.agent], row.agent)
        for row in standings.leaderboard.rows
        if row.agent in before and math.isfinite(row.rating - before[row.agent])
    ]
    joined = sum(row.agent not in before for row in standings.leaderboard.rows)
    said = f"Against {date}"
    if moved:
        most, agent = max(moved, key=lambda one: abs(one[0]))
        said += f", {agent} moved most, by {writer(standings.leaderboard.method)(most)}"
    return f"{said}; {numbers.counted(joined, 'agent')} joined since." if joined else f"{said}."


def by_agent(standings: Standings | None) -> dict[str, Row]:
    return {} if standings is None else {row.agent: row for row in standings.leaderboard.rows}

"""Matches of games that may fail of themselves: begun again, twice at most, then recorded as unrated, and nobody has lost.

Such a game is a program. Some have tables all the same, one at a time: theirs are played here, match by match.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from arena.games import Agent, ClockedAgent, GameFailed, GameInfo, TableBatch
from arena.games.ragged import Ragged
from arena.match import Clock, play_matches
from arena.results import NOBODY, Fault, MatchResults, MatchSpecs, Termination

ATTEMPTS = 3

logger = logging.getLogger(__name__)


def play_tables(
    tables: TableBatch,
    agents: Sequence[Agent | ClockedAgent],
    specs: MatchSpecs,
    *,
    clock: Clock | None = None,
    on_finished: Callable[[int], None] | None = None,
) -> MatchResults:
    """`play_matches`; where the game plays one table at a time, a match in which it fails begins again."""
    if tables.info.tables_at_once > 1 or not len(specs):
        return play_matches(tables, agents, specs, clock=clock, on_finished=on_finished)
    parts = []
    for row in range(len(specs)):
        parts.append(_play_one(tables, agents, specs.take(slice(row, row + 1)), clock))
        if on_finished:
            on_finished(1)
    return MatchResults.joined(parts)


def failure_noted(index: int, failures: Sequence[str], *, played: bool) -> Fault:
    """The note of a match that the game itself failed in: nobody's fault. ``played``: whether it ever came to its end."""
    times = "once" if len(failures) == 1 else f"{len(failures)} times"
    then = "it was played again" if played else "it is not rated"
    message = f"the game failed {times}, last: {failures[-1]}; {then}"
    return Fault(index=index, player=NOBODY, termination=Termination.INFRASTRUCTURE, message=message)


def _play_one(
    tables: TableBatch, agents: Sequence[Agent | ClockedAgent], specs: MatchSpecs, clock: Clock | None
) -> MatchResults:
    index = int(specs.index[0])
    failures: list[str] = []
    while len(failures) < ATTEMPTS:
        try:
            played = play_matches(tables, agents, specs, clock=clock)
        except GameFailed as failure:
            failures.append(str(failure))
            logger.warning("match %d failed: %s", index, failure)
            continue
        faults = [failure_noted(index, failures, played=True)] if failures else []
        return replace(played, faults=(*faults, *played.faults))
    return _unrated(tables.info, specs, failure_noted(index, failures, played=False))


def _unrated(info: GameInfo, specs: MatchSpecs, noted: Fault) -> MatchResults:
    space, players = info.action_space, info.num_players
    return MatchResults(
        specs=specs,
        returns=np.zeros((1, players)),
        termination=np.array([Termination.INFRASTRUCTURE], np.int8),
        forfeit=np.array([NOBODY], np.int8),
        actions=Ragged(np.empty((0, *space.shape), space.history_dtype), np.zeros(1, np.int64)),
        seconds=np.zeros((1, players), np.float32),
        faults=(noted,),
    )

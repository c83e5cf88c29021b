"""Recorded matches played again, many at once: what does not agree with the record. No agent is asked, nothing is drawn anew.

Each table starts with the recorded chance seed and is given the recorded actions. Chance outcomes stand among them, and
those that the game draws again must be the recorded ones; so must legality, the end, and the returns.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from arena.games import Game, TableBatch, Turn
from arena.games.forfeits import forfeit_returns
from arena.games.ragged import Ragged
from arena.results import NOBODY, MatchResult, MatchResults, MatchSpecs, Termination

RETURN_TOLERANCE = 1e-9
"""Returns of games whose replay is exact differ by nothing; this allows for sums in another order."""
RETURN_TOLERANCE_INEXACT = 1e-4


def differences(
    game: Game, results: MatchResults, *, on_finished: Callable[[int], None] | None = None
) -> dict[int, list[str]]:
    """What does not agree between recorded matches and the same actions played again: row -> sentences; right rows are left out.

    Args:
        game: what was played.
        results: the records.
        on_finished: hears of matches that are done, for progress.
    """
    if game.info.replay == "none":
        said = f"{game.info.title} does not replay: the same actions may lead elsewhere"
        return {row: [said] for row in range(len(results))}
    at_once = max(1, min(game.info.tables_at_once, len(results)))
    tables = game.tables(at_once)
    found: dict[int, list[str]] = {}
    for start in range(0, len(results), at_once):
        rows = np.arange(start, min(start + at_once, len(results)))
        found |= _Wave(game, tables, results, rows).play()
        if on_finished:
            on_finished(len(rows))
    return dict(sorted(found.items()))


def differences_of(game: Game, result: MatchResult) -> list[str]:
    """The same of one match."""
    return differences(game, _alone(result)).get(0, [])


class _Wave:
    """As many matches as there are tables, table i playing row ``rows[i]``."""

    def __init__(self, game: Game, tables: TableBatch, results: MatchResults, rows: NDArray[np.int64]):
        self.game, self.tables, self.results, self.rows = game, tables, results, rows
        lengths = results.actions.lengths()[rows]
        self.length, self.begin = lengths, results.actions.ends[rows] - lengths
        self.values = results.actions.values
        self.used = np.zeros(len(rows), np.int64)  # recorded entries that each table has lived through
        self.moves = np.zeros(len(rows), np.int64)
        self.open = np.ones(len(rows), np.bool_)
        self.width = game.info.num_players if game.info.simultaneous else 1
        self.problems: dict[int, list[str]] = {}

    def play(self) -> dict[int, list[str]]:
        turn = self.tables.start(np.arange(len(self.rows)), self.results.specs.chance_seed[self.rows])
        while True:
            self._compare_history(np.union1d(turn.table, turn.finished))
            self._compare_ends(turn)
            table, player, action = self._next(turn)
            if not len(table):
                return self.problems
            turn = self.tables.step(table, player, action)

    def _say(self, table: int, problem: str) -> None:
        self.problems.setdefault(int(self.rows[table]), []).append(problem)
        self.open[table] = False

    def _compare_history(self, table: NDArray[np.int64]) -> None:
        """What the tables have lived through must begin the record."""
        table = table[self.open[table]]
        if not len(table):
            return
        lived = self.tables.history(table)
        lengths = lived.lengths()
        within = np.minimum(lengths, self.length[table])
        entry = np.arange(len(lived.values)) - np.repeat(lived.ends - lengths, lengths)
        there = entry < np.repeat(within, lengths)
        recorded = self.values[(np.repeat(self.begin[table], lengths) + entry)[there]]
        same = lived.values[there] == recorded
        same = same.all(axis=1) if same.ndim > 1 else same
        wrong = np.bincount(np.repeat(np.arange(len(table)), lengths)[there], ~same, minlength=len(table)) > 0
        for at in np.flatnonzero(wrong | (lengths > self.length[table])).tolist():
            self._say(table[at], "the recorded chance outcomes are not those of the recorded seed")
        self.used[table] = lengths

    def _compare_ends(self, turn: Turn) -> None:
        tolerance = RETURN_TOLERANCE if self.game.info.replay == "exact" else RETURN_TOLERANCE_INEXACT
        for at in np.flatnonzero(self.open[turn.finished]).tolist():
            table = int(turn.finished[at])
            row = int(self.rows[table])
            self.open[table] = False
            termination, recorded = Termination(int(self.results.termination[row])), self.results.returns[row]
            if self.used[table] < self.length[table]:
                self._say(table, f"the game is over after {self.used[table]} of {self.length[table]} recorded actions")
                continue
            if termination.is_forfeit:
                self._say(table, "the game is over, so nobody can have forfeited it")
                continue
            truncated = turn.truncated is not None and bool(turn.truncated[at])
            if truncated != (termination == Termination.TRUNCATED):
                replayed = "truncated" if truncated else "not truncated"
                self._say(table, f"recorded as {termination.name.lower()}, replayed as {replayed}")
            if not np.allclose(turn.returns[at], recorded, rtol=0, atol=tolerance):
                self._say(table, f"recorded returns {recorded.tolist()}, replayed {turn.returns[at].tolist()}")

    def _next(self, turn: Turn) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.generic]]:
        """The recorded moves of the tables that are due."""
        due = np.unique(turn.table)
        due = due[self.open[due]]
        left = self.length[due] - self.used[due]
        for table in due[left == 0].tolist():
            self._end_of_record(table)
        for table in due[(left > 0) & (left < self.width)].tolist():
            self._say(table, f"the recorded actions end within joint move {self.moves[table] + 1}")
        due = due[left >= self.width]
        simultaneous = self.game.info.simultaneous
        chosen = np.flatnonzero(np.isin(turn.table, due))
        place = self.begin + self.used
        entry = place[turn.table[chosen]] + (turn.player[chosen] if simultaneous else 0)
        dtype = self.game.info.action_space.dtype
        action = np.asarray(self.values[entry], dtype)
        legal = turn.legal.take(chosen).contains(action)
        for table in np.unique(turn.table[chosen[~legal]]).tolist():
            recorded = self.values[place[table] : place[table] + self.width].tolist()
            self._say(table, f"move {self.moves[table] + 1} of the record, {recorded}, is not legal there")
        due = due[self.open[due]]
        self.moves[due] += 1
        if simultaneous:
            entries = (place[due][:, None] + np.arange(self.width)).ravel()
            everybody = np.tile(np.arange(self.width), len(due))
            return np.repeat(due, self.width), everybody, np.asarray(self.values[entries], dtype)
        kept = self.open[turn.table[chosen]]
        return turn.table[chosen[kept]], turn.player[chosen[kept]], action[kept]

    def _end_of_record(self, table: int) -> None:
        """The record ends before the game: right where somebody forfeited, who then has what a forfeit costs."""
        row = int(self.rows[table])
        self.open[table] = False
        by = int(self.results.forfeit[row])
        if not Termination(int(self.results.termination[row])).is_forfeit or by == NOBODY:
            self._say(table, f"after all {self.length[table]} recorded actions the game is not over")
            return
        due = forfeit_returns(self.game.info, np.array([by]))[0]
        if not np.allclose(due, self.results.returns[row], rtol=0, atol=RETURN_TOLERANCE):
            recorded = self.results.returns[row].tolist()
            self._say(table, f"recorded returns {recorded}; a forfeit of player {by} gives {due.tolist()}")


def _alone(result: MatchResult) -> MatchResults:
    spec = result.spec
    return MatchResults(
        specs=MatchSpecs(
            index=np.array([spec.index]),
            seats=np.array([spec.seats], np.int64),
            seed=np.array([spec.seed], np.uint64),
            chance_seed=np.array([spec.chance_seed], np.uint64),
        ),
        returns=np.array([result.returns], np.float64),
        termination=np.array([result.termination], np.int8),
        forfeit=np.array([NOBODY if result.forfeited_by is None else result.forfeited_by], np.int8),
        actions=Ragged(result.actions, np.array([len(result.actions)], np.int64)),
        seconds=np.array([result.seconds], np.float32),
    )

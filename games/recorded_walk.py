"""Recorded matches of a game of OpenSpiel, or of a native twin of one, stepped again entry by entry: no table, no seeds.

What several records begin with is stepped once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numba as nb
import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import spiel_rules
from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.ragged import Ragged
from arena.games.tree_size import CHANCE, SIMULTANEOUS, TERMINAL

Carried = TypeVar("Carried")
Move = Callable[[Carried, Sequence[int], int, Any], Carried]
"""(carried so far, what could be done or drawn, what was, the `pyspiel.State` of a chance node or None) -> carried on."""


def walk_records(game: Game, rows: Sequence[tuple[int, ...]], *, start: Carried, move: Move[Carried]) -> list[Carried]:
    """What is carried along each record to its last entry, in the order of `rows`.

    Args:
        game: what was played.
        rows: recorded entries, chance included, as `TableBatch.history` gives them.
        start: what is carried at the beginning.
        move: called for each decision and each chance outcome, those without an alternative too; of a joint move for each
            player in turn.

    Raises:
        NotProvided: a record that is none of this game, or a game without rules to walk by.
    """
    walk = _Walk(game, move)
    ends: list[Carried] = [start] * len(rows)
    path = [_Step(0, walk.rules.new_initial_state(), start)]
    before: tuple[int, ...] = ()
    for at in sorted(range(len(rows)), key=rows.__getitem__):
        row = rows[at]
        shared = 0
        while shared < min(len(row), len(before)) and row[shared] == before[shared]:
            shared += 1
        while path[-1].used > shared:
            path.pop()
        while path[-1].used < len(row):
            path.append(walk.after(path[-1], row))
        ends[at], before = path[-1].carried, row
    return ends


def different_rows(rows: Ragged) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(the number of the first of each kind of equal rows [K], the kind of each row [N]), in one pass."""
    slots = 1 << max(4, int(2 * len(rows)).bit_length())
    first, which = _kinds(np.ascontiguousarray(rows.values, np.int64), rows.ends, slots)
    return first, which


@dataclass(frozen=True, slots=True)
class _Step(Generic[Carried]):
    """The state after so many entries."""

    used: int
    state: Any
    carried: Carried


class _Walk(Generic[Carried]):
    def __init__(self, game: Game, move: Move[Carried]):
        self.specification = game.info.specification
        self.rules = spiel_rules(game)
        self.players = game.info.num_players
        self.joint = bool(game.info.simultaneous)  # then each move is recorded with an entry a player
        self.move = move

    def after(self, step: _Step[Carried], row: tuple[int, ...]) -> _Step[Carried]:
        state, player = step.state, step.state.current_player()
        if player == TERMINAL:
            raise self._misfit(row, "goes on after the end")
        if player == CHANCE:
            ways = [way for way, _ in state.chance_outcomes()]
            action = self._chosen(row[step.used], ways, row)
            return _Step(step.used + 1, state.child(action), self.move(step.carried, ways, action, state))
        used = step.used + (self.players if self.joint else 1)
        if used > len(row):
            raise self._misfit(row, "ends within a move")
        if player == SIMULTANEOUS:
            return self._after_joint(step, row, used)
        ways = state.legal_actions()
        action = self._chosen(row[step.used + player if self.joint else step.used], ways, row)
        return _Step(used, state.child(action), self.move(step.carried, ways, action, None))

    def _after_joint(self, step: _Step[Carried], row: tuple[int, ...], used: int) -> _Step[Carried]:
        chosen, carried = row[step.used : used], step.carried
        for player, action in enumerate(chosen):
            ways = step.state.legal_actions(player) or [action]  # who has nothing to do
            carried = self.move(carried, ways, self._chosen(action, ways, row), None)
        state = step.state.clone()
        state.apply_actions(list(chosen))
        return _Step(used, state, carried)

    def _chosen(self, action: int, ways: Sequence[int], row: tuple[int, ...]) -> int:
        if action not in ways:
            raise self._misfit(row, f"has {action} where {', '.join(map(str, ways[:9]))} can be")
        return action

    def _misfit(self, row: tuple[int, ...], what: str) -> NotProvided:
        return NotProvided(f"a record of {self.specification} {what}: {list(row[:30])}")


@nb.njit(cache=True)
def _kinds(values, ends, slots):  # type: ignore[no-untyped-def]  # numba kernel
    """Rows in a hash table of ``slots`` places, a power of two; each is compared with the first of its kind."""
    table = np.full(slots, -1, np.int64)
    first, which = np.empty(len(ends), np.int64), np.empty(len(ends), np.int64)
    kinds, begin = 0, 0
    for i in range(len(ends)):
        x = np.uint64(ends[i] - begin)
        for k in range(begin, ends[i]):  # the finaliser of splitmix64 after each entry
            x = (x ^ np.uint64(values[k])) + np.uint64(0x9E3779B97F4A7C15)
            x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            x = x ^ (x >> np.uint64(31))
        at = np.int64(x & np.uint64(slots - 1))
        while table[at] >= 0:
            other = first[table[at]]
            start = ends[other - 1] if other > 0 else 0
            equal = ends[i] - begin == ends[other] - start
            k = 0
            while equal and k < ends[i] - begin:
                equal = values[begin + k] == values[start + k]
                k += 1
            if equal:
                break
            at = (at + 1) & (slots - 1)
        if table[at] < 0:
            table[at] = kinds
            first[kinds] = i
            kinds += 1
        which[i] = table[at]
        begin = ends[i]
    return first[:kinds].copy(), which

"""What the conformance kit checks at one decision: legal actions, observations and search states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn, cast

import numpy as np

from arena.games.actions import LegalActions, VectorLegal
from arena.games.errors import ArenaError, NotProvided
from arena.games.game import GameInfo, InformationStateTensors, SearchState, TableBatch, Turn

SEARCH_MOVES = 5  # how far a search state is played forward

Watch = Callable[[TableBatch, Turn], None]
"""Looks at the decisions now due and raises `ConformanceError` where something is wrong."""


class ConformanceError(ArenaError):
    """A game that does not keep a promise; the message says which, and where it was seen."""


def decision_checks(info: GameInfo) -> Watch:
    """Checks everything that can be asked while a match is on."""

    def watch(tables: TableBatch, turn: Turn) -> None:
        _check_legal(info, turn.legal)
        _check_observations(info, tables, turn)
        _check_search(info, tables, turn)

    return watch


def _check_observations(info: GameInfo, tables: TableBatch, turn: Turn) -> None:
    rows = len(turn.table)
    if info.tensor_width is None:
        _refused(info, "a tensor", lambda: tables.tensor(turn.table, turn.player))
    else:
        tensor = tables.tensor(turn.table, turn.player)
        if tensor.shape != (rows, info.tensor_width) or tensor.dtype != np.float32:
            fail(info, f"a tensor is {tensor.dtype} {tensor.shape}; expected float32 [{rows}, {info.tensor_width}]")
        if not np.isfinite(tensor).all():
            fail(info, "a tensor is not finite")
    if info.information_state_width is not None:
        state = cast("InformationStateTensors", tables).information_state_tensor(turn.table, turn.player)
        expected = (rows, info.information_state_width)
        if state.shape != expected or state.dtype != np.float32 or not np.isfinite(state).all():
            fail(
                info, f"an information-state tensor is {state.dtype} {state.shape}; expected finite float32 {expected}"
            )
    if info.has_text:
        _check_texts(info, "text", tables.text(turn.table, turn.player), rows)
    else:
        _refused(info, "a text", lambda: tables.text(turn.table, turn.player))
    if info.has_information_state:
        _check_texts(info, "information_state", tables.information_state(turn.table, turn.player), rows)
    else:
        _refused(info, "an information state", lambda: tables.information_state(turn.table, turn.player))
    table, player = int(turn.table[0]), int(turn.player[0])
    action = turn.legal.sample(np.zeros(rows, np.uint64))[0]
    names = [tables.render(table), tables.action_text(table, player, action)]
    if not all(isinstance(name, str) for name in names) or not names[1]:
        fail(info, f"render and action_text must be texts; got {names}")


def _check_texts(info: GameInfo, name: str, texts: Sequence[object], rows: int) -> None:
    if len(texts) != rows or not all(isinstance(text, str) for text in texts):
        fail(info, f"{name} must be one text a row; got {texts!r:.120}")


def _refused(info: GameInfo, what: str, ask: Callable[[], object]) -> None:
    try:
        ask()
    except NotProvided:
        return
    fail(info, f"info promises no {what.split()[-1]}, but the tables give {what}: it must raise NotProvided")


def _check_search(info: GameInfo, tables: TableBatch, turn: Turn) -> None:
    table, player = int(turn.table[0]), int(turn.player[0])
    if not info.has_simulator:
        _refused(info, "a simulator", lambda: tables.search_state(table, player, 1))
        return
    if info.simultaneous:
        tables.search_state(table, player, 1).clone()
        return
    before = tables.render(table), tables.history(turn.table[:1]).values.tolist()
    state = tables.search_state(table, player, 1)
    if state.current_player() != player or state.legal_actions() != turn.legal.lists()[0]:
        fail(info, "a search state has another player or other legal actions than the table")
    told = getattr(state, "information_state_string", None)
    if info.has_information_state and told is not None:
        known = tables.information_state(turn.table[:1], turn.player[:1])[0]
        if told(player) != known:
            fail(info, f"a search state contradicts what player {player} knows: {told(player)!r:.80} for {known!r:.80}")
    if look_of(state) != look_of(tables.search_state(table, player, 1)):
        fail(info, "the same seed gives two different search states")
    for _ in range(SEARCH_MOVES):
        if state.is_terminal():
            break
        state.apply_action(state.legal_actions()[0])
        state = state.clone()
    if before != (tables.render(table), tables.history(turn.table[:1]).values.tolist()):
        fail(info, "playing a search state forward moved the table")


def look_of(state: SearchState) -> tuple[object, ...]:
    """What tells two search states apart: what they print, and what may be played from them on.

    A state that prints no more than its address is told apart by what may be played.
    """
    printed = "" if type(state).__str__ is object.__str__ and type(state).__repr__ is object.__repr__ else str(state)
    ahead: list[object] = []
    state = state.clone()
    for _ in range(SEARCH_MOVES):
        if state.is_terminal():
            ahead.append(tuple(state.returns()))
            break
        legal = state.legal_actions()
        ahead.append((state.current_player(), tuple(legal)))
        if state.current_player() < 0 or not legal:
            break
        state.apply_action(legal[0])
    return (printed, *ahead)


def fail(info: GameInfo, what: str) -> NoReturn:
    raise ConformanceError(f"{info.specification}: {what}")


def listed(legal: LegalActions) -> list[object]:
    """The legal actions of each row as a value that can be compared."""
    if isinstance(legal, VectorLegal):
        return [(low.tolist(), high.tolist()) for low, high in zip(legal.low, legal.high, strict=True)]
    return [list(row) for row in legal.lists()]


def _check_legal(info: GameInfo, legal: LegalActions) -> None:
    rows = np.arange(len(legal))
    backwards = rows[::-1].copy()
    rows_listed = listed(legal)
    if listed(legal.take(backwards)) != rows_listed[::-1]:
        fail(info, "legal.take does not give the rows named")
    if listed(legal.joined(legal.take(backwards))) != rows_listed + rows_listed[::-1]:
        fail(info, "legal.joined is not one part after the other")
    if isinstance(legal, VectorLegal):
        if not (legal.low <= legal.high).all():
            fail(info, "a lower bound is above its upper bound, or not a number")
        outside = np.where(np.isfinite(legal.high), legal.high + 1, np.nan).astype(info.action_space.dtype)
        if legal.contains(outside).any():
            fail(info, "legal.contains accepts what is outside the bounds")
        return
    size = info.num_actions
    for actions in legal.lists():
        if not actions or actions != sorted(set(actions)) or actions[0] < 0 or actions[-1] >= size:
            fail(info, f"legal actions must be some of 0..{size - 1}, ascending, at least one; got {actions}")
    mask = legal.mask(size)
    if mask.shape != (len(legal), size) or [np.flatnonzero(row).tolist() for row in mask] != rows_listed:
        fail(info, "legal.mask and legal.lists differ")
    for wrong in (np.full(len(legal), -1), np.full(len(legal), size), mask.argmin(axis=1)):
        refused = ~legal.contains(wrong.astype(np.int64))
        if not (refused | mask[rows, np.clip(wrong, 0, size - 1)] & (wrong >= 0) & (wrong < size)).all():
            fail(info, f"legal.contains accepts an action that is not legal: {wrong.tolist()}")

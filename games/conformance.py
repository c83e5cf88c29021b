"""The conformance kit: plays a game and says where it breaks what `TableBatch` and `GameInfo` promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import LegalActions
from arena.games.conformance_decisions import (
    ConformanceError,
    Watch,
    decision_checks,
    fail,
    listed,
    privacy_check,
)
from arena.games.errors import UnknownName
from arena.games.game import Game, GameInfo, TableBatch, Turn
from arena.games.seeds import CHANCE_STREAM, DECISION_STREAM, MATCH_STREAM, counter_hash

__all__ = ["ConformanceError", "check_game"]

TOLERANCE = 1e-6  # of sums and bounds of returns, which games add up in floating point
SHORT_MOVES = 6  # matches that look for equal information states need their beginnings only

Rows = NDArray[np.int64]


@dataclass(slots=True, kw_only=True)
class _Match:
    """One match as the kit saw it. ``decisions``: (player, what was legal, what was played)."""

    decisions: list[tuple[int, object, object]] = field(default_factory=list)
    moves: int = 0
    returns: tuple[float, ...] | None = None
    truncated: bool = False
    history: NDArray[Any] = field(default_factory=lambda: np.empty(0, np.int64))


def check_game(game: Game, *, seed: int = 0, matches: int = 8, moves: int = 400) -> None:
    """Plays ``matches`` random matches of at most ``moves`` moves in several arrangements, and returns if all is well.

    Checked: the facts of `GameInfo`; that turns are complete and legal actions well formed; lengths, bounds and sums of
    returns; that the same seeds give the same match, at any table, alone or among others, at tables used before; that
    other tables stand still; that histories play again to the same returns; tensors, texts and search states; that what
    is handed out is the caller's own; and that what a player observes is a function of the player's information state,
    on the positions seen. A game whose ``replay`` is ``none`` is excused from repeating itself.

    Raises:
        ConformanceError: the first promise found broken.
    """
    info = game.info
    _check_info(game)
    index = np.arange(matches)
    words: NDArray[np.uint64] = counter_hash(np.uint64(seed), MATCH_STREAM, index)
    chance: NDArray[np.uint64] = counter_hash(np.uint64(seed), CHANCE_STREAM, index)
    tables = game.tables(matches)
    if tables.capacity != matches or tables.info != info:
        fail(info, f"tables({matches}) has capacity {tables.capacity} or another info than the game's")
    played = _play(tables, index, words, chance, moves=moves, watch=decision_checks(info))
    _check_returns(info, played, moves)
    if info.replay != "none":
        again = _play(tables, index[::-1].copy(), words, chance, moves=moves)
        _check_equal(info, played, again, "the same seeds at other tables, used before, give another match")
        alone = game.tables(1)
        ones = [_play(alone, index[:1], words[i : i + 1], chance[i : i + 1], moves=moves)[0] for i in range(matches)]
        _check_equal(info, played, ones, "a match alone differs from the same match among others")
        if not info.chance:
            other = _play(tables, index, words, chance[::-1].copy(), moves=moves)
            _check_equal(info, played, other, "info.chance is False, but the chance seed makes a difference")
        for i in range(min(2, matches)):
            _check_replay(info, alone, played[i], chance[i : i + 1])
    _check_stillness(info, tables, index, words, chance)
    _check_copies(info, tables, index, words, chance)
    _check_empty(info, tables)
    more = np.arange(matches, 3 * matches)
    _play(
        game.tables(len(more)),
        np.arange(len(more)),
        counter_hash(np.uint64(seed), MATCH_STREAM, more),
        counter_hash(np.uint64(seed), CHANCE_STREAM, more),
        moves=SHORT_MOVES,
        watch=privacy_check(info),
    )


def _check_info(game: Game) -> None:
    from arena.games.registry import load_game

    info, space = game.info, game.info.action_space
    if info.num_players < 1:
        fail(info, f"num_players is {info.num_players}")
    if space.kind == "discrete" and space.size < 1:
        fail(info, "a discrete action space has no actions")
    if space.kind != "discrete" and space.width < 1:
        fail(info, "an action space of vectors has width 0")
    least, most = info.min_utility, info.max_utility
    if least is not None and most is not None and least > most:
        fail(info, f"min_utility {least} is above max_utility {most}")
    if info.teams and sorted(p for team in info.teams for p in team) != list(range(info.num_players)):
        fail(info, f"teams {info.teams} do not hold each player once")
    if info.action_names and len(info.action_names) != info.num_actions:
        fail(info, f"{len(info.action_names)} action_names for {info.num_actions} actions")
    try:
        loaded = load_game(info.specification).info
    except UnknownName as error:
        if error.kind != "game scheme":  # a game that was never registered is handed in as an object
            fail(info, f"its specification does not load: {error}")
        return
    if loaded != info:
        fail(info, f"its specification loads a game with other facts: {loaded}")


def _play(
    tables: TableBatch,
    slots: Rows,
    words: NDArray[np.uint64],
    chance: NDArray[np.uint64],
    *,
    moves: int,
    watch: Watch | None = None,
) -> list[_Match]:
    """Random matches: match i at table ``slots[i]``, its decisions drawn from ``words[i]`` wherever it is played."""
    info = tables.info
    matches = [_Match() for _ in slots]
    match_at = {int(slot): i for i, slot in enumerate(slots)}
    turn = tables.start(slots, chance)
    _check_turn(info, turn, slots.tolist())
    for _ in range(moves):
        _settle(turn, matches, match_at)
        if not len(turn.table):
            break
        if watch is not None:
            watch(tables, turn)
        rows = np.array([match_at[t] for t in turn.table.tolist()], np.int64)
        ply = np.array([matches[i].moves for i in rows.tolist()], np.int64)
        action = turn.legal.sample(counter_hash(words[rows], turn.player + DECISION_STREAM, ply))
        _check_sample(info, turn.legal, action)
        legal = listed(turn.legal)
        for row, i in enumerate(rows.tolist()):
            matches[i].decisions.append((int(turn.player[row]), legal[row], np.asarray(action[row]).tolist()))
        asked = np.unique(turn.table)
        for t in asked.tolist():
            matches[match_at[t]].moves += 1
        turn = _step(tables, turn, action)
        _check_turn(info, turn, asked.tolist())
    else:
        _settle(turn, matches, match_at)
    histories = tables.history(slots)
    if len(histories) != len(slots) or histories.values.shape[1:] != info.action_space.shape:
        fail(info, f"history has {len(histories)} rows of shape {histories.values.shape[1:]} for {len(slots)} tables")
    for i, match in enumerate(matches):
        match.history = histories.row(i).copy()
    return matches


def _step(tables: TableBatch, turn: Turn, action: NDArray[Any]) -> Turn:
    """The turn's decisions played; in a simultaneous game with zeros for the players who have none."""
    info = tables.info
    if not info.simultaneous:
        return tables.step(turn.table, turn.player, action)
    asked, place = np.unique(turn.table, return_inverse=True)
    joint = np.zeros((len(asked), info.num_players, *info.action_space.shape), action.dtype)
    joint[place, turn.player] = action
    player = np.tile(np.arange(info.num_players), len(asked))
    return tables.step(np.repeat(asked, info.num_players), player, joint.reshape(-1, *info.action_space.shape))


def _settle(turn: Turn, matches: Sequence[_Match], match_at: dict[int, int]) -> None:
    for row, t in enumerate(turn.finished.tolist()):
        match = matches[match_at[t]]
        match.returns = tuple(turn.returns[row].tolist())
        match.truncated = turn.truncated is not None and bool(turn.truncated[row])


def _check_turn(info: GameInfo, turn: Turn, asked: Sequence[int]) -> None:
    for name, column in (("table", turn.table), ("player", turn.player), ("finished", turn.finished)):
        if column.dtype != np.int64 or column.ndim != 1:
            fail(info, f"Turn.{name} must be int64 [R]; it is {column.dtype} {column.shape}")
    if not len(turn.table) == len(turn.player) == len(turn.legal):
        fail(info, "Turn.table, player and legal differ in length")
    if len(turn.player) and not (turn.player.min() >= 0 and turn.player.max() < info.num_players):
        fail(info, f"Turn.player names a player outside 0..{info.num_players - 1}: {turn.player.tolist()}")
    due, over = turn.table.tolist(), turn.finished.tolist()
    pairs = due if not info.simultaneous else list(zip(due, turn.player.tolist(), strict=True))
    if len(set(pairs)) != len(pairs):
        fail(info, "a decision is due twice at one table")
    if len(set(over)) != len(over) or set(over) & set(due):
        fail(info, "a table finished twice, or finished with a decision due")
    if set(over) | set(due) != set(asked):
        fail(info, f"tables {sorted(asked)} were asked; due are {sorted(set(due))}, finished {sorted(over)}")
    if turn.returns.shape != (len(over), info.num_players) or turn.returns.dtype != np.float64:
        fail(info, f"Turn.returns must be float64 [{len(over)}, {info.num_players}]; it is {turn.returns.shape}")
    if turn.truncated is not None and (turn.truncated.shape != (len(over),) or turn.truncated.dtype != np.bool_):
        fail(info, "Turn.truncated must be bool, one for each finished table")


def _check_sample(info: GameInfo, legal: LegalActions, action: NDArray[Any]) -> None:
    if action.shape != (len(legal), *info.action_space.shape) or action.dtype != info.action_space.dtype:
        fail(info, f"legal.sample gives {action.dtype} {action.shape} for {len(legal)} rows of {info.action_space}")
    if not legal.contains(action).all():
        fail(info, "legal.sample gives an action that legal.contains refuses")


def _check_returns(info: GameInfo, matches: Sequence[_Match], moves: int) -> None:
    sums = []
    for match in matches:
        if info.max_length is not None and match.moves > info.max_length:
            fail(info, f"a match took {match.moves} moves; max_length is {info.max_length}")
        if match.returns is None:
            if info.max_length is not None and moves > info.max_length:
                fail(info, f"a match did not end within max_length = {info.max_length} moves")
            continue
        least, most = min(match.returns), max(match.returns)
        if not np.isfinite(match.returns).all():
            fail(info, f"returns {match.returns} are not finite")
        if info.min_utility is not None and least < info.min_utility - TOLERANCE:
            fail(info, f"returns {match.returns} fall below min_utility {info.min_utility}")
        if info.max_utility is not None and most > info.max_utility + TOLERANCE:
            fail(info, f"returns {match.returns} exceed max_utility {info.max_utility}")
        if info.utility == "zero_sum" and abs(sum(match.returns)) > TOLERANCE * max(1, abs(least), abs(most)):
            fail(info, f"utility is zero_sum, but returns are {match.returns}")
        if info.utility == "identical" and most - least > TOLERANCE:
            fail(info, f"utility is identical, but returns are {match.returns}")
        sums.append(sum(match.returns))
    if info.utility == "constant_sum" and sums and max(sums) - min(sums) > TOLERANCE * max(1, abs(sums[0])):
        fail(info, f"utility is constant_sum, but returns add up to {sorted(set(sums))}")


def _check_equal(info: GameInfo, matches: Sequence[_Match], others: Sequence[_Match], what: str) -> None:
    for i, (match, other) in enumerate(zip(matches, others, strict=True)):
        difference = _difference(info, match, other)
        if difference:
            fail(info, f"{what}: match {i} differs in {difference}")


def _difference(info: GameInfo, match: _Match, other: _Match) -> str | None:
    if match.decisions != other.decisions:
        pairs = zip(match.decisions, other.decisions, strict=False)
        return f"decision {next((i for i, (a, b) in enumerate(pairs) if a != b), 'count')}"
    if (match.returns is None) != (other.returns is None) or match.truncated != other.truncated:
        return "its end"
    if match.returns is not None and other.returns is not None and not _same(info, match.returns, other.returns):
        return f"returns {match.returns} and {other.returns}"
    return None if _same(info, match.history, other.history) else "its history"


def _same(info: GameInfo, a: Sequence[float] | NDArray[Any], b: Sequence[float] | NDArray[Any]) -> bool:
    if info.replay == "exact":
        return np.array_equal(a, b)
    return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, atol=1e-4))


def _check_replay(info: GameInfo, tables: TableBatch, match: _Match, chance: NDArray[np.uint64]) -> None:
    """Steps a table with the entries of the match's history alone."""
    slot = np.zeros(1, np.int64)
    rows = info.num_players if info.simultaneous else 1
    turn = tables.start(slot, chance)
    while len(turn.table):
        done = tables.history(slot).row(0)
        if not _same(info, done, match.history[: len(done)]):
            fail(info, f"played again, the history differs within its first {len(done)} entries")
        action = match.history[len(done) : len(done) + rows].astype(info.action_space.dtype)
        if len(action) < rows:
            break
        player = np.arange(rows) if info.simultaneous else turn.player
        turn = tables.step(np.repeat(slot, rows), player, action)
    ended = tuple(turn.returns[0].tolist()) if len(turn.finished) else None
    if (ended is None) != (match.returns is None):
        fail(info, f"played again, the history ends with returns {ended} in place of {match.returns}")
    if ended is not None and match.returns is not None and not _same(info, ended, match.returns):
        fail(info, f"played again, the history gives returns {ended} in place of {match.returns}")


def _check_stillness(
    info: GameInfo, tables: TableBatch, slots: Rows, words: NDArray[np.uint64], chance: NDArray[np.uint64]
) -> None:
    """Plays one table while the others wait."""
    turn = tables.start(slots, chance)
    busy = slots[:1]
    waiting = np.flatnonzero(turn.table != busy[0])
    before = _seen(tables, turn.table[waiting], turn.player[waiting])
    mine = np.flatnonzero(turn.table == busy[0])
    alone = Turn(turn.table[mine], turn.player[mine], turn.legal.take(mine), busy[:0], turn.returns[:0])
    for ply in range(SHORT_MOVES):
        if not len(alone.table):
            break
        action = alone.legal.sample(counter_hash(words[:1].repeat(len(alone.table)), alone.player, np.int64(ply)))
        alone = _step(tables, alone, action)
    if _seen(tables, turn.table[waiting], turn.player[waiting]) != before:
        fail(info, "a table moved while another was stepped")


def _check_copies(
    info: GameInfo, tables: TableBatch, slots: Rows, words: NDArray[np.uint64], chance: NDArray[np.uint64]
) -> None:
    """Keeps what was handed out while the tables move on, and writes into it."""
    turn = tables.start(slots, chance)
    if not len(turn.table):
        return
    kept = (turn.table.tolist(), turn.player.tolist(), listed(turn.legal))
    tensor = tables.tensor(turn.table, turn.player) if info.tensor_width is not None else np.empty(0, np.float32)
    as_handed_out = tensor.copy()
    following = _step(tables, turn, turn.legal.sample(words[turn.table]))
    before = _seen(tables, following.table, following.player)
    if (turn.table.tolist(), turn.player.tolist(), listed(turn.legal)) != kept:
        fail(info, "a Turn changed when the tables moved on: it must be the caller's own")
    if not np.array_equal(tensor, as_handed_out):
        fail(info, "a tensor changed when the tables moved on: it must be the caller's own")
    history = tables.history(slots).values
    spoilt = [history, following.table.copy(), following.returns]
    if info.tensor_width is not None and len(following.table):
        spoilt.append(tables.tensor(following.table, following.player))
    for array in spoilt:
        if array.flags.writeable:
            array[...] = 77
    if _seen(tables, following.table, following.player) != before:
        fail(info, "writing into what a table handed out changed the table")


def _check_empty(info: GameInfo, tables: TableBatch) -> None:
    none = np.empty(0, np.int64)
    action = np.empty((0, *info.action_space.shape), info.action_space.dtype)
    for turn in (tables.start(none, none.astype(np.uint64)), tables.step(none, none, action)):
        _check_turn(info, turn, [])
    if len(tables.history(none)):
        fail(info, "the history of no table has rows")


def _seen(tables: TableBatch, table: Rows, player: Rows) -> list[object]:
    """All that can be asked about these tables."""
    info = tables.info
    seen: list[object] = [tables.render(int(t)) for t in table]
    history = tables.history(table)
    seen += [history.values.tolist(), history.ends.tolist()]
    if info.tensor_width is not None and len(table):
        seen.append(tables.tensor(table, player).tobytes())
    if info.has_text:
        seen.append(tables.text(table, player))
    if info.has_information_state:
        seen.append(tables.information_state(table, player))
    return seen

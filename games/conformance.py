"""The conformance kit: plays a game and says where it breaks what `TableBatch` and `GameInfo` promise."""

from __future__ import annotations

from collections.abc import Sequence
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
)
from arena.games.conformance_ends import check_ends
from arena.games.conformance_facts import Match, check_info, check_returns, check_sums
from arena.games.conformance_knowledge import Knowledge
from arena.games.game import Game, GameInfo, TableBatch, Turn
from arena.games.seeds import CHANCE_STREAM, DECISION_STREAM, MATCH_STREAM, counter_hash

__all__ = ["ConformanceError", "check_game"]

INTERRUPTIONS = 3
ENOUGH_MATCHES = 4  # all the same under other chance seeds, before a game is said to have no chance
MORE_MATCHES = 40
SHOWN_MOVES = 8
SHORT_MOVES = 6  # matches that look for equal information states need their beginnings only

Rows = NDArray[np.int64]


def check_game(game: Game, seed: int = 0, *, matches: int = 8, moves: int = 400) -> None:
    """Plays ``matches`` random matches of at most ``moves`` moves in several arrangements, and returns if all is well.

    Checked: the facts of `GameInfo`; that turns are complete and legal actions well formed; lengths, bounds and sums of
    returns; that the same seeds give the same match, at any table, alone or among others, at tables used before, while
    other matches of the game are on; that other tables stand still; that histories play again to the same returns;
    tensors and texts; search states, and that matches end as these do; that what is handed out is the caller's own; and,
    on the positions seen, that what a player observes, may do and searches from is a function of the player's information
    state, and that the declared information, chance and utility are those that were met. A game whose ``replay`` is
    ``none`` is excused from repeating itself.

    Raises:
        ConformanceError: the first promise found broken.
    """
    info = game.info
    check_info(game)
    index = np.arange(matches)
    words: NDArray[np.uint64] = counter_hash(np.uint64(seed), MATCH_STREAM, index)
    chance: NDArray[np.uint64] = counter_hash(np.uint64(seed), CHANCE_STREAM, index)
    knowledge, decisions = Knowledge(info), decision_checks(info)

    def watch(tables: TableBatch, turn: Turn) -> None:
        decisions(tables, turn)
        knowledge.watch(tables, turn)

    tables = game.tables(matches)
    if tables.capacity != matches or tables.info != info:
        fail(info, f"tables({matches}) has capacity {tables.capacity} or another info than the game's")
    played = _play(tables, index, words, chance, moves=moves, watch=watch)
    check_returns(info, played, moves)
    other = _play(tables, index, words, chance[::-1].copy(), moves=moves)
    if info.replay != "none":
        if info.chance:
            _check_chance(game, played, other, seed, moves)
        else:
            _check_equal(info, played, other, "info.chance is False, but the chance seed makes a difference")
        again = _play(tables, index[::-1].copy(), words, chance, moves=moves)
        _check_equal(info, played, again, "the same seeds at other tables, used before, give another match")
        alone = game.tables(1)
        ones = [_play(alone, index[:1], words[i : i + 1], chance[i : i + 1], moves=moves)[0] for i in range(matches)]
        _check_equal(info, played, ones, "a match alone differs from the same match among others")
        beside = _play(game.tables(matches), index, words, chance, moves=moves, watch=_interruption(game, words))
        _check_equal(info, played, beside, "a match differs while matches are on at another TableBatch")
        for i in range(min(2, matches)):
            _check_replay(info, alone, played[i], chance[i : i + 1])
        check_ends(info, alone, played, chance)
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
        watch=knowledge.watch,
    )
    knowledge.check()
    check_sums(info, [*played, *other])


def _play(
    tables: TableBatch,
    slots: Rows,
    words: NDArray[np.uint64],
    chance: NDArray[np.uint64],
    *,
    moves: int,
    watch: Watch | None = None,
) -> list[Match]:
    """Random matches: match i at table ``slots[i]``, its decisions drawn from ``words[i]`` wherever it is played."""
    info = tables.info
    matches = [Match() for _ in slots]
    match_at = {int(slot): i for i, slot in enumerate(slots)}
    try:
        turn = tables.start(slots, chance)
    except Exception as error:  # noqa: BLE001  # whatever a game's own code raises is a finding
        fail(info, f"start raised {_said(error)}")
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
        try:
            turn = _step(tables, turn, action)
        except Exception as error:  # noqa: BLE001  # whatever a game's own code raises is a finding
            fail(info, f"step raised {_said(error)} at {_moves_of(matches, rows)}")
        _check_turn(info, turn, asked.tolist())
    else:
        _settle(turn, matches, match_at)
    histories = tables.history(slots)
    if len(histories) != len(slots) or histories.values.shape[1:] != info.action_space.shape:
        fail(info, f"history has {len(histories)} rows of shape {histories.values.shape[1:]} for {len(slots)} tables")
    for i, match in enumerate(matches):
        match.history = histories.row(i).copy()
    return matches


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _moves_of(matches: Sequence[Match], rows: Rows) -> str:
    """What was being played, as many of the moves as fit a sentence."""
    shown = [f"match {i} (move {matches[i].moves}: {_last(matches[i])})" for i in np.unique(rows).tolist()]
    return " or ".join(shown[:SHOWN_MOVES]) + (
        f" or {len(shown) - SHOWN_MOVES} more" if len(shown) > SHOWN_MOVES else ""
    )


def _last(match: Match) -> str:
    player, _, action = match.decisions[-1]
    return f"player {player} played {action}"


def _interruption(game: Game, words: NDArray[np.uint64]) -> Watch:
    """What starts and moves the matches of another batch, at the first turns of those that are watched."""
    tables, turns = game.tables(1), iter(range(INTERRUPTIONS))
    slot = np.zeros(1, np.int64)

    def watch(_: TableBatch, __: Turn) -> None:
        if next(turns, None) is not None:
            turn = tables.start(slot, words[:1])
            if len(turn.table):
                _step(tables, turn, turn.legal.sample(words[:1].repeat(len(turn.table))))

    return watch


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


def _settle(turn: Turn, matches: Sequence[Match], match_at: dict[int, int]) -> None:
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


def _check_chance(game: Game, played: Sequence[Match], other: Sequence[Match], seed: int, moves: int) -> None:
    """``other``: the same decisions under other chance seeds. Where they differ in nothing, looks at more matches."""
    info = game.info
    if len(played) < ENOUGH_MATCHES or any(match.returns is None for match in [*played, *other]):
        return  # chance may come later
    if any(_difference(info, match, twin) for match, twin in zip(played, other, strict=True)):
        return
    index = np.arange(MORE_MATCHES)
    words: NDArray[np.uint64] = counter_hash(np.uint64(seed), MATCH_STREAM, index)
    chance: NDArray[np.uint64] = counter_hash(np.uint64(seed), CHANCE_STREAM, index)
    tables = game.tables(MORE_MATCHES)
    views: list[list[object]] = []
    for seeds in (chance, chance[::-1].copy()):
        seen: list[object] = []

        def watch(tables: TableBatch, turn: Turn, seen: list[object] = seen) -> None:
            seen.append(_seen(tables, turn.table, turn.player))

        ends = _play(tables, index, words, seeds, moves=moves, watch=watch)
        views.append([*seen, *(match.returns for match in ends)])
    if views[0] == views[1]:
        fail(info, f"info.chance is True, but {MORE_MATCHES} matches are the same under other chance seeds")


def _check_equal(info: GameInfo, matches: Sequence[Match], others: Sequence[Match], what: str) -> None:
    for i, (match, other) in enumerate(zip(matches, others, strict=True)):
        difference = _difference(info, match, other)
        if difference:
            fail(info, f"{what}: match {i} differs in {difference}")


def _difference(info: GameInfo, match: Match, other: Match) -> str | None:
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


def _check_replay(info: GameInfo, tables: TableBatch, match: Match, chance: NDArray[np.uint64]) -> None:
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

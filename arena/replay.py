"""A recorded match, move by move: the game is stepped again with the recorded seeds and actions; no agent is asked."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from arena.games import Game, NotProvided, TableBatch, Turn
from arena.replay_many import differences_of
from arena.results import MatchResult

Action = int | float | tuple[int | float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The table after one move.

    ``move``: 0 is the start. ``player``: who moved, None at the start and where several moved at once. ``movers``: all who
    moved, with the words of each in ``said``. ``actions``: all recorded so far, chance included. ``text``: the whole table, hidden information included. ``views``: what each player
    sees. ``done``: the game itself is over; after a forfeit the last position is not.
    """

    move: int
    player: int | None
    movers: tuple[int, ...]
    action: tuple[Action, ...]
    said: tuple[str, ...]
    actions: tuple[Action, ...]
    text: str
    views: tuple[str, ...]
    done: bool

    @property
    def action_text(self) -> str:
        """The move in words, of all who moved."""
        return "; ".join(self.said)


@dataclass(frozen=True, slots=True)
class _Step:
    """One move as it was stepped again; ``recorded``: all actions so far."""

    tables: TableBatch
    turn: Turn
    move: int
    movers: tuple[int, ...]
    action: tuple[Action, ...]
    said: tuple[str, ...]
    recorded: NDArray[np.generic]


def replay(game: Game, result: MatchResult, *, views_of: Collection[int] | None = None) -> list[Position]:
    """The positions of a match, from the start to the last recorded move.

    Args:
        game: what was played.
        result: its record.
        views_of: the players whose views are told, all of them by default; those of others are empty. Where many play,
            telling what each sees at each move takes far longer than playing.

    Raises:
        NotProvided: the game cannot be replayed, or what is recorded does not fit it.
    """
    return [position for position, _ in _positions(game, result, views_of)]


def moves_said(game: Game, result: MatchResult) -> list[tuple[int, str]]:
    """(player, move in the game's own words) of each move of a match of turns; positions are not told, which takes most time.

    Raises:
        NotProvided: as `replay`.
    """
    return [(step.movers[0], step.said[0]) for step in _steps(game, result) if step.movers]


def named_choices(game: Game, result: MatchResult, player: int, actions: Collection[int]) -> dict[int, str]:
    """These actions of a player after the last recorded move, in the game's own words.

    Raises:
        NotProvided: as `replay`.
    """
    tables = [step.tables for step in _steps(game, result)][-1]  # at the last move by now
    return {action: tables.action_text(0, player, action) for action in actions}


def verify(game: Game, result: MatchResult) -> list[str]:
    """What does not agree between a recorded match and the same actions played again; nothing when it is right."""
    return differences_of(game, result)


def _positions(game: Game, result: MatchResult, views_of: Collection[int] | None) -> Iterator[tuple[Position, Turn]]:
    for step in _steps(game, result):
        yield (
            _position(step.tables, step.turn, step.move, step.movers, step.action, step.said, step.recorded, views_of),
            step.turn,
        )


def _steps(game: Game, result: MatchResult) -> Iterator[_Step]:
    if game.info.replay == "none":
        raise NotProvided(f"{game.info.title} does not replay: the same actions may lead elsewhere")
    tables, table = game.tables(1), np.zeros(1, np.int64)
    recorded = result.actions
    turn = tables.start(table, np.array([result.spec.chance_seed], np.uint64))
    seen = _check_prefix(tables, recorded, 0)
    yield _Step(tables, turn, 0, (), (), (), recorded[:seen])
    move = 0
    width = game.info.num_players if game.info.simultaneous else 1
    while len(turn.table) and seen < len(recorded):
        moved = recorded[seen : seen + width]
        if len(moved) < width:
            raise NotProvided(f"the recorded actions end within joint move {move + 1}")
        players = np.arange(width) if game.info.simultaneous else turn.player
        rows = np.flatnonzero(np.isin(players, turn.player))
        action = np.asarray(moved, game.info.action_space.dtype)
        due = turn.legal.take(np.argsort(turn.player))
        if not due.contains(action[rows]).all():
            raise NotProvided(f"move {move + 1} of the record, {moved.tolist()}, is not legal there")
        movers = tuple(players[rows].tolist())
        said = tuple(tables.action_text(0, int(players[row]), action[row]) for row in rows.tolist())
        turn = tables.step(np.zeros(width, np.int64), players, action)
        move += 1
        seen = _check_prefix(tables, recorded, seen + width)
        chosen = tuple(_plain(value) for value in moved[rows])
        yield _Step(tables, turn, move, movers, chosen, said, recorded[:seen])
    if seen < len(recorded):
        raise NotProvided(f"the game is over after {seen} of {len(recorded)} recorded actions")


def _check_prefix(tables: TableBatch, recorded: NDArray[np.generic], least: int) -> int:
    """How many recorded entries the table has lived through; its chance outcomes must be the recorded ones."""
    lived = tables.history(np.zeros(1, np.int64)).row(0)
    if len(lived) < least or not np.array_equal(lived, recorded[: len(lived)]):
        raise NotProvided("the recorded chance outcomes are not those of the recorded seed")
    return len(lived)


def _position(
    tables: TableBatch,
    turn: Turn,
    move: int,
    movers: tuple[int, ...],
    action: tuple[Action, ...],
    said: tuple[str, ...],
    actions: NDArray[np.generic],
    views_of: Collection[int] | None,
) -> Position:
    everyone = range(tables.info.num_players)
    told = np.array([player for player in everyone if views_of is None or player in views_of], np.int64)
    views: dict[int, str] = {}
    if tables.info.has_text and len(told):
        views = dict(zip(told.tolist(), tables.text(np.zeros_like(told), told), strict=True))
    return Position(
        move=move,
        player=movers[0] if len(movers) == 1 else None,
        movers=movers,
        action=action,
        said=said,
        actions=tuple(_plain(value) for value in actions),
        text=tables.render(0),
        views=tuple(views.get(player, "") for player in everyone) if tables.info.has_text else (),
        done=bool(len(turn.finished)),
    )


def _plain(value: NDArray[np.generic] | np.generic) -> Action:
    listed = value.tolist()
    return tuple(listed) if isinstance(listed, list) else listed

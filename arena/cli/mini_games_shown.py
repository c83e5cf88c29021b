"""Scores at SC2LE's mini-games in the layout of the published table: a row an agent, a column a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.standings import Standings


def print_mini_games(boards: Sequence[Standings]) -> None:
    """The table of those of these boards that are of mini-games, where there are several.

    Published scores stand above one's own on StarCraft II alone: what is scored on the stand-in is nothing beside them.
    """
    from arena.cli.output import Head, say, table
    from arena.games.starcraft.mini_games import COLUMNS, MINI_GAMES, SOURCE
    from arena.games.starcraft.names import NOT_STARCRAFT, is_standin

    order = list(MINI_GAMES)
    named = [(_map(board.game), board) for board in boards if _map(board.game) in MINI_GAMES]
    if len(named) < 2:
        return
    named.sort(key=lambda one: order.index(one[0]))
    standin = any(is_standin(board.game) for _, board in named)
    rows: list[list[str]] = []
    if not standin:
        for place, who in enumerate(COLUMNS):
            rows.append([f"{who} (published)", *(MINI_GAMES[name].scores[place] for name, _ in named)])
    scores = [
        {row.agent: _score(row.rating, row.low, row.high) for row in board.leaderboard.rows} for _, board in named
    ]
    for agent in sorted({agent for column in scores for agent in column}):
        rows.append([agent, *(column.get(agent, "–") for column in scores)])
    heads: list[Head] = ["mean score", *((name, "right") for name, _ in named)]
    say()
    table(heads, rows, title=f"Mini-games{f' ({NOT_STARCRAFT})' if standin else ''}")
    if not standin:
        say(f"Published means: {SOURCE}. Intervals are of 95 %; versions of the game differ")


def _map(game: str) -> str:
    """The map of a game of StarCraft II, as it is played by default; '' of any other."""
    from arena.games.starcraft.names import SCHEME, STANDIN_SCHEME

    scheme, _, rest = game.partition(":")
    return rest if scheme in (SCHEME, STANDIN_SCHEME) else ""


def _score(mean: float, low: float, high: float) -> str:
    return f"{mean:.1f} ±{(high - low) / 2:.1f}"

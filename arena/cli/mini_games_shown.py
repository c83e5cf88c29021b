"""Scores at SC2LE's mini-games in the layout of the published table: a row an agent, a column a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from arena.standings import Standings

NOT_PLAYED = "–"


def print_mini_games(boards: Sequence[Standings]) -> None:
    """The table of those of these boards that are of mini-games, as they are played by default, where there are several.

    All of SC2LE's maps have their columns, those too that were not played. Published scores stand above one's own on StarCraft II
    alone: what is scored on the stand-in is nothing beside them, and has a table of its own.
    """
    from arena.games.starcraft.mini_games import COLUMNS, MINI_GAMES
    from arena.games.starcraft.names import SCHEME, STANDIN_SCHEME

    published = [
        [f"{who} (published)", *(one.scores[at] for one in MINI_GAMES.values())] for at, who in enumerate(COLUMNS)
    ]
    for scheme, above in ((SCHEME, published), (STANDIN_SCHEME, [])):
        named = {name: board for board in boards for name in MINI_GAMES if board.game == f"{scheme}:{name}"}
        if len(named) > 1:
            _print_table(named, above)


def _print_table(boards: Mapping[str, Standings], published: Sequence[list[str]]) -> None:
    from arena.cli.output import Head, say, table
    from arena.games.starcraft.mini_games import MINI_GAMES, SOURCE
    from arena.games.starcraft.names import NOT_STARCRAFT

    scores = {
        name: {row.agent: _score(row.rating, row.low, row.high) for row in board.leaderboard.rows}
        for name, board in boards.items()
    }
    agents = sorted({agent for column in scores.values() for agent in column})
    own = [[agent, *(scores.get(name, {}).get(agent, NOT_PLAYED) for name in MINI_GAMES)] for agent in agents]
    heads: list[Head] = ["mean score", *((name, "right") for name in MINI_GAMES)]
    say()
    table(heads, [*published, *own], title="Mini-games" if published else f"Mini-games ({NOT_STARCRAFT})")
    say(f"{NOT_PLAYED}: not played. Intervals are of 95 %")
    if published:
        say(f"Published means: {SOURCE}. Versions of the game differ")


def _score(mean: float, low: float, high: float) -> str:
    return f"{mean:.1f} ±{(high - low) / 2:.1f}"

"""What pages of StarCraft II say besides numbers: that a stand-in is not StarCraft, and what others scored at its mini-games."""

from __future__ import annotations

import json
from dataclasses import dataclass

from markupsafe import Markup, escape

from arena.games.starcraft.mini_games import COLUMNS, MINI_GAMES, SOURCE
from arena.games.starcraft.names import NOT_STARCRAFT, NOTICE, SCHEME, is_standin
from arena.server import numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class StarcraftView:
    """Of one game; empty where it is another. ``notice``: of the stand-in. ``reference``: (who, score) of a mini-game."""

    notice: str = ""
    reference: tuple[tuple[str, str], ...] = ()
    source: str = SOURCE


def starcraft_view(game: str) -> StarcraftView:
    """What is to be said of the game of a specification. Published scores are StarCraft's alone: a stand-in has none beside it."""
    if is_standin(game):
        return StarcraftView(notice=NOTICE)
    scheme, _, rest = game.partition(":")
    mini_game = MINI_GAMES.get(rest.partition("(")[0]) if scheme == SCHEME else None
    if mini_game is None:
        return StarcraftView()
    return StarcraftView(reference=tuple(zip(COLUMNS, mini_game.scores, strict=True)))


def published_means(game: str) -> tuple[float, ...]:
    """What others reached at a mini-game on average, in rising order; bounds are left out, and other games have none."""
    scores = [score for _, score in starcraft_view(game).reference]
    return tuple(sorted(float(score) for score in scores if not score.startswith("<")))


def facts_said(content: bytes) -> list[tuple[str, str]]:
    """What a host noted of a match, as (term, words): how long it was, and how long its players took for their steps."""
    facts = json.loads(content)
    loops = f"{facts['game_loops']:,} game loops of at most {facts['most_loops']:,}"
    steps = [
        f"{name} {one['steps']:,}, on average {numbers.duration(one['average_step_s'])}, "
        f"the slowest {numbers.duration(one['slowest_step_s'])}"
        for name, one in facts["players"].items()
    ]
    return [("Map", facts["map"]), ("Length", loops), ("Steps", "; ".join(steps))]


def marked_title(title: str) -> Markup:
    """A game's title for lists: what says that it is a stand-in is a mark, as other doubts are."""
    name, words, rest = title.partition(f"({NOT_STARCRAFT})")
    return (
        escape(name) + Markup('<span class="tag warn">{}</span>').format(NOT_STARCRAFT) + rest
        if words
        else escape(title)
    )

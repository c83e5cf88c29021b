"""Games by specification: a scheme is a lazy ``module:function``, third parties add theirs by entry point."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import cast

from arena.games.errors import GameMissing, UnknownName
from arena.games.game import Game, GameInfo
from arena.games.specification import split_scheme

ENTRY_POINT_GROUP = "arena.games"

SCHEMES: dict[str, str] = {
    "arena": "arena.games.native:load",
    "matrix": "arena.games.matrix:load",
    "openspiel": "arena.games.openspiel:load",
    "pettingzoo": "arena.games.pettingzoo:load",
    "preference": "arena.games.preference:load",
}
"""scheme -> ``module:function``; the function takes what stands behind the colon and returns a `Game`.

The module also has ``list_infos() -> list[GameInfo]``: the games that it offers by name.
"""


def load_game(specification: str) -> Game:
    """The game that a specification names, for example ``openspiel:leduc_poker(players=2)`` or ``arena:connect_four``.

    Raises:
        UnknownName: no such scheme, game or parameter; the message has the nearest names.
        SpecificationError: the text cannot be read.
        GameMissing: the game exists but cannot be played here; the message says why.
    """
    scheme, rest = split_scheme(specification, kind="game")
    return _loader(scheme)(rest)


def list_games(scheme: str | None = None) -> list[GameInfo]:
    """The facts of every game that can be listed by name, of one scheme or of all; packages not installed are left out."""
    found: list[GameInfo] = []
    for name in [scheme] if scheme else sorted(SCHEMES):
        module = importlib.import_module(SCHEMES[name].partition(":")[0]) if name in SCHEMES else None
        if module is None:
            raise UnknownName("game scheme", name, SCHEMES)
        try:
            found += cast("list[GameInfo]", module.list_infos())
        except GameMissing:
            if scheme:
                raise
    return found


def _loader(scheme: str) -> Callable[[str], Game]:
    if scheme in SCHEMES:
        module, _, attribute = SCHEMES[scheme].partition(":")
        return cast("Callable[[str], Game]", getattr(importlib.import_module(module), attribute))
    plugins = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    if scheme in plugins:
        return cast("Callable[[str], Game]", plugins[scheme].load())
    raise UnknownName("game scheme", scheme, [*SCHEMES, *plugins])

"""Games by specification. A scheme is an entry point, Arena's own and a third party's alike; it is imported when named."""

from __future__ import annotations

import importlib
import logging
from importlib.metadata import EntryPoint, entry_points

from arena.games.errors import ArenaError, GameMissing, UnknownName, nearest
from arena.games.game import Game, GameInfo
from arena.games.specification import split_scheme

ENTRY_POINT_GROUP = "arena.games"
"""A third party's package declares ``scheme = "module:load"`` in this group; see `SCHEMES` for what stands behind it."""

SCHEMES: dict[str, str] = {
    "arena": "arena.games.native:load",
    "markov": "arena.games.markov_named:load",
    "matrix": "arena.games.matrix:load",
    "openspiel": "arena.games.openspiel:load",
    "pettingzoo": "arena.games.pettingzoo:load",
    "preference": "arena.games.preference:load",
    "sc2": "arena.games.starcraft.game:load",
    "sc2-standin": "arena.games.starcraft.standin_game:load",
    "smac2": "arena.games.starcraft.smac_game:load",
    "smac2-standin": "arena.games.starcraft.smac_standin_game:load",
    "smax": "arena.games.smax.game:load",
}
"""scheme -> ``module:load``; ``load(rest: str) -> Game`` takes what stands behind the colon.

The module may also have ``list_infos() -> list[GameInfo]``: the games that it offers by name.
"""

logger = logging.getLogger(__name__)


def load_game(specification: str) -> Game:
    """The game that a specification names, for example ``openspiel:leduc_poker(players=2)`` or ``arena:connect_four``.

    Raises:
        UnknownName: no such scheme, game or parameter; the message has the nearest names.
        SpecificationError: the text cannot be read.
        GameMissing: the game exists but cannot be played here; the message says why.
    """
    scheme, rest = split_scheme(specification, kind="game")
    if not rest and ":" not in specification and scheme not in (entries := _entries()):
        raise UnknownName("game scheme", scheme, entries, offered=_offered(scheme))
    game: Game = _loaded(_entry(scheme))(rest)
    return game


def _offered(rest: str) -> list[str]:
    """What a text that names no scheme may have meant: games of Arena's own schemes of that name, or else of a name like it."""
    found, names = [], []
    for scheme in SCHEMES:
        try:
            _loaded(_entry(scheme))(rest)
        except UnknownName as error:
            names += [f"{scheme}:{name}" for name in error.known] if error.name == rest else []
        except ArenaError:
            continue
        else:
            found.append(f"{scheme}:{rest}")
    return found or nearest(rest, names)


def list_games(scheme: str | None = None) -> list[GameInfo]:
    """The facts of every game that can be listed by name, of one scheme or of all.

    Of all schemes, those that cannot be loaded here are left out and logged.

    Raises:
        UnknownName: no such scheme.
        GameMissing: the one scheme asked for cannot be loaded here.
    """
    if scheme is not None:
        return _listed(_entry(scheme))
    found: list[GameInfo] = []
    for entry in sorted(_entries().values(), key=lambda entry: entry.name):
        try:
            found += _listed(entry)
        except GameMissing as error:
            logger.warning("%s", error)
    return found


def _entries() -> dict[str, EntryPoint]:
    """scheme -> entry point; a third party cannot take a scheme of Arena's own."""
    plugins = {entry.name: entry for entry in entry_points(group=ENTRY_POINT_GROUP)}
    own = {name: EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in SCHEMES.items()}
    return plugins | own


def _entry(scheme: str) -> EntryPoint:
    if scheme in SCHEMES:  # without the search through all that is installed
        return EntryPoint(scheme, SCHEMES[scheme], ENTRY_POINT_GROUP)
    entries = _entries()
    if scheme not in entries:
        raise UnknownName("game scheme", scheme, entries)
    return entries[scheme]


def _loaded(entry: EntryPoint):  # type: ignore[no-untyped-def]  # whatever the entry point names
    try:
        return entry.load()
    except Exception as error:
        raise _failed(entry, error) from error


def _listed(entry: EntryPoint) -> list[GameInfo]:
    _loaded(entry)
    module = importlib.import_module(entry.module)
    try:
        return list(module.list_infos()) if hasattr(module, "list_infos") else []
    except ArenaError as error:
        raise GameMissing(str(error)) from error
    except Exception as error:
        raise _failed(entry, error) from error


def _failed(entry: EntryPoint, error: Exception) -> GameMissing:
    package = f" of the package {entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return GameMissing(
        f"games of the scheme {entry.name!r}{package} cannot be loaded: importing {entry.value!r} failed with "
        f"{type(error).__name__}: {error}"
    )

"""``sc2-standin:MAP``: games on the stand-in, under names that share no ladder with StarCraft II."""

from __future__ import annotations

from arena.games.game import GameInfo
from arena.games.specification import parse_call
from arena.games.starcraft.game import StarcraftGame, game_of, infos_of
from arena.games.starcraft.installation import standin_installation
from arena.games.starcraft.names import STANDIN_SCHEME


def load(rest: str) -> StarcraftGame:
    """The game behind ``sc2-standin:``; parameters are those of `arena.games.starcraft.game.game_of`.

    Raises:
        GameMissing: pysc2 is not installed.
        UnknownName: no such map or parameter.
        SpecificationError: a value that makes no sense.
    """
    return game_of(STANDIN_SCHEME, parse_call(rest), standin_installation())


def list_infos() -> list[GameInfo]:
    """The facts of every map of the stand-in."""
    return infos_of(STANDIN_SCHEME, standin_installation())

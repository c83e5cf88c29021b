"""``smac2-standin:SCENARIO``: SMACv2 on the stand-in, under names that share no ladder with SMACv2 on StarCraft II."""

from __future__ import annotations

from arena.games.errors import GameMissing
from arena.games.game import GameInfo
from arena.games.pettingzoo import PettingZooGame
from arena.games.specification import parse_call
from arena.games.starcraft.installation import standin_installation
from arena.games.starcraft.names import SMAC_STANDIN_SCHEME
from arena.games.starcraft.smac_env import require_smacv2
from arena.games.starcraft.smac_game import smac_game, smac_infos


def load(rest: str) -> PettingZooGame:
    """The game behind ``smac2-standin:``; errors and parameters are those of `arena.games.starcraft.smac_game.smac_game`."""
    require_smacv2()
    return smac_game(SMAC_STANDIN_SCHEME, parse_call(rest), standin_installation())


def list_infos() -> list[GameInfo]:
    """The facts of every scenario that the stand-in has a map of; none without SMACv2."""
    try:
        require_smacv2()
        return smac_infos(SMAC_STANDIN_SCHEME, standin_installation())
    except GameMissing:
        return []

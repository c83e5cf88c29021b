"""How games of StarCraft II are called, and what everybody must be told of those that are played on the stand-in."""

from __future__ import annotations

SCHEME, STANDIN_SCHEME = "sc2", "sc2-standin"
SMAC_SCHEME, SMAC_STANDIN_SCHEME = "smac2", "smac2-standin"
NOT_STARCRAFT = "stand-in, not StarCraft"
NOTICE = (
    "Played on the stand-in, whose combat is not StarCraft: nothing here says how good an agent is at StarCraft II."
)


def is_standin(game: str) -> bool:
    """Whether a game's specification names one on the stand-in."""
    return game.partition(":")[0].endswith("-standin")

"""Agents of hosted games: the engine never asks them, the game's own program starts them."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from arena.games import AgentInfo, Game, NotProvided, ObservationBatch, SpecificationError


class HostedAgent:
    """What its game must know of it: ``player``, which the game's host understands."""

    def __init__(self, player: object, *, name: str, deterministic: bool):
        self.info = AgentInfo(name=name, deterministic=deterministic)
        self.player = player

    def start(self, table: NDArray[np.int64], player: NDArray[np.int64], seed: NDArray[np.uint64]) -> None: ...

    def act(self, batch: ObservationBatch) -> NoReturn:
        raise NotProvided(f"{self.info.name} plays inside its game's own program; it answers nobody else")

    def end(self, table: NDArray[np.int64], player: NDArray[np.int64], returns: NDArray[np.float64]) -> None: ...

    def close(self) -> None: ...


def load_hosted(scheme: str, rest: str, *, game: Game, name: str) -> HostedAgent:
    """The agent of a specification on a hosted game.

    Raises:
        SpecificationError: such agents do not play there.
        UnknownName: no such script, computer player or parameter.
    """
    from arena.games.starcraft.game import StarcraftGame

    if not isinstance(game, StarcraftGame):
        raise SpecificationError(f"{game.info.title} is played by programs of its own package, which loads them itself")
    from arena.agents.starcraft.players import player_of

    player, deterministic = player_of(scheme, rest, game=game, name=name)
    return HostedAgent(player, name=name, deterministic=deterministic)

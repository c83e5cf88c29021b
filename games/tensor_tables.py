"""Matches as tensors: N tables of a game that live on a device, all stepped at once, for learners whose networks are there.

The same seeds and actions make the same matches as at a `TableBatch`, but that a game which is written out as a tree asks
nobody where there is one thing to do, and players who move at once one after the other, unseen.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from numpy.typing import NDArray
from torch import Tensor

from arena.games.board_tensors import board_tensors
from arena.games.errors import NotProvided
from arena.games.game import Game, GameInfo
from arena.games.markov_game import MarkovGame
from arena.games.markov_tensors import markov_tensors
from arena.games.smax.game import SmaxGame
from arena.games.smax.tensor_tables import SmaxTensors
from arena.games.tensor_due import Due
from arena.games.tree_tensors import tree_tensors
from arena.games.tree_walk import TooLarge


class TensorTables(Protocol):
    """S decisions a table are due at once: 1 where players take turns, else one of each player."""

    @property
    def info(self) -> GameInfo: ...
    @property
    def seats(self) -> int: ...

    def start(self, which: Tensor, seed: Tensor) -> None:
        """Begins a match at these tables, bool [N], with chance seeds int64 [N]; the other tables do not move."""
        ...

    def due(self) -> Due:
        """The decisions that are due."""
        ...

    def observed(self) -> Tensor:
        """float32 [N, S, D]: what `reads_of` names, of each decision that is due."""
        ...

    def step(self, action: Tensor) -> tuple[Tensor, Tensor]:
        """(returns float64 [N, P], over bool [N]) after legal actions int64 [N, S]; returns mean nothing where a match goes on."""
        ...

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Where the matches stand, but for their chance seeds."""
        ...

    def restore(self, arrays: dict[str, NDArray[Any]], seed: Tensor) -> None:
        """Goes on from there, with the seeds they began with. The arrays come from a file that may be broken.

        Raises:
            SpecificationError: arrays that are none of such matches.
        """
        ...


def tensor_tables(game: Game, tables: int, device: torch.device, *, trees: bool = True) -> TensorTables | None:
    """Tables of a game on a device: native board games, Markov games, SMAX, and what has a tree; None of all others.

    Args:
        trees: whether a game is written out, where it has 300,000 histories at most. It is not for who remembers, and is asked
            in matches where there is one thing to do.
    """
    if isinstance(game, MarkovGame):
        return markov_tensors(game, tables, device)
    if isinstance(game, SmaxGame) and game.rules.actions == "discrete":
        return SmaxTensors(game.info, game.rules, tables, device)
    board = board_tensors(game, tables, device)
    if board is not None:
        return board
    if not trees:
        return None
    try:
        return tree_tensors(game, tables, device)
    except (NotProvided, TooLarge):
        return None

"""Normal-form games: all players choose at once, and a table of payoffs says what each gets. Facts come from the table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.actions import ActionSpace
from arena.games.constant_sums import constant_sum, sum_tolerance
from arena.games.errors import GameMissing, SpecificationError
from arena.games.game import GameInfo
from arena.games.normal_form_tables import NormalFormTables

LARGEST = 1e100  # payoffs can be added up and squared
MAX_PLAYERS = 32  # numpy's arrays of payoffs have an axis for each player

Utility = Literal["zero_sum", "constant_sum", "general_sum", "identical"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalFormGame:
    """A game of one joint choice.

    ``payoffs``: float64 [num_players, A_0, A_1, ...], read-only; ``payoffs[p, a_0, a_1, ...]`` is player p's return.
    ``strategies``: the names of each player's actions.
    """

    info: GameInfo
    payoffs: NDArray[np.float64] = field(repr=False, compare=False)
    strategies: tuple[tuple[str, ...], ...]

    def tables(self, capacity: int) -> NormalFormTables:
        return NormalFormTables(self.info, self.payoffs, self.strategies, capacity)


def normal_form(
    payoffs: NDArray[np.float64],
    *,
    specification: str,
    title: str,
    version: str,
    strategies: Sequence[Sequence[str]] | None = None,
) -> NormalFormGame:
    """The game of a table of payoffs [num_players, A_0, A_1, ...]; actions without names are numbered.

    Raises:
        SpecificationError: the table's shape is not one, a payoff is no finite number, or names do not fit.
    """
    players, sizes = payoffs.shape[0], payoffs.shape[1:]
    if not 2 <= players <= MAX_PLAYERS or len(sizes) != players or min(sizes) < 1:
        raise SpecificationError(
            f"{specification}: payoffs of 2 to {MAX_PLAYERS} players have the shape [players, actions of player 0, actions of "
            f"player 1, ...], at least one action each; got {list(payoffs.shape)}"
        )
    wrong = np.argwhere(~(np.abs(payoffs) <= LARGEST))  # NaN too
    if len(wrong):
        player, *joint = wrong[0].tolist()
        raise SpecificationError(
            f"{specification}: the payoff of player {player} for the actions {joint} is {payoffs[tuple(wrong[0])]}; payoffs are "
            f"finite numbers of at most {LARGEST:g}"
        )
    named = tuple(map(tuple, strategies)) if strategies else tuple(tuple(map(str, range(size))) for size in sizes)
    if tuple(map(len, named)) != sizes:
        raise SpecificationError(
            f"{specification}: {'/'.join(str(len(names)) for names in named)} names for {'/'.join(map(str, sizes))} actions"
        )
    payoffs = payoffs.astype(np.float64)  # a copy
    payoffs.setflags(write=False)
    alike = len(set(named)) == 1
    info = GameInfo(
        specification=specification,
        title=title,
        version=version,
        num_players=players,
        action_space=ActionSpace(size=max(sizes)),
        dynamics="simultaneous",
        utility=utility_of(payoffs),
        min_utility=float(payoffs.min()),
        max_utility=float(payoffs.max()),
        lane="tensor",
        tables_at_once=16384,
        max_length=1,
        tensor_width=players,
        has_information_state=True,
        action_names=named[0] if alike else (),
    )
    return NormalFormGame(info=info, payoffs=payoffs, strategies=named)


def utility_of(payoffs: NDArray[np.float64]) -> Utility:
    """What the payoffs [num_players, ...] add up to: 0, a constant, all the same for each player, or none of these."""
    tolerance = sum_tolerance(payoffs)
    sums = payoffs.sum(axis=0)
    if np.abs(sums).max() <= tolerance:
        return "zero_sum"
    if np.abs(payoffs - payoffs[0]).max() <= tolerance:
        return "identical"
    return "general_sum" if constant_sum(payoffs) is None else "constant_sum"


def read_game_file(path: str) -> bytes:
    """The bytes of a game's file.

    Raises:
        GameMissing: there is no such file, or it cannot be read.
    """
    try:
        return Path(path).expanduser().read_bytes()
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL; a home of nobody
        raise GameMissing(
            f"cannot read the game's file {path!r}: {getattr(error, 'strerror', None) or error}"
        ) from None


def content_version(content: bytes) -> str:
    """The version of a game that is a file: two contents under one path are never one ladder unnoticed."""
    return f"1 sha256:{hashlib.sha256(content).hexdigest()[:12]}"

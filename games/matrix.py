"""``matrix:NAME`` and ``matrix:FILE``: normal-form games of two and more players, by name or from a file of payoffs.

A file ends in ``.csv``, ``.npy``, ``.npz`` (see `arena.games.payoff_files`) or ``.nfg`` (see `arena.games.gambit_nfg`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError, UnknownName
from arena.games.gambit_nfg import read_nfg
from arena.games.game import GameInfo
from arena.games.normal_form import NormalFormGame, content_version, normal_form, read_game_file
from arena.games.payoff_files import Payoffs, read_csv, read_numpy
from arena.games.specification import parse_call, read_parameters

SUFFIXES = (".csv", ".nfg", ".npy", ".npz")


@dataclass(frozen=True, slots=True)
class _Named:
    """A game of the literature: two players unless ``payoffs`` has more; ``row`` alone means zero-sum."""

    title: str
    actions: tuple[str, ...]
    row: tuple[tuple[float, ...], ...]
    column: tuple[tuple[float, ...], ...] | None = None

    def payoffs(self) -> NDArray[np.float64]:
        row = np.array(self.row, np.float64)
        return np.stack((row, 0 - row if self.column is None else np.array(self.column, np.float64)))


_NAMED: dict[str, _Named] = {
    "battle_of_the_sexes": _Named("Battle of the Sexes", ("opera", "football"), ((3, 0), (0, 2)), ((2, 0), (0, 3))),
    "biased_rps": _Named(
        "Biased Rock, Paper, Scissors", ("rock", "paper", "scissors"), ((0, -25, 50), (25, 0, -5), (-50, 5, 0))
    ),
    "chicken": _Named("Chicken", ("swerve", "straight"), ((6, 2), (7, 0)), ((6, 7), (2, 0))),
    "coordination": _Named("Coordination", ("left", "right"), ((1, 0), (0, 1)), ((1, 0), (0, 1))),
    "matching_pennies": _Named("Matching Pennies", ("heads", "tails"), ((1, -1), (-1, 1))),
    "prisoners_dilemma": _Named("Prisoner's Dilemma", ("cooperate", "defect"), ((3, 0), (5, 1)), ((3, 5), (0, 1))),
    "rps": _Named("Rock, Paper, Scissors", ("rock", "paper", "scissors"), ((0, -1, 1), (1, 0, -1), (-1, 1, 0))),
    "shapley": _Named(
        "Shapley's Game", ("a", "b", "c"), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), ((0, 1, 0), (0, 0, 1), (1, 0, 0))
    ),
    "stag_hunt": _Named("Stag Hunt", ("stag", "hare"), ((4, 1), (3, 2)), ((4, 3), (1, 2))),
}
"""Payoffs as they are usually printed: the dilemma of R. Axelrod (1980), chicken of R. J. Aumann (1987), Shapley's game
of L. S. Shapley (1964), where fictitious play circles."""

_JORDAN = "matching_pennies_3p"  # J. S. Jordan (1993): 0 wants to match 1, 1 to match 2, 2 not to match 0


def load(rest: str) -> NormalFormGame:
    """The game behind ``matrix:``, a name or a file; ``.payoffs`` is its table [num_players, A_0, A_1, ...].

    Raises:
        UnknownName: no such name, or a parameter, of which there are none.
        GameMissing: the file cannot be read.
        SpecificationError: the file is no table of payoffs; the message names the file and the line or entry.
    """
    path = rest.strip()
    suffix = PurePath(path).suffix.lower()
    if suffix in SUFFIXES:
        return _from_file(path, suffix)
    if "/" in path or suffix:
        raise SpecificationError(f"matrix:{path} is neither a game's name nor a file ending in {', '.join(SUFFIXES)}")
    call = parse_call(path)
    if call.name == _JORDAN:
        read_parameters(call, {})
        return _jordan()
    if call.name not in _NAMED:
        raise UnknownName("matrix game", call.name, [*_NAMED, _JORDAN])
    read_parameters(call, {})
    named = _NAMED[call.name]
    return normal_form(
        named.payoffs(),
        specification=f"matrix:{call.name}",
        title=named.title,
        version="1",
        strategies=(named.actions, named.actions),
    )


def list_infos() -> list[GameInfo]:
    """The facts of all games that have a name."""
    return [load(name).info for name in sorted([*_NAMED, _JORDAN])]


def _from_file(path: str, suffix: str) -> NormalFormGame:
    content = read_game_file(path)
    title = PurePath(path).stem
    strategies: tuple[tuple[str, ...], ...] | None
    if suffix == ".nfg":
        parsed = read_nfg(content, path=path)
        payoffs, strategies, title = parsed.payoffs, parsed.strategies, parsed.title or title
    else:
        table: Payoffs = read_csv(content, path=path) if suffix == ".csv" else read_numpy(content, path=path)
        payoffs, strategies = table.payoffs, table.strategies
    return normal_form(
        payoffs,
        specification=f"matrix:{path}",
        title=title,
        version=content_version(content),
        strategies=strategies,
    )


def _jordan() -> NormalFormGame:
    first, second, third = np.indices((2, 2, 2))
    wins = np.stack((first == second, second == third, third != first))
    return normal_form(
        np.where(wins, 1.0, -1.0),
        specification=f"matrix:{_JORDAN}",
        title="Three-Player Matching Pennies",
        version="1",
        strategies=(("heads", "tails"),) * 3,
    )

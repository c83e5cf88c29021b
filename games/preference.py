"""``preference:FILE``: candidates compared in pairs, as a symmetric zero-sum game whose actions are the candidates.

Each player names a candidate; the returns are the expected preference between the two, 2 P(i beats j) - 1, from -1 to 1.
Its equilibrium is the minimax winner (von Neumann winner, maximal lottery) of the candidates; see P. C. Fishburn,
"Probabilistic Social Choice Based on Simple Voting Comparisons" (1984).

``preference:FILE(unmet=0.5)`` takes pairs that were never compared as even; without it they are an error. For what files
may hold see `arena.games.preference_files`. ``preference:rps`` is rock, paper, scissors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError, UnknownName
from arena.games.game import GameInfo
from arena.games.normal_form import content_version, normal_form, read_game_file
from arena.games.normal_form_tables import NormalFormTables
from arena.games.preference_files import Preferences, read_preferences
from arena.games.specification import parse_call, read_parameters

SUFFIXES = (".csv", ".jsonl", ".npy", ".npz")
EVEN = 0.5
SUM_TOLERANCE = 1e-6  # of P(i beats j) + P(j beats i) = 1: printed decimals are rounded

_WITH_SETTINGS = re.compile(r"(.*?)\s*\(([^()]*=[^()]*)\)", re.DOTALL)
_RPS = Preferences(
    candidates=("rock", "paper", "scissors"),
    preferences=np.array([[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]),
    counts=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceGame:
    """A preference game.

    ``preferences``: float64 [n, n], read-only, no NaN; ``preferences[i, j]`` = probability that candidate i beats j (a tie
    counts half), 1/2 on the diagonal. ``counts``: int64 [n, n], how often i and j were compared; None where the source
    gives rates alone. ``payoffs``: float64 [2, n, n], the same as a normal-form game.
    """

    info: GameInfo
    candidates: tuple[str, ...]
    preferences: NDArray[np.float64] = field(repr=False, compare=False)
    payoffs: NDArray[np.float64] = field(repr=False, compare=False)
    counts: NDArray[np.int64] | None = field(default=None, repr=False, compare=False)

    @property
    def strategies(self) -> tuple[tuple[str, ...], ...]:
        """The candidates, for each player."""
        return self.candidates, self.candidates

    def tables(self, capacity: int) -> NormalFormTables:
        return NormalFormTables(self.info, self.payoffs, self.strategies, capacity)


def load(rest: str) -> PreferenceGame:
    """The game behind ``preference:``, a file or ``rps``.

    Raises:
        UnknownName: no such name or parameter.
        GameMissing: the file cannot be read.
        SpecificationError: the file holds no preferences, or a pair has none; the message names line or pair.
    """
    path, unmet = _split(rest.strip())
    suffix = PurePath(path).suffix.lower()
    if suffix in SUFFIXES:
        content = read_game_file(path)
        found = read_preferences(content, path=path, suffix=suffix)
        shown = f"{path}(unmet={EVEN})" if unmet else path
        return _game(
            found, specification=shown, title=PurePath(path).stem, version=content_version(content), unmet=unmet
        )
    if "/" in path or suffix:
        raise SpecificationError(f"preference:{path} is neither rps nor a file ending in {', '.join(SUFFIXES)}")
    call = parse_call(path)
    if call.name != "rps":
        raise UnknownName("preference game", call.name, ["rps"])
    read_parameters(call, {})
    return _game(_RPS, specification="rps", title="Rock, Paper, Scissors (preferences)", version="1", unmet=False)


def list_infos() -> list[GameInfo]:
    """The facts of the games that have a name."""
    return [load("rps").info]


def _split(rest: str) -> tuple[str, bool]:
    """(path, whether pairs that never met are taken as even)."""
    match = _WITH_SETTINGS.fullmatch(rest)
    if match is None:
        return rest, False
    path, settings = match.groups()
    unmet = read_parameters(parse_call(f"preference({settings})"), {"unmet": EVEN})["unmet"]
    if unmet != EVEN:
        raise SpecificationError(f"preference: unmet must be {EVEN}, the only even value; got {unmet}")
    return path, True


def _game(found: Preferences, *, specification: str, title: str, version: str, unmet: bool) -> PreferenceGame:
    preferences = _completed(found, f"preference:{specification}", unmet)
    antisymmetric = preferences - preferences.T  # = 2 P - 1, and adds up to zero to the last bit
    game = normal_form(
        np.stack((antisymmetric, antisymmetric.T)),
        specification=f"preference:{specification}",
        title=title,
        version=version,
        strategies=(found.candidates, found.candidates),
    )
    preferences.setflags(write=False)
    return PreferenceGame(
        info=game.info,
        candidates=found.candidates,
        preferences=preferences,
        payoffs=game.payoffs,
        counts=found.counts,
    )


def _completed(found: Preferences, specification: str, unmet: bool) -> NDArray[np.float64]:
    """The preferences without gaps: what one direction says, the other takes; checked pair by pair."""
    names, given = found.candidates, found.preferences
    outside = np.argwhere((given < 0) | (given > 1))
    if len(outside):
        i, j = outside[0].tolist()
        raise SpecificationError(
            f"{specification}: P({names[i]} beats {names[j]}) is {given[i, j]:g}; a probability is from 0 to 1"
        )
    filled = np.where(np.isnan(given), 1 - given.T, given)
    np.fill_diagonal(filled, np.where(np.isnan(given.diagonal()), EVEN, given.diagonal()))
    gaps = np.argwhere(np.isnan(filled))
    if len(gaps) and not unmet:
        i, j = gaps[0].tolist()
        raise SpecificationError(
            f"{specification}: {names[i]} and {names[j]} were never compared ({len(gaps) // 2} such pairs); take such pairs as "
            f"even with preference:FILE(unmet={EVEN})"
        )
    filled[np.isnan(filled)] = EVEN
    wrong = np.argwhere(np.abs(filled + filled.T - 1) > SUM_TOLERANCE)
    if len(wrong):
        i, j = wrong[0].tolist()
        raise SpecificationError(
            f"{specification}: P({names[i]} beats {names[j]}) = {filled[i, j]:g} and P({names[j]} beats {names[i]}) = "
            f"{filled[j, i]:g} must add up to 1"
        )
    even: NDArray[np.float64] = (filled + 1 - filled.T) / 2
    return even

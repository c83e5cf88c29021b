"""What the conformance kit checks of a game's declared facts: sizes, specification, and how matches ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arena.games.conformance_decisions import fail
from arena.games.errors import UnknownName
from arena.games.game import Game, GameInfo
from arena.games.sides import side_returns

TOLERANCE = 1e-6  # of sums and bounds of returns, which games add up in floating point
ENOUGH_ENDS = 8  # matches, of which at least two ended differently, before their sums are held against a declaration


@dataclass(slots=True, kw_only=True)
class Match:
    """One match as the kit saw it. ``decisions``: (player, what was legal, what was played)."""

    decisions: list[tuple[int, object, object]] = field(default_factory=list)
    moves: int = 0
    returns: tuple[float, ...] | None = None
    truncated: bool = False
    history: NDArray[Any] = field(default_factory=lambda: np.empty(0, np.int64))


def check_info(game: Game) -> None:
    """Checks that the facts agree with each other, and that the specification loads a game of the same facts."""
    from arena.games.registry import load_game

    info, space = game.info, game.info.action_space
    if info.num_players < 1:
        fail(info, f"num_players is {info.num_players}")
    if space.kind == "discrete" and space.size < 1:
        fail(info, "a discrete action space has no actions")
    if space.kind != "discrete" and space.width < 1:
        fail(info, "an action space of vectors has width 0")
    least, most = info.min_utility, info.max_utility
    if least is not None and most is not None and least > most:
        fail(info, f"min_utility {least} is above max_utility {most}")
    if info.teams and sorted(p for team in info.teams for p in team) != list(range(info.num_players)):
        fail(info, f"teams {info.teams} do not hold each player once")
    if info.action_names and len(info.action_names) != info.num_actions:
        fail(info, f"{len(info.action_names)} action_names for {info.num_actions} actions")
    try:
        loaded = load_game(info.specification).info
    except UnknownName as error:
        if error.kind != "game scheme":  # a game that was never registered is handed in as an object
            fail(info, f"its specification does not load: {error}")
        return
    if loaded != info:
        fail(info, f"its specification loads a game with other facts: {loaded}")


def check_returns(info: GameInfo, matches: Sequence[Match], moves: int) -> None:
    """Checks lengths, bounds and sums of the returns of matches that were played for up to ``moves`` moves."""
    sums = []
    for match in matches:
        if info.max_length is not None and match.moves > info.max_length:
            fail(info, f"a match took {match.moves} moves; max_length is {info.max_length}")
        if match.returns is None:
            if info.max_length is not None and moves > info.max_length:
                fail(info, f"a match did not end within max_length = {info.max_length} moves")
            continue
        least, most = min(match.returns), max(match.returns)
        if not np.isfinite(match.returns).all():
            fail(info, f"returns {match.returns} are not finite")
        if info.min_utility is not None and least < info.min_utility - TOLERANCE:
            fail(info, f"returns {match.returns} fall below min_utility {info.min_utility}")
        if info.max_utility is not None and most > info.max_utility + TOLERANCE:
            fail(info, f"returns {match.returns} exceed max_utility {info.max_utility}")
        total = _total(info, match.returns)
        if info.utility == "zero_sum" and abs(total) > TOLERANCE * max(1, abs(least), abs(most)):
            fail(info, f"utility is zero_sum, but returns are {match.returns}")
        if info.utility == "identical" and most - least > TOLERANCE:
            fail(info, f"utility is identical, but returns are {match.returns}")
        sums.append(total)
    if info.utility == "constant_sum" and sums and max(sums) - min(sums) > TOLERANCE * max(1, abs(sums[0])):
        fail(info, f"utility is constant_sum, but returns add up to {sorted(set(sums))}")


def check_sums(info: GameInfo, matches: Sequence[Match]) -> None:
    """Checks that a game said to be of any sum is not zero-sum in all that was played."""
    ends = [match.returns for match in matches if match.returns is not None]
    if info.utility != "general_sum" or info.num_players < 2 or len(ends) < ENOUGH_ENDS or len(set(ends)) < 2:
        return
    if all(abs(_total(info, returns)) <= TOLERANCE * max(1, *map(abs, returns)) for returns in ends):
        fail(info, f"utility is general_sum, but the returns of all {len(ends)} matches add up to 0: declare zero_sum")


def _total(info: GameInfo, returns: tuple[float, ...]) -> float:
    """What all sides get together."""
    return float(side_returns(np.array([returns], np.float64), info.sides).sum())

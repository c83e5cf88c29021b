"""Solvers by name: each is a lazy ``module:function`` that takes a game and keyword settings and returns a `Solution`."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import payoffs_of
from arena.games.errors import NotProvided, UnknownName
from arena.games.game import Game, GameInfo
from arena.games.game_tree import GameTree
from arena.games.policy import TabularPolicy
from arena.solvers.deviations import is_constant_sum, is_symmetric_zero_sum, zero_sum_matrix
from arena.solvers.lp import matrix_game_lp
from arena.solvers.method_list import applicable, methods
from arena.solvers.minimax_winner import minimax_winner, symmetric_game
from arena.solvers.nash_average import nash_average
from arena.solvers.solution import Solution

ALIASES = {"nash_mp": "nash_mirror_prox"}
"""Other names that the literature has for methods."""


def function_of(method: str) -> Callable[..., Solution]:
    """The function behind a name: it takes the game or its payoffs, as `Method.takes` says, and the method's own keywords.

    Raises:
        UnknownName: no such method; the message has the nearest names.
    """
    known = methods()
    method = ALIASES.get(method, method)
    if method not in known:
        raise UnknownName("solver", method, known)
    module, _, attribute = known[method].location.partition(":")
    return cast("Callable[..., Solution]", getattr(importlib.import_module(module), attribute))


def solve(method: str, game: Game, **settings: object) -> Solution:
    """The solution of a game by the method of this name; `settings` are the method's own keywords.

    Raises:
        UnknownName: no such method or setting; the message has the nearest names.
        NotProvided: the method is not for this game; the message says what it needs, and which methods do apply.
    """
    function, known = function_of(method), methods()
    method = ALIASES.get(method, method)
    accepted = list(inspect.signature(function).parameters)[1:]
    for setting in settings:
        if setting not in accepted:
            raise UnknownName(f"setting of {method}", setting, accepted)
    try:
        if known[method].takes == "game":
            return function(game, **settings)
        taken = getattr(game, "preferences", None) if known[method].takes == "preferences" else payoffs_of(game)
        if taken is None or (isinstance(game.info, GameInfo) and method not in applicable(game)):
            raise NotProvided(
                f"{method} needs {known[method].preconditions}; {game.info.specification} is none of them"
            )
    except NotProvided as error:
        raise refusal(method, game, error) from None
    return _playable(game, function(taken, **settings))


def refusal(method: str, game: Game | GameTree, error: NotProvided) -> NotProvided:
    """The error, with the methods that do apply where the game is of another kind than the method is for."""
    if isinstance(game, GameTree) or not isinstance(game.info, GameInfo):
        return error
    others = applicable(game)
    if method in others or not others or "methods for it" in str(error):
        return error
    return NotProvided(f"{error}; methods for it: {', '.join(others)}")


def solve_matrix_game(game: Game) -> Solution:
    """`matrix_game_lp` of the game's payoffs; a constant that both players' payoffs sum to is split evenly.

    Raises:
        NotProvided: not a two-player zero- or constant-sum game in normal form.
    """
    return _playable(game, matrix_game_lp(_zero_sum_matrix(game, "matrix_game_lp")))


def solve_nash_average(game: Game) -> Solution:
    """`nash_average` of the game's payoffs; a constant that both players' payoffs sum to is split evenly.

    Raises:
        NotProvided: not a two-player zero- or constant-sum game in normal form.
    """
    return _playable(game, nash_average(_zero_sum_matrix(game, "nash_average")))


def solve_preference_game(game: Game) -> Solution:
    """`minimax_winner` of a preference game, or the symmetric optimal strategy of a symmetric zero-sum matrix game.

    Raises:
        NotProvided: neither.
    """
    preferences = getattr(game, "preferences", None)
    if preferences is not None:
        return _playable(game, minimax_winner(preferences))
    payoffs = payoffs_of(game)
    if payoffs is None or not is_symmetric_zero_sum(payoffs):
        raise NotProvided(
            "minimax_winner needs a preference game or a symmetric zero-sum matrix game; "
            f"{game.info.specification} is none"
        )
    return _playable(game, symmetric_game(zero_sum_matrix(payoffs)))


def _zero_sum_matrix(game: Game, method: str) -> NDArray[np.float64]:
    payoffs = payoffs_of(game)
    if payoffs is None or not is_constant_sum(payoffs):
        raise NotProvided(
            f"{method} needs a two-player zero-sum game in normal form; {game.info.specification} is none"
        )
    return zero_sum_matrix(payoffs)


def _playable(game: Game, solution: Solution) -> Solution:
    """The solution with its strategies as a policy too, which a file can hold and an agent can play."""
    if not solution.strategies:  # a joint distribution: players apart from one another cannot play it
        return solution
    table = {
        f"player {player}": {action: float(p) for action, p in enumerate(strategy) if p > 0}
        for player, strategy in enumerate(solution.strategies)
    }
    return dataclasses.replace(solution, policy=TabularPolicy(game.info.specification, table))

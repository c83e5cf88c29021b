"""The games of methods that need two players and a constant sum. All others are refused, with the methods that do apply."""

from __future__ import annotations

from collections.abc import Sequence

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.exploitability import tree_of
from arena.solvers.method_list import METHODS, applicable

CONSTANT = ("zero_sum", "constant_sum")


def zero_sum_tree(game: Game | GameTree, method: str) -> GameTree:
    """The tree of a two-player game whose returns have a constant sum.

    Raises:
        NotProvided: another game, before it is written out where its facts say so; or a game without a tree.
        ArenaError: a game too large to be written out.
    """
    if not isinstance(game, GameTree):
        info = game.info
        if info.num_players != 2 or info.utility not in CONSTANT:
            raise _refusal(method, info.specification, info.num_players, applicable(game))
    tree = tree_of(game)
    if tree.num_players != 2 or tree.constant_sum is None:
        others = [one.name for one in METHODS if "tree" in one.games]
        raise _refusal(method, tree.specification, tree.num_players, others)
    return tree


def _refusal(method: str, specification: str, players: int, others: Sequence[str]) -> NotProvided:
    why = "is a game of two players, but not of constant sum" if players == 2 else f"has {players} players"
    rest = f"; methods for it: {', '.join(others)}" if others else ""
    return NotProvided(f"{method} is for two players with returns of constant sum; {specification} {why}{rest}")

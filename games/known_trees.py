"""The games whose trees are written out from their rules, many times faster than history by history.

A new one: a function from OpenSpiel's parameters to the tree, None of those it does not know, and a line in `KNOWN`. Tests
hold each against `walk`, which stays the way for all that is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from arena.games.dark_hex_tree import dark_hex_tree
from arena.games.dealt_tree import kuhn_poker_tree, liars_dice_tree
from arena.games.game_tree import GameTree
from arena.games.goofspiel_tree import goofspiel_tree
from arena.games.leduc_tree import leduc_tree
from arena.games.tree_walk import CompileProgress

KNOWN: Mapping[str, Callable[..., GameTree | None]] = {
    "dark_hex": dark_hex_tree,
    "goofspiel": goofspiel_tree,
    "kuhn_poker": kuhn_poker_tree,
    "leduc_poker": leduc_tree,
    "liars_dice": liars_dice_tree,
}
"""OpenSpiel's short names: (parameters, specification, *, max_nodes, progress) -> the tree."""
TURN_BASED: Mapping[str, Callable[..., GameTree | None]] = {"goofspiel": partial(goofspiel_tree, turn_based=True)}
"""The same of turn_based_simultaneous_game(game=...)."""


def known_tree(
    rules: Any, specification: str, *, max_nodes: int, progress: CompileProgress | None = None
) -> GameTree | None:
    """The tree of a `pyspiel.Game` from its rules, None where they are not known.

    Raises:
        TooLarge: more than `max_nodes` histories.
        NotEnoughMemory: they do not fit into memory.
    """
    name = str(getattr(rules.get_type(), "short_name", ""))
    parameters = rules.get_parameters() if name in KNOWN or name == "turn_based_simultaneous_game" else {}
    write = KNOWN.get(name)
    if name == "turn_based_simultaneous_game":
        parameters = parameters["game"]
        write = TURN_BASED.get(str(parameters.get("name", "")))
    if write is None:
        return None
    return write(parameters, specification, max_nodes=max_nodes, progress=progress)

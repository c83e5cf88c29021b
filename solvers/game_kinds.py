"""Which kinds of games a game is of, as far as solvers tell them apart: what a method is for, and which methods do apply."""

from __future__ import annotations

from typing import Literal

from arena.games.compile_tree import NATIVE_TWINS, payoffs_of
from arena.games.game import Game
from arena.games.markov_game import MarkovGame
from arena.solvers.deviations import is_constant_sum, is_symmetric_zero_sum

GameKind = Literal[
    "tree",
    "zero_sum_tree",
    "normal_form",
    "bimatrix",
    "zero_sum_matrix",
    "symmetric_zero_sum",
    "preference",
    "markov_game",
    "zero_sum_markov_game",
    "zero_sum_episodes",
]
"""Trees can be written out (size and perfect recall aside, which are known when they are); a normal form is a tree too. Zero
sum: of two players, and constant sums count. Symmetric: also the game of a preference matrix, which alone is of the kind preference. Episodes: Markov games with a
horizon."""


def kinds_of(game: Game) -> frozenset[GameKind]:
    """All kinds that a game is of, told by its facts alone: nothing is written out."""
    kinds: set[GameKind] = set()
    two = game.info.num_players == 2
    zero_sum = two and game.info.utility in ("zero_sum", "constant_sum")
    payoffs = payoffs_of(game)
    if payoffs is not None:
        kinds.update(("tree", "normal_form"))
        if two:
            kinds.add("bimatrix")
        if is_constant_sum(payoffs):
            kinds.update(("zero_sum_tree", "zero_sum_matrix"))
        if is_symmetric_zero_sum(payoffs):
            kinds.add("symmetric_zero_sum")
        if getattr(game, "preferences", None) is not None:
            kinds.add("preference")
    elif isinstance(game, MarkovGame):
        kinds.update(("markov_game", "zero_sum_markov_game") if zero_sum else ("markov_game",))
        if zero_sum and game.horizon is not None:
            kinds.add("zero_sum_episodes")
    elif _has_rules(game):
        kinds.update(("tree", "zero_sum_tree") if zero_sum else ("tree",))
    return frozenset(kinds)


def _has_rules(game: Game) -> bool:
    """Whether OpenSpiel has the rules of the game, with information states."""
    if hasattr(game, "rules"):
        return game.info.has_information_state
    scheme, _, name = game.info.specification.partition(":")
    native = scheme == "arena" and name.partition("(")[0] in NATIVE_TWINS
    return native or getattr(game, "openspiel_name", None) is not None

"""A strategy on a compiled tree as a `Solution`: its policy, its certificate, and what the theory says of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arena.games.compile_tree import payoffs_of
from arena.games.game import Game, GameInfo
from arena.games.game_tree import GameTree
from arena.solvers.deviations import payoff_range
from arena.solvers.solution import Setting, Solution
from arena.solvers.tree_measures import measures, payoff_scale


def is_covered(tree: GameTree) -> bool:
    """Whether the theory of two-player zero-sum games covers a tree; a constant sum is as good as zero."""
    return tree.num_players == 2 and tree.constant_sum is not None


def gap_unit(game: Game | GameTree, tree: GameTree) -> float:
    """The unit of gaps that count as rounding: the largest |payoff · chance|, but no more than the range of returns where the
    game tells it, for a constant that everybody gets makes no gap small."""
    scale = payoff_scale(tree)
    if isinstance(game, GameTree) or not isinstance(game.info, GameInfo):
        return scale
    payoffs, least, most = payoffs_of(game), game.info.min_utility, game.info.max_utility
    if payoffs is not None:
        return min(scale, payoff_range(payoffs))
    return scale if least is None or most is None or least == most else min(scale, most - least)


def tree_solution(
    game: Game | GameTree,
    tree: GameTree,
    strategy: NDArray[np.float64],
    *,
    until: float | None,
    guarantee: str | None,
    iterations: int,
    history: tuple[tuple[int, float], ...],
    settings: Mapping[str, Setting],
    source: str,
) -> Solution:
    """The solution whose policy plays `strategy` [S], with its NashConv measured on the whole tree.

    Args:
        game: what was solved; ``strategies`` holds one vector a player where everybody chooses once.
        guarantee: what the method's theory says of this game, None outside of it: then ``converged`` is never claimed.
    """
    found = measures(tree, strategy)
    return Solution(
        policy=tree.policy(strategy),
        strategies=_vectors(game, tree, strategy),
        gap=found.nash_conv,
        gap_kind="nash_conv",
        values=tuple(found.returns.tolist()),
        converged=guarantee is not None and until is not None and found.nash_conv <= until,
        guarantee=guarantee or "none",
        iterations=iterations,
        history=history,
        settings=settings,
        source=source,
    )


def _vectors(game: Game | GameTree, tree: GameTree, strategy: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """One vector a player, for games in which everybody chooses once."""
    if isinstance(game, GameTree) or payoffs_of(game) is None:
        return ()
    return tuple(strategy[tree.sequences(player)] for player in range(tree.num_players))

"""Populations of pure strategies that grow by best responses, and the game that is played between them.

Members are realisation plans [K_p, S_p] of noughts and ones (see `arena.solvers.realisation_plans`): two strategies that
differ only where their own earlier choices never lead are one. The game between populations has exact payoffs, computed once
for each joint choice. All of it is held as arrays, so that a run can be put on disk and go on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from arena.games.errors import SpecificationError
from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State
from arena.solvers.realisation_plans import (
    behaviour,
    grown_payoffs,
    joined,
    num_own,
    own_part,
    pure_plan,
    realisation_plan,
)
from arena.solvers.tree_measures import measures, uniform_strategy


def start(tree: GameTree) -> State:
    """Before the first iteration: nobody in the populations, the answer is uniform play.

    ``population_P`` [K, S_P]: player P's members; ``payoffs`` [n · K_0 · K_1 · ...]: of every joint choice; ``answer`` [S]:
    the plans that are answered next; ``closed`` [1]: 1 once no best response was new; ``clock`` [1]: iterations done.
    """
    return {
        "clock": np.zeros(1, np.int64),
        "closed": np.zeros(1, np.int64),
        "answer": realisation_plan(tree, uniform_strategy(tree)),
        "payoffs": np.zeros(0),
        **{name: np.zeros((0, num_own(tree, player))) for player, name in enumerate(names(tree))},
    }


def names(tree: GameTree) -> list[str]:
    """The names of the populations in the state."""
    return [f"population_{player}" for player in range(tree.num_players)]


def growing(tree: GameTree) -> frozenset[str]:
    """The arrays of the state that grow."""
    return frozenset((*names(tree), "payoffs"))


def members(tree: GameTree, state: State) -> list[NDArray[np.float64]]:
    """Each player's population [K_p, S_p]."""
    return [state[name] for name in names(tree)]


def meta_payoffs(tree: GameTree, state: State) -> NDArray[np.float64]:
    """What members earn against each other [n, K_0, K_1, ...].

    Raises:
        SpecificationError: there are others in the populations than in the payoffs: a checkpoint that was tampered with.
    """
    shape = tree.num_players, *map(len, members(tree, state))
    if state["payoffs"].size != np.prod(shape):
        raise SpecificationError("a broken checkpoint: populations and payoffs do not fit; remove it to begin anew")
    table: NDArray[np.float64] = state["payoffs"].reshape(shape)
    return table


def response(tree: GameTree, plan: NDArray[np.float64]) -> NDArray[np.float64]:
    """The pure plans [S] of each player's best response to the others' plans, the first of equally good actions."""
    return pure_plan(tree, measures(tree, behaviour(tree, plan)).choice)


def grown(
    tree: GameTree,
    state: State,
    newcomers: Sequence[Sequence[NDArray[np.float64]]],
    *,
    copies: bool = False,
    with_payoffs: bool = True,
) -> State:
    """What of the state changes when these plans [S_p] of each player join.

    Args:
        copies: whether plans that are members already join again, so that how often they did is what they weigh.
        with_payoffs: whether the game between members is wanted.
    """
    before = members(tree, state)
    after = []
    for plans, joining in zip(before, newcomers, strict=True):
        for plan in joining:
            if copies or not (plans == plan).all(axis=1).any():
                plans = np.concatenate((plans, plan[None]))
        after.append(plans)
    if all(len(old) == len(new) for old, new in zip(before, after, strict=True)):
        return {"closed": np.ones(1, np.int64)}
    changed: State = dict(zip(names(tree), after, strict=True))
    if with_payoffs:
        changed["payoffs"] = grown_payoffs(tree, after, meta_payoffs(tree, state)).ravel()
    return changed


def mixture(plans: Sequence[NDArray[np.float64]], weights: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The plans [S] of drawing each player's strategy from his population by weights [K_p] before the match."""
    return joined([own @ members for own, members in zip(weights, plans, strict=True)])


def parts(tree: GameTree, plan: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """One plan [S_p] a player out of all players' [S]."""
    return [own_part(tree, plan, player) for player in range(tree.num_players)]

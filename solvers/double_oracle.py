"""Double oracle: a small game of a few strategies a player, to which the best responses to its equilibrium are added.

The restricted game is solved by linear programming; what its equilibrium guarantees in the whole game bounds the value from
both sides. Once nobody's best response adds anything, the equilibrium is one of the whole game. On trees there are two ways
to restrict a game: to the pure strategies found so far, drawn before the match, or to the sequences of actions that they
hold, between which players may choose anew at every information set. The second takes far fewer iterations.

Sources: McMahan, Gordon and Blum, Planning in the presence of cost functions controlled by an adversary, ICML 2003
(strategies); Bošanský, Kiekintveld, Lisý and Pěchouček, An exact double-oracle algorithm for zero-sum extensive-form games
with imperfect information, JAIR 2014, doi:10.1613/jair.4477 (sequences; here with whole pure strategies as responses, so that
no decision of the restricted game is without actions).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers import populations
from arena.solvers.checkpoint import State, Subject, tree_fingerprint
from arena.solvers.iteration import Run, iterate
from arena.solvers.lp import maximin
from arena.solvers.realisation_plans import (
    behaviour,
    joined,
    own_part,
    payoff_matrix,
    plan_constraints,
    realisation_plan,
)
from arena.solvers.sequence_form_lp import REACHED, optimal_plans
from arena.solvers.solution import Progress, Solution
from arena.solvers.tree_measures import measures, payoff_scale
from arena.solvers.tree_solution import gap_unit, tree_solution
from arena.solvers.zero_sum_trees import zero_sum_tree

Restriction = Literal["sequences", "strategies"]

ROUNDING = 1e-9
"""Of the unit of gaps, `gap_unit`: best responses that gain less than this are not added."""
GAP_TOLERANCE = 1e-7
"""Of the same unit: what linear programs reach at least."""


def double_oracle(
    game: Game | GameTree,
    *,
    restriction: Restriction = "sequences",
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """A Nash equilibrium of a two-player zero-sum game, found by best responses to equilibria of small parts of it.

    Iteration 1 answers uniform play; each later one answers the equilibrium of the restricted game so far. ``policy`` has for
    each player the restricted equilibrium strategy with the best guarantee so far: the gap is the upper bound on the value
    minus the lower one, and never rises. With "sequences" it is 0 after at most as many iterations as the tree has sequences,
    with "strategies" after at most as many as there are pure strategies; mostly long before. A mixture of pure strategies is
    given as the behavioural strategies that are equivalent to it, uniform where own play never comes to. On games of one
    choice both restrictions are the same.

    Source: McMahan, Gordon and Blum 2003; Bošanský et al. 2014. Linear programs: HiGHS.

    Args:
        game: a game that `compile_tree` takes, or its tree, of two players and a constant sum.
        restriction: "sequences", or "strategies" for the matrix game between pure strategies.
        iterations: the most that are done; by default as many as it takes.
        until: stop once the gap is at most this; by default once best responses gain no more than rounding, 1e-9 of the
            largest payoff · chance. Without it, ``converged`` means up to 1e-7 of that.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) after every iteration.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C.

    Returns:
        The solution; ``settings`` hold ``lower_value`` and ``upper_value``, between which the first player's value lies, and
        ``size_0`` and ``size_1``, how many sequences or strategies of each player are in the restricted game.

    Raises:
        NotProvided: more players or returns without a constant sum (before any work), no tree, or imperfect recall.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game, method or setting, or no checkpoint.
        ValueError: an unknown restriction; `iterations` or `until` is not positive.
    """
    if restriction not in ("sequences", "strategies"):
        raise ValueError(f"restriction must be sequences or strategies; got {restriction!r}")
    tree = zero_sum_tree(game, "double_oracle")
    tree.require_names()
    unit = gap_unit(game, tree)
    state = _start(tree, restriction)
    step = _sequences_step(tree, payoff_scale(tree)) if restriction == "sequences" else _strategies_step(tree)
    run = Run(
        subject=Subject(
            method="double_oracle",
            game=tree.specification,
            fingerprint=tree_fingerprint(tree),
            settings={"restriction": restriction},
        ),
        state=state,
        advance=lambda count: _advance(tree, state, step, count),
        gap=lambda: max(float(state["bounds"][1] - state["bounds"][0]), 0.0),
        growing=populations.growing(tree) if restriction == "strategies" else frozenset(),
        measure_growth=1.0,
        finished=lambda: bool(state["closed"][0]),
    )
    history = iterate(
        run,
        iterations=iterations,
        until=ROUNDING * unit if until is None else until,
        default=None,
        progress=progress,
        checkpoint=checkpoint,
    )
    lower, upper = state["bounds"].tolist()
    return tree_solution(
        game,
        tree,
        behaviour(tree, state["best"], reached=REACHED),
        until=GAP_TOLERANCE * unit if until is None else until,
        guarantee="a Nash equilibrium after finitely many iterations",
        iterations=run.iterations,
        history=history,
        settings={
            "restriction": restriction,
            "iterations": iterations,
            "until": until,
            "lower_value": lower,
            "upper_value": upper,
            **{f"size_{player}": size for player, size in enumerate(_sizes(tree, state))},
        },
        source="McMahan, Gordon and Blum 2003; Bošanský et al. 2014; HiGHS",
    )


Step = Callable[[State, NDArray[np.float64]], State]
"""From the state and the pure plans [S] of best responses to what of the state changes: at least ``closed`` or ``answer``."""


def _start(tree: GameTree, restriction: Restriction) -> State:
    """As `populations.start`, with ``included`` [S] in place of populations where sequences are what is in the game.

    ``best`` [S]: each player's plan with the best guarantee so far; ``bounds`` [2]: what they say of the value.
    """
    state = populations.start(tree)
    if restriction == "sequences":
        kept = {name: state[name] for name in ("clock", "closed", "answer")}
        state = {**kept, "included": np.zeros(tree.num_sequences, np.uint8)}
    return {**state, "best": state["answer"].copy(), "bounds": np.array([-np.finfo(float).max, np.finfo(float).max])}


def _sizes(tree: GameTree, state: State) -> list[int]:
    if "included" not in state:
        return [len(members) for members in populations.members(tree, state)]
    return [int(own_part(tree, state["included"], player).sum()) for player in range(tree.num_players)]


def _advance(tree: GameTree, state: State, step: Step, iterations: int) -> None:
    for _ in range(iterations):
        changed = step(state, populations.response(tree, state["answer"]))
        if "answer" in changed:
            changed |= _bounded(tree, state, changed["answer"])
        changed["clock"] = state["clock"] + 1
        state.update(changed)


def _strategies_step(tree: GameTree) -> Step:
    """Pure strategies join as rows and columns of a matrix game."""

    def step(state: State, responses: NDArray[np.float64]) -> State:
        changed = populations.grown(tree, state, [[plan] for plan in populations.parts(tree, responses)])
        if "closed" not in changed:
            both = {**state, **changed}
            payoffs = populations.meta_payoffs(tree, both)
            weights = maximin(payoffs[0])[0], maximin(payoffs[1].T)[0]
            changed["answer"] = populations.mixture(populations.members(tree, both), weights)
        return changed

    return step


def _sequences_step(tree: GameTree, scale: float) -> Step:
    """Sequences join a program in sequence form. What a pure strategy holds is whole: it acts wherever it comes to."""
    payoffs = payoff_matrix(tree, 0)
    payoffs.data /= scale
    plans = [plan_constraints(tree, player) for player in (0, 1)]

    def step(state: State, responses: NDArray[np.float64]) -> State:
        included = np.maximum(state["included"], responses.astype(np.uint8))
        if (included == state["included"]).all():
            return {"closed": np.ones(1, np.int64)}
        kept = [np.flatnonzero(own_part(tree, included, player)) for player in (0, 1)]
        narrow = [constraints[:, own] for constraints, own in zip(plans, kept, strict=True)]
        narrow = [constraints[constraints.getnnz(1) > 0] for constraints in narrow]
        found, _ = optimal_plans(payoffs[kept[0]][:, kept[1]], *narrow)
        if found is None:  # the program gave up: what it would have been is not known, and nothing more is promised
            return {"closed": np.ones(1, np.int64)}
        wide = [np.zeros(constraints.shape[1]) for constraints in plans]
        for own, at, plan in zip(wide, kept, found, strict=True):
            own[at] = plan
        return {"included": included, "answer": _cleaned(tree, joined(wide))}

    return step


def _cleaned(tree: GameTree, plan: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest true plans [S] of what a linear program gives."""
    return realisation_plan(tree, behaviour(tree, plan, reached=REACHED))


def _bounded(tree: GameTree, state: State, answer: NDArray[np.float64]) -> State:
    """What the equilibrium of the restricted game guarantees in the whole one."""
    found = measures(tree, behaviour(tree, answer, reached=REACHED))
    guarantees = (tree.constant_sum or 0.0) - found.responses[1], found.responses[0]
    bounds, best = state["bounds"].copy(), populations.parts(tree, state["best"])
    if guarantees[0] > bounds[0]:
        bounds[0], best[0] = guarantees[0], own_part(tree, answer, 0)
    if guarantees[1] < bounds[1]:
        bounds[1], best[1] = guarantees[1], own_part(tree, answer, 1)
    return {"bounds": bounds, "best": joined(best)}

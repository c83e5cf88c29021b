"""Fictitious play: every round each player answers what the others have played so far, and the averages are the strategies.

Games in normal form are played on their table of payoffs here, all others on their tree (`extensive_fictitious_play`); on a
game of one choice for each player both are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numba as nb
import numpy as np
from numpy.typing import ArrayLike, NDArray

from arena.games.compile_tree import information_states, payoffs_of
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.games.policy import TabularPolicy
from arena.solvers.checkpoint import State, Subject, fingerprint, tree_fingerprint
from arena.solvers.deviations import Strategies, is_constant_sum, nash_gap, payoff_table, write_deviations
from arena.solvers.exploitability import tree_of
from arena.solvers.extensive_fictitious_play import advance, start
from arena.solvers.iteration import Run, iterate
from arena.solvers.solution import Progress, Solution
from arena.solvers.tree_measures import measures, normalised
from arena.solvers.tree_solution import is_covered, tree_solution

DEFAULT_ITERATIONS = 10_000
CALL_WORK = 20_000_000
"""Payoffs that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""
GUARANTEE = "averages converge to a Nash equilibrium"
SOURCE = "Brown 1951; Robinson 1951, doi:10.2307/1969530"
EXTENSIVE_SOURCE = "Heinrich, Lanctot and Silver 2015"

Loop = Callable[[Run, bool], tuple[tuple[int, float], ...]]
"""Iterates a run as the caller asked, given whether it is sure to come to an end; returns the history."""


def fictitious_play(
    game: Game | GameTree | ArrayLike,
    *,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,  # noqa: ARG001  # solvers share their keywords
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The players' average play after some rounds of simultaneous fictitious play, with its NashConv measured.

    σ_0 is uniform at every choice, and σ_t+1 = ((t + 1) σ_t + BR(σ_t)) / (t + 2): each round every player answers the others'
    average. Averages are of realisation weights, that is of whole plans; in a game of one choice for each player these are
    frequencies. Of several best responses the first action is played. In two-player constant-sum games averages converge
    to a Nash equilibrium (Robinson 1951), slowly: often as 1/√t. In other games they need not; the gap is true all the
    same, and ``converged`` is never claimed.

    Source: Brown, Iterative solution of games by fictitious play, 1951; Robinson, An iterative method of solving a game,
    Annals of Mathematics 1951, doi:10.2307/1969530; on trees Heinrich, Lanctot and Silver, Fictitious self-play in
    extensive-form games, ICML 2015, section 3 (XFP), with weights 1/t. Shapley 1964 for a game in which it circles.

    Args:
        game: a game that `compile_tree` takes, its tree, or payoffs [num_players, A_0, A_1, ...], finite. Payoffs have no
            names of actions, so that the answer is ``strategies`` alone, without a policy.
        iterations: the most rounds; by default 10,000, or no limit where `until` is given and convergence is sure.
        until: stop once NashConv is at most this, in units of payoff.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (rounds, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same answer as one that was not.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall.
        ArenaError: a game too large to be written out.
        SpecificationError: no table of payoffs; the checkpoint is of another game or method, or no checkpoint.
        ValueError: `iterations` or `until` is not positive.
    """

    def loop(run: Run, covered: bool) -> tuple[tuple[int, float], ...]:
        return iterate(
            run,
            iterations=iterations,
            until=until,
            default=None if until is not None and covered else DEFAULT_ITERATIONS,
            progress=progress,
            checkpoint=checkpoint,
        )

    if isinstance(game, GameTree):
        return _on_tree(game, game, loop, iterations, until)
    if not hasattr(game, "info"):
        return _on_payoffs(None, payoff_table(game), loop, iterations, until)
    known = cast("Game", game)
    payoffs = payoffs_of(known)
    if payoffs is None:
        return _on_tree(known, tree_of(known), loop, iterations, until)
    return _on_payoffs(known, payoff_table(payoffs), loop, iterations, until)


def _on_tree(
    game: Game | GameTree, tree: GameTree, loop: Loop, iterations: int | None, until: float | None
) -> Solution:
    tree.require_names()
    covered, state = is_covered(tree), start(tree)
    run = Run(
        subject=Subject(
            method="fictitious_play", game=tree.specification, fingerprint=tree_fingerprint(tree), settings={}
        ),
        state=state,
        advance=lambda rounds: advance(tree, state, rounds),
        gap=lambda: measures(tree, normalised(tree, state["plan"])).nash_conv,
    )
    history = loop(run, covered)
    return tree_solution(
        game,
        tree,
        normalised(tree, state["plan"]),
        until=until,
        guarantee=GUARANTEE if covered else None,
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "until": until},
        source=EXTENSIVE_SOURCE,
    )


def _on_payoffs(
    game: Game | None, table: NDArray[np.float64], loop: Loop, iterations: int | None, until: float | None
) -> Solution:
    sizes = np.array(table.shape[1:])
    covered, state = is_constant_sum(table), _start(table, sizes)

    def average() -> Strategies:
        weights, rounds = state["weights"], int(state["clock"][0])
        return tuple(weights[player, :size] / (rounds + 1) for player, size in enumerate(sizes))

    run = Run(
        subject=Subject(
            method="fictitious_play",
            game="payoffs" if game is None else game.info.specification,
            fingerprint=fingerprint((table,)),
            settings={},
        ),
        state=state,
        advance=lambda rounds: _advance(table, sizes, state, rounds),
        gap=lambda: nash_gap(table, average())[0],
    )
    history = loop(run, covered)
    gap, values = nash_gap(table, average())
    return Solution(
        policy=None if game is None else _policy(game, average()),
        strategies=average(),
        gap=gap,
        gap_kind="nash_conv",
        values=values,
        converged=covered and until is not None and gap <= until,
        guarantee=GUARANTEE if covered else "none",
        iterations=run.iterations,
        history=history,
        settings={"iterations": iterations, "until": until},
        source=SOURCE,
    )


def _policy(game: Game, strategies: Strategies) -> TabularPolicy:
    named = zip(information_states(game), strategies, strict=True)
    return TabularPolicy(game.info.specification, {key: dict(enumerate(strategy.tolist())) for key, strategy in named})


def _start(table: NDArray[np.float64], sizes: NDArray[np.int64]) -> State:
    """``weights`` [n, most actions]: sums of what was played, the uniform start among it; ``responses``: what each action
    gets against that."""
    weights = np.zeros((len(sizes), sizes.max()))
    responses = np.zeros_like(weights)
    for player, size in enumerate(sizes):
        weights[player, :size] = 1 / size
        axes = tuple(axis for axis in range(len(sizes)) if axis != player)
        responses[player, :size] = table[player].mean(axis=axes)
    return {"clock": np.zeros(1, np.int64), "weights": weights, "responses": responses}


def _advance(table: NDArray[np.float64], sizes: NDArray[np.int64], state: State, rounds: int) -> None:
    """Does so many more rounds, in place."""
    a_call, last = CALL_WORK // table.size + 1, int(state["clock"][0]) + rounds
    flat = table.reshape(len(table), -1)
    while state["clock"][0] < last:
        _play(flat, sizes, state["weights"], state["responses"], state["clock"], min(a_call, last - state["clock"][0]))


@nb.njit(cache=True)
def _play(table, sizes, weights, responses, clock, rounds):  # type: ignore[no-untyped-def]  # numba kernel
    num_players = len(sizes)
    played = np.zeros(num_players, np.int64)
    frequencies = np.zeros_like(weights)
    for _ in range(rounds):
        for i in range(num_players):
            best = 0
            for action in range(1, sizes[i]):
                if responses[i, action] > responses[i, best]:
                    best = action
            played[i] = best
            weights[i, best] += 1
        clock[0] += 1
        if num_players == 2:  # sums of columns and rows: no products of frequencies are needed
            for action in range(sizes[0]):
                responses[0, action] += table[0, action * sizes[1] + played[1]]
            for action in range(sizes[1]):
                responses[1, action] += table[1, played[0] * sizes[1] + action]
        else:
            frequencies[:] = weights / (clock[0] + 1)
            write_deviations(table, sizes, frequencies, responses)

"""Monte Carlo counterfactual regret minimisation: iterations that look at a sample of the game, by external or outcome sampling.

An iteration of CFR goes through the whole game. Here it goes through what sampled choices leave of it, and regrets change by
what they would have changed in expectation; so it takes more iterations, each of which may be thousands of times cheaper.

External sampling: chance and the other players play as sampled, the updating player tries all of its actions. Outcome
sampling: a single history, on which the updating player plays uniformly with probability `exploration`; what was
met counts 1 / its probability.

Source: Lanctot, Waugh, Zinkevich and Bowling, Monte Carlo sampling for regret minimization in extensive games, NIPS 2009;
Lanctot, Monte Carlo sampling and regret minimization for equilibrium computation and decision-making in large extensive form
games, PhD thesis, University of Alberta 2013, section 4 (averages weighted by 1 / probability).
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from arena.games.errors import NotProvided
from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.games.history_tree import HistoryTree, history_tree
from arena.games.seeds import seed_of
from arena.solvers.checkpoint import State, Subject, fingerprint
from arena.solvers.iteration import Run, iterate
from arena.solvers.sampling_kernels import external_iterations, outcome_iterations
from arena.solvers.solution import Progress, Setting, Solution
from arena.solvers.tree_measures import measures, normalised
from arena.solvers.tree_solution import is_covered, tree_solution

DEFAULT_ITERATIONS = 100_000
EXPLORATION = 0.6
CALL_WORK = 20_000_000
"""Nodes that one call of a kernel may look at: well below a second, so that Ctrl-C is heard."""
SOURCE = "Lanctot et al. 2009"

Sampling = Literal["external", "outcome"]


def mccfr(
    game: Game | HistoryTree,
    *,
    sampling: Sampling = "external",
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
    exploration: float = EXPLORATION,
) -> Solution:
    """The average policy of Monte Carlo CFR, with its NashConv measured on the whole tree.

    In two-player constant-sum games the average policy converges to a Nash equilibrium, NashConv = O(1/√iterations) with any
    probability below 1. In other games it has no such guarantee: the gap is then still true, and ``converged`` is never
    claimed. The same seed gives the same policy.

    Source: Lanctot et al. 2009, sections 3.1 and 3.2; each player is the updating one once an iteration.

    Args:
        game: a game that `compile_tree` takes, or its histories.
        sampling: ``external`` or ``outcome``.
        iterations: the most that are done; by default 100,000, or no limit where `until` is given and sure to be reached.
        until: stop once NashConv is at most this.
        seed: of all that is sampled.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same policy and gap as one that was not.
        exploration: of outcome sampling: with this probability, above 0 and at most 1, the updating player plays uniformly.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall; a `GameTree`, which keeps no histories.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game, sampling or seed, or no checkpoint.
        ValueError: another sampling, or a setting out of its range.
    """
    if sampling not in ("external", "outcome"):
        raise ValueError(f"sampling must be 'external' or 'outcome'; got {sampling!r}")
    if not 0 < exploration <= 1:
        raise ValueError(f"exploration must be above 0 and at most 1; got {exploration}")
    histories = _histories(game)
    tree = histories.tree
    tree.require_names()
    covered = is_covered(tree)
    state: State = {
        "clock": np.zeros(1, np.int64),
        "regret": np.zeros(tree.num_sequences),
        "average": np.zeros(tree.num_sequences),
    }
    chosen: dict[str, Setting] = {"sampling": sampling, "seed": seed}
    if sampling == "outcome":
        chosen["exploration"] = exploration
    run = Run(
        subject=Subject(method="mccfr", game=tree.specification, fingerprint=_fingerprint(histories), settings=chosen),
        state=state,
        advance=lambda count: advance(histories, state, count, sampling=sampling, seed=seed, exploration=exploration),
        gap=lambda: measures(tree, normalised(tree, state["average"])).nash_conv,
    )
    history = iterate(
        run,
        iterations=iterations,
        until=until,
        default=None if until is not None and covered else DEFAULT_ITERATIONS,
        progress=progress,
        checkpoint=checkpoint,
    )
    return tree_solution(
        tree if isinstance(game, HistoryTree) else game,
        tree,
        normalised(tree, state["average"]),
        until=until,
        guarantee="the average policy converges to a Nash equilibrium with probability 1" if covered else None,
        iterations=run.iterations,
        history=history,
        settings={**chosen, "iterations": iterations, "until": until},
        source=SOURCE,
    )


def advance(
    histories: HistoryTree, state: State, iterations: int, *, sampling: Sampling, seed: int, exploration: float
) -> None:
    """Does so many more iterations, in place. ``state``: ``clock`` [1], ``regret`` and ``average`` [S]."""
    tree, clock = histories.tree, state["clock"]
    word = np.uint64(seed_of(("mccfr", seed)))
    a_call = CALL_WORK // histories.num_nodes + 1
    last = int(clock[0]) + iterations
    arrays = (
        tree.first,
        histories.mover,
        histories.place,
        histories.child,
        histories.edge,
        histories.returns,
        state["regret"],
        state["average"],
    )
    while clock[0] < last:
        count = min(a_call, last - int(clock[0]))
        if sampling == "external":
            external_iterations(word, count, clock, *arrays)
        else:
            outcome_iterations(word, exploration, count, clock, *arrays)


def _histories(game: Game | HistoryTree) -> HistoryTree:
    if isinstance(game, GameTree):
        raise NotProvided(
            f"mccfr samples histories, which the compiled tree of {game.specification} does not keep; give the game itself, or "
            "history_tree(game); cfr, cfr_plus, dcfr and pcfr_plus take the tree"
        )
    return game if isinstance(game, HistoryTree) else history_tree(game)


def _fingerprint(histories: HistoryTree) -> str:
    tree = histories.tree
    return fingerprint(
        (
            tree.first,
            tree.parent,
            histories.mover,
            histories.place,
            histories.child,
            histories.edge,
            histories.returns,
        )
    )

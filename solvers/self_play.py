"""Self-play in tabular form: one policy, all seats, and the next policy is made of what it earns against itself.

Fictitious self-play answers its own average: `fictitious_play`, whose average converges. Regularised self-play is for the last
policy itself. Every decision costs α log(π(a) / anchor(a)) of its player's return, the anchor being an earlier policy: that
game has one equilibrium, to which play contracts in place of circling around it, and every `interval` iterations the anchor
moves to the play. This is the scheme of R-NaD, with two choices for the sake of a proof in discrete time:

- The price of a decision is weighted by its player's own way there alone, not by the others' too (dilated divergence).
- The step is not NeuRD's but mirror-prox's: it looks one step ahead, and is shortened until its test passes.

What holds then in every two-player constant-sum game, D(a, b) = Σ over sets of a's own reach · KL(a, b):

1. To the equilibrium u of the game with the anchor of now: (1 + ηα) D(u, π_t+1) ≤ D(u, π_t) with the step η of iteration t.
2. To every Nash equilibrium u: max(D(u, π_t), D(u, anchor)) never rises, whatever the interval, so that D(u, anchor) falls
   from anchor to anchor, and anchors and play converge to one Nash equilibrium.

Sources: Perolat et al., From Poincaré recurrence to convergence in imperfect information games: finding equilibrium via
regularization, ICML 2021, arXiv:2002.08456; Perolat et al., Mastering the game of Stratego with model-free multiagent
reinforcement learning, Science 2022, arXiv:2206.15378 (R-NaD); Nemirovski, Prox-method with rate of convergence O(1/t) for
variational inequalities, SIAM Journal on Optimization 2004, doi:10.1137/S1052623403425629 (mirror-prox and its test);
Rockafellar, Monotone operators and the proximal point algorithm, 1976 (why moving the anchor converges).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from arena.games.game import Game
from arena.games.game_tree import GameTree
from arena.solvers.checkpoint import State, Subject, tree_fingerprint
from arena.solvers.exploitability import tree_of
from arena.solvers.fictitious_play import fictitious_play
from arena.solvers.iteration import Run, iterate
from arena.solvers.mirror_prox_kernels import regularised_iterations
from arena.solvers.solution import Progress, Solution
from arena.solvers.tree_measures import measures, normalised, payoff_scale, uniform_strategy
from arena.solvers.tree_solution import is_covered, tree_solution

Kind = Literal["regularised", "fictitious"]

DEFAULT_ITERATIONS = 10_000
DEFAULT_TEMPERATURE = 0.02
"""Of the largest payoff · chance. With the interval below it was never far behind the best tried on kuhn, leduc and goofspiel."""
DEFAULT_INTERVAL = 50
LARGEST_STEP = 1_000.0
"""In 1 / the largest payoff · chance: near an equilibrium every step passes the test."""
CALL_WORK = 5_000_000
"""Payoff entries and sequences that one call of a kernel reads: well below a second, so that Ctrl-C is heard."""


def self_play(
    game: Game | GameTree,
    *,
    kind: Kind = "regularised",
    temperature: float | None = None,
    interval: int | None = None,
    iterations: int | None = None,
    until: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> Solution:
    """The last policy of regularised self-play, or the average of fictitious self-play, with its exact NashConv.

    In two-player constant-sum games both converge to a Nash equilibrium: the regularised kind with its last policy, mostly much
    faster; no rate is proven for it once the anchor moves. In other games nothing is promised; the gap is true all the same,
    and ``converged`` is never claimed.

    Source: see the module. One iteration of the regularised kind asks twice what sequences earn, more often where its step has
    to be shortened; one of the fictitious kind is a round of `fictitious_play`, which it is.

    Args:
        game: a game that `compile_tree` takes, or its tree: turn-based or simultaneous, any number of players.
        kind: "regularised" or "fictitious".
        temperature: α > 0, the price of leaving the anchor, in units of payoff; by default 0.02 of the largest payoff · chance.
            For the regularised kind only, as the next one.
        interval: after how many iterations the anchor moves to the play; by default 50. It never moves within
            ``iterations`` if these are fewer: then play goes to the equilibrium regularised around uniform play.
        iterations: the most that are done; by default 10,000, or no limit where `until` is given and sure to be reached.
        until: stop once NashConv is at most this.
        seed: a keyword that solvers share; this one draws nothing.
        progress: called with (iterations, gap) whenever the gap was measured.
        checkpoint: a file (.npz) to go on from where it exists, and that is written now and then, at the end and on
            Ctrl-C. A run that was interrupted ends with the same policy and gap as one that was not.

    Raises:
        NotProvided: a game that has no tree, or of imperfect recall.
        ArenaError: a game too large to be written out.
        SpecificationError: the checkpoint is of another game, method or setting, or no checkpoint.
        ValueError: a setting out of its range, or one that the kind has not.
    """
    if kind not in ("regularised", "fictitious"):
        raise ValueError(f"kind must be regularised or fictitious; got {kind!r}")
    if kind == "fictitious":
        if temperature is not None or interval is not None:
            raise ValueError("temperature and interval are for kind='regularised': fictitious self-play has neither")
        found = fictitious_play(
            game, iterations=iterations, until=until, seed=seed, progress=progress, checkpoint=checkpoint
        )
        return dataclasses.replace(found, settings={"kind": kind, **found.settings})
    return _regularised(
        game,
        temperature=temperature,
        interval=DEFAULT_INTERVAL if interval is None else interval,
        iterations=iterations,
        until=until,
        progress=progress,
        checkpoint=checkpoint,
    )


def _regularised(
    game: Game | GameTree,
    *,
    temperature: float | None,
    interval: int,
    iterations: int | None,
    until: float | None,
    progress: Progress | None,
    checkpoint: str | Path | None,
) -> Solution:
    if interval < 1 or (temperature is not None and not 0 < temperature < np.inf):
        raise ValueError(
            f"temperature must be positive and finite, interval at least 1; got {temperature} and {interval}"
        )
    tree = tree_of(game)
    tree.require_names()
    covered, scale = is_covered(tree), payoff_scale(tree)
    alpha = DEFAULT_TEMPERATURE * scale if temperature is None else float(temperature)
    state = start(tree)
    run = Run(
        subject=Subject(
            method="self_play",
            game=tree.specification,
            fingerprint=tree_fingerprint(tree),
            settings={"temperature": alpha, "interval": interval},
        ),
        state=state,
        advance=lambda count: advance(tree, state, count, temperature=alpha, interval=interval),
        gap=lambda: measures(tree, played(tree, state["logs"])).nash_conv,
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
        game,
        tree,
        played(tree, state["logs"]),
        until=until,
        guarantee="the last policy converges to a Nash equilibrium" if covered else None,
        iterations=run.iterations,
        history=history,
        settings={
            "kind": "regularised",
            "temperature": alpha,
            "interval": interval,
            "iterations": iterations,
            "until": until,
        },
        source="Perolat et al. 2021, arXiv:2002.08456; Nemirovski 2004, doi:10.1137/S1052623403425629",
    )


def start(tree: GameTree) -> State:
    """Before the first iteration: everybody plays uniformly, and so does the anchor.

    ``logs`` and ``anchor`` [S]: logarithms of the probability of each sequence's last action; ``step`` [1]: η, in 1 / units
    of payoff; ``clock`` [1]: iterations done.
    """
    logs = np.log(uniform_strategy(tree))
    return {
        "clock": np.zeros(1, np.int64),
        "logs": logs,
        "anchor": logs.copy(),
        "step": np.full(1, 1 / payoff_scale(tree)),
    }


def advance(tree: GameTree, state: State, iterations: int, *, temperature: float, interval: int) -> None:
    """Does so many more iterations, in place."""
    a_call = max(1, CALL_WORK // (len(tree.weights) + tree.num_sequences))
    last = int(state["clock"][0]) + iterations
    while state["clock"][0] < last:
        regularised_iterations(
            min(a_call, last - int(state["clock"][0])),
            temperature,
            interval,
            LARGEST_STEP / payoff_scale(tree),
            state["clock"],
            state["step"],
            tree.set_begin,
            tree.first,
            tree.parent,
            tree.row_begin,
            tree.others,
            tree.weights,
            state["logs"],
            state["anchor"],
        )


def played(tree: GameTree, logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The strategy [S] of logarithms; probabilities add up to 1 to the last digit."""
    return normalised(tree, np.exp(logs))

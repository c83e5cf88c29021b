"""Each iterative tree method beside OpenSpiel's of the same name: time of an iteration, CPU time, in turns, in one run.

    .venv/bin/python benchmarks/cfr_speed.py [kuhn] [leduc] [liars]

CFR, CFR+ and both samplings are OpenSpiel's C++; its XFP and DCFR are Python. Sampled iterations are not the same samples,
but the same amount of sampling: each player is the updating one once. What was compiled before is warm; LiteEFG's CFR+ is
timed too where it is installed (`HOME` should then be a folder to throw away: it writes its games there).
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: one thread for all

import gc
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import pyspiel
from open_spiel.python.algorithms import discounted_cfr, fictitious_play
from rich.console import Console
from rich.table import Table

from arena.games import GameTree, HistoryTree, compile_tree, history_tree, load_game
from arena.solvers import extensive_fictitious_play
from arena.solvers.counterfactual import CFR, CFR_PLUS, DCFR_SOURCE, Variant, advance, start
from arena.solvers.mccfr import EXPLORATION, Sampling
from arena.solvers.mccfr import advance as sample
from arena.solvers.regret_kernels import DISCOUNTED

ROUNDS = 5
TURN_S = 0.2  # what one turn of either side takes, or one iteration where that is more
DCFR = Variant(name="dcfr", rule=DISCOUNTED, exponents=(1.5, 0.0, 2.0), source=DCFR_SOURCE)
GAMES = {"kuhn": "kuhn_poker", "leduc": "leduc_poker", "liars": "liars_dice"}
SLOW = ("liars",)
"""Games too large for the peers in Python."""

Iterate = Callable[[int], object]
"""Does so many iterations."""


def main() -> None:
    """Prints one table a game."""
    for name in sys.argv[1:] or GAMES:
        table = Table(title=name, title_justify="left")
        for heading in ("iteration of", "peer", "peer's", "Arena's", "ratio"):
            table.add_column(heading, justify="left" if heading in ("iteration of", "peer") else "right")
        for method, peer, theirs, ours in pairs(name):
            times = least(theirs, ours)
            table.add_row(method, peer, *(f"{t * 1e6:,.2f} µs" for t in times), f"{times[0] / times[1]:,.0f}x")
        Console(width=100).print(table)


def pairs(name: str) -> Iterator[tuple[str, str, Iterate, Iterate]]:
    """(method, peer, its iterations, Arena's)."""
    rules, game = pyspiel.load_game(GAMES[name]), load_game(f"openspiel:{GAMES[name]}")
    tree = compile_tree(game)
    for variant, peer in ((CFR, pyspiel.CFRSolver), (CFR_PLUS, pyspiel.CFRPlusSolver)):
        solver = peer(rules)
        yield variant.name, "OpenSpiel C++", repeated(solver.evaluate_and_update_policy), whole(tree, variant)
    histories = history_tree(game)
    for sampling, solver in (
        ("external", pyspiel.ExternalSamplingMCCFRSolver(rules, 0)),
        ("outcome", pyspiel.OutcomeSamplingMCCFRSolver(rules, EXPLORATION, 0)),
    ):
        yield f"mccfr, {sampling}", "OpenSpiel C++", repeated(solver.run_iteration), sampled(histories, sampling)
    if name not in SLOW:
        state = extensive_fictitious_play.start(tree)
        yield (
            "fictitious_play",
            "OpenSpiel Python",
            repeated(fictitious_play.XFPSolver(rules).iteration),
            lambda count: extensive_fictitious_play.advance(tree, state, count),
        )
        solver = discounted_cfr.DCFRSolver(rules)
        yield "dcfr", "OpenSpiel Python", repeated(solver.evaluate_and_update_policy), whole(tree, DCFR)
    if importlib.util.find_spec("LiteEFG") is not None:
        yield "cfr_plus", "LiteEFG C++", lite_efg(rules), whole(tree, CFR_PLUS)


def repeated(iteration: Callable[[], object]) -> Iterate:
    return lambda count: [iteration() for _ in range(count)]


def whole(tree: GameTree, variant: Variant) -> Iterate:
    regrets = start(tree)
    return lambda count: advance(tree, variant, regrets, count)


def sampled(histories: HistoryTree, sampling: Sampling) -> Iterate:
    size = histories.tree.num_sequences
    state = {"clock": np.zeros(1, np.int64), "regret": np.zeros(size), "average": np.zeros(size)}
    return lambda count: sample(histories, state, count, sampling=sampling, seed=0, exploration=EXPLORATION)


def lite_efg(rules: pyspiel.Game) -> Iterate:
    """Its CFR+ with alternating updates, the linear average included."""
    import LiteEFG
    from LiteEFG.baselines import CFRplus

    graph = CFRplus.graph()
    environment = LiteEFG.OpenSpielEnv(rules, traverse_type="Enumerate", regenerate=True)
    environment.set_graph(graph)

    def iterate(count: int) -> None:
        for _ in range(count):
            graph.update_graph(environment)
            environment.update_strategy(graph.current_strategy())

    return iterate


def least(*sides: Iterate) -> list[float]:
    """The least CPU seconds of one iteration of each side, in turns."""
    counts = [_count(side) for side in sides]
    times = np.full(len(sides), np.inf)
    for _ in range(ROUNDS):
        for i, side in enumerate(sides):
            gc.collect()
            begun = time.process_time()
            side(counts[i])
            times[i] = min(times[i], (time.process_time() - begun) / counts[i])
    return times.tolist()


def _count(side: Iterate) -> int:
    """How many iterations a turn has."""
    side(1)  # compiles kernels
    count = 1
    while True:
        begun = time.process_time()
        side(count)
        taken = time.process_time() - begun
        if taken > TURN_S / 4:
            return max(1, int(count * TURN_S / taken))
        count *= 4


if __name__ == "__main__":
    main()

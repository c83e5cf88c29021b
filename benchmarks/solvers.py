"""Tabular solvers and exact measures against OpenSpiel's C++: CPU time, in turns, in one run.

    make bench        or        .venv/bin/python benchmarks/solvers.py [leduc] [liars] [compiling]

Times are CPU times of the process, the least of `ROUNDS` turns; peer and Arena take turns so that a noisy machine is noisy
for both. Warm: Arena's game is compiled, its kernels too; compiling is a row of its own, and the last row has it inside.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: one thread for all

import gc
import importlib.metadata
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import pyspiel
from rich.console import Console
from rich.table import Table

from arena.games import compile_tree, load_game, merge_equal
from arena.games.compile_tree import write_out
from arena.games.tree_walk import walk
from arena.solvers import cfr_plus
from arena.solvers.counterfactual import CFR_PLUS, advance, start
from arena.solvers.tree_measures import measures, normalised, tabulated

ROUNDS = 5
UNTIL = 1e-3
GOALS = {
    ("leduc", "CFR+ iteration"): 400.0,
    ("leduc", "CFR+ iteration, equal information sets merged"): 2000.0,
    ("liars", "CFR+ iteration"): 300.0,
    ("leduc", "NashConv, warm"): 2000.0,
    ("liars", "NashConv, from nothing"): 20.0,
    ("liars", "to NashConv 0.001, compiling included"): 100.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A game, and how many iterations one turn of the peer and one of Arena do."""

    game: str
    peer_iterations: int
    iterations: int


CASES = {
    "leduc": Case(game="leduc_poker", peer_iterations=20, iterations=2_000),
    "liars": Case(game="liars_dice", peer_iterations=2, iterations=100),
}
WRITTEN = (
    "leduc_poker",
    "leduc_poker(players=3,suit_isomorphism=true)",
    "liars_dice",
    "goofspiel(imp_info=true,num_cards=4)",
    "goofspiel(imp_info=true,num_cards=5,points_order=descending)",
    "goofspiel(imp_info=true,num_cards=5,num_turns=3)",
    "dark_hex(num_rows=2,num_cols=3,obstype=reveal-numturns)",
    "dark_hex(num_rows=3,num_cols=2,gameversion=adh)",
)
"""Games whose trees are written out from their rules."""


def main() -> None:
    """Prints the machine, then one table a game, each ratio beside its goal, and one of compiling."""
    print(machine())
    for name in sys.argv[1:] or (*CASES, "compiling"):
        if name == "compiling":
            compiling()
        else:
            compare(name, CASES[name])


def machine() -> str:
    """What the numbers were measured on."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("open_spiel", "numpy", "numba"))
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {versions}"


def compare(name: str, case: Case) -> None:
    """One game: an iteration of CFR+, NashConv of its average, compiling, and the way to a gap."""
    rules, game = pyspiel.load_game(case.game), load_game(f"openspiel:{case.game}")
    tree = compile_tree(game)
    merged = merge_equal(tree).tree
    peer, regrets, shared = pyspiel.CFRPlusSolver(rules), start(tree), start(merged)
    peer.evaluate_and_update_policy()
    advance(tree, CFR_PLUS, regrets, 1)  # compiles the kernels
    theirs, ours, fewer = least(
        lambda: [peer.evaluate_and_update_policy() for _ in range(case.peer_iterations)],
        lambda: advance(tree, CFR_PLUS, regrets, case.iterations),
        lambda: advance(merged, CFR_PLUS, shared, case.iterations),
    )
    rows = [
        ("CFR+ iteration", theirs / case.peer_iterations, ours / case.iterations),
        ("CFR+ iteration, equal information sets merged", theirs / case.peer_iterations, fewer / case.iterations),
    ]

    average = peer.tabular_average_policy()
    strategy = normalised(tree, regrets.average)
    repeats = max(1, case.iterations // 10)
    theirs, ours = least(
        lambda: pyspiel.nash_conv(rules, average),
        lambda: [measures(tree, strategy) for _ in range(repeats)],
        rounds=3,
    )
    rows.append(("NashConv, warm", theirs, ours / repeats))

    policy = tree.policy(strategy)

    def from_nothing() -> None:
        fresh = write_out(rules, case.game, max_nodes=1_000_000)
        measures(fresh, tabulated(fresh, policy))

    rows.append(("NashConv, from nothing", theirs, least(from_nothing, rounds=3)[0]))
    compiling = least(lambda: write_out(rules, case.game, max_nodes=1_000_000), rounds=3)[0]
    to_gap = least(lambda: cfr_plus(tree, until=UNTIL), rounds=3)[0]
    solution = cfr_plus(tree, until=UNTIL)
    rows.append((f"to NashConv {UNTIL:g}, compiling included", solution.iterations * rows[0][1], to_gap + compiling))
    merging, on_merged = least(lambda: merge_equal(tree), lambda: cfr_plus(merged, until=UNTIL), rounds=3)
    extrapolated = cfr_plus(merged, until=UNTIL).iterations * rows[0][1]
    rows.append(
        (f"to NashConv {UNTIL:g}, compiling and merging included", extrapolated, compiling + merging + on_merged)
    )
    show(name, rows)
    print(
        f"{name}: compiling {compiling * 1e3:.1f} ms, {tree.num_nodes} histories, {tree.num_sets} information sets; merging "
        f"{merging * 1e3:.1f} ms, {merged.num_sets} information sets; CFR+ on the whole tree to "
        f"{UNTIL:g} {to_gap * 1e3:.1f} ms, {solution.iterations} iterations. The peer's time to that gap is its time for so "
        "many iterations, without the NashConv that it would have to compute on the way.\n"
    )


def compiling() -> None:
    """Trees written out from their rules against Arena's own walk through OpenSpiel's histories."""
    rows = []
    for name in WRITTEN:
        rules = pyspiel.load_game(name)
        walked, written = least(
            lambda rules=rules, name=name: walk(rules, name, max_nodes=1_000_000, progress=None),
            lambda rules=rules, name=name: write_out(rules, name, max_nodes=1_000_000),
            rounds=3,
        )
        rows.append((name, walked, written))
    show("compiling", rows, peer="walked", ours="from its rules")


def least(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The least CPU seconds of each, taken in turns."""
    times = np.full(len(works), np.inf)
    for _ in range(rounds):
        for i, work in enumerate(works):
            gc.collect()
            begun = time.process_time()
            work()
            times[i] = min(times[i], time.process_time() - begun)
    return times.tolist()


def show(name: str, rows: list[tuple[str, float, float]], peer: str = "OpenSpiel C++", ours: str = "Arena") -> None:
    table = Table(title=name, title_justify="left")
    for heading in ("what", peer, ours, "ratio", "goal"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for what, theirs, mine in rows:
        goal, ratio = GOALS.get((name, what)), theirs / mine
        shown = f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x"
        table.add_row(what, seconds(theirs), seconds(mine), shown, "" if goal is None else f"{goal:,.0f}x")
    Console(width=110).print(table)


def seconds(value: float) -> str:
    """A time with a unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


if __name__ == "__main__":
    main()

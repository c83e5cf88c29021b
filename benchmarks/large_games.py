"""Games near what can be written out on one machine: seconds to compile, time of an iteration and of NashConv, peak memory.

    .venv/bin/python benchmarks/large_games.py [CASE ...]

Each case runs in a process of its own, so that its peak memory is its own: Python and the libraries alone are the first row.
Times are CPU times: of compiling once, of iterations and of NashConv the least of three.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before numpy: one thread for all

import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pyspiel
from rich.console import Console
from rich.table import Table

from arena.games import load_game
from arena.games.compile_tree import write_out
from arena.solvers.counterfactual import CFR_PLUS, advance, start
from arena.solvers.tree_measures import measures, normalised

MAX_NODES = 20_000_000
WORK = 50_000_000
"""Payoff entries that the iterations of one turn read, about."""

CASES = {
    "nothing": "",
    "liars_7": "liars_dice(dice_sides=7)",
    "liars_8": "liars_dice(dice_sides=8)",
    "liars_2x3": "liars_dice(dice_sides=3,numdice=2)",
    "goofspiel_5_descending": "goofspiel(imp_info=True,num_cards=5,points_order=descending)",
    "goofspiel_5_random": "goofspiel(imp_info=True,num_cards=5,points_order=random)",
    "poker_two_rounds": "universal_poker()",
    "poker_river": (
        "universal_poker(betting=nolimit,bettingAbstraction=fcpa,blind=100 50,boardCards=2c3d4h5s6c,firstPlayer=2 1 1 1,"
        "numBoardCards=0 3 1 1,numHoleCards=2,numPlayers=2,numRanks=5,numRounds=4,numSuits=4,potSize=500,stack=1200 1200)"
    ),
}
"""The poker games: 24 cards, one in the hand and one on the board, stacks of 12 big blinds; and a river of a deck of 20
cards, pot and stacks given. Both with bets of the pot or all."""


def main() -> None:
    """Measures each case in its own process, and prints a table."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measured(CASES[sys.argv[2]])))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy {np.__version__}")
    table = Table()
    for heading in (
        "game",
        "histories",
        "sets",
        "entries",
        "compile",
        "CFR+ iteration",
        "NashConv",
        "gap after",
        "peak",
    ):
        table.add_column(heading, justify="left" if heading == "game" else "right")
    for name in sys.argv[1:] or CASES:
        run = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=False)
        if run.returncode:
            sys.exit(f"{name} failed:\n{run.stderr}")
        table.add_row(name, *json.loads(run.stdout.splitlines()[-1]))
        print(f"{name} done", file=sys.stderr, flush=True)
    Console(width=140).print(table)


def measured(game: str) -> list[str]:
    """The columns of one game."""
    if not game:
        return ["", "", "", "", "", "", "", peak()]
    warm_up()
    begun = time.process_time()
    tree = write_out(pyspiel.load_game(game), f"openspiel:{game}", max_nodes=MAX_NODES)
    compiled_s = time.process_time() - begun
    regrets = start(tree)
    iterations = max(3, WORK // (len(tree.weights) + tree.num_sequences))
    iteration_s = least(lambda: advance(tree, CFR_PLUS, regrets, iterations)) / iterations
    average = normalised(tree, regrets.average)
    nash_conv_s = least(lambda: measures(tree, average))
    return [
        f"{tree.num_nodes:,}",
        f"{tree.num_sets:,}",
        f"{len(tree.weights):,}",
        f"{compiled_s:.2f} s",
        f"{iteration_s * 1e6:,.0f} µs",
        f"{nash_conv_s * 1e6:,.0f} µs",
        f"{regrets.iterations}: {measures(tree, average).nash_conv:.2g}",
        peak(),
    ]


def warm_up() -> None:
    """Compiles the loops on a small game."""
    tree = write_out(
        pyspiel.load_game("kuhn_poker"), load_game("openspiel:kuhn_poker").info.specification, max_nodes=1_000
    )
    advance(tree, CFR_PLUS, start(tree), 1)
    measures(tree, np.ones(tree.num_sequences))


def least(work: Callable[[], object]) -> float:
    """The least CPU seconds of three turns."""
    times = []
    for _ in range(3):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def peak() -> str:
    """The most memory that this process ever held."""
    return (
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == 'darwin' else 2**20):.2f} GiB"
    )


if __name__ == "__main__":
    main()

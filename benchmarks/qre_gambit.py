"""Logit quantal response equilibria against Gambit's tracer, by hand.

    python benchmarks/qre_gambit.py --gambit PYTHON

PYTHON is the interpreter of an environment with pygambit 16. Both sides solve the same games, in turns; the least CPU time of
each counts. Gambit follows the branch from rationality 0; Arena solves zero-sum games at one rationality directly and
follows the branch in general-sum games. Prints a table for RESULTS.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time

import numpy as np

from arena.solvers import logit_qre

TURNS = 5
RATIONALITY = 5.0
PEER = """
import json, sys, time
import numpy as np
import pygambit
from pygambit.qre import logit_solve_lambda
for line in sys.stdin:
    asked = json.loads(line)
    first, second = (np.array(table) for table in asked["payoffs"])
    game = pygambit.Game.from_arrays(first, second)
    began = time.process_time()
    found = logit_solve_lambda(game, asked["rationality"])[-1].profile
    seconds = time.process_time() - began
    strategies = [[float(found[strategy]) for strategy in player.strategies] for player in game.players]
    print(json.dumps({"seconds": seconds, "strategies": strategies}), flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gambit", required=True, help="the Python of an environment with pygambit 16")
    peer = subprocess.Popen(
        [parser.parse_args().gambit, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert peer.stdin is not None
    assert peer.stdout is not None
    print("| game | size | Gambit | Arena | ratio | farthest apart |")
    print("|---|---|---|---|---|---|")
    for kind, size in [("zero-sum", 3), ("zero-sum", 10), ("zero-sum", 30), ("general-sum", 5), ("general-sum", 10)]:
        rng = np.random.default_rng(size)
        first = rng.random((size, size))
        payoffs = np.stack((first, -first if kind == "zero-sum" else rng.random((size, size))))
        mine, theirs, apart = [], [], 0.0
        for _ in range(TURNS):
            peer.stdin.write(json.dumps({"payoffs": payoffs.tolist(), "rationality": RATIONALITY}) + "\n")
            peer.stdin.flush()
            told = json.loads(peer.stdout.readline())
            theirs.append(told["seconds"])
            began = time.process_time()
            found = logit_qre(payoffs, rationality=RATIONALITY)
            mine.append(time.process_time() - began)
            apart = max(
                float(np.abs(np.array(strategy) - own).max())
                for strategy, own in zip(told["strategies"], found.strategies, strict=True)
            )
        times = f"{1e3 * min(theirs):.2f} ms | {1e3 * min(mine):.2f} ms | {min(theirs) / min(mine):.0f}x"
        print(f"| {kind} | {size} x {size} | {times} | {apart:.0e} |", flush=True)


if __name__ == "__main__":
    main()

"""How near learners come to the solution on noisy comparisons: the table of docs/explanation/learning-from-preferences.md.

    .venv/bin/python benchmarks/preference_noise.py [--runs 400]

Every candidate meets one opponent in a query, and the judge names the loser with a known chance. Runs apart are contexts with
one table. Each learner has its default step, and the best constant one of `STEPS` as well, which nobody knows beforehand. Same
code, same numbers: nothing is timed, and every random number has a seed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from arena.solvers import Solution
from arena.solvers.registry import function_of

Array = NDArray[np.float64]

WEIGHTED = np.array([[0.5, 0.8, 0.05], [0.2, 0.5, 0.65], [0.95, 0.35, 0.5]])
REFERENCE = np.exp([1.0, 0.0, -1.0]) / np.exp([1.0, 0.0, -1.0]).sum()
BETA, NOISE = 0.1, 0.1
BUDGETS = (3_000, 30_000)
STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
LEARNERS: dict[str, Mapping[str, object]] = {
    "nash_mirror_prox": {"beta": BETA},
    "optimistic_mwu": {"beta": BETA},
    "mmd_self_play": {"beta": BETA},
    "inpo": {"beta": BETA},
    "nash_md": {"beta": BETA},
    "online_ipo": {"beta": BETA},
    "spo": {},
    "dno": {},
}


def gaps(name: str, comparisons: int, runs: int, settings: Mapping[str, object]) -> Array:
    """The gap [runs] of each run after so many comparisons."""
    function = function_of(name)
    own = dict(settings) | ({} if name == "spo" else {"reference": REFERENCE})
    a_turn = int(str(function(WEIGHTED, iterations=1, samples=1, **own).settings["queries"]))
    found: Solution = function(
        np.stack([WEIGHTED] * runs),
        samples=1,
        flip_rate=NOISE,
        iterations=comparisons // (a_turn * len(WEIGHTED)),
        **own,
    )
    assert found.context_gaps is not None
    return found.context_gaps


def shown(found: Array) -> str:
    """Mean and twice its standard error."""
    return f"{found.mean():.2g} ± {2 * found.std(ddof=1) / np.sqrt(len(found)):.1g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=400)
    runs = int(parser.parse_args().runs)
    print("| | " + " | ".join(f"{budget:,} comparisons | best constant step" for budget in BUDGETS) + " |")
    print("|---" * (2 * len(BUDGETS) + 1) + "|")
    for name, settings in LEARNERS.items():
        cells = []
        for budget in BUDGETS:
            cells.append(shown(gaps(name, budget, runs, settings)))
            tries = {step: gaps(name, budget, runs, {**settings, "step": step}) for step in STEPS}
            best = min(tries, key=lambda step: float(tries[step].mean()))
            cells.append(f"{shown(tries[best])}, {best:g}")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

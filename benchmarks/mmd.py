"""Magnetic mirror descent and agent quantal responses: an iteration against OpenSpiel's Python, solves to a gap.

    make bench        or        .venv/bin/python benchmarks/mmd.py [kuhn] [leduc] [agents] [zero_sum]

Times are CPU times of the process, the least of `ROUNDS` turns; peer and Arena take turns so that a noisy machine is noisy
for both. Kernels and games are compiled before. *Difference*: the largest between two answers, after as many iterations.
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
from open_spiel.python.algorithms import mmd_dilated
from rich.console import Console
from rich.table import Table

from arena.games import GameTree, compile_tree, load_game
from arena.games.normal_form import normal_form
from arena.solvers import agent_qre, logit_qre, mmd, qre_curriculum
from arena.solvers.agent_values import agent_game
from arena.solvers.mmd import Descent, advance, played, scale_of, start

ROUNDS = 5
TEMPERATURE = 0.1
RATIONALITY = 5.0
GOALS = {"leduc poker, dilated iteration": 3000.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table; ``theirs`` None where there is no peer. Times in seconds."""

    what: str
    ours: float
    theirs: float | None = None
    difference: float | None = None


def main() -> None:
    """Prints the machine and one table."""
    print(machine())
    parts: dict[str, Callable[[], list[Row]]] = {
        "kuhn": lambda: iterations("kuhn_poker", peer=50, count=20_000),
        "leduc": lambda: iterations("leduc_poker", peer=3, count=2_000),
        "agents": agents,
        "zero_sum": zero_sum,
    }
    rows = [row for name in sys.argv[1:] or parts for row in parts[name]()]
    show(rows)


def machine() -> str:
    """What the numbers were measured on."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("open_spiel", "numpy", "numba"))
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {versions}"


def iterations(name: str, *, peer: int, count: int) -> list[Row]:
    """One iteration of the dilated form, checked after some of them, and one of the behavioural."""
    title = name.replace("_", " ")
    rules, game = pyspiel.load_game(name), load_game(f"openspiel:{name}")
    tree = compile_tree(game)
    step = TEMPERATURE / scale_of(tree, None) ** 2
    dilated = Descent(form="dilated", temperature=TEMPERATURE, step=step)
    theirs, mirror = mmd_dilated.MMDDilatedEnt(rules, TEMPERATURE, step), start(tree, "dilated")
    for _ in range(peer):
        theirs.update_sequences()
    advance(tree, None, dilated, mirror, peer)
    difference = apart(tree, theirs, mirror.logs)
    slow, fast = least(
        lambda: [theirs.update_sequences() for _ in range(peer)],
        lambda: advance(tree, None, dilated, mirror, count),
    )
    rows = [Row(what=f"{title}, dilated iteration", theirs=slow / peer, ours=fast / count, difference=difference)]
    own = agent_game(game, tree)
    behavioural = Descent(form="behavioural", temperature=TEMPERATURE, step=TEMPERATURE / scale_of(tree, own) ** 2)
    other = start(tree, "behavioural")
    advance(tree, own, behavioural, other, 1)
    (alone,) = least(lambda: advance(tree, own, behavioural, other, count))
    return [*rows, Row(what=f"{title}, behavioural iteration", ours=alone / count)]


def agents() -> list[Row]:
    """Whole solves: agent quantal responses by tracing and by descent, and a curriculum."""
    kuhn, goofspiel = (
        load_game("openspiel:kuhn_poker"),
        "openspiel:goofspiel(imp_info=True,num_cards=4,points_order=descending)",
    )
    works: dict[str, Callable[[], object]] = {
        "kuhn poker, agent QRE at λ = 2, traced": lambda: agent_qre(kuhn, rationality=2.0),
        "kuhn poker, the whole branch": lambda: agent_qre(kuhn),
        "goofspiel 4, agent QRE at λ = 30, traced": lambda: agent_qre(load_game(goofspiel), rationality=30.0),
        "leduc poker, agent QRE at λ = 2, mirror descent": lambda: agent_qre(
            load_game("openspiel:leduc_poker"), rationality=2.0
        ),
        "kuhn poker, curriculum of 14 temperatures": lambda: qre_curriculum(kuhn),
    }
    return [Row(what=what, ours=least(work, rounds=3)[0]) for what, work in works.items()]


def zero_sum() -> list[Row]:
    """The logit equilibrium of a random zero-sum 30 x 30 game by Newton's method and by mirror descent: the same point."""
    matrix = np.random.default_rng(0).uniform(-1, 1, (30, 30))
    payoffs = np.stack((matrix, -matrix))
    game = normal_form(payoffs, specification="matrix:bench", title="bench", version="1")
    tree = compile_tree(game)
    step = 0.2 / scale_of(tree, None) ** 2
    found: list[np.ndarray] = []

    def descend() -> None:
        solution = mmd(tree, temperature=1 / RATIONALITY, step=step, until=1e-20, iterations=100_000)
        strategy = [solution.policy.action_probabilities(key) for key in tree.keys]
        found[:] = [np.array(list(own.values())) for own in strategy]

    direct = logit_qre(payoffs, rationality=RATIONALITY)
    newton, mirror = least(lambda: logit_qre(payoffs, rationality=RATIONALITY), descend, rounds=3)
    difference = max(float(np.abs(a - b).max()) for a, b in zip(found, direct.strategies, strict=True))
    return [
        Row(what="logit QRE, zero-sum 30 x 30, λ = 5, Newton's method", ours=newton),
        Row(what="the same by mirror descent to a gap of 1e-20", ours=mirror, difference=difference),
    ]


def apart(tree: GameTree, theirs: mmd_dilated.MMDDilatedEnt, logs: np.ndarray) -> float:
    """The largest difference of two policies' probabilities."""
    policies, table = theirs.get_policies(), tree.policy(played(tree, logs)).table
    rows = {key: policies.policy_for_key(key) for key in table}
    return max(abs(rows[key][action] - p) for key, choices in table.items() for action, p in choices.items())


def least(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The least CPU seconds of each, taken in turns; the first turn, which compiles, is not counted."""
    times = np.full(len(works), np.inf)
    for turn in range(rounds + 1):
        for i, work in enumerate(works):
            gc.collect()
            begun = time.process_time()
            work()
            if turn:
                times[i] = min(times[i], time.process_time() - begun)
    return times.tolist()


def show(rows: list[Row]) -> None:
    table = Table(title="magnetic mirror descent", title_justify="left")
    for heading in ("what", "OpenSpiel", "Arena", "ratio", "goal", "difference"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for row in rows:
        goal = GOALS.get(row.what)
        table.add_row(
            row.what,
            "" if row.theirs is None else seconds(row.theirs),
            seconds(row.ours),
            "" if row.theirs is None else f"{row.theirs / row.ours:,.0f}x",
            "" if goal is None else f"{goal:,.0f}x",
            "" if row.difference is None else f"{row.difference:.0e}",
        )
    Console(width=120).print(table)


def seconds(value: float) -> str:
    """A time with a unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} µs"


if __name__ == "__main__":
    main()

"""Solvers of normal forms against OpenSpiel's in Python: CPU time, in turns, in one run; answers compared.

    make bench        or        .venv/bin/python benchmarks/normal_form.py [alpha_rank] [qre] [replicator]

Times are CPU times of the process, the least of `ROUNDS` turns; peer and Arena take turns so that a noisy machine is noisy
for both. Kernels are compiled before. OpenSpiel finds quantal response equilibria of zero-sum games by mirror descent with a
magnet: of a game of one choice each its regularised equilibrium is the logit one.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: one thread for all

import gc
import importlib.metadata
import platform
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import psutil
import pyspiel
from open_spiel.python.algorithms import mmd_dilated, projected_replicator_dynamics
from rich.console import Console
from rich.table import Table

from arena.solvers import alpha_rank, logit_qre
from arena.solvers import projected_replicator_dynamics as replicator_dynamics

ROUNDS = 5
RATIONALITY = 5.0
PEER_GAP = 1e-14  # at which OpenSpiel's descent is stopped: the distance to the equilibrium is about its root
GOALS = {"alpha-rank, n = 500": 300.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured: CPU seconds of both, and the largest difference of their answers."""

    what: str
    theirs: float
    ours: float
    difference: float


def main() -> None:
    """Prints the machine, then one table, each ratio beside its goal."""
    parts = {"alpha_rank": rank, "qre": quantal_response, "replicator": replicator}
    table = Table(title="normal forms", title_justify="left")
    for heading in ("what", "OpenSpiel", "Arena", "ratio", "goal", "difference"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for name in sys.argv[1:] or parts:
        for row in parts[name]():
            goal = GOALS.get(row.what)
            ratio, aim = f"{row.theirs / row.ours:,.0f}x", "" if goal is None else f"{goal:,.0f}x"
            table.add_row(row.what, seconds(row.theirs), seconds(row.ours), ratio, aim, f"{row.difference:.0e}")
    print(machine())
    Console(width=110).print(table)


def machine() -> str:
    """What the numbers were measured on."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("open_spiel", "numpy", "numba"))
    memory = psutil.virtual_memory().total / 2**30
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB; Python {platform.python_version()}, {versions}"


def rank() -> list[Row]:
    """Alpha-rank of one population of random zero-sum games, alpha 1, 50 individuals; and of four populations."""
    sys.modules["open_spiel.python.egt.alpharank_visualizer"] = types.ModuleType("pictures")  # would need matplotlib
    from open_spiel.python.egt import alpharank

    rng, rows = np.random.default_rng(0), []
    for size in (50, 200, 500):
        skew = rng.standard_normal((size, size))
        skew = (skew - skew.T) / 2
        payoffs = np.stack((skew, skew.T))
        theirs, ours = least(
            lambda skew=skew: alpharank.compute([skew], m=50, alpha=1.0)[2],
            lambda payoffs=payoffs: alpha_rank(payoffs, alpha=1.0).strategies[0],
        )
        rows.append(Row(what=f"alpha-rank, n = {size}", theirs=theirs[0], ours=ours[0], difference=far(theirs, ours)))
    many = rng.standard_normal((4, 4, 4, 4, 4))
    theirs, ours = least(
        lambda: alpharank.compute(list(many), m=50, alpha=1.0)[2],
        lambda: alpha_rank(many, alpha=1.0).joint.ravel(),
    )
    return [*rows, Row(what="alpha-rank, 4 x 4 x 4 x 4", theirs=theirs[0], ours=ours[0], difference=far(theirs, ours))]


def quantal_response() -> list[Row]:
    """The logit equilibrium of random zero-sum games at rationality 5: directly, and by the whole branch."""
    rng, rows = np.random.default_rng(0), []
    for size in (3, 10, 30):
        matrix = rng.uniform(-1, 1, (size, size))
        payoffs = np.stack((matrix, -matrix))
        game = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game(matrix.tolist(), (-matrix).tolist()))

        def descend(game: pyspiel.Game = game) -> np.ndarray:
            solver = mmd_dilated.MMDDilatedEnt(game, 1 / RATIONALITY)
            while solver.get_gap() > PEER_GAP:
                for _ in range(25):
                    solver.update_sequences()
            return np.sort(solver.sequences[0][1:])  # in an order of its own

        theirs, ours, traced = least(
            descend,
            lambda payoffs=payoffs: np.sort(logit_qre(payoffs, rationality=RATIONALITY).strategies[0]),
            lambda payoffs=payoffs: np.sort(logit_qre(payoffs, rationality=RATIONALITY, trace=True).strategies[0]),
            rounds=3,
        )
        for way, time_taken in (("", ours), (", branch traced", traced)):
            rows.append(
                Row(
                    what=f"logit QRE, {size} x {size}{way}",
                    theirs=theirs[0],
                    ours=time_taken[0],
                    difference=far(theirs, time_taken),
                )
            )
    return rows


def replicator() -> list[Row]:
    """A thousand steps of projected replicator dynamics of three players with ten actions each."""
    payoffs = np.random.default_rng(0).standard_normal((3, 10, 10, 10))
    theirs, ours = least(
        lambda: np.concatenate(
            projected_replicator_dynamics.projected_replicator_dynamics(
                list(payoffs), prd_iterations=1_000, prd_dt=1e-2, prd_gamma=1e-3
            )
        ),
        lambda: np.concatenate(replicator_dynamics(payoffs, iterations=1_000, step=1e-2, floor=1e-3).strategies),
        rounds=3,
    )
    return [Row(what="replicator dynamics, 1,000 steps", theirs=theirs[0], ours=ours[0], difference=far(theirs, ours))]


def least(*works: Callable[[], np.ndarray], rounds: int = ROUNDS) -> list[tuple[float, np.ndarray]]:
    """(the least CPU seconds, the answer) of each, taken in turns after one turn to warm up."""
    answers = [work() for work in works]
    times = np.full(len(works), np.inf)
    for _ in range(rounds):
        for i, work in enumerate(works):
            gc.collect()
            begun = time.process_time()
            work()
            times[i] = min(times[i], time.process_time() - begun)
    return list(zip(times.tolist(), answers, strict=True))


def far(one: tuple[float, np.ndarray], other: tuple[float, np.ndarray]) -> float:
    """The largest difference of two answers."""
    return float(np.abs(one[1] - other[1]).max())


def seconds(value: float) -> str:
    """A time with three digits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


if __name__ == "__main__":
    main()

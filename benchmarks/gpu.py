"""CFR+ and NashConv by compiled loops on one core, and on tensors: wall time, in turns, in one run.

    .venv/bin/python benchmarks/gpu.py [--device cuda] [GAME ...]

Without ``--device``: a GPU where there is one, else tensors on the CPU, which only shows that both do the same. Times are the
least of `ROUNDS` turns; the device is waited for before a clock is read. Moving the tree there is a column of its own. Both
begin at the same state, and must end within 1e-6 of each other: otherwise the exit code is 1.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse
import platform
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from arena.games import compile_tree, load_game
from arena.games.game_tree import GameTree
from arena.solvers.counterfactual import CFR_PLUS, advance, start
from arena.solvers.tensor_measures import tensor_measures
from arena.solvers.tensor_regrets import tensor_advance
from arena.solvers.tensor_tree import CPU_TENSORS, tensor_device, tensor_tree
from arena.solvers.tree_measures import measures, normalised

GAMES = (
    "openspiel:leduc_poker",
    "openspiel:liars_dice",
    "openspiel:liars_dice(dice_sides=7)",
    "openspiel:liars_dice(dice_sides=8)",
)
ROUNDS = 3
TURN_S = 1.0
"""About how long one turn lasts."""
SAME = 1e-6
MAX_NODES = 50_000_000


def seconds(work: Callable[[], object], wait: Callable[[], object]) -> float:
    """The wall time of some work and of all that it left to the device."""
    wait()
    begin = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - begin


def per_iteration(forward: Callable[[int], object], wait: Callable[[], object]) -> float:
    """The least seconds of an iteration."""
    forward(1)
    once = seconds(lambda: forward(2), wait) / 2
    count = max(1, int(TURN_S / once))
    return min(seconds(lambda: forward(count), wait) / count for _ in range(ROUNDS))


def compared(tree: GameTree, device: str, wait: Callable[[], object]) -> tuple[list[str], bool]:
    """The numbers of a row, and whether both ways came to the same."""
    regrets, state = start(tree), start(tree).state
    moving = seconds(lambda: tensor_tree(tree, device), wait)
    tensors = tensor_tree(tree, device)
    advance(tree, CFR_PLUS, regrets, 20)
    tensor_advance(tensors, CFR_PLUS.rule, CFR_PLUS.exponents, state, 20)
    scale = max(1.0, float(np.abs(regrets.regret).max()))
    apart = max(
        float(np.abs(regrets.strategy - state["strategy"]).max()),
        float(np.abs(normalised(tree, regrets.average) - normalised(tree, state["average"])).max()),
        float(np.abs(regrets.regret - state["regret"]).max()) / scale,
    )
    strategy = normalised(tree, regrets.average)
    gaps = measures(tree, strategy).nash_conv, tensor_measures(tensors, strategy).nash_conv
    apart = max(apart, abs(gaps[0] - gaps[1]))
    loops = per_iteration(lambda count: advance(tree, CFR_PLUS, regrets, count), wait)
    batched = per_iteration(
        lambda count: tensor_advance(tensors, CFR_PLUS.rule, CFR_PLUS.exponents, state, count), wait
    )
    measured = min(seconds(lambda: measures(tree, strategy), wait) for _ in range(ROUNDS))
    on_device = min(seconds(lambda: tensor_measures(tensors, strategy), wait) for _ in range(ROUNDS))
    return [
        f"{tree.num_sequences:,}",
        f"{len(tree.weights):,}",
        f"{moving:.2f} s",
        f"{loops * 1e3:.3f} ms",
        f"{batched * 1e3:.3f} ms",
        f"{loops / batched:.2f}x",
        f"{measured * 1e3:.2f} ms",
        f"{on_device * 1e3:.2f} ms",
        f"{apart:.0e}",
    ], apart <= SAME


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else CPU_TENSORS)
    parser.add_argument("games", nargs="*", metavar="GAME", default=GAMES)
    given = parser.parse_args(arguments)
    place = tensor_device(given.device)
    name, wait = f"tensors on the CPU, {torch.get_num_threads()} threads", (lambda: None)
    if place.type == "cuda":
        name, wait = torch.cuda.get_device_name(place), (lambda: torch.cuda.synchronize(place))
    table = Table(title=f"CFR+ and NashConv: compiled loops on one core ({platform.machine()}) and {name}")
    for heading in (
        "game",
        "sequences",
        "payoffs",
        "moving",
        "loops",
        "tensors",
        "ratio",
        "NashConv",
        "tensors",
        "apart",
    ):
        table.add_column(heading, justify="left" if heading == "game" else "right")
    good = True
    for game in given.games:
        row, same = compared(compile_tree(load_game(game), max_nodes=MAX_NODES), given.device, wait)
        table.add_row(game, *row)
        good &= same
    console = Console(width=150)
    console.print(table)
    console.print(f"torch {torch.__version__}; least of {ROUNDS} turns of about {TURN_S:g} s")
    if not good:
        console.print(f"the two ways are further apart than {SAME:g}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

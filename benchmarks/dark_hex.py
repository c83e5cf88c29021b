"""Exact exploitability at dark hex 3x3, too large to be written out: time, memory, and the published numbers beside ours.

    .venv/bin/python benchmarks/dark_hex.py [cdh|adh] [--policy FILE] [--index FILE] [--threads N] [--rows R --columns C]

Without a policy uniform play is measured. A policy is an .npz file with the arrays `player_0` and `player_1`
[information sets, cells], or a tabular policy by OpenSpiel's information states as `arena.solvers.save_policy` writes it.
The index is read from its file where there is one, and written there where there is none.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy

import argparse
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from arena.games import TabularPolicy, uniform_policy
from arena.games.dark_hex_file import load_dark_hex_index, save_dark_hex_index
from arena.games.dark_hex_index import DarkHexIndex, dark_hex_index
from arena.solvers import load_policy
from arena.solvers.dark_hex_measures import DarkHexMeasures, DarkHexProgress, dark_hex_measures

PUBLISHED = {"returns of player 0": 0.333684, "gain of player 0": 0.666318, "gain of player 1": 1.166488}
"""Of uniform play at classical dark hex 3x3: exp-a-spiel's README, computed in single precision."""


def main() -> None:
    """Reads or makes the index, measures the policy, and says what it took."""
    arguments = read_arguments()
    compile_kernels(arguments.version)
    with timed("index"):
        index = the_index(arguments)
    for player, sets in enumerate(index.players):
        print(f"player {player}: {sets.num_sets:,} information sets, {sets.num_sequences:,} moves at them")
    policy = uniform_policy("dark_hex") if arguments.policy is None else read_policy(arguments.policy)
    with timed("measures"), openings() as progress:
        found = dark_hex_measures(policy, index=index, threads=arguments.threads, progress=progress)
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if sys.platform == "darwin" else 2**20)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} thread(s); peak memory {peak_gib:.2f} GiB"
    )
    show(found)
    if arguments.policy is None and (index.rows, index.columns, index.version) == (3, 3, "cdh"):
        compare(found)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Exact exploitability at dark hex.")
    parser.add_argument("version", nargs="?", choices=("cdh", "adh"), default="cdh")
    parser.add_argument("--policy", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", type=int, default=3)
    parser.add_argument("--columns", type=int, default=3)
    return parser.parse_args()


def compile_kernels(version: str) -> None:
    """A small board, so that compiling is timed apart."""
    with timed("compiling the loops"):
        dark_hex_measures(uniform_policy("dark_hex"), rows=2, columns=2, version=version)


def the_index(arguments: argparse.Namespace) -> DarkHexIndex:
    if arguments.index is not None and arguments.index.exists():
        return load_dark_hex_index(arguments.index)
    index = dark_hex_index(rows=arguments.rows, columns=arguments.columns, version=arguments.version)
    if arguments.index is not None:
        save_dark_hex_index(index, arguments.index)
    return index


def read_policy(path: Path) -> TabularPolicy | tuple[NDArray[np.float64], NDArray[np.float64]]:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as held:
            if "player_0" in held.files:
                return held["player_0"], held["player_1"]
    return load_policy(path)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints wall and CPU seconds of what happens inside."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(f"{what}: {time.perf_counter() - wall:.2f} s, CPU {time.process_time() - cpu:.2f} s", flush=True)


@contextmanager
def openings() -> Iterator[DarkHexProgress]:
    """A bar on a terminal, plain lines elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total: print(f"openings {done}/{total}", file=sys.stderr, flush=True)
        return
    columns = (TextColumn("openings"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("openings", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(found: DarkHexMeasures) -> None:
    for player in (0, 1):
        print(
            f"player {player}: expects {found.returns[player]:+.6f}, a best response earns {found.responses[player]:+.6f}, "
            f"gains {found.gains[player]:.6f}"
        )
    print(f"NashConv {found.nash_conv:.9f}, exploitability {found.exploitability:.9f}")


def compare(found: DarkHexMeasures) -> None:
    """Every published number beside ours; what rounds differently in theirs is the expected return."""
    ours = [float(found.returns[0]), float(found.gains[0]), float(found.gains[1])]
    for (what, published), value in zip(PUBLISHED.items(), ours, strict=True):
        print(f"{what}: published {published:.6f}, here {value:.6f}, difference {value - published:+.6f}")
    published = PUBLISHED["gain of player 0"] + PUBLISHED["gain of player 1"]
    print(
        f"NashConv: published {published:.6f}, here {found.nash_conv:.6f}, difference {found.nash_conv - published:+.7f}"
    )


if __name__ == "__main__":
    main()

"""Results files of a million matches: how long reading takes, in CPU time of one thread, and a board of what was read.

    .venv/bin/python benchmarks/result_files.py [--matches N]

1,000 agents that meet by lot in pairs of twins, written as CSV (agents, winner, pair), as JSON lines and as Parquet (both like exports of a
ledger: lists of agents and returns, pair, weight, forfeit; the JSON lines with moves and times too). Prints a table for RESULTS.md.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from arena.leaderboards import leaderboard
from arena.leaderboards.record_file import read_record

AGENTS = 1_000


def write_files(folder: Path, matches: int) -> list[Path]:
    """The same matches as three files."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, AGENTS, matches // 2).repeat(2)
    second = (first + rng.integers(1, AGENTS, matches // 2).repeat(2)) % AGENTS
    swapped = np.arange(len(first)) % 2 == 1
    seats = np.where(swapped[:, None], np.stack((second, first), axis=1), np.stack((first, second), axis=1))
    names = [[f"agent {a}", f"agent {b}"] for a, b in seats.tolist()]
    won = (rng.random(len(seats)) < 0.5).tolist()
    returns = [[1.0, -1.0] if first_won else [-1.0, 1.0] for first_won in won]
    pairs = [f"cup/{k // 2}" for k in range(len(seats))]
    files = [folder / f"results.{ending}" for ending in ("csv", "jsonl", "parquet")]
    with files[0].open("w") as file:
        file.write("agent_a,agent_b,winner,pair\n")
        for (a, b), first_won, pair in zip(names, won, pairs, strict=True):
            file.write(f"{a},{b},{'a' if first_won else 'b'},{pair}\n")
    same = {"tournament": "cup", "game": "g", "weight": 1, "forfeit": None}
    more = {"actions": [0, 2, 0, 0, 1], "seconds": [1e-06, 2e-06]}
    with files[1].open("w") as file:
        for agents, got, pair in zip(names, returns, pairs, strict=True):
            file.write(json.dumps({**same, "agents": agents, "returns": got, "pair": pair, **more}) + "\n")
    columns = {name: [value] * len(seats) for name, value in same.items()}
    pq.write_table(pa.table({**columns, "agents": names, "returns": returns, "pair": pairs}), files[2])
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--matches", type=int, default=1_000_000)
    matches = parser.parse_args().matches
    print(f"load {os.getloadavg()[0]:.1f}\n\n| what | size, MB | CPU s |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for path in write_files(Path(folder), matches):
            began = time.process_time()
            record = read_record(path)
            spent = time.process_time() - began
            print(
                f"| {path.suffix} of {len(record):,} matches | {path.stat().st_size / 1e6:.0f} | {spent:.1f} |",
                flush=True,
            )
    began = time.process_time()
    leaderboard(record)
    print(f"| the board of them, {len(record.agents):,} agents | | {time.process_time() - began:.1f} |")


if __name__ == "__main__":
    main()

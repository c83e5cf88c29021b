"""How long a file of a million votes takes to be read, by format: seven columns, 100 candidates, 5,000 judges, 3,000 contexts.

    .venv/bin/python benchmarks/read_votes.py [--votes 1000000] [--turns 3]

Seconds of CPU time of one process, which for text is one thread's wall time where nothing else runs, the least of some turns,
from the path to `Votes`.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from arena.games import Votes, read_votes

COLUMNS = ("id", "model_a", "model_b", "winner", "judge", "question_id", "weight")
WINNERS = ("model_a", "model_b", "tie", "tie (bothbad)")


def rows_of(votes: int) -> list[tuple[object, ...]]:
    """Votes drawn evenly; the same each time."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 100, votes)
    second = (first + rng.integers(1, 100, votes)) % 100
    columns = (
        [f"{k:08x}" for k in range(votes)],
        [f"model-{k}" for k in first],
        [f"model-{k}" for k in second],
        [WINNERS[k] for k in rng.integers(0, len(WINNERS), votes)],
        [f"user-{k}" for k in rng.integers(0, 5_000, votes)],
        [f"q{k}" for k in rng.integers(0, 3_000, votes)],
        (0.5 + rng.random(votes)).round(3).tolist(),
    )
    return list(zip(*columns, strict=True))


def write(folder: Path, rows: list[tuple[object, ...]]) -> list[Path]:
    """The same votes in each format."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    paths = [folder / f"votes.{suffix}" for suffix in ("parquet", "csv", "jsonl")]
    columns = zip(*rows, strict=True)
    pq.write_table(pa.table({name: list(cells) for name, cells in zip(COLUMNS, columns, strict=True)}), paths[0])
    with paths[1].open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    with paths[2].open("w") as stream:
        stream.writelines(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n" for row in rows)
    return paths


def seconds(path: Path, turns: int) -> tuple[float, Votes]:
    """(the least of some turns, what was read)."""
    times = []
    for _ in range(turns):
        begun = time.process_time()
        votes = read_votes(path)
        times.append(time.process_time() - begun)
    return min(times), votes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--votes", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder), rows_of(given.votes))
        print("| file | MB | CPU seconds |\n|---|---|---|")
        sums = set()
        for path in paths:
            least, votes = seconds(path, given.turns)
            sums.add(votes.points()[0].tobytes())
            print(f"| {path.suffix} | {path.stat().st_size / 1e6:.0f} | {least:.2f} |")
        assert len(sums) == 1, "the formats disagree"


if __name__ == "__main__":
    main()

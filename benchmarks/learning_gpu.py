"""Ten million steps of PPO in self-play where there is a GPU: how fast it learns, and how exploitable what it learned is.

    .venv/bin/python benchmarks/learning_gpu.py [--game openspiel:leduc_poker] [--precision bfloat16] [--device cpu --steps 2e5]

The game is played on the device too where it can be (see `arena.games.tensor_tables`), with more tables and larger batches than
on a CPU: what a step costs there is mostly the start of each computation. Prints one line of JSON; time is of everything, from the first
table to the last exact measurement. Ten million steps should take less than 20 minutes on one GPU (``target_s``); the exit code
is 1 where they took longer.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time

import torch

from arena.games import load_game
from arena.solvers.learning import train
from arena.solvers.learning.networks import PRECISIONS

STEPS = 10_000_000
TARGET_S = 20 * 60
TABLES = 2048
MINIBATCHES = 8
"""Parts of a pass over 16 steps of all tables: 4,096 decisions each."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--game", default="openspiel:leduc_poker")
    parser.add_argument("--steps", type=float, default=STEPS)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--tf32", action="store_true", help="let float32 be multiplied as TF32")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.tf32:
        torch.set_float32_matmul_precision("high")
    game = load_game(given.game)
    begun = time.perf_counter()
    trained = train(
        "ppo",
        game,
        steps=int(given.steps),
        tables=given.tables,
        settings={"minibatches": MINIBATCHES},
        seed=given.seed,
        device=given.device,
        precision=given.precision,
    )
    seconds = time.perf_counter() - begun
    target = TARGET_S * trained.steps / STEPS
    told = {
        "game": given.game,
        "device": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "precision": "tf32" if given.tf32 else given.precision,
        "tables": given.tables,
        "steps": trained.steps,
        "seconds": round(seconds, 1),
        "target_s": round(target, 1),
        "steps_per_second": round(trained.steps / seconds),
        "exploitability": None if trained.gap is None else trained.gap / game.info.num_players,
        "curve": [
            [round(at * trained.steps / trained.updates), gap / game.info.num_players] for at, gap in trained.history
        ],
        "seed": given.seed,
    }
    if given.device != "cpu":
        told["device"] = torch.cuda.get_device_name(given.device)
    print(json.dumps(told))
    return 0 if seconds <= target else 1


if __name__ == "__main__":
    sys.exit(main())
